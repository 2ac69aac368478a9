"""What a user asked for, typed and checked: reports, regions, languages, parameters.

Belongs here: refusing what does not exist before anything starts, with the nearest name. Does not belong here:
the targets that follow from it (`evaluation.execution.plan`).
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evaluation.errors import BadInputError, Fault, UsageError, raise_if_any
from evaluation.execution.parameters import NEAR_MATCHES, parse_parameters, suggest
from evaluation.execution.reports import LANGUAGES, Report
from evaluation.studies.project import Project, region_codes

Only = Literal["national", "regions"]

CONFIGURED: Mapping[str, Callable[[Project], Sequence[Any]]] = {
    "edition": lambda project: project.catalog.framework.edition_years,
}
"""Parameters whose allowed values stand in the configuration."""

SHOWN_UNKNOWN = 10
FIRST_ROW = 2
"""Number of a table's first row below its header, as a spreadsheet counts."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What was asked for, checked.

    Parameters
    ----------
    reports
        By name.
    regions
        Codes, for reports with a page for each.
    languages
        Languages.
    values
        Parameters.
    """

    reports: Mapping[str, Report]
    regions: tuple[str, ...]
    languages: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


def select_reports(
    reports: Mapping[str, Report], *, notebook: str | None, only: Only | None = None
) -> dict[str, Report]:
    """Return the reports of a notebook, of one kind, or all.

    Raises
    ------
    UsageError
        When no report has that notebook or name.
    """
    wanted = Path(notebook).name.removesuffix(".ipynb") if notebook else None
    named = {name: report for name, report in reports.items() if wanted in (None, name, report.notebook)}
    if not named:
        known = sorted({report.notebook for report in reports.values()})
        raise UsageError(
            f"There is no notebook {wanted}{suggest(str(wanted), [*known, *reports])}\n"
            f"Notebooks with reports: {', '.join(known)}"
        )
    return {name: report for name, report in named.items() if only is None or _is_regional(report, only)}


def _is_regional(report: Report, only: Only) -> bool:
    return (report.each == "region") == (only == "regions")


def select(
    project: Project,
    reports: Mapping[str, Report],
    *,
    parameters: Sequence[tuple[str, str]] = (),
    rows: Path | None = None,
    regions: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
) -> list[Selection]:
    """Return what is to be made of these reports: one selection, or one a row of a file of parameters.

    Raises
    ------
    UsageError
        When a parameter, a region or a language does not exist or contradicts another.
    BadInputError
        When the file cannot be used, with every bad row.
    """
    if rows is None:
        return [_selection(project, reports, parameters, regions, languages)]
    selections: dict[int, Selection] = {}
    faults: list[Fault] = []
    for number, pairs in _read_rows(rows):
        try:
            selections[number] = _selection(project, reports, [*parameters, *pairs], regions, languages)
        except UsageError as problem:
            faults.append(_row_fault(rows, number, str(problem)))
    faults += _repetitions(rows, selections)
    raise_if_any(faults)
    return list(selections.values())


def _selection(
    project: Project,
    reports: Mapping[str, Report],
    parameters: Sequence[tuple[str, str]],
    regions: Sequence[str] | None,
    languages: Sequence[str] | None,
) -> Selection:
    values = _typed(reports, parameters)
    _check_configured(project, values)
    return Selection(
        reports=reports,
        regions=_checked_regions(project, _narrowed(regions, values, "region_code", "--region")),
        languages=_checked_languages(_narrowed(languages, values, "language", "--language")),
        values=values,
    )


def _read_rows(path: Path) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Give the row number and the filled cells of each row."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInputError([_file_fault(path, f"not readable: {problem}")]) from None
    reader = csv.DictReader(text.splitlines())
    found = 0
    for number, row in enumerate(reader, start=FIRST_ROW):
        found += 1
        if None in row:
            raise BadInputError([_row_fault(path, number, "has more cells than the header has names")])
        yield number, [(name.strip(), cell) for name, cell in row.items() if cell not in (None, "")]
    if not found:
        raise BadInputError([_file_fault(path, "has no row below its header")])


def _repetitions(path: Path, selections: Mapping[int, Selection]) -> Iterator[Fault]:
    """Give a fault for each row that makes the pages of an earlier one."""
    seen: dict[str, int] = {}
    for number, selection in selections.items():
        for language in selection.languages:
            told = [report.told(selection.values).items() for report in selection.reports.values()]
            key = repr([language, *map(sorted, told)])
            if key in seen:
                yield _row_fault(path, number, f"makes the same page as row {seen[key]}")
                break
            seen[key] = number


def _row_fault(path: Path, number: int, what: str) -> Fault:
    return _file_fault(path, what, where=f"{path}, row {number}")


def _file_fault(path: Path, what: str, where: str = "") -> Fault:
    return Fault(
        where=where or str(path),
        what=what,
        why="each row is the parameters of one page",
        remedy="correct the file: comma-separated, UTF-8, names of parameters in the first row",
    )


def _typed(reports: Mapping[str, Report], parameters: Sequence[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for report in reports.values():
        values |= parse_parameters(
            parameters, report.declared, notebook=report.notebook, aliases=report.aliases
        )
    return values


def _check_configured(project: Project, values: Mapping[str, Any]) -> None:
    """Refuse values that the configuration does not know."""
    for name, known in CONFIGURED.items():
        if name in values and values[name] not in known(project):
            allowed = ", ".join(map(str, known(project)))
            raise UsageError(f"{name} must be one of {allowed} (config/pillars.yml); got: {values[name]}")


def _narrowed(
    given: Sequence[str] | None, values: Mapping[str, Any], parameter: str, option: str
) -> Sequence[str] | None:
    """Return what an option lists, or the one value that a parameter states."""
    if parameter not in values:
        return given
    if given is not None and list(given) != [values[parameter]]:
        raise UsageError(f"{option} {','.join(given)} and -p {parameter} {values[parameter]} contradict.")
    return [values[parameter]]


def _checked_regions(project: Project, asked: Sequence[str] | None) -> tuple[str, ...]:
    known = region_codes(project)
    if asked is None:
        return tuple(known)
    unknown = [code for code in asked if code not in set(known)]
    if unknown:
        lines = [f"  {code}{_suggest_regions(code, project)}" for code in unknown[:SHOWN_UNKNOWN]]
        raise UsageError(
            "These region codes are not in config/regions.csv (four digits, BPS):\n" + "\n".join(lines)
        )
    return tuple(dict.fromkeys(asked))


def _suggest_regions(typed: str, project: Project) -> str:
    """Return ``; did you mean ...?`` with the nearest codes, or the codes of the nearest names, or nothing."""
    names = {code: str(name) for code, name in project.registry.by_code["name"].items()}
    wanted = typed.casefold()
    near = difflib.get_close_matches(typed, names, n=NEAR_MATCHES)
    near = near or [code for code, name in names.items() if len(wanted) > 2 and wanted in name.casefold()]
    if not near:
        spelled = {
            name.casefold().removeprefix("kabupaten ").removeprefix("kota "): c for c, name in names.items()
        }
        near = [spelled[name] for name in difflib.get_close_matches(wanted, spelled, n=NEAR_MATCHES)]
    shown = " or ".join(f"{code} ({names[code]})" for code in near[:NEAR_MATCHES])
    return f"; did you mean {shown}?" if shown else ""


def _checked_languages(asked: Sequence[str] | None) -> tuple[str, ...]:
    unknown = sorted(set(asked or ()) - set(LANGUAGES))
    if unknown:
        raise UsageError(f"Unknown language {', '.join(unknown)}; known: {', '.join(LANGUAGES)}")
    return LANGUAGES if asked is None else tuple(dict.fromkeys(asked))
