"""The command ``impact synthetic``: each treated unit beside a weighted mix of others, for any panel."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from evaluation.cli.arguments import items
from evaluation.errors import BadInputError, Fault

ESTIMATORS = ("sdid", "demeaned", "sc", "sc_predictors", "ridge", "penalised", "mc")
"""Names of the estimators; written here as well so that ``--help`` loads no numerical package."""
INFERENCES = ("placebo", "conformal", "jackknife")


def add_synthetic(methods: Any) -> None:
    """Add ``impact synthetic``."""
    synthetic = methods.add_parser("synthetic", help="synthetic control: each treated unit's own effect")
    synthetic.add_argument("panel", type=Path, metavar="PANEL.csv", help="one row per unit and year")
    for name, text in (
        ("outcome", "column of the outcome"),
        ("unit", "column of the unit"),
        ("time", "column of the year"),
    ):
        synthetic.add_argument(f"--{name}", required=True, metavar="COLUMN", help=text)
    synthetic.add_argument("--treated", required=True, type=items, metavar="UNIT,UNIT")
    synthetic.add_argument(
        "--from", dest="first", required=True, type=int, metavar="YEAR", help="first year of effect"
    )
    synthetic.add_argument("--estimator", choices=ESTIMATORS, default=ESTIMATORS[0])
    synthetic.add_argument("--inference", choices=INFERENCES, default=INFERENCES[0])
    synthetic.add_argument("--donors", type=items, metavar="UNIT,UNIT", help="all others when not given")
    synthetic.add_argument("--exclude", type=items, default=[], metavar="UNIT,UNIT", help="never a donor")
    synthetic.add_argument("--predictors", type=items, default=[], metavar="a,b", help="for sc_predictors")
    synthetic.add_argument("--anticipation", type=int, default=0, metavar="YEARS")
    synthetic.add_argument("--start-year", type=int, metavar="YEAR")
    synthetic.add_argument("--end-year", type=int, metavar="YEAR")
    synthetic.add_argument("--ridge", type=float, metavar="SHARE", help="of the demeaned estimator")
    synthetic.add_argument("--penalty", type=float, help="of ridge, penalised and mc; chosen when not given")
    synthetic.add_argument("--level", type=float, metavar="SHARE", help="coverage of the intervals")
    synthetic.add_argument("--seed", type=int, help="of drawn placements")
    synthetic.add_argument("--out", type=Path, required=True, metavar="DIR")
    synthetic.set_defaults(run=_impact_synthetic)


def _impact_synthetic(arguments: argparse.Namespace) -> None:
    from evaluation.cli.impact import read_table
    from evaluation.impact.synthetic import Predictor, SyntheticDesign
    from evaluation.impact.synthetic.study import run_synthetic, write_synthetic

    options: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in ("ridge", "penalty", "start_year", "end_year")
        if getattr(arguments, name) is not None
    }
    panel = read_table(arguments.panel, what="the panel", text_columns=(arguments.unit,))
    design = SyntheticDesign(
        outcome=arguments.outcome,
        unit=arguments.unit,
        time=arguments.time,
        treated=tuple((unit, arguments.first) for unit in arguments.treated),
        estimator=arguments.estimator,
        anticipation=arguments.anticipation,
        donors=tuple(arguments.donors) if arguments.donors else None,
        predictors=tuple(Predictor(name) for name in arguments.predictors),
        **options,
    )
    panel = _without(panel, arguments)
    asked = {
        name: getattr(arguments, name) for name in ("level", "seed") if getattr(arguments, name) is not None
    }
    study = run_synthetic(panel, design, inference=arguments.inference, **asked)
    for path in write_synthetic(study, arguments.out):
        print(path)


def _without(panel: Any, arguments: argparse.Namespace) -> Any:
    """Return the panel without the units that may not be donors; every name that is no other unit's is a fault."""
    if not arguments.exclude or arguments.unit not in panel.columns:
        return panel
    known = set(panel[arguments.unit].dropna())
    faults = [
        Fault(
            where=f"--exclude {name}",
            what="is treated" if name in arguments.treated else "is not in the panel",
            why="only a unit of the panel that is not treated can be taken from the donors",
            remedy="correct the name, or leave it out",
        )
        for name in arguments.exclude
        if name not in known or name in arguments.treated
    ]
    if faults:
        raise BadInputError(faults)
    return panel[~panel[arguments.unit].isin(arguments.exclude)]
