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
    INDEX_CODE,
    REGION_BESIDE,
    REGION_COMPARISON,
    REGION_GROUPS,
    REGION_INDICATORS,
    REGION_SERIES,
    REGION_STANDING,
    SERIES_CHANGES,
    SERIES_SCORES,
    TableSchema,
)
from evaluation.studies import processed
from evaluation.studies.kept import rows_sum
from evaluation.studies.profile import RegionProfile
from evaluation.studies.project import Project
from evaluation.studies.reads import note, unrecorded

REGION_TABLES = (
    REGION_GROUPS,
    REGION_STANDING,
    REGION_INDICATORS,
    REGION_BESIDE,
    REGION_SERIES,
    REGION_COMPARISON,
    SERIES_SCORES,
    SERIES_CHANGES,
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
        frames = _rows(project, region_code, edition)
        catalog = project.catalog
        corrections = tuple(one for one in project.corrections if one.region_code == region_code)
    note(f"region:{edition}:{region_code}", fingerprint([str(rows_sum(frame)) for frame in frames]))
    (groups, standing, indicators, beside, series, comparison, scores_over_time, changes), rest = (
        frames[: len(REGION_TABLES)],
        frames[len(REGION_TABLES) :],
    )
    region, cohort, entries, _ = rest
    return RegionProfile(
        region=region.set_index("region_code").iloc[0],
        groups=groups.iloc[0],
        edition_year=edition,
        pillars=_in_order(standing, "code", (*catalog.pillars, INDEX_CODE)),
        indicators=_in_order(indicators, "dimension", tuple(catalog.dimensions)),
        beside=_in_order(beside, "indicator", tuple(catalog.indicators)),
        series=series,
        comparison=comparison,
        scores_over_time=_in_order(scores_over_time, "code", tuple(catalog.pillars)),
        changes=_in_order(changes, "pillar", tuple(catalog.pillars)),
        cohort=cohort.iloc[0],
        entries=entries,
        corrections=corrections,
    )


def region_states(project: Project, edition: int) -> dict[str, str]:
    """Return, for every region, what `read_profile` would note now."""
    with unrecorded():
        return _states(_frames(project, edition), project.registry.codes)


def region_data_date(project: Project, region_code: str) -> str:
    """Return the day the latest dated figure of a region was received, empty where none is dated."""
    with unrecorded():
        (groups,) = processed.region_rows(project, [REGION_GROUPS], region_code)
    return str(groups["data_date"].iloc[0])


def _rows(project: Project, region_code: str, edition: int) -> list[pd.DataFrame]:
    """Return one region's rows of every table in `_frames`."""
    programme = project.programme
    rows = processed.region_rows(project, REGION_TABLES, region_code)
    tables = [_of_edition(table, schema, edition) for table, schema in zip(rows, REGION_TABLES, strict=True)]
    whole = (project.registry.table, programme.cohorts, programme.entries, _corrections(project))
    frames = [*tables, *(frame[frame["region_code"] == region_code] for frame in whole)]
    return [frame.reset_index(drop=True) for frame in frames]


def _frames(project: Project, edition: int) -> list[pd.DataFrame]:
    """Return every table that a region's page reads from, for all regions."""
    programme = project.programme
    tables = [
        _of_edition(processed.region_table(project, schema), schema, edition) for schema in REGION_TABLES
    ]
    return [*tables, project.registry.table, programme.cohorts, programme.entries, _corrections(project)]


def _corrections(project: Project) -> pd.DataFrame:
    """Return the records of corrections, for their state: what they do to figures stands in the tables."""
    rows = [(record.region_code, record.model_dump_json()) for record in project.corrections]
    return pd.DataFrame(rows, columns=["region_code", "record"], dtype="str")


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
