"""Effects of the programme in sentences, each with the cautions that belong to it.

Belongs here: what is said of a row of `estimates`. Does not belong here: which rows a page shows.
"""

from __future__ import annotations

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.labels import Labels
from evaluation.studies.plan import DesignPlan, OutcomePlan

HEADLINE_ROW = "conditional"
LATER_BASE_ROW = "base_2020"
"""The row that counts from after the shock of 2020; only the 2021 joiners have it."""
SUSPECT_TRENDS = 0.05
"""P value of the joint test before joining below which the groups are said to have differed already."""


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


def is_told_from_zero(estimate: pd.Series) -> bool:
    """Tell whether an interval excludes zero."""
    return bool(estimate["conf_low"] > 0 or estimate["conf_high"] < 0)


def effect_with_cautions(
    estimates: pd.DataFrame, *, design: DesignPlan, outcome: OutcomePlan, labels: Labels
) -> str:
    """Return one headline effect in words, with the cautions that the other rows demand.

    Joiners and comparison regions that already moved differently, and an effect that vanishes when it is counted
    from after the shock of 2020, are said in the same breath as the figure.
    """
    row = average(estimates, design=design.code, row=HEADLINE_ROW, outcome=outcome.indicator)
    if row["status"]:
        return f"{labels.indicator(outcome.indicator)}: {labels.not_estimable(row['status'])}."
    parts = [findings.effect_sentence(row, outcome, labels)]
    if is_told_from_zero(row):
        parts.append(_shock_caution(estimates, design=design, outcome=outcome, labels=labels))
    p = pre_trends_p(estimates, design=design.code, outcome=outcome.indicator)
    if p < SUSPECT_TRENDS:
        parts.append(
            labels.words.say(
                "Joiners and comparison regions already moved differently before (p = {p:n3}), so this is weak "
                "evidence either way.",
                p=p,
            )
        )
    return " ".join(part for part in parts if part)


def _shock_caution(
    estimates: pd.DataFrame, *, design: DesignPlan, outcome: OutcomePlan, labels: Labels
) -> str:
    """Return the warning that a figure holds the shock of 2020, where counting from 2020 gives another answer."""
    later = select(
        estimates, design=design.code, row=LATER_BASE_ROW, outcome=outcome.indicator, parameter="simple"
    )
    if later.empty or later.iloc[0]["status"] or is_told_from_zero(later.iloc[0]):
        return ""
    return labels.words.say(
        "It cannot be read as an effect of the programme: COVID-19 hit these regions in 2020, before they joined, and "
        "counted from 2020 the figure is {interval} {unit}, which cannot be told from zero.",
        interval=findings.interval_text(later.iloc[0], outcome, labels),
        unit=findings.effect_unit(outcome, labels),
    )
