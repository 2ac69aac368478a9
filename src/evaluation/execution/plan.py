"""The targets of a run: which notebook with which parameters makes which page, in which order.

Everything a user asked for is checked here, before anything runs. A prerequisite that was not asked for is
part of the plan only when its tables are not those of the present data, configuration and code.

Belongs here: choosing and naming targets, their fingerprints. Does not belong here: running them
(`evaluation.execution.runner`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import evaluation
from evaluation.errors import UsageError
from evaluation.execution.journal import TargetRecord, read_journal
from evaluation.execution.kernels import EngineName
from evaluation.execution.parameters import parse_parameters, suggest
from evaluation.execution.reports import EACH_PARAMETER, LANGUAGES, Report, load_reports
from evaluation.provenance import FINGERPRINT_DIGITS, fingerprint, fingerprint_files, package_versions
from evaluation.studies.project import Project, region_codes

Only = Literal["national", "regions"]
PRINTING_PACKAGES = ("babel", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "statsmodels")
"""Packages whose version can change what a page shows."""

CONFIGURED: Mapping[str, Callable[[Project], Sequence[Any]]] = {
    "edition": lambda project: project.catalog.framework.edition_years,
}
"""Parameters whose allowed values stand in the configuration."""

CODE_SUFFIXES = {".py", ".po", ".j2", ".css", ".js", ".json"}
SHOWN_UNKNOWN = 10


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
    fingerprint
        Identifies everything the page is made from.
    engine
        The engine its notebook needs, if any.
    """

    name: str
    report: str
    notebook: Path
    language: str
    parameters: Mapping[str, Any]
    output: Path
    after: tuple[str, ...] = ()
    writes: tuple[Path, ...] = ()
    fingerprint: str = ""
    engine: EngineName | None = None

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
        Seconds for each.
    """

    targets: tuple[Target, ...]
    time_limit: float

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
                "fingerprint": target.fingerprint,
            }
            for target in self.targets
        ]


@dataclass(frozen=True, kw_only=True)
class _Selection:
    """What was asked for, checked."""

    reports: Mapping[str, Report]
    regions: tuple[str, ...]
    languages: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


def build_plan(
    project: Project,
    *,
    notebook: str | None = None,
    parameters: Sequence[tuple[str, str]] = (),
    regions: Sequence[str] | None = None,
    only: Only | None = None,
    languages: Sequence[str] | None = None,
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
    regions
        Codes of the regions to make pages of; all when None. National pages do not depend on it.
    only
        ``"national"`` or ``"regions"``; both when None.
    languages
        Languages; all when None.

    Raises
    ------
    UsageError
        When the notebook, a parameter, a region or a language does not exist, or nothing would be made.
    BadInputError
        When ``config/reports.yml`` is faulty.
    """
    listed = load_reports(project.config_dir, project.notebooks_dir)
    asked = _select(listed.reports, notebook=notebook, only=only)
    if parameters and notebook is None:
        raise UsageError("-p needs a notebook: evaluation run NOTEBOOK -p NAME VALUE")
    values = _typed(asked, parameters)
    _check_configured(project, values)
    selection = _Selection(
        reports=asked,
        regions=_checked_regions(project, _narrowed(regions, values, "region_code", "--region")),
        languages=_checked_languages(_narrowed(languages, values, "language", "--language")),
        values=values,
    )
    maker = _TargetMaker(project=project, reports=listed.reports)
    chosen = maker.targets(selection)
    if not chosen:
        raise UsageError("Nothing to make: no report has these languages and regions.")
    needed = maker.prerequisites(asked)
    return Plan(targets=_in_order([*needed, *chosen]), time_limit=listed.time_limit)


def _select(reports: Mapping[str, Report], *, notebook: str | None, only: Only | None) -> dict[str, Report]:
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


