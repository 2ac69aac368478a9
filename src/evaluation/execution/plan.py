"""The targets of a run: which notebook with which parameters makes which page, in which order.

Everything a user asked for is checked here, before anything runs. A prerequisite that was not asked for is part
of the plan; whether it or any other target really needs making is seen later (`evaluation.execution.freshness`).

Belongs here: choosing and naming targets. Does not belong here: reading what was asked for
(`evaluation.execution.selection`) or running targets (`evaluation.execution.runner`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.errors import UsageError
from evaluation.execution.kernels import EngineName
from evaluation.execution.reports import EACH_PARAMETER, Report, load_reports
from evaluation.execution.selection import Only, Selection, select, select_reports
from evaluation.studies.project import Project, region_codes


@dataclass(frozen=True, kw_only=True)
class Target:
    """One page to make.

    Parameters
    ----------
    name
        ``report:language``, and for a region's page ``report:language:region_code``.
    report
        The report it belongs to.
    notebook
        The notebook's path.
    language
        ``"id"`` or ``"en"``.
    parameters
        The values injected into the notebook.
    output
        The page's path.
    after
        Names of targets that must have been made before.
    writes
        Tables that the notebook writes.
    group
        Pages of one group come from one execution of the analysis.
    forced
        Whether it is made although it stands.
    engine
        The engine its notebook needs, if any.
    time_limit
        Seconds that it may take, where its report states its own.
    """

    name: str
    report: str
    notebook: Path
    language: str
    parameters: Mapping[str, Any]
    output: Path
    after: tuple[str, ...] = ()
    writes: tuple[Path, ...] = ()
    group: str = ""
    forced: bool = False
    engine: EngineName | None = None
    time_limit: float | None = None

    @property
    def written(self) -> list[str]:
        """The tables that the notebook writes, relative to the project, as files of records are."""
        root = self.notebook.parents[1]
        return [path.relative_to(root).as_posix() for path in self.writes]

    @property
    def file_stem(self) -> str:
        """The name as a file name on any system."""
        return self.name.replace(":", ".")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All targets of a run, in an order in which they can be made.

    Parameters
    ----------
    targets
        The targets.
    time_limit
        Seconds for each that states none of its own.
    memory_limit
        Megabytes for the process of each.
    tables
        Tables that the library keeps and pages read, made before any page.
    reports
        All reports that are listed, whether they have targets here or not.
    """

    targets: tuple[Target, ...]
    time_limit: float
    memory_limit: float
    reports: Mapping[str, Report]
    tables: tuple[str, ...] = ()

    def as_rows(self, root: Path) -> list[dict[str, Any]]:
        """Return one mapping a target in plain values, paths relative to a folder."""
        return [
            {
                "target": target.name,
                "notebook": target.notebook.relative_to(root).as_posix(),
                "language": target.language,
                "parameters": dict(target.parameters),
                "output": target.output.relative_to(root).as_posix(),
                "after": list(target.after),
            }
            for target in self.targets
        ]


def build_plan(
    project: Project,
    *,
    notebook: str | None = None,
    parameters: Sequence[tuple[str, str]] = (),
    rows: Path | None = None,
    regions: Sequence[str] | None = None,
    only: Only | None = None,
    languages: Sequence[str] | None = None,
    force: bool = False,
) -> Plan:
    """Return the targets to make.

    Parameters
    ----------
    project
        The checkout.
    notebook
        A notebook or report; all when None.
    parameters
        Names and texts as typed, for `notebook`.
    rows
        A CSV file with a row of parameters for each page, for `notebook`.
    regions
        Codes of the regions to make pages of; all when None. National pages do not depend on it.
    only
        ``"national"`` or ``"regions"``; both when None.
    languages
        Languages; all when None.
    force
        Make all of them, also those that stand; so it is where parameters are given.

    Raises
    ------
    UsageError
        When the notebook, a parameter, a region or a language does not exist, or nothing would be made.
    BadInputError
        When ``config/reports.yml`` is faulty.
    """
    listed = load_reports(project.config_dir, project.notebooks_dir)
    asked = select_reports(listed.reports, notebook=notebook, only=only)
    if (parameters or rows) and notebook is None:
        raise UsageError(
            "-p needs a notebook, and so does --parameters: evaluation run NOTEBOOK -p NAME VALUE"
        )
    selections = select(
        project, asked, parameters=parameters, rows=rows, regions=regions, languages=languages
    )
    maker = _TargetMaker(project=project, reports=listed.reports, forced=bool(force or parameters or rows))
    chosen = [target for selection in selections for target in maker.targets(selection)]
    if not chosen:
        raise UsageError("Nothing to make: no report has these languages and regions.")
    targets = [*maker.prerequisites(asked), *chosen]
    _refuse_incomplete(targets, listed.reports)
    return Plan(
        targets=_in_order(targets),
        time_limit=listed.time_limit,
        memory_limit=listed.memory_limit,
        reports=listed.reports,
        tables=listed.tables,
    )


