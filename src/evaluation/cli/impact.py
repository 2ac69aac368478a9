"""The command ``impact``: the estimators, for any panel."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.cli.arguments import items, positive
from evaluation.cli.impact_synthetic import add_synthetic
from evaluation.errors import BadInputError, Fault

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.impact import EventStudy

ESTIMATORS = (
    "dr",
    "reg",
    "ipw",
    "entropy",
    "sun_abraham",
    "imputation",
    "two_stage",
    "etwfe",
    "stacked",
    "twfe",
)
"""Names of the estimators; written here as well so that ``--help`` loads no numerical package."""

COLUMNS = (
    ("outcome", "column of the outcome"),
    ("unit", "column of the unit"),
    ("time", "column of the year"),
    ("cohort", "column of the first year of effect; empty, 0 or inf = never treated"),
)


def add_impact_commands(commands: Any) -> None:
    """Add ``impact METHOD``: the estimators, for any panel."""
    impact = commands.add_parser("impact", help="estimators for any panel")
    methods = impact.add_subparsers(required=True, metavar="METHOD")
    _add_did(methods)
    _add_bacon(methods)
    _add_honest(methods)
    add_synthetic(methods)


def _add_did(methods: Any) -> None:
    did = methods.add_parser("did", help="staggered difference-in-differences")
    _add_panel(did)
    did.add_argument("--anticipation", type=int, default=0, metavar="YEARS")
    did.add_argument("--covariates", type=items, default=[], metavar="a,b")
    did.add_argument("--estimator", choices=ESTIMATORS, default="dr")
    did.add_argument("--base-period", choices=("varying", "universal"), default="varying")
    did.add_argument("--cluster", "--clusters", dest="clusters", metavar="COLUMN")
    did.add_argument(
        "--eligible-control", metavar="COLUMN", help="true or false: whether a unit may serve as a control"
    )
    did.add_argument(
        "--balanced-to",
        type=int,
        metavar="TIME",
        help="event study of the cohorts observed to this event time, at the times that all of them have",
    )
    did.add_argument("--excel", action="store_true", help="also one workbook, did.xlsx")
    did.add_argument(
        "--bootstrap",
        type=positive,
        metavar="DRAWS",
        help="simultaneous bands from this many draws of the multiplier bootstrap; pointwise intervals without",
    )
    did.add_argument("--seed", type=int, help="of the bootstrap")
    did.add_argument("--level", type=float, default=0.95, metavar="SHARE", help="coverage of the intervals")
    did.add_argument("--out", type=Path, required=True, metavar="DIR")
    did.set_defaults(run=_impact_did)


def _add_bacon(methods: Any) -> None:
    bacon = methods.add_parser("bacon", help="what a two-way fixed effects coefficient is made of")
    _add_panel(bacon)
    bacon.add_argument("--out", type=Path, required=True, metavar="DIR")
    bacon.set_defaults(run=_impact_bacon)


def _add_panel(method: Any) -> None:
    method.add_argument("panel", type=Path, metavar="PANEL.csv", help="one row per unit and year")
    for name, text in COLUMNS:
        method.add_argument(f"--{name}", required=True, metavar="COLUMN", help=text)
    groups = ("not_yet_treated", "never_treated")
    method.add_argument("--control-group", choices=groups, default=groups[0])
    method.add_argument("--cohorts", type=_whole_numbers, metavar="YEAR,YEAR", help="estimate only these")
    method.add_argument("--weights", metavar="COLUMN")
    method.add_argument("--end-year", type=int, metavar="YEAR")


def _add_honest(methods: Any) -> None:
    honest = methods.add_parser("honest", help="how far trends may have differed before a conclusion falls")
    honest.add_argument(
        "estimates", type=Path, metavar="ESTIMATES.csv", help="columns event_time and estimate"
    )
    honest.add_argument("covariance", type=Path, metavar="COVARIANCE.csv", help="full, in the same order")
    restrictions = ("relative_magnitudes", "smoothness")
    honest.add_argument("--restriction", choices=restrictions, default=restrictions[0])
    honest.add_argument("--bounds", type=_numbers, metavar="M,M", help="zero or more")
    honest.add_argument("--method", choices=("fixed_length", "hybrid", "conditional"))
    honest.add_argument("--effect", choices=("average", "first", "last"), default="average")
    honest.add_argument("--bias-sign", choices=("any", "positive", "negative"), default="any")
    honest.add_argument(
        "--base", type=int, metavar="TIME", help="event time of the base; the one of 0, or -1"
    )
    honest.add_argument(
        "--n-pre", type=int, metavar="N", help="files without a header: how many estimates precede the base"
    )
    honest.add_argument("--level", type=float, default=0.95, metavar="SHARE")
    honest.add_argument("--seed", type=int, help="of the simulated critical value")
    honest.add_argument("--out", type=Path, required=True, metavar="DIR")
    honest.set_defaults(run=_impact_honest)


def _impact_did(arguments: argparse.Namespace) -> None:
    from evaluation.impact import Design, run_did, write_did

    names = (
        "outcome unit time cohort control_group anticipation estimator base_period weights clusters end_year "
        "cohorts eligible_control"
    )
    design = Design(covariates=tuple(arguments.covariates), **_fields(arguments, names))
    panel = read_table(arguments.panel, what="the panel", text_columns=(arguments.unit,))
    options: dict[str, Any] = {"level": arguments.level}
    if arguments.bootstrap is not None:
        options |= {"band": "simultaneous", "draws": arguments.bootstrap}
    if arguments.seed is not None:
        options["seed"] = arguments.seed
    study = run_did(panel, design, balanced_to=arguments.balanced_to, **options)
    written = write_did(study, arguments.out)
    if arguments.excel:
        written.append(study.to_excel(arguments.out / "did.xlsx"))
    for path in written:
        print(path)


def _impact_bacon(arguments: argparse.Namespace) -> None:
    from evaluation.impact import Design, bacon, twfe_weights, write_tables

    names = "outcome unit time cohort control_group weights end_year cohorts"
    design = Design(**_fields(arguments, names))
    panel = read_table(arguments.panel, what="the panel", text_columns=(arguments.unit,))
    found = bacon(panel, design)
    tables = {
        "bacon": found.tidy(),
        "bacon_by_comparison": found.by_comparison(),
        "twfe_weights": twfe_weights(panel, design).tidy(),
    }
    for path in write_tables(tables, arguments.out):
        print(path)


def _impact_honest(arguments: argparse.Namespace) -> None:
    from evaluation.impact import honest, write_tables

    options = _fields(arguments, "restriction bounds method effect bias_sign level")
    if arguments.seed is not None:
        options["seed"] = arguments.seed
    found = honest(_read_event_study(arguments), **options)
    for path in write_tables({"honest": found.tidy()}, arguments.out):
        print(path)


def _fields(arguments: argparse.Namespace, names: str) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names.split()}


def _read_event_study(arguments: argparse.Namespace) -> EventStudy:

    from evaluation.impact import event_study

    estimates = read_table(arguments.estimates, what="the estimates")
    if "estimate" not in estimates.columns:
        return _read_plain_event_study(arguments)
    faults = [] if "event_time" in estimates.columns else [_missing_column(arguments.estimates, "event_time")]
    if faults:
        raise BadInputError(faults)
    matrix = read_table(arguments.covariance, what="the covariance")
    matrix = matrix.drop(columns=[name for name in ("event_time",) if name in matrix.columns])
    found = _as_numbers(arguments.estimates, estimates[["event_time", "estimate"]])
    times, values = found[:, 0], found[:, 1]
    base = arguments.base
    if base is None:
        zero = times[(values == 0) & _without_error(estimates)]
        base = int(zero[0]) if len(zero) == 1 else -1
    return event_study(
        event_time=times, estimate=values, vcov=_as_numbers(arguments.covariance, matrix), base=base
    )


def _without_error(estimates: pd.DataFrame) -> Any:
    """Rows whose standard error is missing or zero: a base."""
    if "std_error" not in estimates.columns:
        return True
    return (estimates["std_error"].isna() | (estimates["std_error"] == 0)).to_numpy()


def _read_plain_event_study(arguments: argparse.Namespace) -> EventStudy:
    """Estimates and covariance as bare numbers, in the order of time, without the base."""
    import numpy as np

    from evaluation.impact import event_study

    if arguments.n_pre is None:
        raise BadInputError([_missing_column(arguments.estimates, "estimate")])
    plain = read_table(arguments.estimates, what="the estimates", header=False)
    values = _as_numbers(arguments.estimates, plain).ravel()
    square = read_table(arguments.covariance, what="the covariance", header=False)
    matrix = _as_numbers(arguments.covariance, square)
    base = -1 if arguments.base is None else arguments.base
    n_post = len(values) - arguments.n_pre
    times = np.r_[np.arange(base - arguments.n_pre, base), np.arange(base + 1, base + 1 + n_post)]
    return event_study(event_time=times, estimate=values, vcov=matrix, base=base)


def _as_numbers(path: Path, table: pd.DataFrame) -> Any:
    """Return a table as an array of numbers; every cell that is none is told."""
    from evaluation.impact.columns import to_numbers

    faults = []
    for name in table.columns:
        wrong = to_numbers(table[name])[1]
        faults += [
            Fault(
                where=f"{path}, row {row + 1}, column {name}",
                what=f"got: {value!r}",
                why="estimates and their covariance are numbers",
                remedy="write numbers",
            )
            for row, value in enumerate(table[name])
            if wrong[row]
        ]
    if faults:
        raise BadInputError(faults)
    return table.to_numpy(dtype=float)


def _missing_column(path: Path, name: str) -> Fault:
    return Fault(
        where=str(path),
        what=f"has no column {name}",
        why="an event study is an estimate for each event time",
        remedy="name the columns event_time and estimate, or give --n-pre for files of bare numbers",
    )


def read_table(
    path: Path, *, what: str, text_columns: tuple[str, ...] = (), header: bool = True
) -> pd.DataFrame:
    """Return a CSV; a file that is none is a fault."""
    import pandas as pd

    why, remedy = f"{what} is read from it", "name a comma-separated file with a header row"
    readers: tuple[type[Exception], ...] = (OSError, UnicodeDecodeError, pd.errors.ParserError)
    try:
        return pd.read_csv(path, dtype=dict.fromkeys(text_columns, str), header=0 if header else None)
    except pd.errors.EmptyDataError:
        problem = "the file is empty"
    except readers as found:
        problem = f"not readable as CSV: {found}"
    raise BadInputError([Fault(where=str(path), what=problem, why=why, remedy=remedy)])


def _numbers(text: str) -> list[float]:
    return [float(item) for item in items(text)]


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(item) for item in items(text))
