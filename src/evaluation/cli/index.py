"""The command ``index``: composite indices on any units, years and hierarchy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.cli.arguments import positive
from evaluation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.index import IndexResult
    from evaluation.index.uncertainty import UncertaintyResult
    from evaluation.studies.index_files import IndexFile

REPLICATIONS = 1000
BASE_POINTS = 256


def add_index_commands(commands: Any) -> None:
    """Add ``index METHOD``: build, vary, audit and compare an index of one's own."""
    index = commands.add_parser("index", help="composite indices on any data")
    methods = index.add_subparsers(required=True, metavar="METHOD")
    build = _method(methods, "build", "scores and ranks of every level, and every step on the way", _build)
    build.add_argument("--excel", action="store_true", help="also one workbook with a sheet a step")
    vary = _method(methods, "sensitivity", "intervals of ranks, and what they depend on", _sensitivity)
    vary.add_argument("-n", type=positive, default=REPLICATIONS, metavar="N", help="replications")
    vary.add_argument("--seed", type=int, default=0, metavar="S", help="of the draws")
    vary.add_argument(
        "--base-points", type=positive, default=BASE_POINTS, metavar="N",
        help="points of the Sobol' sequence, a power of two",
    )  # fmt: skip
    audit = _method(methods, "audit", "what an auditor asks of an index", _audit)
    audit.add_argument("--time", metavar="TIME", help="time of a panel to audit (default: the last)")
    compare = methods.add_parser(
        "compare", help="two specifications, or two vintages of data: which ranks move, and why"
    )
    compare.add_argument("before", type=Path, metavar="OLD.yml")
    compare.add_argument("after", type=Path, metavar="NEW.yml")
    compare.add_argument(
        "--old-data", type=Path, metavar="OLD.csv", help="data of OLD.yml, where they are another vintage"
    )
    _add_data(compare, _compare)


def _method(methods: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = methods.add_parser(name, help=text)
    parser.add_argument("spec", type=Path, metavar="SPEC.yml", help="the specification")
    _add_data(parser, run)
    return parser


def _add_data(parser: argparse.ArgumentParser, run: Any) -> None:
    parser.add_argument("data", type=Path, metavar="DATA.csv", help="one row a unit (and time)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run)


def _build(arguments: argparse.Namespace) -> None:
    from evaluation.studies.index_files import write_tables, write_workbook

    _, _, result = _built(arguments)
    tables = {"scores": result.tidy(), **result.tables()}
    paths = list(write_tables(tables, arguments.out))
    if arguments.excel:
        paths.append(write_workbook(tables, arguments.out / "index.xlsx"))
    _print(paths)


def _sensitivity(arguments: argparse.Namespace) -> None:
    from evaluation.index.sensitivity import sensitivity
    from evaluation.index.uncertainty import uncertainty
    from evaluation.studies.index_files import write_tables

    file, values, _ = _built(arguments)
    if not file.factors:
        raise UsageError(
            f"{file.path} names no `factors`, so nothing varies; list them as in docs/index_on_your_data.md"
        )
    varied = uncertainty(
        values, file.spec, file.factors, n=arguments.n, seed=arguments.seed, keep_scores=True
    )
    shares = sensitivity(values, file.spec, file.factors, n=arguments.base_points, seed=arguments.seed)
    tables = {
        "rank_intervals": varied.tidy(),
        "rank_frequency": _frequencies(varied),
        "sobol": shares.tidy(),
    }
    _print(write_tables(tables, arguments.out))


def _frequencies(varied: UncertaintyResult) -> pd.DataFrame:
    """Return how often each unit had each rank, one row a unit (and time) and top element."""
    import pandas as pd

    from evaluation.index.statistics import key_columns

    key = key_columns(varied.units)
    tables = [
        pd.concat([key.assign(code=code), varied.rank_frequency(code).reset_index(drop=True)], axis=1)
        for code in varied.codes
    ]
    return pd.concat(tables, ignore_index=True)


def _audit(arguments: argparse.Namespace) -> None:
    from evaluation.index.audit import audit
    from evaluation.studies.index_files import write_tables, write_workbook

    _, values, result = _built(arguments)
    found = audit(result, values=values, time=_time(arguments.time, result))
    tables = {"findings": found.findings(), **found.tables}
    paths = write_tables({"findings": found.findings()}, arguments.out)
    _print([*paths, write_workbook(tables, arguments.out / "audit.xlsx")])


def _compare(arguments: argparse.Namespace) -> None:
    from evaluation.index.compare import compare_specs, explain_difference
    from evaluation.studies.index_files import read_index_data, read_index_file, write_tables

    before, after = (read_index_file(path).spec for path in (arguments.before, arguments.after))
    first = read_index_data(arguments.old_data or arguments.data, before)
    second = read_index_data(arguments.data, after)
    explained = explain_difference(first, before, second, after)
    tables = {
        "spec_changes": compare_specs(before, after),
        "rank_changes": explained.comparison.tidy(),
        "steps": explained.steps,
        "causes": explained.tidy(),
    }
    _print(write_tables(tables, arguments.out))


def _built(arguments: argparse.Namespace) -> tuple[IndexFile, pd.DataFrame, IndexResult]:
    from evaluation.index import build_index
    from evaluation.studies.index_files import read_index_data, read_index_file

    file = read_index_file(arguments.spec)
    values = read_index_data(arguments.data, file.spec)
    return file, values, build_index(values, file.spec)


def _time(given: str | None, result: IndexResult) -> Any:
    """Return the time as it stands in the data: a number where times are numbers."""
    if given is None or result.scores.index.nlevels == 1:
        return given
    times = result.scores.index.get_level_values(1)
    return next((time for time in times if str(time) == given), given)


def _print(paths: Any) -> None:
    for path in paths:
        print(path)
