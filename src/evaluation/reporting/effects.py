"""Effects of the programme in sentences, each with the cautions that belong to it.

Belongs here: what is said of a row of `estimates`. Does not belong here: which rows a page shows.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.labels import Labels
from evaluation.schema import NOT_ESTIMABLE
from evaluation.studies.plan import (
    HEADLINE_ROW,
    LATER_BASE_ROW,
    PLAIN,
    DesignPlan,
    OutcomePlan,
    StudyPlan,
)

SUSPECT_TRENDS = 0.05
"""P value of the joint test before joining below which the groups are said to have differed already."""
FAMILY_LEVEL = 0.05
"""Adjusted p value below which an effect stands apart from zero also among the outcomes of its family."""
ONE_SIDED_QUANTILE = 1.6448536269514722
"""Normal quantile of 0.95: an effect is smaller than a margin when both one-sided tests at 5% say so
(Schuirmann 1987, doi:10.1007/BF01068419), which is when the 90% interval lies within the margin."""

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


def is_within_margin(estimate: pd.Series, margin: float) -> bool:
    """Tell whether an effect of the margin's size, in either direction, is ruled out (two one-sided tests at 5%)."""
    return bool(within_margin(estimate, margin))


def reading(estimate: pd.Series, margin: float) -> Reading:
    """Return how an estimate reads: above zero, below zero, within the margin, or undecided."""
    return _read(estimate["conf_low"], estimate["conf_high"], is_within=is_within_margin(estimate, margin))


def within_margin(rows: Any, margin: float) -> Any:
    """Tell of one estimate, or of each row of a table of them, whether an effect of the margin's size is ruled out."""
    return abs(rows["estimate"]) + ONE_SIDED_QUANTILE * rows["std_error"] < margin


def contradicting(rows: pd.DataFrame, margin: float) -> pd.Series:
    """Tell of each row whether it tells an effect larger than the margin from zero: it speaks against a small one."""
    told = (rows["conf_low"] > 0) | (rows["conf_high"] < 0)
    return told & (rows["estimate"].abs() > margin)


def readings_of(rows: pd.DataFrame, margin: float) -> list[Reading]:
    """Return how each row reads, as `reading` does."""
    ends = zip(rows["conf_low"], rows["conf_high"], within_margin(rows, margin), strict=True)
    return [_read(low, high, is_within=inside) for low, high, inside in ends]


def _read(low: float, high: float, *, is_within: bool) -> Reading:
    if low > 0:
        return "above"
    if high < 0:
        return "below"
    return "within" if is_within else "undecided"


def other_rows(estimates: pd.DataFrame, *, design: str, outcome: str) -> pd.DataFrame:
    """Return the estimates of all other rows of the plan for one design and outcome.

    Plain two-way fixed effects stand in the plan to be shown beside the others; they speak neither for nor against.
    """
    rows = estimates[
        (estimates["design"] == design)
        & (estimates["outcome"] == outcome)
        & (estimates["parameter"] == "simple")
        & (estimates["row"] != HEADLINE_ROW)
        & (estimates["estimator"] != PLAIN)
        & ~estimates["status"].str.startswith(NOT_ESTIMABLE)
    ]
    return rows.reset_index(drop=True)


def effect_with_cautions(
    estimates: pd.DataFrame, *, design: DesignPlan, outcome: OutcomePlan, plan: StudyPlan, labels: Labels
) -> str:
    """Return one headline effect in words, with the cautions that the other rows demand.

    Said in the same breath as the figure: joiners and comparison regions that already moved differently, an effect
    that vanishes when it is counted from after the shock of 2020, a p value that does not hold among the outcomes of
    the family, rows of the plan that read otherwise, and what the estimate lacks. That an effect is smaller than the
    margin is said without reserve only when no row leaves the margin, and not at all when another row tells a larger
    one from zero.
    """
    own = estimates[(estimates["outcome"] == outcome.indicator) & (estimates["design"] == design.code)]
    simple = own[own["parameter"] == "simple"]
    rows = {str(code): place for place, code in enumerate(simple["row"])}
    row = simple.iloc[rows[HEADLINE_ROW]]
    if not has_estimate(row):
        return f"{labels.indicator(outcome.indicator)}: {labels.not_estimable(row['status'])}."
    later = simple.iloc[rows[LATER_BASE_ROW]] if LATER_BASE_ROW in rows else None
    others = other_rows(simple, design=design.code, outcome=outcome.indicator)
    parts = [
        _first_sentence(row, others, outcome=outcome, labels=labels),
        labels.remarks(str(row["status"])),
        _family_caution(row, labels),
        _shock_caution(row, later, outcome=outcome, labels=labels),
        _pre_trend_caution(own, design=design, outcome=outcome, labels=labels),
        _other_rows_caution(
            row, others, readings_of(others, outcome.margin), outcome=outcome, plan=plan, labels=labels
        ),
    ]
    return " ".join(part for part in parts if part)


