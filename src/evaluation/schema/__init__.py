"""The tables that travel between the stages: their keys, columns and types, and the check that they hold.

Belongs here: what a table looks like. Does not belong here: what its numbers mean.
"""

from __future__ import annotations

from evaluation.schema.figures import (
    EDITION_FIGURES,
    GRADES,
    INDEX_CODE,
    INDICATORS,
    OBSERVATIONS,
    SCORES,
    SERIES_CHANGES,
    SERIES_SCORES,
)
from evaluation.schema.impact import (
    COHORT_EFFECTS,
    COHORTS,
    EFFECT_SPREAD,
    ESTIMATES,
    IMPACT_CHECKS,
    NOT_ESTIMABLE,
    REGION_DONORS,
    REGION_EFFECTS,
    REGION_GAPS,
)
from evaluation.schema.model import (
    ColumnKind,
    TableSchema,
    check_table,
    conform,
)
from evaluation.schema.regional import (
    REGION_BESIDE,
    REGION_COMPARISON,
    REGION_GROUPS,
    REGION_INDICATORS,
    REGION_SERIES,
    REGION_STANDING,
)

__all__ = [
    "COHORTS",
    "COHORT_EFFECTS",
    "EDITION_FIGURES",
    "EFFECT_SPREAD",
    "ESTIMATES",
    "GRADES",
    "IMPACT_CHECKS",
    "INDEX_CODE",
    "INDICATORS",
    "NOT_ESTIMABLE",
    "OBSERVATIONS",
    "REGION_BESIDE",
    "REGION_COMPARISON",
    "REGION_DONORS",
    "REGION_EFFECTS",
    "REGION_GAPS",
    "REGION_GROUPS",
    "REGION_INDICATORS",
    "REGION_SERIES",
    "REGION_STANDING",
    "SCORES",
    "SERIES_CHANGES",
    "SERIES_SCORES",
    "ColumnKind",
    "TableSchema",
    "check_table",
    "conform",
]
