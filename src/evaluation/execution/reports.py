"""``config/reports.yml``: which notebook makes which pages, in which languages, after what.

Belongs here: reading and checking that file. Does not belong here: the targets of one run
(`evaluation.execution.plan`).
"""

from __future__ import annotations

import ast
import math
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from evaluation.catalog.read import read_config
from evaluation.errors import Fault, raise_if_any
from evaluation.execution.kernels import EngineName
from evaluation.execution.parameters import Parameter, read_parameters, suggest, value_problem

REPORTS_FILE = "reports.yml"
LANGUAGES = ("id", "en")
DEFAULT_TIME_LIMIT = 300.0
"""Seconds for one page, where the file states none."""

DEFAULT_MEMORY_LIMIT = 2000.0
"""Megabytes for one notebook's process, where the file states none."""

LIMITS = {"time_limit_seconds": DEFAULT_TIME_LIMIT, "memory_limit_mb": DEFAULT_MEMORY_LIMIT}
TOP_ENTRIES = ("reports", "tables", *LIMITS)
Each = Literal["region"]
EACH_PARAMETER: Mapping[str, str] = {"region": "region_code"}
"""The parameter that differs between the pages of one report."""

WHY = "nothing could be made from this file as it was meant"
REMEDY = "correct it in config/reports.yml"