def _refuse_incomplete(targets: Iterable[Target], reports: Mapping[str, Report]) -> None:
    """Raise `UsageError` when a parameter without a value of its own was given none."""
    missing = {
        f"  {report.notebook}: {parameter.describe()}"
        for target in targets
        for report in [reports[target.report]]
        for name, parameter in report.declared.items()
        if not parameter.default and name not in target.parameters
    }
    if missing:
        lines = "\n".join(sorted(missing))
        raise UsageError(
            f"These parameters are missing; nothing was run. Give them with -p NAME VALUE:\n{lines}"
        )


def standard_outputs(reports: Mapping[str, Report], project: Project) -> dict[str, Path]:
    """Return the page of every target that there can be with standard parameters, by its name."""
    found: dict[str, Path] = {}
    for report in reports.values():
        varying = EACH_PARAMETER[report.each] if report.each else ""
        for language in report.languages:
            for value in region_codes(project) if varying else ("",):
                name = ":".join(part for part in (report.name, language, value) if part)
                place = report.output[language].format_map({"language": language, varying: value})
                found[name] = project.reports_dir / place
    return found


@dataclass(frozen=True, kw_only=True)
class _TargetMaker:
    """Turns reports into targets."""

    project: Project
    reports: Mapping[str, Report]
    forced: bool = False

    def targets(self, selection: Selection) -> list[Target]:
        """Return the targets of all selected reports."""
        return [
            target for report in selection.reports.values() for target in self._of_report(report, selection)
        ]

    def prerequisites(self, asked: Mapping[str, Report]) -> list[Target]:
        """Return a target of each report that was not asked for and that the asked ones wait for."""
        needed: list[Target] = []
        for name in _upstream(asked, self.reports):
            report = self.reports[name]
            every = Selection(reports={}, regions=(), languages=report.languages[:1])
            needed += replace(self, forced=False)._of_report(report, every)
        return needed

    def _of_report(self, report: Report, selection: Selection) -> list[Target]:
        languages = [language for language in report.languages if language in selection.languages]
        variants = (
            [{EACH_PARAMETER[report.each]: code} for code in selection.regions] if report.each else [{}]
        )
        return [
            self._target(report, language, {**selection.values, **variant})
            for variant in variants
            for language in languages
        ]

    def _target(self, report: Report, language: str, values: Mapping[str, Any]) -> Target:
        own = {"language": language} if "language" in report.declared else {}
        varying = values[EACH_PARAMETER[report.each]] if report.each else ""
        place = Path(report.output[language].format_map({"language": language, **values}))
        variant = _variant(report, values)
        place = place.with_stem("-".join([place.stem, *variant]))
        return Target(
            name=":".join(part for part in (report.name, language, varying, *variant) if part),
            report=report.name,
            notebook=self.project.notebooks_dir / f"{report.notebook}.ipynb",
            language=language,
            parameters={**report.parameters, **report.told(values), **own},
            output=self.project.reports_dir / place,
            after=report.after,
            writes=tuple(self.project.processed_dir / table for table in report.writes),
            group=":".join([report.name, varying, *variant]),
            forced=self.forced,
            engine=report.engine,
            time_limit=report.time_limit_seconds,
        )


def _variant(report: Report, values: Mapping[str, Any]) -> list[str]:
    """Return what tells a page with other than the standard parameters from the standard page, which it must not replace.

    Parameters that stand in the page's path already, and values equal to the standard ones, tell nothing.
    """
    place = EACH_PARAMETER[report.each] if report.each else ""
    return [
        f"{name}-{_slug(value)}"
        for name, value in sorted(report.told(values).items())
        if name != place and name in report.declared
    ]


def _slug(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", str(value)).strip("-")


def _upstream(asked: Mapping[str, Report], reports: Mapping[str, Report]) -> list[str]:
    """Return the reports that the asked ones wait for, directly or not, without the asked ones."""
    found: list[str] = []
    waiting = [name for report in asked.values() for name in report.after]
    while waiting:
        name = waiting.pop(0)
        if name not in found and name not in asked:
            found.append(name)
            waiting += reports[name].after
    return found


def _in_order(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Resolve the reports each target waits for into targets, and sort so that each follows those."""
    listed = list(targets)
    by_report: dict[str, list[str]] = {}
    for target in listed:
        by_report.setdefault(target.report, []).append(target.name)
    resolved = [replace(target, after=_target_names(target, by_report)) for target in listed]
    ordered: list[Target] = []
    placed: set[str] = set()
    while resolved:
        ready = [target for target in resolved if placed.issuperset(target.after)]
        ordered += ready
        placed |= {target.name for target in ready}
        resolved = [target for target in resolved if target.name not in placed]
    return tuple(ordered)


def _target_names(target: Target, by_report: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the targets of this run that a target waits for; reports that need no making fall out."""
    names = [name for report in target.after for name in by_report.get(report, [])]
    return tuple(dict.fromkeys(names))
