"""The tables that travel between the stages: their keys, columns and types, and the check that they hold.

Belongs here: what a table looks like. Does not belong here: what its numbers mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from evaluation.errors import Fault, raise_if_any

ColumnKind = Literal["code", "integer", "number", "text", "flag"]
_DTYPES: dict[ColumnKind, str] = {
    "code": "str",
    "integer": "int64",
    "number": "float64",
    "text": "str",
    "flag": "bool",
}

GRADES = ("A", "B", "C")
"""A: use it. B: use it with care. C: do not act on it; carried, but left out of scores and estimates."""

INDEX_CODE = "overall"
"""Code of the overall index among the codes of scores."""


@dataclass(frozen=True)
class TableSchema:
    """Name, key and columns of a table.

    Parameters
    ----------
    name
        Name of the table, and of its file in ``data/processed/``.
    key
        Columns that identify a row; the table is sorted by them.
    columns
        Column to kind, keys included, in order.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, ColumnKind]


OBSERVATIONS = TableSchema(
    name="observations",
    key=("source", "vintage", "region_code", "year", "variable"),
    columns={
        "source": "code",
        "vintage": "code",
        "region_code": "code",
        "year": "integer",
        "variable": "code",
        "value": "number",
        "unit": "text",
        "quality": "code",
        "quality_reason": "text",
    },
)

INDICATORS = TableSchema(
    name="indicators",
    key=("region_code", "year", "indicator"),
    columns={
        "region_code": "code",
        "year": "integer",
        "indicator": "code",
        "value": "number",
        "unit": "text",
        "quality": "code",
        "quality_reason": "text",
        "source": "code",
        "vintage": "code",
        "data_year": "integer",
        "window": "integer",
        "imputed": "flag",
    },
)

SCORES = TableSchema(
    name="scores",
    key=("spec", "region_code", "year", "level", "code"),
    columns={
        "spec": "code",
        "region_code": "code",
        "year": "integer",
        "level": "code",
        "code": "code",
        "score": "number",
        "band": "number",
        "coverage": "number",
        "n_indicators": "integer",
        "composition": "text",
        "quality": "code",
        "quality_reason": "text",
        "data_year_first": "number",
        "data_year_last": "number",
        "capped": "integer",
        "rank": "number",
        "rank_low": "number",
        "rank_median": "number",
        "rank_high": "number",
        "n_ranked": "number",
        "share_ranked": "number",
    },
)

SERIES_SCORES = TableSchema(
    name="series_scores",
    key=("series", "region_code", "year", "code"),
    columns={
        "series": "code",
        "region_code": "code",
        "year": "integer",
        "level": "code",
        "code": "code",
        "score": "number",
        "n_indicators": "integer",
        "composition": "text",
        "capped": "integer",
        "rank": "number",
        "rank_low": "number",
        "rank_median": "number",
        "rank_high": "number",
        "n_ranked": "number",
        "share_ranked": "number",
    },
)

SERIES_CHANGES = TableSchema(
    name="series_changes",
    key=("series", "region_code", "indicator"),
    columns={
        "series": "code",
        "region_code": "code",
        "pillar": "code",
        "indicator": "code",
        "year_before": "integer",
        "year_after": "integer",
        "value_before": "number",
        "value_after": "number",
        "score_before": "number",
        "score_after": "number",
        "contribution": "number",
    },
)

EDITION_FIGURES = TableSchema(
    name="edition_figures",
    key=("edition", "region_code", "indicator"),
    columns={
        "edition": "integer",
        "region_code": "code",
        "indicator": "code",
        "value": "number",
        "data_year": "integer",
        "age": "integer",
        "quality": "code",
        "quality_reason": "text",
    },
)

REGION_GROUPS = TableSchema(
    name="region_groups",
    key=("region_code",),
    columns={
        "region_code": "code",
        "population": "number",
        "population_year": "number",
        "population_class": "code",
        "peers": "code",
        "island_group": "code",
        "province": "code",
        "country": "code",
        "n_peers": "integer",
        "n_island_group": "integer",
        "n_province": "integer",
        "n_country": "integer",
        "data_date": "code",
        "study_role": "code",
    },
)

REGION_STANDING = TableSchema(
    name="region_standing",
    key=("region_code", "year", "code"),
    columns={
        **SCORES.columns,
        "peer_low": "number",
        "peer_high": "number",
        "peer_median": "number",
        "national_median": "number",
        "n_peers": "integer",
        "peers_median": "number",
        "island_group_median": "number",
        "province_median": "number",
        "country_median": "number",
    },
)

