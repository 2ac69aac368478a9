"""The command ``evaluation``: reads the command line, calls, sets the exit code.

Nothing is computed here, and nothing heavy is imported before the command is known. Messages are plain
English; the pages have the languages.
"""

from __future__ import annotations

import argparse
import errno
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.errors import BadInputError, EvaluationError, Fault, TargetsFailedError, raise_if_any

if TYPE_CHECKING:
    import pandas as pd

    from evaluation.execution.assessment import Assessment
    from evaluation.execution.kernels import EngineName
    from evaluation.studies.project import Project

EXIT_DEFECT = 1
EXIT_INTERRUPTED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""The disk is full, the quota is used up, or the folder can only be read."""

DEFECT_NAME = "defect.txt"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    argv
        The words after ``evaluation``; those of the process when None.

    Returns
    -------
    int
        0 all made; 1 our defect; 2 wrong command or parameter; 3 bad data or configuration; 4 some targets
        failed; 5 another run holds the lock; 130 interrupted.
    """
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except EvaluationError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    except OSError as problem:
        if problem.errno not in NO_ROOM:
            _tell_defect(arguments)
            return EXIT_DEFECT
        where = f" {problem.filename}" if problem.filename else ""
        print(
            f"Nothing more can be written{where}: {problem.strerror}. What was finished is kept.",
            file=sys.stderr,
        )
        return TargetsFailedError.exit_code
    except KeyboardInterrupt:
        print("Interrupted. What was finished is kept; run again to make the rest.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception:
        # the last door: whatever comes here is our defect, and a user shall not have to read a traceback
        _tell_defect(arguments)
        return EXIT_DEFECT
    return 0


def _tell_defect(arguments: argparse.Namespace) -> None:
    text = traceback.format_exc()
    if arguments.debug:
        print(text, file=sys.stderr)
        return
    path = _defect_path()
    path.write_text(text, encoding="utf-8")
    last = text.strip().splitlines()[-1]
    print(
        f"This is a defect of the program, not of your data: {last}\n"
        f"Please report it with the file {path}; --debug shows it here.",
        file=sys.stderr,
    )


def _defect_path() -> Path:
    processed = Path.cwd() / "data" / "processed"
    return (processed if processed.is_dir() else Path(tempfile.gettempdir())) / DEFECT_NAME


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="evaluation", description="Evaluates Indonesia's Smart City programme: data to reports."
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of a defect")
    parser.add_argument("--project", metavar="FOLDER", help="the checkout; the one you are in if not given")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check data and configuration; writes nothing")
    check.set_defaults(run=_check)
    _add_run(commands)
    _add_plan(commands)
    _add_verify(commands)
    _add_diff(commands)
    _add_impact(commands)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="make the reports")
    _add_selection(run)
    run.add_argument("--jobs", type=_positive, metavar="N", help="notebooks at a time (default: cores)")
    run.add_argument("--engine", choices=("warm", "ordinary"), help="how notebooks run (default: the faster)")
    run.set_defaults(run=_run)


def _add_plan(commands: Any) -> None:
    plan = commands.add_parser("plan", help="list what `run` would make; writes nothing")
    _add_selection(plan)
    plan.add_argument("--json", action="store_true", help="as JSON")
    plan.set_defaults(run=_plan)

    status = commands.add_parser("status", help="say what stands, and how the last run ended")
    _add_selection(status)
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(run=_status)


def _add_verify(commands: Any) -> None:
    verify = commands.add_parser("verify", help="make a sample of pages again elsewhere and compare bytes")
    _add_selection(verify)
    verify.add_argument("--sample", type=_positive, default=20, metavar="N", help="how many (default: 20)")
    verify.add_argument("--seed", type=int, default=0, help="another sample for another number")
    verify.add_argument("--jobs", type=_positive, metavar="N", help="notebooks at a time (default: cores)")
    verify.add_argument("--engine", choices=("warm", "ordinary"), help="how notebooks run")
    verify.set_defaults(run=_verify)


def _add_diff(commands: Any) -> None:
    diff = commands.add_parser("diff", help="published numbers that changed between two folders of results")
    diff.add_argument("old", type=Path, metavar="OLD", help="data/processed/ of one state, or its checkout")
    diff.add_argument("new", type=Path, metavar="NEW", help="the same of another state")
    diff.add_argument("--json", action="store_true", help="as JSON")
    diff.set_defaults(run=_diff)


def _add_selection(command: argparse.ArgumentParser) -> None:
    command.add_argument("notebook", nargs="?", metavar="NOTEBOOK", help="one notebook (default: all)")
    command.add_argument(
        "-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
        help="a parameter of NOTEBOOK; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--parameters", dest="rows", type=Path, metavar="FILE.csv",
        help="a row of parameters for each page of NOTEBOOK; names in the first row",
    )  # fmt: skip
    command.add_argument("--force", action="store_true", help="make also what is up to date")
    command.add_argument("--region", type=_items, metavar="CODE,...", help="pages of these regions only")
    command.add_argument("--only", choices=("national", "regions"), help="one kind of pages only")
    command.add_argument("--language", type=_items, metavar="id,en", help="these languages only")


