"""Tables of figures and of the scores made from them."""

from __future__ import annotations

from evaluation.schema.model import TableSchema

GRADES = ("A", "B", "C")
"""A: use it. B: use it with care. C: do not act on it; carried, but left out of scores and estimates."""

INDEX_CODE = "overall"
"""Code of the overall index among the codes of scores."""

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
