"""How much of a departure from parallel trends the claim that an effect is small can bear.

Belongs here: the bounds of `impact_checks` up to which an interval stays within the margin, in words. Does not belong
here: whether an effect is called small (`evaluation.reporting.impact_answer`), and how much it takes until zero cannot be
ruled out (`evaluation.reporting.impact_trends`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.impact_report import ImpactReport
from evaluation.studies.plan import OutcomePlan

Restriction = Literal["smoothness", "relative"]


@dataclass(frozen=True)
class Limit:
    """How far trends may differ until the 95% interval leaves the margin.

    Parameters
    ----------
    holds
        Largest bound of the grid at which the interval lies within the margin, missing where it does at none.
    fails
        Smallest larger bound at which it does not, missing where it lies within at all of them.
    conf_low, conf_high
        The interval at `fails`, in units of the outcome.
    """

    holds: float
    fails: float
    conf_low: float
    conf_high: float


def limit(report: ImpactReport, design: str, outcome: OutcomePlan, restriction: Restriction) -> Limit | None:
    """Return how far trends may differ until a headline interval leaves the margin; None where it was not asked.

    Parameters
    ----------
    report
        The report.
    design, outcome
        The headline estimate.
    restriction
        What is allowed: a bend each year in margins, or a multiple of the largest move before joining.
    """
    found = report.check(design, outcome.indicator, f"honest_{restriction}")
    found = found[found["conf_low"].notna() & ~found["element"].str.contains(":", regex=False)]
    if found.empty:
        return None
    grid = found.assign(bound=found["element"].astype(float)).sort_values("bound").reset_index(drop=True)
    inside = (grid["conf_low"] > -outcome.margin) & (grid["conf_high"] < outcome.margin)
    if inside.all():
        return Limit(float(grid["bound"].iloc[-1]), math.nan, math.nan, math.nan)
    first = int((~inside).idxmax())
    holds = float(grid["bound"].iloc[first - 1]) if first else math.nan
    row = grid.iloc[first]
    return Limit(holds, float(row["bound"]), float(row["conf_low"]), float(row["conf_high"]))


def limits_sentence(report: ImpactReport, row: pd.Series) -> str:
    """Return how far trends may differ until an effect called small could be larger, empty where it was not asked."""
    design, outcome = str(row["design"]), report.plan.outcome(str(row["outcome"]))
    smooth, relative = (limit(report, design, outcome, kind) for kind in ("smoothness", "relative"))
    parts = [_smooth_sentence(report, smooth, outcome), _relative_sentence(report, relative, outcome)]
    return " ".join(part for part in parts if part)


def limit_phrase(report: ImpactReport, row: pd.Series) -> str:
    """Return the same of bending trends in a few words that end a verdict, empty where it was not asked."""
    say, tick = report.labels.words.say, report.labels.words.tick
    found = limit(report, str(row["design"]), report.plan.outcome(str(row["outcome"])), "smoothness")
    if found is None or (math.isnan(found.fails)):
        return ""
    if math.isnan(found.holds):
        return say("not if trends differed along a line")
    if not found.holds:
        return say("only if trends do not bend")
    return say("only while trends bend by at most {bound} margins a year", bound=tick(found.holds))


def limit_cell(report: ImpactReport, design: str, outcome: OutcomePlan) -> str:
    """Return the largest bend at which the interval stays within the margin, empty where it was not asked."""
    say, tick = report.labels.words.say, report.labels.words.tick
    found = limit(report, design, outcome, "smoothness")
    if found is None:
        return ""
    return say("not within") if math.isnan(found.holds) else tick(found.holds)


def _smooth_sentence(report: ImpactReport, found: Limit | None, outcome: OutcomePlan) -> str:
    say = report.labels.words.say
    if found is None:
        return ""
    given = _given(report, found, outcome)
    if math.isnan(found.fails):
        return say(
            "The interval stays within that size even if trends bend by {holds} of it a year.", **given
        )
    if math.isnan(found.holds):
        return say(
            "If trends had differed along a straight line, as before joining, the interval would be {low} to {high} {unit}: a "
            "larger effect is not ruled out.",
            **given,
        )
    if not found.holds:
        return say(
            "That it is so small holds only if trends do not bend: with a bend of {fails} of that size a year the interval is "
            "{low} to {high} {unit}.",
            **given,
        )
    return say(
        "That it is so small holds while trends bend by up to {holds} of that size a year; with {fails} the interval is {low} to "
        "{high} {unit}.",
        **given,
    )


def _relative_sentence(report: ImpactReport, found: Limit | None, outcome: OutcomePlan) -> str:
    say = report.labels.words.say
    if found is None:
        return ""
    given = _given(report, found, outcome)
    if math.isnan(found.fails):
        return say(
            "It holds even if trends differ by {holds} times the largest move before joining.", **given
        )
    if math.isnan(found.holds):
        return say(
            "If trends could differ by {fails} times the largest move before joining, it would be {low} to {high} {unit}, and a "
            "larger effect is not ruled out.",
            **given,
        )
    return say(
        "It holds while trends differ by up to {holds} times the largest move before joining; with {fails} times the interval is "
        "{low} to {high} {unit}.",
        **given,
    )


def _given(report: ImpactReport, found: Limit, outcome: OutcomePlan) -> dict[str, str]:
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    low, high = (
        words.number(findings.in_effect_units(end, outcome), digits, signed=True)
        for end in (found.conf_low, found.conf_high)
    )
    return {
        "holds": words.tick(found.holds),
        "fails": words.tick(found.fails),
        "low": low,
        "high": high,
        "unit": findings.effect_unit(outcome, report.labels),
    }
