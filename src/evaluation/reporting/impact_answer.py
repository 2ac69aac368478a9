"""The answer: whether the programme's effect can be told, from all that is known of each headline estimate.

Belongs here: the verdict on each headline estimate, and the sentences that sum them up. Does not belong here: the
sentence on one effect with its cautions (`evaluation.reporting.effects`).
"""

from __future__ import annotations

from typing import Literal

import pandas as pd

from evaluation.impact.inference import MDE_FACTOR
from evaluation.reporting.effects import (
    FAMILY_LEVEL,
    SUSPECT_TRENDS,
    contradicting,
    has_estimate,
    is_told_from_zero,
    is_within_margin,
    other_rows,
    shock_caution,
    within_margin,
)
from evaluation.reporting.impact_event_study import UNKNOWN_BOUND
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_smallness import limit_phrase, limits_sentence
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, Family, OutcomePlan

Verdict = Literal[
    "not_estimable",
    "stands",
    "shock",
    "suspect",
    "alone",
    "smaller",
    "smaller_here",
    "contested",
    "undecided",
]
"""What all rows and checks together say of a headline estimate.

``stands``: told from zero by the province-clustered interval too, among its family, and trends before were alike;
``shock``: told from zero, but not counted from after the shock of 2020; ``suspect``: told from zero, but the groups
moved differently before joining; ``alone``: told from zero only by itself; ``smaller``: any effect is smaller than the
margin, in every row, by the province-clustered interval too, and with unknown participants among the comparison regions;
``smaller_here``: the same by the headline row, though others leave it open; ``contested``: smaller than the margin by the
headline, though another row tells a larger effect from zero; ``undecided``.
"""
SMALL: tuple[Verdict, ...] = ("smaller", "smaller_here")
"""Verdicts by which an effect is called small."""

RECOMMENDED = "jackknife_province"
"""The inference whose intervals held their level in simulation with shocks common to a province."""


def lead(report: ImpactReport) -> Prose:
    """Return the answer in one or two sentences."""
    return Prose(answer(report))


