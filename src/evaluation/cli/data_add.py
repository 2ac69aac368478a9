"""The command ``data add``: a file that somebody downloaded, checked, previewed, confirmed and filed."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.cli.arguments import project_of
from evaluation.errors import UsageError

if TYPE_CHECKING:
    from evaluation.studies.batches import Request
    from evaluation.studies.intake import Intake
    from evaluation.studies.project import Project

SYSTEMS = ("bps_2021", "bps_2024", "kemendagri", "kemendagri_2021")
REMEDY_CONFIRM = (
    "Nothing was filed. Look through the preview, then run the same command with --yes to file it; "
    "--indicator CODE names another indicator than the one told from the title."
)


def add_add_command(methods: Any) -> None:
    """Add ``data add FILE...``."""
    add = methods.add_parser("add", help="bring files as their publisher gives them")
    add.add_argument("files", nargs="+", type=Path, metavar="FILE", help="file as it was saved")
    add.add_argument("--year", type=int, metavar="YEAR", help="year or edition of a file that states none")
    add.add_argument("--indicator", metavar="CODE", help="what the one title of the file stands for")
    add.add_argument("--source", metavar="NAME", help="source of config/sources.yml to file under")
    add.add_argument("--code-system", choices=SYSTEMS, help="system of codes that stand without names")
    add.add_argument(
        "--quality", choices=("A", "B", "C"), help="grade of the figures (default: told from the file)"
    )
    add.add_argument(
        "--accessed", type=_day, metavar="DATE", help="day of access, YYYY-MM-DD, where the file has none"
    )
    add.add_argument(
        "--revision", action="store_true", help="the publisher revised the whole series by one method"
    )
    add.add_argument("--yes", action="store_true", help="file without asking")
    add.add_argument("--json", action="store_true", help="preview as JSON; asks nothing")
    add.set_defaults(run=bring_files)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a day, YYYY-MM-DD; got: {text}") from error


def bring_files(arguments: argparse.Namespace) -> None:
    """Preview the files of a parsed command line, and file them once confirmed."""
    from evaluation.cli.data_preview import preview_lines, preview_record
    from evaluation.studies.intake import prepare_intake

    project = project_of(arguments)
    asks = not (arguments.yes or arguments.json) and sys.stdin.isatty()
    request = _with_year(_request(arguments), project, asks=asks)
    intake = prepare_intake(project, request)
    if not arguments.json:
        print("\n".join(preview_lines(intake)), flush=True)
    confirmed = bool(arguments.yes) or (asks and _confirmed(intake))
    if intake.filings and confirmed:
        folders = _file(project, intake)
        if not arguments.json:
            print(*(f"filed {folder}" for folder in folders), sep="\n")
            print(
                "`evaluation run` makes the pages that it changes; `evaluation data diff` lists the figures."
            )
    if arguments.json:
        record = {**preview_record(intake), "filed": bool(intake.filings) and confirmed}
        print(json.dumps(record, ensure_ascii=False))
    elif not intake.filings:
        print("Nothing new.")
    if intake.filings and not confirmed:
        raise UsageError(REMEDY_CONFIRM)


def _request(arguments: argparse.Namespace) -> Request:
    from evaluation.studies.batches import Request

    return Request(
        files=tuple(arguments.files),
        today=date.today(),
        year=arguments.year,
        indicator=arguments.indicator,
        source=arguments.source,
        code_system=arguments.code_system,
        quality=arguments.quality,
        accessed=arguments.accessed,
        is_revision=arguments.revision,
    )


def _with_year(request: Request, project: Project, *, asks: bool) -> Request:
    """Ask for the year of a single file that states none."""
    if not asks or request.year is not None or len(request.files) != 1:
        return request
    from evaluation.sources.bounds import read_bounds
    from evaluation.studies.received import open_received

    bounds = read_bounds(project.config_dir, project.catalog)
    file = open_received(
        request.files[0],
        registry=project.registry,
        largest_megabytes=bounds.largest_file_megabytes,
        code_system=request.code_system,
    )
    if file.states_years:
        return request
    guess = f" (its name suggests {file.year_in_name})" if file.year_in_name else ""
    answer = input(f"{file.path.name} does not say of which year or edition it is{guess}. Year: ").strip()
    if not (answer.isdigit() and len(answer) == 4):
        raise UsageError(f"A year has four digits; got: {answer!r}. Nothing was filed.")
    return replace(request, year=int(answer))


def _confirmed(intake: Intake) -> bool:
    if not intake.filings:
        return False
    for file, meaning in intake.guesses:
        assert meaning.indicator is not None
        named = f"{meaning.indicator.code} ({meaning.indicator.title.en})"
        if not _yes(f"{file.path.name}: is {meaning.title.text!r} the indicator {named}?"):
            return False
    return _yes("File it?")


def _yes(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().casefold() in ("y", "yes", "ya")
    except EOFError:
        return False


def _file(project: Project, intake: Intake) -> tuple[Path, ...]:
    from evaluation.execution.lock import hold_lock
    from evaluation.studies.filing import file_vintages

    with hold_lock(project.processed_dir):
        return file_vintages(project.raw_dir, intake.filings)
