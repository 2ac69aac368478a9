"""Tables of the programme: who joined when, what is estimated, and what is asked of the estimates."""

from __future__ import annotations

from evaluation.schema.model import TableSchema

NOT_ESTIMABLE = "not_estimable"
"""Begins the status of a row without an estimate: ``not_estimable:<reason>:<detail>``."""

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


IMPACT_CHECKS = TableSchema(
    name="impact_checks",
    key=("design", "row", "outcome", "check", "element"),
    columns={
        "design": "code",
        "row": "code",
        "outcome": "code",
        "check": "code",
        "element": "code",
        "estimate": "number",
        "std_error": "number",
        "conf_low": "number",
        "conf_high": "number",
        "p_value": "number",
        "p_adjusted": "number",
        "mde": "number",
        "share": "number",
        "n_units": "number",
        "n_treated": "number",
        "n_control": "number",
        "status": "text",
    },
)
"""What is asked of an estimate of the study plan beside the estimate: other inference, sensitivity, parts, power."""


REGION_EFFECTS = TableSchema(
    name="region_effects",
    key=("region_code", "outcome", "estimator", "row"),
    columns={
        "region_code": "code",
        "outcome": "code",
        "estimator": "code",
        "row": "code",
        "design": "code",
        "joined": "integer",
        "estimate": "number",
        "std_error": "number",
        "conf_low": "number",
        "conf_high": "number",
        "p_value": "number",
        "p_smallest": "number",
        "p_adjusted": "number",
        "p_scaled": "number",
        "mde": "number",
        "shrunken": "number",
        "shrunken_low": "number",
        "shrunken_high": "number",
        "probability_positive": "number",
        "pre_rmspe": "number",
        "pre_share": "number",
        "n_pre": "number",
        "n_donors": "number",
        "n_weighted": "number",
        "effective_donors": "number",
        "n_placebos": "number",
        "base_year": "number",
        "first_year": "number",
        "last_year": "number",
        "status": "text",
    },
)
"""Each joiner's own effect: ``row`` is ``main`` or a variation of it; a row without an effect says why in ``status``."""

REGION_GAPS = TableSchema(
    name="region_gaps",
    key=("region_code", "outcome", "year"),
    columns={
        "region_code": "code",
        "outcome": "code",
        "year": "integer",
        "phase": "code",
        "observed": "number",
        "synthetic": "number",
        "gap": "number",
        "fan_low": "number",
        "fan_q25": "number",
        "fan_q75": "number",
        "fan_high": "number",
    },
)
"""Region and synthetic twin by year, in the outcome's unit; gap and fan of placebo gaps on the scale of the effect."""

REGION_DONORS = TableSchema(
    name="region_donors",
    key=("region_code", "outcome", "donor_code"),
    columns={
        "region_code": "code",
        "outcome": "code",
        "donor_code": "code",
        "weight": "number",
        "distance_km": "number",
    },
)
"""Regions that a joiner's twin is mixed from, with their weights; donors of no weight are left out."""

EFFECT_SPREAD = TableSchema(
    name="effect_spread",
    key=("design", "outcome"),
    columns={
        "design": "code",
        "outcome": "code",
        "n_joiners": "integer",
        "n_estimated": "integer",
        "n_marked": "integer",
        "n_below_level": "integer",
        "n_told": "integer",
        "mean": "number",
        "spread": "number",
        "spread_low": "number",
        "spread_high": "number",
        "noise": "number",
        "mde_median": "number",
    },
)
"""How far joiners' own effects lie apart beyond noise, by design and outcome."""

COHORT_EFFECTS = TableSchema(
    name="cohort_effects",
    key=("joined", "outcome"),
    columns={
        "joined": "code",
        "outcome": "code",
        "design": "code",
        "n_joiners": "integer",
        "n_estimated": "integer",
        "n_with_gap": "integer",
        "n_provinces": "integer",
        "estimate": "number",
        "std_error": "number",
        "independent_error": "number",
        "placebo_mean": "number",
        "conf_low": "number",
        "conf_high": "number",
        "p_value": "number",
        "p_smallest": "number",
        "everyone": "number",
        "bound_low": "number",
        "bound_high": "number",
        "range_low": "number",
        "range_high": "number",
        "first_year": "number",
        "last_year": "number",
        "status": "text",
    },
)
"""Averages of joiners' own effects by year of joining (several years joined by ``+``), against placebo cohorts; bounds
count every joiner, those without an effect anywhere in the range of the others."""