def answer(report: ImpactReport) -> str:
    """Return whether any main estimate stands, where any effect looks small, and what is left open."""
    say = report.labels.words.say
    verdicts = [(row, verdict(report, row)) for row in report.headlines()]

    def names(*found: Verdict) -> list[str]:
        return [_named(report, row) for row, code in verdicts if code in found]

    standing, small, shocked = names("stands"), names(*SMALL), names("shock")
    n_left = len(verdicts) - len(standing) - len(small) - len(shocked)
    sentences = [
        _standing_sentence(report, standing, len(verdicts)),
        say(
            "For {small:n0} ({which}) any effect looks too small to matter.",
            small=len(small),
            which=_listing(report, small),
        )
        if small
        else "",
        say(
            "{which}: the shock of COVID-19, before joining, cannot be told from an effect.",
            which=_listing(report, shocked),
        )
        if shocked
        else "",
        say("The other {n:n0} could hide an effect that matters.", n=n_left) if n_left else "",
        _contested_sentence(report, names("contested")),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _standing_sentence(report: ImpactReport, standing: list[str], n: int) -> str:
    say = report.labels.words.say
    if standing:
        return say(
            "Of {n:n0} main estimates {standing:n0} stand apart from chance: {which}.",
            n=n,
            standing=len(standing),
            which=_listing(report, standing),
        )
    return say(
        "We cannot tell from these data whether joining changed anything. Of {n:n0} main estimates none stands apart from "
        "chance.",
        n=n,
    )


def _contested_sentence(report: ImpactReport, contested: list[str]) -> str:
    if not contested:
        return ""
    return report.labels.words.say(
        "Among them: {which}, where other ways of estimating contradict the main one.",
        which=_listing(report, contested),
    )


def _listing(report: ImpactReport, names: list[str]) -> str:
    return report.labels.words.listing(names)


def sentences(report: ImpactReport, design: str, *, family: Family = "primary") -> Prose:
    """Return the outcomes of one family of one design in words, with what the claim that an effect is small can bear."""
    chosen = report.plan.design(design)
    return bullets([_bounded_sentence(report, chosen, outcome) for outcome in report.outcomes(family)])


def _bounded_sentence(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> str:
    row = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    bears = limits_sentence(report, row) if _is_called_small(report, row, outcome) else ""
    return " ".join(part for part in (report.sentence(design, outcome), bears) if part)


def _is_called_small(report: ImpactReport, row: pd.Series, outcome: OutcomePlan) -> bool:
    """Tell whether the sentence on an effect says that it is smaller than the margin (`effects.effect_with_cautions`)."""
    if not has_estimate(row) or is_told_from_zero(row) or not is_within_margin(row, outcome.margin):
        return False
    others = other_rows(report.estimates, design=str(row["design"]), outcome=outcome.indicator)
    return not contradicting(others, outcome.margin).any()


def reading(report: ImpactReport) -> Prose:
    """Return what to expect, which interval to trust, and every estimate told from zero with its cautions."""
    say = report.labels.words.say
    told = [row for row in report.headlines() if is_told_from_zero(row)]
    intro = paragraph(
        say("The programme is advice, not money, so its effects, if any, can be expected to be small."),
        say(
            "Thick lines are 95% intervals that let regions err independently; thin lines let provinces share shocks and are "
            "the ones to rely on: in simulations of a study like that of the 2017 and 2018 joiners they held the true effect "
            "about 95 times in 100."
        ),
        say(
            "Of the {n:n0} headline estimates {apart:n0} can be told from zero by itself at 95%, {family:n0} after adjusting "
            "for the number of outcomes.",
            n=len(report.headlines()),
            apart=len(told),
            family=sum(_holds_in_family(row) for row in told),
        ),
    )
    items = [_told_sentence(report, row) for row in told]
    items += [
        _small_sentence(report, row)
        for row in report.headlines()
        if verdict(report, row) in (*SMALL, "contested")
    ]
    return Prose("\n\n".join([intro.text, bullets(items).text])) if items else intro


def verdict(report: ImpactReport, row: pd.Series) -> Verdict:
    """Return what all rows and checks together say of a headline estimate."""
    if not has_estimate(row):
        return "not_estimable"
    design, outcome = _plans(report, row)
    if not is_told_from_zero(row):
        return _unseen_verdict(report, row, outcome)
    if shock_caution(report.estimates, design=design, outcome=outcome, labels=report.labels):
        return "shock"
    if not _holds_in_family(row) or not _holds_by_province(report, row):
        return "alone"
    return "suspect" if report.pre_trends_p(design.code, outcome.indicator) < SUSPECT_TRENDS else "stands"


def _unseen_verdict(report: ImpactReport, row: pd.Series, outcome: OutcomePlan) -> Verdict:
    """Return the verdict on an estimate that is not told from zero."""
    if not is_within_margin(row, outcome.margin):
        return "undecided"
    others = other_rows(report.estimates, design=str(row["design"]), outcome=outcome.indicator)
    if contradicting(others, outcome.margin).any():
        return "contested"
    if not _province_within(report, row, outcome.margin) or not _bound_within(report, row, outcome.margin):
        return "undecided"
    return "smaller" if within_margin(others, outcome.margin).all() else "smaller_here"


def verdict_text(report: ImpactReport, row: pd.Series) -> str:
    """Return the verdict on a headline estimate in words, empty where there is no estimate."""
    say, found = report.labels.words.say, verdict(report, row)
    text = {
        "not_estimable": "",
        "stands": say("told from zero, also among all outcomes"),
        "shock": say("holds the shock of 2020, which came before joining"),
        "suspect": say("told from zero, but the groups moved apart before joining"),
        "alone": say("told from zero by itself, not once all is counted"),
        "smaller": say("evidence that any effect is smaller than what matters"),
        "smaller_here": say("any effect looks smaller than what matters; other rows leave it open"),
        "contested": say("small by the headline, contradicted by other rows"),
        "undecided": say("undecided: neither an effect nor its absence is shown"),
    }[found]
    bears = limit_phrase(report, row) if found in SMALL else ""
    return "; ".join(part for part in (text, bears) if part)


def province_interval(report: ImpactReport, row: pd.Series) -> tuple[float, float]:
    """Return the interval by the jackknife over provinces, missing where there is none."""
    found = report.one_check(str(row["design"]), str(row["outcome"]), RECOMMENDED, row=str(row["row"]))
    if found is None:
        return float("nan"), float("nan")
    return float(found["conf_low"]), float(found["conf_high"])


def province_mde(report: ImpactReport, row: pd.Series) -> float:
    """Return the smallest effect likely to be seen when provinces share shocks, missing where there is no such error."""
    found = report.one_check(str(row["design"]), str(row["outcome"]), RECOMMENDED, row=str(row["row"]))
    return float("nan") if found is None else MDE_FACTOR * float(found["std_error"])


def _holds_in_family(row: pd.Series) -> bool:
    """Tell whether an effect stands apart from zero among its family; without an adjusted p value it does not."""
    return bool(row["p_adjusted"] < FAMILY_LEVEL)


def _holds_by_province(report: ImpactReport, row: pd.Series) -> bool:
    low, high = province_interval(report, row)
    return low > 0 or high < 0


def _province_within(report: ImpactReport, row: pd.Series, margin: float) -> bool:
    """Tell whether the whole 95% interval by province lies within the margin: stricter than two tests at 5%."""
    low, high = province_interval(report, row)
    return bool(max(abs(low), abs(high)) < margin)


def _bound_within(report: ImpactReport, row: pd.Series, margin: float) -> bool:
    """Tell whether the same holds as if all unknown participants lay among the comparison regions."""
    bound = report.one_check(str(row["design"]), str(row["outcome"]), UNKNOWN_BOUND)
    if bound is None:
        return True
    low, high = province_interval(report, row)
    return bool(abs(float(bound["estimate"])) + (high - low) / 2 < margin)


def _named(report: ImpactReport, row: pd.Series) -> str:
    design, outcome = _plans(report, row)
    return report.labels.words.say(
        "{outcome} of the {joiners}",
        outcome=report.labels.short_indicator(outcome.indicator),
        joiners=report.joiners(design),
    )


def _told_sentence(report: ImpactReport, row: pd.Series) -> str:
    design, outcome = _plans(report, row)
    sentence = report.sentence(design, outcome)
    return report.labels.words.say(
        "{design}: {sentence}", design=design.title.get(report.labels.language), sentence=sentence
    )


def _small_sentence(report: ImpactReport, row: pd.Series) -> str:
    """Return what a headline estimate that lies within the margin says, and what that can bear."""
    design, outcome = _plans(report, row)
    return report.labels.words.say(
        "{design}: {sentence}",
        design=design.title.get(report.labels.language),
        sentence=_bounded_sentence(report, design, outcome),
    )


def _plans(report: ImpactReport, row: pd.Series) -> tuple[DesignPlan, OutcomePlan]:
    assert row["row"] == HEADLINE_ROW
    return report.plan.design(str(row["design"])), report.plan.outcome(str(row["outcome"]))
