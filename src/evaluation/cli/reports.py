"""Commands on the project's own reports: check, run, plan, status, verify, diff."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.cli.arguments import items, positive, project_of
from evaluation.errors import BadInputError, Fault, TargetsFailedError, raise_if_any

if TYPE_CHECKING:
    from evaluation.execution.assessment import Assessment
    from evaluation.execution.kernels import EngineName
    from evaluation.studies.project import Project


def add_report_commands(commands: Any) -> None:
    """Add the commands that make, explain and compare reports."""
    check = commands.add_parser("check", help="check data and configuration; writes nothing")
    check.set_defaults(run=_check)
    _add_run(commands)
    _add_plan(commands)
    _add_verify(commands)
    _add_diff(commands)


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="make the reports")
    _add_selection(run)
    run.add_argument("--jobs", type=positive, metavar="N", help="notebooks at a time (default: cores)")
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
    verify.add_argument("--sample", type=positive, default=20, metavar="N", help="how many (default: 20)")
    verify.add_argument("--seed", type=int, default=0, help="another sample for another number")
    verify.add_argument("--jobs", type=positive, metavar="N", help="notebooks at a time (default: cores)")
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
    command.add_argument("--region", type=items, metavar="CODE,...", help="pages of these regions only")
    command.add_argument("--only", choices=("national", "regions"), help="one kind of pages only")
    command.add_argument("--language", type=items, metavar="id,en", help="these languages only")


def _check(arguments: argparse.Namespace) -> None:
    _print_check(project_of(arguments))


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
    from evaluation.execution.kernels import choose_engine, stop_parent, warm_up

    engine = choose_engine(arguments.engine)
    # the parent loads its packages while this process loads its own
    started_early = engine == "warm" and _start_early(arguments)

    from evaluation.execution.assessment import assess
    from evaluation.execution.lock import hold_lock
    from evaluation.execution.plan import build_plan
    from evaluation.execution.present import read_checked
    from evaluation.execution.surroundings import look_around

    project = project_of(arguments)
    surroundings = look_around(project)
    if read_checked(project.processed_dir).inputs != surroundings.inputs:
        if engine == "warm":
            warm_up(project.root, notebook=arguments.notebook)
        _check_and_remember(project, surroundings.inputs)
    plan = build_plan(project, force=arguments.force, **_selection(arguments))
    with hold_lock(project.processed_dir):
        assessment = assess(plan, project, surroundings=surroundings)
        if engine == "warm" and not assessment.nothing_to_do:
            warm_up(project.root, notebook=arguments.notebook)
        elif started_early:
            stop_parent()
        _make(assessment, project, engine=engine, jobs=arguments.jobs)


def _start_early(arguments: argparse.Namespace) -> bool:
    from evaluation.execution.foresight import start_early

    return start_early(
        Path(arguments.project or Path.cwd()).resolve(),
        notebook=arguments.notebook,
        certain=bool(arguments.force or arguments.parameters or arguments.rows),
    )


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

    project = project_of(arguments)
    show_plan(
        build_plan(project, force=arguments.force, **_selection(arguments)), project, as_json=arguments.json
    )


def _status(arguments: argparse.Namespace) -> None:
    from evaluation.execution.inspection import show_status
    from evaluation.execution.plan import build_plan

    project = project_of(arguments)
    show_status(build_plan(project, **_selection(arguments)), project, as_json=arguments.json)


def _verify(arguments: argparse.Namespace) -> None:
    from evaluation.execution.inspection import verify_sample
    from evaluation.execution.lock import hold_lock
    from evaluation.execution.plan import build_plan

    project = project_of(arguments)
    plan = build_plan(project, **_selection(arguments))
    with hold_lock(project.processed_dir):
        verify_sample(
            plan, project, size=arguments.sample, seed=arguments.seed,
            jobs=arguments.jobs, engine=arguments.engine,
        )  # fmt: skip


def _diff(arguments: argparse.Namespace) -> None:
    from evaluation.execution.inspection import show_difference

    show_difference(arguments.old, arguments.new, as_json=arguments.json)