def _typed(reports: Mapping[str, Report], parameters: Sequence[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for report in reports.values():
        values |= parse_parameters(parameters, report.declared, notebook=report.notebook)
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
        lines = [f"  {code}{suggest(code, known)}" for code in unknown[:SHOWN_UNKNOWN]]
        raise UsageError(
            "These region codes are not in config/regions.csv (four digits, BPS):\n" + "\n".join(lines)
        )
    return tuple(dict.fromkeys(asked))


def _checked_languages(asked: Sequence[str] | None) -> tuple[str, ...]:
    unknown = sorted(set(asked or ()) - set(LANGUAGES))
    if unknown:
        raise UsageError(f"Unknown language {', '.join(unknown)}; known: {', '.join(LANGUAGES)}")
    return LANGUAGES if asked is None else tuple(dict.fromkeys(asked))


@dataclass(frozen=True, kw_only=True)
class _TargetMaker:
    """Turns reports into targets."""

    project: Project
    reports: Mapping[str, Report]

    @cached_property
    def inputs(self) -> str:
        """Fingerprint of data, configuration, code and the packages that print."""
        return inputs_fingerprint(self.project)

    @cached_property
    def records(self) -> dict[str, TargetRecord]:
        """What the journal knows of earlier runs."""
        return read_journal(self.project.processed_dir)

    def targets(self, selection: _Selection) -> list[Target]:
        """Return the targets of all selected reports."""
        return [
            target for report in selection.reports.values() for target in self._of_report(report, selection)
        ]

    def prerequisites(self, asked: Mapping[str, Report]) -> list[Target]:
        """Return targets of reports not asked for, whose tables are missing or not of these inputs."""
        needed: list[Target] = []
        for name in _upstream(asked, self.reports):
            every = _Selection(reports={}, regions=(), languages=self.reports[name].languages)
            candidates = self._of_report(self.reports[name], every)
            if not any(self._is_current(target) for target in candidates):
                needed += candidates[:1]
        return needed

    def _is_current(self, target: Target) -> bool:
        record = self.records.get(target.name)
        return (
            record is not None
            and record.status == "ok"
            and record.fingerprint == target.fingerprint
            and all(path.is_file() for path in (target.output, *target.writes))
        )

    def _of_report(self, report: Report, selection: _Selection) -> list[Target]:
        languages = [language for language in report.languages if language in selection.languages]
        variants = (
            [{EACH_PARAMETER[report.each]: code} for code in selection.regions] if report.each else [{}]
        )
        targets: list[Target] = []
        for language in languages:
            for variant in variants:
                # notebooks that write the same tables run one after the other
                before = (targets[-1].name,) if report.writes and targets else ()
                targets.append(self._target(report, language, {**selection.values, **variant}, before))
        return targets

    def _target(
        self, report: Report, language: str, values: Mapping[str, Any], before: tuple[str, ...]
    ) -> Target:
        own = {"language": language} if "language" in report.declared else {}
        parameters = {**report.parameters, **values, **own}
        varying = values[EACH_PARAMETER[report.each]] if report.each else None
        notebook = self.project.notebooks_dir / f"{report.notebook}.ipynb"
        place = report.output[language].format_map({"language": language, **values})
        return Target(
            name=":".join(part for part in (report.name, language, varying) if part),
            report=report.name,
            notebook=notebook,
            language=language,
            parameters=parameters,
            output=self.project.reports_dir / place,
            after=(*report.after, *before),
            writes=tuple(self.project.processed_dir / table for table in report.writes),
            fingerprint=self._fingerprint(notebook, parameters, language),
            engine=report.engine,
        )

    def _fingerprint(self, notebook: Path, parameters: Mapping[str, Any], language: str) -> str:
        whole = fingerprint(self.inputs, notebook.read_bytes(), parameters, language)
        return whole[:FINGERPRINT_DIGITS]


def inputs_fingerprint(project: Project) -> str:
    """Return the fingerprint of all that every page may depend on: data, configuration, code, packages."""
    package = Path(evaluation.__file__).parent
    code = [path for path in package.rglob("*") if path.suffix in CODE_SUFFIXES]
    folders = (project.config_dir, project.raw_dir)
    received = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return fingerprint(
        fingerprint_files(code, root=package),
        fingerprint_files(received, root=project.root),
        package_versions(PRINTING_PACKAGES),
        list(sys.version_info[:3]),
    )


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
    own = by_report[target.report]
    names = [name for item in target.after for name in ([item] if item in own else by_report.get(item, []))]
    return tuple(dict.fromkeys(names))