REGION_INDICATORS = TableSchema(
    name="region_indicators",
    key=("region_code", "year", "indicator"),
    columns={
        "region_code": "code",
        "year": "integer",
        "pillar": "code",
        "dimension": "code",
        "indicator": "code",
        "value": "number",
        "data_year": "number",
        "quality": "code",
        "quality_reason": "text",
        "score": "number",
        "peer_median": "number",
        "gap": "number",
        "better": "number",
        "n_peers": "integer",
        "ahead_of": "number",
    },
)

REGION_BESIDE = TableSchema(
    name="region_beside",
    key=("region_code", "year", "indicator"),
    columns={
        "region_code": "code",
        "year": "integer",
        "indicator": "code",
        "pillar": "code",
        "value": "number",
        "data_year": "integer",
        "quality": "code",
        "peer_median": "number",
    },
)

REGION_SERIES = TableSchema(
    name="region_series",
    key=("region_code", "indicator", "year"),
    columns={
        "region_code": "code",
        "indicator": "code",
        "year": "integer",
        "value": "number",
        "window": "integer",
        "peer_median": "number",
        "peer_q25": "number",
        "peer_q75": "number",
    },
)

REGION_COMPARISON = TableSchema(
    name="region_comparison",
    key=("region_code", "indicator", "year"),
    columns={
        "region_code": "code",
        "indicator": "code",
        "year": "integer",
        "value": "number",
        "comparison_mean": "number",
        "n_comparison": "integer",
    },
)

COHORTS = TableSchema(
    name="cohorts",
    key=("region_code",),
    columns={
        "region_code": "code",
        "joined": "number",
        "cohort": "number",
        "joined_again": "text",
        "citation": "text",
        "confidence": "code",
        "finished": "flag",
        "clean_control": "flag",
        "role": "code",
    },
)

ESTIMATES = TableSchema(
    name="estimates",
    key=("design", "row", "estimator", "outcome", "parameter", "region_code", "cohort", "year", "event_time"),
    columns={
        "design": "code",
        "row": "code",
        "estimator": "code",
        "outcome": "code",
        "parameter": "code",
        "region_code": "code",
        "cohort": "number",
        "year": "number",
        "event_time": "number",
        "estimate": "number",
        "std_error": "number",
        "conf_low": "number",
        "conf_high": "number",
        "band": "code",
        "p_value": "number",
        "p_adjusted": "number",
        "mde": "number",
        "n_units": "number",
        "n_treated": "number",
        "n_control": "number",
        "base_year": "number",
        "status": "text",
    },
)


def conform(table: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """Return the table with the schema's columns, types and order, sorted by its key.

    Raises
    ------
    BadInputError
        When a column is absent, a key repeats, or a value has no place in its column.
    """
    check_table(table, schema)
    typed = table.loc[:, list(schema.columns)].astype(
        {column: _DTYPES[kind] for column, kind in schema.columns.items()}
    )
    return typed.sort_values(list(schema.key), kind="stable").reset_index(drop=True)


def check_table(table: pd.DataFrame, schema: TableSchema) -> None:
    """Raise `BadInputError` with every fault when a table does not hold what its schema says."""
    raise_if_any(_table_faults(table, schema))


def _table_faults(table: pd.DataFrame, schema: TableSchema) -> Iterator[Fault]:
    absent = [column for column in schema.columns if column not in table.columns]
    for column in absent:
        yield Fault(
            where=f"table {schema.name}",
            what=f"column {column!r} is absent; got: {', '.join(map(str, table.columns))}",
            why="every later stage reads it by name",
            remedy="add the column where the table is made",
        )
    if absent:
        return
    repeated = table.duplicated(list(schema.key), keep=False)
    for row in table.loc[repeated, list(schema.key)].drop_duplicates().itertuples(index=False):
        yield Fault(
            where=f"table {schema.name}, {_describe(row._asdict())}",
            what="the key stands more than once",
            why="a join on it would multiply rows",
            remedy="keep one row for each key",
        )
    for column, kind in schema.columns.items():
        if kind in ("integer", "flag") and table[column].isna().any():
            yield Fault(
                where=f"table {schema.name}, column {column}",
                what=f"{int(table[column].isna().sum())} values are missing",
                why="the column must be complete",
                remedy="drop these rows or fill in the value where the table is made",
            )


def _describe(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