def _add_impact(commands: Any) -> None:
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
    did.add_argument("--covariates", type=_items, default=[], metavar="a,b")
    did.add_argument("--estimator", choices=("dr", "reg", "ipw"), default="dr")
    did.add_argument("--base-period", choices=("varying", "universal"), default="varying")
    did.add_argument("--weights", metavar="COLUMN")
    did.add_argument("--clusters", metavar="COLUMN")
    did.add_argument("--end-year", type=int, metavar="YEAR")
    did.add_argument("--out", type=Path, required=True, metavar="DIR")
    did.set_defaults(run=_impact_did)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more; got: {text}")
    return value


def _items(text: str) -> list[str]:
    items = [item.strip() for item in text.split(",") if item.strip()]
    if not items:
        raise argparse.ArgumentTypeError("must name at least one")
    return items


def _project(arguments: argparse.Namespace) -> Project:
    from evaluation.studies.project import open_project

    return open_project(Path(arguments.project) if arguments.project else None)


def _check(arguments: argparse.Namespace) -> None:
    _print_check(_project(arguments))


def _print_check(project: Project) -> list[str]:
    """Check everything, print and return what was checked; raise with the faults of all of it."""
    from evaluation.execution.reports import load_reports
    from evaluation.studies.check import check_project

    lines: list[str] = []
    faults: list[Fault] = []
    try:
        lines += check_project(project).lines
    except BadInputError as problem:
        faults += problem.faults
    try:
        listed = load_reports(project.config_dir, project.notebooks_dir)
        lines.append(f"config/reports.yml: {len(listed.reports)} reports")
    except BadInputError as problem:
        faults += problem.faults
    raise_if_any(faults)
    print("\n".join(lines), flush=True)
    return lines


def _run(arguments: argparse.Namespace) -> None:
    from evaluation.execution.assessment import assess
    from evaluation.execution.kernels import choose_engine, warm_up
    from evaluation.execution.lock import hold_lock
    from evaluation.execution.plan import build_plan
    from evaluation.execution.present import read_checked
    from evaluation.execution.surroundings import look_around

    engine = choose_engine(arguments.engine)
    project = _project(arguments)
    surroundings = look_around(project)
    if read_checked(project.processed_dir).inputs != surroundings.inputs:
        if engine == "warm":
            # the parent loads its packages while data and plan are checked
            warm_up()
        _check_and_remember(project, surroundings.inputs)
    plan = build_plan(project, force=arguments.force, **_selection(arguments))
    with hold_lock(project.processed_dir):
        assessment = assess(plan, project, surroundings=surroundings)
        if engine == "warm" and not assessment.nothing_to_do:
            warm_up()
        _make(assessment, project, engine=engine, jobs=arguments.jobs)


def _check_and_remember(project: Project, inputs: str) -> None:
    """Check data and configuration, and note that this state of them passed."""
    from dataclasses import replace

    from evaluation.execution.present import read_checked, write_checked

    lines = _print_check(project)
    write_checked(
        project.processed_dir, replace(read_checked(project.processed_dir), inputs=inputs, lines=tuple(lines))
    )


def _make(assessment: Assessment, project: Project, *, engine: EngineName, jobs: int | None) -> None:
    from evaluation.execution.runner import run_plan

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    summary = run_plan(assessment.plan, project, jobs=jobs, engine=engine, assessment=assessment)
    standing = f"{summary.standing} of {len(assessment.plan.targets)} pages are up to date"
    if not summary.made and not summary.not_made:
        print(f"Nothing to make: {standing} ({summary.seconds:.1f} s)")
        return
    ways = ", ".join(summary.paths) or "none"
    print(
        f"{summary.made} of {summary.made + len(summary.not_made)} pages made in {summary.seconds:.1f} s "
        f"(notebooks: {ways}); {standing}"
    )
    if summary.not_made:
        from evaluation.execution.progress import print_failures

        print_failures(summary.not_made)
        raise TargetsFailedError(
            f"{len(summary.not_made)} targets were not made; the rest was. What each failure left is in "
            "reports/_failed/, the times are in data/processed/run.html."
        )


def _selection(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "notebook": arguments.notebook,
        "parameters": [(name, value) for name, value in arguments.parameters],
        "rows": arguments.rows,
        "regions": arguments.region,
        "only": arguments.only,
        "languages": arguments.language,
    }


def _plan(arguments: argparse.Namespace) -> None:
    from evaluation.execution.inspection import show_plan
    from evaluation.execution.plan import build_plan

    project = _project(arguments)
    show_plan(
        build_plan(project, force=arguments.force, **_selection(arguments)), project, as_json=arguments.json
    )


def _status(arguments: argparse.Namespace) -> None:
    from evaluation.execution.inspection import show_status
    from evaluation.execution.plan import build_plan

    project = _project(arguments)
    show_status(build_plan(project, **_selection(arguments)), project, as_json=arguments.json)


def _verify(arguments: argparse.Namespace) -> None:
    from evaluation.execution.inspection import verify_sample
    from evaluation.execution.lock import hold_lock
    from evaluation.execution.plan import build_plan

    project = _project(arguments)
    plan = build_plan(project, **_selection(arguments))
    with hold_lock(project.processed_dir):
        verify_sample(
            plan, project, size=arguments.sample, seed=arguments.seed,
            jobs=arguments.jobs, engine=arguments.engine,
        )  # fmt: skip


def _diff(arguments: argparse.Namespace) -> None:
    from evaluation.execution.inspection import show_difference

    show_difference(arguments.old, arguments.new, as_json=arguments.json)


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


if __name__ == "__main__":
    command: Callable[[], int] = main
    sys.exit(command())
