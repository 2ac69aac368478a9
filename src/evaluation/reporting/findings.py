"""Sentences from results: what was found, how sure it is, and never more than that.

Belongs here: choosing and filling sentences by rule. Does not belong here: computing a result, or drawing it.
Descriptive figures get no causal verbs. An interval that contains zero is never called "no effect".
"""

from __future__ import annotations

import math

import pandas as pd

from evaluation.reporting.labels import LOG_POINTS_TO_PERCENT, Labels
from evaluation.reporting.rank_words import rank_sentence
from evaluation.schema import INDEX_CODE
from evaluation.studies.plan import OutcomePlan
from evaluation.studies.profile import RegionProfile

SMALLEST_P_SHOWN = 0.001
"""Smaller p values are only said to be smaller: their size carries no more meaning."""

INDEX_RANGE = (0.0, 100.0)
"""Range of an index, whose differences are told in points."""

CLEARLY_APART = 5.0
"""Score points from the peers' median below which a region is said to stand close to it: a quarter band."""


def region_lead(profile: RegionProfile, labels: Labels) -> str:
    """Return where a region stands, in two or three sentences with their doubt."""
    words = labels.words
    pillars = profile.pillars.set_index("code")
    scored = pillars.drop(index=INDEX_CODE)
    scored = scored[scored["score"].notna()]
    above, below = clearly_apart(profile, labels)
    opening = _overall_sentence(profile, pillars.loc[INDEX_CODE], labels)
    if above and below:
        standing = words.say(
            "It stands clearly above regions like it in {above}, and clearly below them in {below}.",
            above=words.listing(above),
            below=words.listing(below),
        )
    elif above:
        standing = words.say(
            "It stands clearly above regions like it in {above}.", above=words.listing(above)
        )
    elif below:
        standing = words.say(
            "It stands clearly below regions like it in {below}.", below=words.listing(below)
        )
    else:
        standing = words.say(
            "In no pillar with enough data does it stand clearly apart from regions like it."
        )
    sentences = [
        opening,
        _overall_rank(pillars.loc[INDEX_CODE], labels),
        standing,
        _doubt_sentence(scored, labels),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def clearly_apart(profile: RegionProfile, labels: Labels) -> tuple[list[str], list[str]]:
    """Return the pillars in which a region stands clearly above and clearly below regions like it.

    A score of grade C is no ground for such a statement and is left out.
    """
    pillars = profile.pillars[~profile.pillars["quality"].isin(["", "C"])].set_index("code")
    pillars = pillars.drop(index=INDEX_CODE, errors="ignore")
    apart = pillars["score"] - pillars["peer_median"]
    above = [labels.pillar(code) for code in apart.index[apart > CLEARLY_APART]]
    below = [labels.pillar(code) for code in apart.index[apart < -CLEARLY_APART]]
    return above, below


def pillar_headline(profile: RegionProfile, labels: Labels) -> str:
    """Return the finding of the pillar strip in a line."""
    words = labels.words
    above, below = clearly_apart(profile, labels)
    if above and below:
        return words.say(
            "Above regions like it in {above}, below in {below}",
            above=words.listing(above),
            below=words.listing(below),
        )
    if above:
        return words.say("Above regions like it in {above}", above=words.listing(above))
    if below:
        return words.say("Below regions like it in {below}", below=words.listing(below))
    return words.say("Close to regions like it in every pillar with enough data")


def _overall_sentence(profile: RegionProfile, overall: pd.Series, labels: Labels) -> str:
    words = labels.words
    name = str(profile.region["name"])
    if math.isnan(overall["score"]) or overall["quality"] == "C":
        return words.say(
            "Too few dimensions have data for an overall score of {region} that could be acted on in the {year:y} edition.",
            region=name,
            year=profile.edition_year,
        )
    if math.isnan(overall["peer_median"]):
        return words.say(
            "Over all pillars together, {region} scores {score:n0} of 100 ({band}) in the {year:y} edition; too few regions "
            "like it have figures for the same dimensions to compare it with.",
            region=name,
            score=overall["score"],
            band=labels.band(overall["band"]).lower(),
            year=profile.edition_year,
        )
    return words.say(
        "Over all pillars together, {region} scores {score:n0} of 100 ({band}) in the {year:y} edition; "
        "the median of the {n:n0} regions like it with figures for the same dimensions is {median:n0} (grade {grade}: "
        "{use}).",
        region=name,
        score=overall["score"],
        band=labels.band(overall["band"]).lower(),
        year=profile.edition_year,
        n=overall["n_peers"],
        median=overall["peer_median"],
        grade=overall["quality"],
        use=labels.grade_word(str(overall["quality"])),
    )


def _overall_rank(overall: pd.Series, labels: Labels) -> str:
    """Return the range of the overall rank; a score of grade C is no ground for one."""
    return "" if overall["quality"] in ("", "C") else rank_sentence(overall, labels)


def _doubt_sentence(scored: pd.DataFrame, labels: Labels) -> str:
    words = labels.words
    weak = [labels.pillar(code) for code in scored.index[scored["quality"] == "C"]]
    if weak:
        return words.say(
            "The scores for {weak} rest on few data and should not be acted on alone.",
            weak=words.listing(weak),
        )
    return words.say("The scores rest on the data there are, which do not cover every dimension.")


def gap_in_words(indicator: str, gap: float, better: float, labels: Labels) -> str:
    """Return how a figure lies to the peers' median, and whether that is to the good."""
    words = labels.words
    if math.isnan(gap):
        return ""
    size = labels.difference(indicator, abs(gap))
    if round(abs(gap), labels.catalog.indicators[indicator].decimals) == 0:
        return words.say("at the median")
    if gap > 0 and better > 0:
        return words.say("{size} higher (better)", size=size)
    if gap > 0:
        return words.say("{size} higher (worse)", size=size)
    if better > 0:
        return words.say("{size} lower (better)", size=size)
    return words.say("{size} lower (worse)", size=size)


def outcome_change(indicator: str, series: pd.DataFrame, labels: Labels) -> str:
    """Return how an outcome moved from its first to its last year, within one constant-method window."""
    words = labels.words
    present = series[(series["indicator"] == indicator) & series["value"].notna()].sort_values("year")
    if len(present) < 2:
        return ""
    last = present.iloc[-1]
    same = present[present["window"] == last["window"]]
    if len(same) < 2:
        return ""
    first = same.iloc[0]
    return words.say(
        "{outcome}: {start} in {first:y}, {end} in {last:y}.",
        outcome=labels.short_indicator(indicator),
        start=labels.value(indicator, first["value"]),
        first=first["year"],
        end=labels.value(indicator, last["value"]),
        last=last["year"],
    )


def effect_sentence(estimate: pd.Series, outcome: OutcomePlan, labels: Labels) -> str:
    """Return one estimate in words, by where its 95% interval lies: above zero, below zero, or around it.

    Parameters
    ----------
    estimate
        A row of `estimates` with an estimate.
    outcome
        Its outcome, for scale.
    labels
        Names and numbers.
    """
    words, digits = labels.words, effect_decimals(outcome)
    named = {"outcome": labels.indicator(outcome.indicator), "unit": effect_unit(outcome, labels)}
    low, high = (in_effect_units(estimate[end], outcome) for end in ("conf_low", "conf_high"))
    numbers = {
        "size": words.number(abs(in_effect_units(estimate["estimate"], outcome)), digits),
        "low": words.number(min(abs(low), abs(high)), digits),
        "high": words.number(max(abs(low), abs(high)), digits),
        "mde": words.number(in_effect_units(estimate["mde"], outcome), digits),
    }
    if low > 0:
        return words.say(
            "{outcome}: after joining, {size} {unit} higher than expected without the programme "
            "(95%: {low} to {high}).",
            **named,
            **numbers,
        )
    if high < 0:
        return words.say(
            "{outcome}: after joining, {size} {unit} lower than expected without the programme "
            "(95%: {low} to {high}).",
            **named,
            **numbers,
        )
    return words.say(
        "{outcome}: these data cannot tell the programme's effect from zero; an effect smaller than "
        "{mde} {unit} would probably not be seen.",
        **named,
        **numbers,
    )


def small_effect_sentence(outcome: OutcomePlan, labels: Labels, *, n_leaving: int, n_others: int) -> str:
    """Return that an effect, if any, is smaller than the margin, and how many other rows of the plan leave that open.

    Parameters
    ----------
    outcome
        The outcome, for its margin.
    labels
        Names and numbers.
    n_leaving, n_others
        How many other rows do not rule out an effect of the margin's size, and how many there are.
    """
    words, digits = labels.words, effect_decimals(outcome)
    named = {
        "outcome": labels.indicator(outcome.indicator),
        "unit": effect_unit(outcome, labels),
        "margin": words.number(in_effect_units(outcome.margin, outcome), digits),
    }
    if not n_leaving:
        return words.say(
            "{outcome}: the effect, if any, is smaller than {margin} {unit}, the size we hold to matter.",
            **named,
        )
    return words.say(
        "{outcome}: by the headline estimate the effect, if any, is smaller than {margin} {unit}, the size we hold to "
        "matter, but {n:n0} of {all:n0} other rows of the plan leave that open.",
        **named,
        n=n_leaving,
        all=n_others,
    )


def p_text(p: float, labels: Labels) -> str:
    """Return a p value as readers write it; below a thousandth only that is said."""
    if p < SMALLEST_P_SHOWN:
        return labels.words.say("p < {smallest:n3}", smallest=SMALLEST_P_SHOWN)
    return labels.words.say("p = {p:n3}", p=p)


def in_effect_units(number: float, outcome: OutcomePlan) -> float:
    """Return an effect in the unit it is told in: points for a level, per cent for a logarithm."""
    return float(number) * (1.0 if outcome.scale == "linear" else LOG_POINTS_TO_PERCENT)


def effect_unit(outcome: OutcomePlan, labels: Labels) -> str:
    """Return the unit of an effect: points of a percentage, per cent of a level, or the indicator's own."""
    if outcome.scale != "linear":
        return labels.words.say("per cent")
    indicator = labels.catalog.indicators[outcome.indicator]
    if indicator.short_unit == "%" or indicator.valid_range == INDEX_RANGE:
        return labels.words.say("points")
    return labels.unit(outcome.indicator)


def effect_decimals(outcome: OutcomePlan) -> int:
    """Return the decimals an effect is told with: one for per cent, two for levels."""
    return 1 if outcome.scale != "linear" else 2


def interval_text(estimate: pd.Series, outcome: OutcomePlan, labels: Labels) -> str:
    """Return an estimate with its interval in figures."""
    words, digits = labels.words, effect_decimals(outcome)
    mean, low, high = (
        words.number(in_effect_units(estimate[part], outcome), digits, signed=True)
        for part in ("estimate", "conf_low", "conf_high")
    )
    return words.say("{mean} ({low} to {high})", mean=mean, low=low, high=high)
