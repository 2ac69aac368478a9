"""Kept tables of joiners' own effects: read whole by the national page, by rows by a region's page.

Belongs here: keeping and reading them, and the state of a region's rows. Does not belong here: computing them
(`evaluation.studies.region_effects`, imported when a table is built).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from evaluation.provenance import fingerprint
from evaluation.schema import (
    COHORT_EFFECTS,
    EFFECT_SPREAD,
    REGION_DONORS,
    REGION_EFFECTS,
    REGION_GAPS,
    TableSchema,
)
from evaluation.studies import processed
from evaluation.studies.kept import keep, keep_rows, rows_sum
from evaluation.studies.project import Project, config_state
from evaluation.studies.reads import note, unrecorded

if TYPE_CHECKING:
    from evaluation.studies.region_effects import RegionEffects

OWN_TABLES = (REGION_EFFECTS, REGION_GAPS, REGION_DONORS)
"""Tables of which a region's page reads its rows."""
EFFECT_TABLES = (*OWN_TABLES, EFFECT_SPREAD, COHORT_EFFECTS)
NOTED = "own_effects"
"""Kind of read that a region's page notes, followed by the region's code."""


@dataclass(frozen=True)
class OwnEffects:
    """One region's rows of the tables of own effects, none where it never joined.

    Parameters
    ----------
    effects, gaps, donors
        Its rows of `region_effects`, `region_gaps` and `region_donors`.
    """

    effects: pd.DataFrame
    gaps: pd.DataFrame
    donors: pd.DataFrame


def effect_table(project: Project, schema: TableSchema) -> pd.DataFrame:
    """Return one of `EFFECT_TABLES` for all regions."""
    return keep(project, schema=schema, inputs=_inputs(project), build=partial(_build, project, schema))


def read_own_effects(project: Project, region_code: str) -> OwnEffects:
    """Return one region's rows, and note that these were read and no others."""
    with unrecorded():
        inputs = _inputs(project)
        frames = [
            keep_rows(
                project,
                schema=schema,
                inputs=inputs,
                build=partial(_build, project, schema),
                column="region_code",
                value=region_code,
            )
            for schema in OWN_TABLES
        ]
    note(f"{NOTED}:{region_code}", _state([rows_sum(frame) for frame in frames]))
    return OwnEffects(*frames)


def own_effects_states(project: Project) -> dict[str, str]:
    """Return, for every region, what `read_own_effects` would note now."""
    with unrecorded():
        sums = [_sums(effect_table(project, schema)) for schema in OWN_TABLES]
    return {code: _state([one.get(code, 0) for one in sums]) for code in project.registry.codes}


def _sums(frame: pd.DataFrame) -> dict[str, int]:
    """Return the sum of the hashes of each region's rows, modulo 2**64."""
    hashed = pd.util.hash_pandas_object(frame, index=False)
    return {
        str(code): int(one) for code, one in hashed.groupby(frame["region_code"].to_numpy()).sum().items()
    }


def _state(sums: Sequence[int]) -> str:
    return fingerprint([str(one) for one in sums])


def _inputs(project: Project) -> str:
    return fingerprint(
        processed.study_inputs(project, processed.OWN_EFFECTS), config_state(project, "region_effects")
    )


def _build(project: Project, schema: TableSchema) -> pd.DataFrame:
    found = _built(project.root, _inputs(project))
    tables = (found.effects, found.gaps, found.donors, found.spread, found.cohorts)
    return dict(zip((one.name for one in EFFECT_TABLES), tables, strict=True))[schema.name]


@lru_cache(maxsize=1)
def _built(root: Path, _inputs: str) -> RegionEffects:
    """Return all tables at once: they come from one computation, and each is kept by itself."""
    from evaluation.studies.building import studied_figures
    from evaluation.studies.region_effects import build_region_effects

    project = Project(root=root)
    return build_region_effects(project, studied_figures(project))
