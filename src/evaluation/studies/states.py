"""What reads would give now: the other half of `evaluation.studies.reads`.

Belongs here: answering names noted by earlier reads. Does not belong here: noting them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import pandas as pd

from evaluation.provenance import fingerprint
from evaluation.schema import EDITION_FIGURES, ESTIMATES, IMPACT_CHECKS, INDICATORS, SCORES
from evaluation.studies import processed, reads
from evaluation.studies.kept import content_state, raw_state
from evaluation.studies.ministry import published_scores
from evaluation.studies.own_effects import EFFECT_TABLES, NOTED, effect_table, own_effects_states
from evaluation.studies.project import CONFIG_PARTS, Project, config_state
from evaluation.studies.regional import REGION_TABLES, region_states
from evaluation.studies.rosters import INCOMPLETE_YEARS, incomplete_years_state

_TABLES: dict[str, Callable[[Project], pd.DataFrame]] = {
    INDICATORS.name: processed.indicators,
    SCORES.name: processed.scores,
    EDITION_FIGURES.name: processed.edition_figures,
    ESTIMATES.name: processed.estimates,
    IMPACT_CHECKS.name: processed.impact_checks,
    **{schema.name: partial(effect_table, schema=schema) for schema in EFFECT_TABLES},
}
_SCHEMAS = {
    schema.name: schema
    for schema in (
        INDICATORS,
        SCORES,
        EDITION_FIGURES,
        ESTIMATES,
        IMPACT_CHECKS,
        *EFFECT_TABLES,
        *REGION_TABLES,
    )
}


def current(project: Project, names: Iterable[str]) -> dict[str, str]:
    """Return the state of each named read as it would be now; empty for a name that no longer stands for anything.

    Kept tables whose inputs changed are built, so that the answer is what a page would read.
    """
    wanted = sorted(set(names))
    with reads.unrecorded():
        regions = _region_states(project, wanted) | _own_effects_states(project, wanted)
        return {name: regions.get(name) or _state(project, name) for name in wanted}


def global_state(project: Project) -> str:
    """Return one hash over raw files and configuration: while it holds, no read can have changed."""
    return fingerprint(raw_state(project), [config_state(project, part) for part in CONFIG_PARTS])


def _region_states(project: Project, names: list[str]) -> dict[str, str]:
    editions = {int(name.split(":")[1]) for name in names if name.startswith("region:")}
    known = project.catalog.framework.edition_years
    return {
        f"region:{edition}:{code}": state
        for edition in sorted(editions)
        if edition in known
        for code, state in region_states(project, edition).items()
    }


def _own_effects_states(project: Project, names: list[str]) -> dict[str, str]:
    if not any(name.startswith(f"{NOTED}:") for name in names):
        return {}
    return {f"{NOTED}:{code}": state for code, state in own_effects_states(project).items()}


def _state(project: Project, name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "raw":
        return raw_state(project)
    if kind == "config" and rest in CONFIG_PARTS:
        return config_state(project, rest)
    if kind == "estimates":
        return processed.design_state(project, rest)
    if kind == "impact_checks":
        return processed.checks_state(project, rest)
    if kind == INCOMPLETE_YEARS:
        return incomplete_years_state(project)
    if kind == "ministry":
        return published_scores(project).region_state(rest)
    if kind == "table" and rest in _SCHEMAS:
        if rest in _TABLES:
            _TABLES[rest](project)
        else:
            processed.region_table(project, _SCHEMAS[rest])
        return content_state(project, _SCHEMAS[rest])
    return ""
