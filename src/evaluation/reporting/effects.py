"""Effects of the programme in sentences, each with the cautions that belong to it.

Belongs here: what is said of a row of `estimates`. Does not belong here: which rows a page shows.
"""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.labels import Labels
from evaluation.studies.plan import DesignPlan, OutcomePlan, StudyPlan

HEADLINE_ROW = "conditional"
LATER_BASE_ROW = "base_2020"
"""The row that counts from after the shock of 2020; only the 2021 joiners have it."""
SUSPECT_TRENDS = 0.05
"""P value of the joint test before joining below which the groups are said to have differed already."""
NOT_ESTIMABLE = "not_estimable"

Reading = Literal["above", "below", "within", "undecided"]


def select(estimates: pd.DataFrame, *, design: str, row: str, outcome: str, parameter: str) -> pd.DataFrame:
    """Return the rows of `estimates` for one design, row of the plan, outcome and parameter."""
    return estimates[
        (estimates["design"] == design)
        & (estimates["row"] == row)
        & (estimates["outcome"] == outcome)
        & (estimates["parameter"] == parameter)
    ]


def average(estimates: pd.DataFrame, *, design: str, row: str, outcome: str) -> pd.Series:
    """Return the average effect of one row of the plan for one outcome; the plan has one for each."""
    return select(estimates, design=design, row=row, outcome=outcome, parameter="simple").iloc[0]


def pre_trends_p(estimates: pd.DataFrame, *, design: str, outcome: str) -> float:
    """Return the p value of the joint test before joining, missing where there is none."""
    table = select(estimates, design=design, row=HEADLINE_ROW, outcome=outcome, parameter="pre_trends")
    return float(table["p_value"].iloc[0]) if len(table) else float("nan")


def has_estimate(row: pd.Series) -> bool:
    """Tell whether a row of `estimates` holds an estimate rather than the reason why there is none."""
    return not str(row["status"]).startswith(NOT_ESTIMABLE)


def is_told_from_zero(estimate: pd.Series) -> bool:
    """Tell whether an interval excludes zero."""
    return bool(estimate["conf_low"] > 0 or estimate["conf_high"] < 0)


def reading(estimate: pd.Series, margin: float) -> Reading:
    """Return how an interval reads: above zero, below zero, within the margin, or undecided."""
    if estimate["conf_low"] > 0:
        return "above"
    if estimate["conf_high"] < 0:
        return "below"
    if max(abs(estimate["conf_low"]), abs(estimate["conf_high"])) < margin:
        return "within"
    return "undecided"


def other_rows(estimates: pd.DataFrame, *, design: str, outcome: str) -> pd.DataFrame:
    """Return the estimates of all other rows of the plan for one design and outcome."""
    rows = estimates[
        (estimates["design"] == design)
        & (estimates["outcome"] == outcome)
        & (estimates["parameter"] == "simple")
        & (estimates["row"] != HEADLINE_ROW)
        & ~estimates["status"].str.startswith(NOT_ESTIMABLE)
    ]
    return rows.reset_index(drop=True)


def effect_with_cautions(
    estimates: pd.DataFrame, *, design: DesignPlan, outcome: OutcomePlan, plan: StudyPlan, labels: Labels
) -> str:
    """Return one headline effect in words, with the cautions that the other rows demand.

    Said in the same breath as the figure: joiners and comparison regions that already moved differently, an effect
    that vanishes when it is counted from after the shock of 2020, rows of the plan that read otherwise, and what the
    estimate lacks. That an effect is smaller than the margin is said only when no row leaves the margin.
    """
    row = average(estimates, design=design.code, row=HEADLINE_ROW, outcome=outcome.indicator)
    if not has_estimate(row):
        return f"{labels.indicator(outcome.indicator)}: {labels.not_estimable(row['status'])}."
    others = other_rows(estimates, design=design.code, outcome=outcome.indicator)
    readings = [reading(other, outcome.margin) for _, other in others.iterrows()]
    agreed = all(one == "within" for one in readings)
    parts = [
        findings.effect_sentence(row, outcome, labels, may_be_small=agreed),
        labels.remarks(str(row["status"])),
        shock_caution(estimates, design=design, outcome=outcome, labels=labels),
        _pre_trend_caution(estimates, design=design, outcome=outcome, labels=labels),
        _other_rows_caution(row, others, readings, outcome=outcome, plan=plan, labels=labels),
    ]
    return " ".join(part for part in parts if part)


def shock_caution(
    estimates: pd.DataFrame, *, design: DesignPlan, outcome: OutcomePlan, labels: Labels
) -> str:
    """Return the warning that a figure holds the shock of 2020, where counting from 2020 gives another answer."""
    row = average(estimates, design=design.code, row=HEADLINE_ROW, outcome=outcome.indicator)
    later = select(
        estimates, design=design.code, row=LATER_BASE_ROW, outcome=outcome.indicator, parameter="simple"
    )
    if not is_told_from_zero(row) or later.empty or not has_estimate(later.iloc[0]):
        return ""
    if is_told_from_zero(later.iloc[0]):
        return ""
    return labels.words.say(
        "It cannot be read as an effect of the programme: COVID-19 hit these regions in 2020, before they joined, and "
        "counted from 2020 the figure is {interval} {unit}, which cannot be told from zero.",
        interval=findings.interval_text(later.iloc[0], outcome, labels),
        unit=findings.effect_unit(outcome, labels),
    )


def _pre_trend_caution(
    estimates: pd.DataFrame, *, design: DesignPlan, outcome: OutcomePlan, labels: Labels
) -> str:
    p = pre_trends_p(estimates, design=design.code, outcome=outcome.indicator)
    if math.isnan(p) or p >= SUSPECT_TRENDS:
        return ""
    return labels.words.say(
        "Joiners and comparison regions already moved differently before ({p}), so this is weak evidence either way.",
        p=findings.p_text(p, labels),
    )


def _other_rows_caution(
    row: pd.Series,
    others: pd.DataFrame,
    readings: list[Reading],
    *,
    outcome: OutcomePlan,
    plan: StudyPlan,
    labels: Labels,
) -> str:
    """Return how many other rows of the plan read otherwise, and which lies furthest from the headline."""
    own = reading(row, outcome.margin)
    if own in ("above", "below"):
        apart = [position for position, other in enumerate(readings) if other != own]
    else:
        apart = [position for position, other in enumerate(readings) if other in ("above", "below")]
    if not apart:
        return ""
    distance = (others.loc[apart, "estimate"] - row["estimate"]).abs()
    furthest = others.loc[distance.idxmax()]
    values = {
        "n": len(apart),
        "all": len(others),
        "row": plan.row(str(furthest["row"])).title.get(labels.language),
        "interval": findings.interval_text(furthest, outcome, labels),
        "unit": findings.effect_unit(outcome, labels),
    }
    if own in ("above", "below"):
        return labels.words.say(
            "{n:n0} of {all:n0} other rows of the plan do not show it; furthest is “{row}”, {interval} {unit}.",
            **values,
        )
    return labels.words.say(
        "But in {n:n0} of {all:n0} other rows of the plan it can be told from zero; furthest is “{row}”, {interval} "
        "{unit}.",
        **values,
    )
