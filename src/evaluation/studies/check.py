"""The check before anything runs: configuration and data, with every fault of both at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.catalog import Catalog
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.indicators import correction_faults, latest_vintage
from evaluation.programme import Programme
from evaluation.sources.bounds import read_bounds
from evaluation.sources.titles import read_titles
from evaluation.studies import processed
from evaluation.studies.audit import HDI_GOALPOSTS
from evaluation.studies.ministry_index import read_ministry_evaluation
from evaluation.studies.plan import StudyPlan
from evaluation.studies.plan_faults import WHY_PLAN, read_study_plan
from evaluation.studies.project import Project
from evaluation.studies.region_effects_plan import read_region_effects_plan

NEEDED_INDICATORS = {
    "population": "the size classes of peers and the weighted row of the plan",
    **dict.fromkeys(("hdi", *HDI_GOALPOSTS), "the recomputation of the human development index in the audit"),
}
"""Code to what the library uses it for by name."""


@dataclass(frozen=True)
class CheckSummary:
    """What was found in order.

    Parameters
    ----------
    lines
        One sentence each, for the terminal.
    """

    lines: tuple[str, ...]


def check_project(project: Project) -> CheckSummary:
    """Check configuration and data.

    Raises
    ------
    BadInputError
        With every fault of every file.
    """
    faults = list(configuration_faults(project))
    of_figures: list[Fault] = []
    observations = _collected(lambda: processed.observations(project), of_figures)
    if observations is not None and not faults:
        of_figures.extend(correction_faults(latest_vintage(observations), project.corrections))
    # figures are read with the registry and the catalogue, whose faults have been found before
    raise_if_any(dict.fromkeys([*faults, *of_figures]))
    catalog, plan = project.catalog, project.study_plan
    return CheckSummary(
        lines=(
            f"{len(project.registry.codes)} regions, {len(project.programme.entries)} entries of joining",
            f"{len(catalog.pillars)} pillars, {len(catalog.indicators)} indicators, "
            f"{len(catalog.with_use('scored'))} of them scored",
            f"{len(plan.designs)} designs and {len(plan.rows)} rows in the study plan",
            f"{len(observations)} figures of {observations['source'].nunique()} sources",
        )
    )


def configuration_faults(project: Project) -> tuple[Fault, ...]:
    """Return every fault of the files of ``config/`` and of what they say of each other, in the order of reading.

    What can only be read with the help of a file that is at fault is left for the next check.
    """
    faults: list[Fault] = []
    registry = _collected(lambda: project.registry, faults)
    catalog = _collected(lambda: project.catalog, faults)
    programme = _collected(lambda: project.programme, faults) if registry else None
    _collected(lambda: project.uncertainty, faults)
    if registry:
        _collected(lambda: read_ministry_evaluation(project.config_dir, regions=registry.codes), faults)
    plan = None
    if catalog and registry:
        _collected(lambda: project.corrections, faults)
    if catalog:
        plan = _collected(lambda: read_study_plan(project.config_dir, catalog, registry=registry), faults)
        faults.extend(_needed_indicator_faults(project.config_dir, catalog))
        _collected(lambda: read_bounds(project.config_dir, catalog), faults)
        _collected(lambda: read_titles(project.config_dir, catalog), faults)
    if plan:
        _collected(lambda: read_region_effects_plan(project.config_dir, plan), faults)
    if plan and programme:
        faults.extend(_joining_year_faults(project.config_dir, plan, programme))
    return tuple(faults)


def _needed_indicator_faults(config_dir: Path, catalog: Catalog) -> Iterator[Fault]:
    """Find indicators that the library calls by their code and the catalogue lacks."""
    for code, purpose in NEEDED_INDICATORS.items():
        if code not in catalog.indicators or not catalog.indicators[code].segments:
            yield Fault(
                where=str(config_dir / "indicators"),
                what=f"indicator {code!r} is absent or has no data",
                why=f"it is needed for {purpose}",
                remedy="keep it under this code; `use: available` shows it on no page",
            )


def _joining_year_faults(config_dir: Path, plan: StudyPlan, programme: Programme) -> Iterator[Fault]:
    """Find joining years that no design studies, and designs' years in which nobody joined."""
    path = config_dir / "study_plan.yml"
    planned = {year for design in (*plan.designs, *plan.other_cohorts) for year in design.joined}
    found = {int(year) for year in programme.entries["joined"]}
    for year in sorted(found - planned):
        yield Fault(
            where=f"{path}, designs",
            what=f"regions joined in {year} (config/cohorts.csv), and no design has that year",
            why=WHY_PLAN,
            remedy="add it to the `joined` of a design or of other_cohorts, or correct cohorts.csv",
        )
    for year in sorted(planned - found):
        yield Fault(
            where=f"{path}, designs",
            what=f"joining year {year} is planned, and nobody in config/cohorts.csv joined then",
            why=WHY_PLAN,
            remedy="correct the year, or take it out of the plan",
        )


def _collected(read: Callable[[], Any], faults: list[Fault]) -> Any:
    """Return what is read; keep its faults and return None when it cannot be."""
    try:
        return read()
    except BadInputError as error:
        faults.extend(error.faults)
        return None
