"""What one region's page reads: its rows of the tables of standing, noted as one read.

Belongs here: slicing kept tables by region, and the state of a slice. Does not belong here: computing the tables
(`evaluation.studies.standing`).
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.errors import UsageError
from evaluation.provenance import fingerprint
from evaluation.schema import (
    REGION_BESIDE,
    REGION_COMPARISON,
    REGION_GROUPS,
    REGION_INDICATORS,
    REGION_SERIES,
    REGION_STANDING,
    TableSchema,
)
from evaluation.studies import processed
from evaluation.studies.profile import RegionProfile
from evaluation.studies.project import Project
from evaluation.studies.reads import note, unrecorded
from evaluation.studies.scores import INDEX_CODE

REGION_TABLES = (
    REGION_GROUPS,
    REGION_STANDING,
    REGION_INDICATORS,
    REGION_BESIDE,
    REGION_SERIES,
    REGION_COMPARISON,
)
BY_EDITION = (REGION_STANDING, REGION_INDICATORS, REGION_BESIDE)
"""Tables in which the year is that of an edition."""


def read_profile(project: Project, region_code: str, *, edition: int) -> RegionProfile:
    """Return one region's profile, and note that its rows were read and no others.

    Raises
    ------
    UsageError
        When there is no such region or edition.
    """
    with unrecorded():
        processed.check_edition(project, edition)
        if region_code not in project.registry.by_code.index:
            raise UsageError(
                f"region_code {region_code!r} is not in config/regions.csv; it is a BPS code of four digits like 3273"
            )
        frames = [
            frame[frame["region_code"] == region_code].reset_index(drop=True)
            for frame in _frames(project, edition)
        ]
        catalog = project.catalog
    note(f"region:{edition}:{region_code}", _states(frames, [region_code])[region_code])
    groups, standing, indicators, beside, series, comparison, region, cohort, entries = frames
    return RegionProfile(
        region=region.set_index("region_code").iloc[0],
        groups=groups.iloc[0],
        edition_year=edition,
        pillars=_in_order(standing, "code", (*catalog.pillars, INDEX_CODE)),
        indicators=_in_order(indicators, "dimension", tuple(catalog.dimensions)),
        beside=_in_order(beside, "indicator", tuple(catalog.indicators)),
        series=series,
        comparison=comparison,
        cohort=cohort.iloc[0],
        entries=entries,
    )


def region_states(project: Project, edition: int) -> dict[str, str]:
    """Return, for every region, what `read_profile` would note now."""
    with unrecorded():
        return _states(_frames(project, edition), project.registry.codes)


def region_data_date(project: Project, region_code: str) -> str:
    """Return the day the latest dated figure of a region was received, empty where none is dated."""
    with unrecorded():
        groups = processed.region_table(project, REGION_GROUPS)
    return str(groups.loc[groups["region_code"] == region_code, "data_date"].iloc[0])


def _frames(project: Project, edition: int) -> list[pd.DataFrame]:
    """Return every table that a region's page reads from, for all regions."""
    programme = project.programme
    tables = [
        _of_edition(processed.region_table(project, schema), schema, edition) for schema in REGION_TABLES
    ]
    return [*tables, project.registry.table, programme.cohorts, programme.entries]


def _of_edition(table: pd.DataFrame, schema: TableSchema, edition: int) -> pd.DataFrame:
    return table[table["year"] == edition] if schema in BY_EDITION else table


def _states(frames: Sequence[pd.DataFrame], codes: Sequence[str]) -> dict[str, str]:
    """Return one hash a region over its rows of all tables, whatever rows the others have."""
    sums = [
        pd.util.hash_pandas_object(frame, index=False)
        .groupby(frame["region_code"].to_numpy())
        .sum()
        .to_dict()
        for frame in frames
    ]
    return {code: fingerprint([str(one.get(code, 0)) for one in sums]) for code in codes}


def _in_order(rows: pd.DataFrame, column: str, order: Sequence[str]) -> pd.DataFrame:
    place = {name: position for position, name in enumerate(order)}
    return rows.sort_values(column, key=lambda names: names.map(place), kind="stable").reset_index(drop=True)
