"""Tables that regions' pages are made of."""

from __future__ import annotations

from evaluation.schema.figures import SCORES
from evaluation.schema.model import TableSchema

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
