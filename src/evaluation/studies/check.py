"""The check before anything runs: configuration and data, with every fault of both at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.studies import processed
from evaluation.studies.estimates import study_plan
from evaluation.studies.project import Project


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
    faults: list[Fault] = []
    registry = _collected(lambda: project.registry, faults)
    catalog = _collected(lambda: project.catalog, faults)
    programme = _collected(lambda: project.programme, faults) if registry else None
    plan = _collected(lambda: study_plan(project), faults) if catalog else None
    observations = None
    if registry and catalog:
        observations = _collected(lambda: processed.observations(project), faults)
    raise_if_any(faults)
    assert observations is not None  # what could not be read is a fault, and has been raised
    assert programme is not None
    assert plan is not None
    return CheckSummary(
        lines=(
            f"{len(registry.codes)} regions, {len(programme.entries)} entries of joining",
            f"{len(catalog.pillars)} pillars, {len(catalog.indicators)} indicators, "
            f"{len(catalog.with_use('scored'))} of them scored",
            f"{len(plan.designs)} designs and {len(plan.rows)} rows in the study plan",
            f"{len(observations)} figures of {observations['source'].nunique()} sources",
        )
    )


def _collected(read: Callable[[], Any], faults: list[Fault]) -> Any:
    """Return what is read; keep its faults and return None when it cannot be."""
    try:
        return read()
    except BadInputError as error:
        faults.extend(error.faults)
        return None
