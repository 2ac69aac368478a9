"""The command ``impact``: the estimators, for any panel."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.cli.arguments import items
from evaluation.errors import BadInputError, Fault

if TYPE_CHECKING:
    import pandas as pd


def add_impact_commands(commands: Any) -> None:
    """Add ``impact METHOD``: the estimators, for any panel."""
    impact = commands.add_parser("impact", help="estimators for any panel")
    methods = impact.add_subparsers(required=True, metavar="METHOD")
    did = methods.add_parser("did", help="staggered difference-in-differences")
    did.add_argument("panel", type=Path, metavar="PANEL.csv", help="one row per unit and year")
    for name, text in (
        ("outcome", "column of the outcome"),
        ("unit", "column of the unit"),
        ("time", "column of the year"),
        ("cohort", "column of the first year of effect; empty, 0 or inf = never treated"),
    ):
        did.add_argument(f"--{name}", required=True, metavar="COLUMN", help=text)
    groups = ("not_yet_treated", "never_treated")
    did.add_argument("--control-group", choices=groups, default=groups[0])
    did.add_argument("--anticipation", type=int, default=0, metavar="YEARS")
    did.add_argument("--covariates", type=items, default=[], metavar="a,b")
    did.add_argument("--estimator", choices=("dr", "reg", "ipw"), default="dr")
    did.add_argument("--base-period", choices=("varying", "universal"), default="varying")
    did.add_argument("--weights", metavar="COLUMN")
    did.add_argument("--clusters", metavar="COLUMN")
    did.add_argument("--end-year", type=int, metavar="YEAR")
    did.add_argument("--out", type=Path, required=True, metavar="DIR")
    did.set_defaults(run=_impact_did)


def _impact_did(arguments: argparse.Namespace) -> None:
    from evaluation.impact import Design, run_did, write_did

    fields = (
        "outcome unit time cohort control_group anticipation estimator base_period weights clusters end_year"
    )
    design = Design(
        covariates=tuple(arguments.covariates), **{name: getattr(arguments, name) for name in fields.split()}
    )
    panel = _read_panel(arguments.panel, unit=arguments.unit)
    for path in write_did(run_did(panel, design), arguments.out):
        print(path)


def _read_panel(path: Path, *, unit: str) -> pd.DataFrame:
    import pandas as pd

    why, remedy = "the panel is all this command reads", "name a comma-separated file with a header row"
    readers: tuple[type[Exception], ...] = (OSError, UnicodeDecodeError, pd.errors.ParserError)
    try:
        return pd.read_csv(path, dtype={unit: str})
    except pd.errors.EmptyDataError:
        problem = "the file is empty"
    except readers as found:
        problem = f"not readable as CSV: {found}"
    raise BadInputError([Fault(where=str(path), what=problem, why=why, remedy=remedy)])