def _first_sentence(row: pd.Series, others: pd.DataFrame, *, outcome: OutcomePlan, labels: Labels) -> str:
    """Return the effect itself; that it is small only with how many rows of the plan leave that open."""
    if reading(row, outcome.margin) != "within":
        return findings.effect_sentence(row, outcome, labels)
    against = int(contradicting(others, outcome.margin).sum())
    if against:
        return _contested_sentence(row, outcome, labels, n_against=against, n_others=len(others))
    leaving = len(others) - int(within_margin(others, outcome.margin).sum())
    return findings.small_effect_sentence(outcome, labels, n_leaving=leaving, n_others=len(others))


def _contested_sentence(
    row: pd.Series, outcome: OutcomePlan, labels: Labels, *, n_against: int, n_others: int
) -> str:
    """Return a headline effect that would be called small, were it not for rows that tell a larger one from zero."""
    size = findings.in_effect_units(outcome.margin, outcome)
    return labels.words.say(
        "{outcome}: the ways of estimating contradict each other. The headline is {interval} {unit}; {n:n0} of {all:n0} other "
        "rows of the plan tell an effect larger than {margin} {unit}, the size we hold to matter, from zero.",
        outcome=labels.indicator(outcome.indicator),
        interval=findings.interval_text(row, outcome, labels),
        unit=findings.effect_unit(outcome, labels),
        n=n_against,
        all=n_others,
        margin=labels.words.number(size, findings.effect_decimals(outcome)),
    )


def _family_caution(row: pd.Series, labels: Labels) -> str:
    """Return that an effect told from zero by itself is not told from zero among its family."""
    adjusted = float(row["p_adjusted"])
    if not is_told_from_zero(row) or math.isnan(adjusted):
        return ""
    if adjusted < FAMILY_LEVEL:
        return labels.words.say(
            "Adjusted for the number of outcomes looked at it still can be told from zero ({p}).",
            p=findings.p_text(adjusted, labels),
        )
    return labels.words.say(
        "That is so for this figure by itself; adjusted for the number of outcomes looked at it cannot be told from zero "
        "({p}).",
        p=findings.p_text(adjusted, labels),
    )


def shock_caution(
    estimates: pd.DataFrame, *, design: DesignPlan, outcome: OutcomePlan, labels: Labels
) -> str:
    """Return the warning that a figure holds the shock of 2020, where counting from 2020 gives another answer."""
    row = average(estimates, design=design.code, row=HEADLINE_ROW, outcome=outcome.indicator)
    later = select(
        estimates, design=design.code, row=LATER_BASE_ROW, outcome=outcome.indicator, parameter="simple"
    )
    return _shock_caution(row, None if later.empty else later.iloc[0], outcome=outcome, labels=labels)


def _shock_caution(row: pd.Series, later: pd.Series | None, *, outcome: OutcomePlan, labels: Labels) -> str:
    if later is None or not is_told_from_zero(row) or not has_estimate(later) or is_told_from_zero(later):
        return ""
    return labels.words.say(
        "It cannot be read as an effect of the programme: COVID-19 hit these regions in 2020, before they joined, and "
        "counted from 2020 the figure is {interval} {unit}, which cannot be told from zero.",
        interval=findings.interval_text(later, outcome, labels),
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