@dataclass(frozen=True, kw_only=True)
class Report:
    """One entry of ``config/reports.yml``.

    Parameters
    ----------
    name
        Its key in the file.
    notebook
        File name in ``notebooks/``, without ending.
    languages
        Languages of its pages.
    output
        Path of a page below ``reports/`` for each language; ``{region_code}`` stands for each region.
    parameters
        Values that differ from the notebook's own.
    each
        ``"region"`` for a page for each region.
    after
        Reports that must have been made before.
    writes
        Tables below ``data/processed/`` that its notebook writes.
    engine
        ``"ordinary"`` for a notebook that needs a real kernel (widgets, text printed by C libraries).
    aliases
        Other names under which users may give a parameter.
    time_limit_seconds
        Seconds that one of its pages may take; those of the whole list when None.
    declared
        The parameters that its notebook declares.
    unreadable
        Why its notebook cannot be read; empty when it can.
    """

    name: str
    notebook: str
    languages: tuple[str, ...]
    output: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    each: Each | None = None
    after: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    engine: EngineName | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    time_limit_seconds: float | None = None
    declared: Mapping[str, Parameter] = field(default_factory=dict)
    unreadable: str = ""

    def standard(self, name: str) -> Any:
        """Return the value that a parameter has where none is given."""
        if name in self.parameters or not self.declared[name].default:
            return self.parameters.get(name)
        return ast.literal_eval(self.declared[name].default)

    def told(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the given values that make a page what it is: one that is the standard one changes nothing."""
        varying = EACH_PARAMETER[self.each] if self.each else ""
        return {
            name: value
            for name, value in values.items()
            if name == varying or name not in self.declared or value != self.standard(name)
        }


@dataclass(frozen=True, kw_only=True)
class ReportList:
    """All of ``config/reports.yml``.

    Parameters
    ----------
    reports
        The reports by name, in the order of the file.
    tables
        Tables that the library keeps in ``data/processed/``, made before any page.
    time_limit
        Seconds that one page may take.
    memory_limit
        Megabytes that one notebook's process may take.
    """

    reports: Mapping[str, Report]
    tables: tuple[str, ...] = ()
    time_limit: float = DEFAULT_TIME_LIMIT
    memory_limit: float = DEFAULT_MEMORY_LIMIT


def load_reports(config_dir: Path, notebooks_dir: Path) -> ReportList:
    """Read and check ``config/reports.yml``.

    Raises
    ------
    BadInputError
        With all faults: unknown notebook, missing language or output, circular order, two pages with one
        path, a parameter that the notebook does not declare.
    """
    path = config_dir / REPORTS_FILE
    content = read_config(path, why=WHY)
    raise_if_any(_shape_faults(content))
    entries = content["reports"]
    raise_if_any(fault for name, entry in entries.items() for fault in _entry_faults(name, entry))
    reports = {name: _report(name, entry, notebooks_dir) for name, entry in entries.items()}
    raise_if_any(
        [
            *(fault for report in reports.values() for fault in _report_faults(report)),
            *_order_faults(reports),
            *_collision_faults(reports.values()),
        ]
    )
    return ReportList(
        reports=reports,
        tables=tuple(content.get("tables", ())),
        time_limit=float(content.get("time_limit_seconds", DEFAULT_TIME_LIMIT)),
        memory_limit=float(content.get("memory_limit_mb", DEFAULT_MEMORY_LIMIT)),
    )


def _fault(where: str, what: str) -> Fault:
    return Fault(where=f"config/{REPORTS_FILE}{where and ', ' + where}", what=what, why=WHY, remedy=REMEDY)


def _shape_faults(content: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(content.get("reports"), dict):
        yield _fault("", "it must hold a mapping `reports`")
        return
    for key in sorted(set(content) - set(TOP_ENTRIES)):
        yield _fault(key, f"unknown entry; known: {', '.join(TOP_ENTRIES)}")
    if not _is_texts(content.get("tables", [])):
        yield _fault("tables", f"must be a list of texts; got: {content['tables']!r}")
    for name, usual in LIMITS.items():
        if problem := _limit_problem(content.get(name, usual)):
            yield _fault(name, problem)


def _limit_problem(limit: Any) -> str:
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 < limit < math.inf:
        return f"must be a number above zero; got: {limit!r}"
    return ""


def _entry_faults(name: str, entry: Any) -> Iterator[Fault]:
    if not isinstance(entry, dict):
        yield _fault(name, f"must be a mapping; got: {entry!r}")
        return
    known = {item.name for item in fields(Report)} - {"name", "declared", "unreadable"}
    for key in sorted(set(entry) - known):
        yield _fault(name, f"unknown entry {key!r}{suggest(key, known)}")
    for key in ("notebook", "languages", "output"):
        if not entry.get(key):
            yield _fault(name, f"{key} is missing")
    for key in ("languages", "after", "writes"):
        if not _is_texts(entry.get(key, [])):
            yield _fault(name, f"{key} must be a list of texts; got: {entry[key]!r}")
    for key in ("parameters", "aliases"):
        if not isinstance(entry.get(key, {}), dict):
            yield _fault(name, f"{key} must be a mapping; got: {entry[key]!r}")
    yield from _option_faults(name, entry)


def _option_faults(name: str, entry: Mapping[str, Any]) -> Iterator[Fault]:
    for key, allowed in (("each", get_args(Each)), ("engine", get_args(EngineName))):
        if entry.get(key) not in (None, *allowed):
            yield _fault(name, f"{key} must be one of {', '.join(allowed)}; got: {entry[key]!r}")
    if "time_limit_seconds" in entry and (problem := _limit_problem(entry["time_limit_seconds"])):
        yield _fault(name, f"time_limit_seconds {problem}")
    output = entry.get("output", "")
    patterns = list(output.values()) if isinstance(output, dict) else [output]
    if not _is_texts(patterns):
        yield _fault(name, f"output must be a path, or one a language; got: {output!r}")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _report(name: str, entry: Mapping[str, Any], notebooks_dir: Path) -> Report:
    languages = tuple(entry["languages"])
    output = entry["output"]
    patterns = output if isinstance(output, dict) else {language: output for language in languages}
    declared, unreadable = _read_declared(notebooks_dir, entry["notebook"])
    return Report(
        name=name,
        notebook=entry["notebook"],
        languages=languages,
        output=patterns,
        parameters=entry.get("parameters", {}),
        each=entry.get("each"),
        after=tuple(entry.get("after", ())),
        writes=tuple(entry.get("writes", ())),
        engine=entry.get("engine"),
        aliases=entry.get("aliases", {}),
        time_limit_seconds=entry.get("time_limit_seconds"),
        declared=declared,
        unreadable=unreadable,
    )


def _read_declared(notebooks_dir: Path, name: str) -> tuple[dict[str, Parameter], str]:
    """Return what a notebook declares, and why it cannot be read, if so."""
    path = notebooks_dir / f"{name}.ipynb"
    if not path.is_file():
        known = [path.stem for path in notebooks_dir.glob("*.ipynb")]
        return {}, f"no notebook {name!r}{suggest(name, known)}"
    try:
        return read_parameters(path), ""
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as problem:
        return (
            {},
            f"notebooks/{path.name} is not readable as a notebook: {' '.join(str(problem).split())[:200]}",
        )


def _report_faults(report: Report) -> Iterator[Fault]:
    if report.unreadable:
        yield _fault(report.name, report.unreadable)
        return
    for language in sorted(set(report.languages) - set(LANGUAGES)):
        yield _fault(report.name, f"unknown language {language!r}; known: {', '.join(LANGUAGES)}")
    for language in report.languages:
        yield from _output_faults(report, language)
    yield from _parameter_faults(report)


def _output_faults(report: Report, language: str) -> Iterator[Fault]:
    pattern = report.output.get(language)
    if not pattern:
        yield _fault(report.name, f"no output for language {language!r}")
        return
    allowed = {"language", EACH_PARAMETER[report.each]} if report.each else {"language"}
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
    except ValueError:
        yield _fault(report.name, f"output has an unpaired brace: {pattern!r}")
        return
    for name in sorted(used - allowed):
        yield _fault(report.name, f"output names {{{name}}}; known: {', '.join(sorted(allowed))}")
    if report.each and EACH_PARAMETER[report.each] not in used:
        yield _fault(report.name, f"output must name {{{EACH_PARAMETER[report.each]}}}: one page a region")
    if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
        yield _fault(report.name, f"output must lie below reports/; got: {pattern!r}")


def _parameter_faults(report: Report) -> Iterator[Fault]:
    for name, value in report.parameters.items():
        if name not in report.declared:
            hint = suggest(name, report.declared)
            yield _fault(report.name, f"{report.notebook} has no parameter {name!r}{hint}")
        elif problem := value_problem(report.declared[name], value):
            yield _fault(report.name, problem)
    for alias, name in report.aliases.items():
        if name not in report.declared or alias in report.declared:
            yield _fault(
                report.name, f"aliases must lead from a new name to a parameter; got: {alias}: {name}"
            )
    if report.each and EACH_PARAMETER[report.each] not in report.declared:
        yield _fault(report.name, f"{report.notebook} has no parameter {EACH_PARAMETER[report.each]!r}")
    if len(report.languages) > 1 and "language" not in report.declared:
        yield _fault(report.name, f"{report.notebook} has no parameter 'language', but several languages")


def _order_faults(reports: Mapping[str, Report]) -> Iterator[Fault]:
    for report in reports.values():
        for name in report.after:
            if name not in reports:
                yield _fault(report.name, f"after names no report: {name!r}{suggest(name, reports)}")
    circle = _circle(reports)
    if circle:
        yield _fault(circle[0], f"each waits for the next: {' -> '.join([*circle, circle[0]])}")


def _circle(reports: Mapping[str, Report]) -> list[str]:
    """Return reports that can never start because they wait for each other, or nothing."""
    waiting = {name: {item for item in report.after if item in reports} for name, report in reports.items()}
    while startable := [name for name, before in waiting.items() if not before]:
        for name in startable:
            del waiting[name]
        for before in waiting.values():
            before.difference_update(startable)
    path: list[str] = []
    name = min(waiting, default="")
    while name and name not in path:
        path.append(name)
        name = min(waiting[name])
    return path[path.index(name) :] if path else []


def _collision_faults(reports: Iterable[Report]) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for report in reports:
        for language in report.languages:
            pattern = report.output.get(language, "").replace("{language}", language)
            if pattern and pattern in seen:
                yield _fault(report.name, f"{pattern} is also made by {seen[pattern]}")
            seen[pattern] = f"{report.name} ({language})"
