"""Single regions' effects in words: size, doubt, what could have been seen, and why there is none.

Belongs here: what is said of a row of `region_effects`. Does not belong here: which rows a page shows.
"""

from __future__ import annotations

import math

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.labels import Labels
from evaluation.studies import effect_verdicts
from evaluation.studies.plan import OutcomePlan
from evaluation.studies.region_effects_plan import OwnEstimator, RegionEffectsPlan

EFFECT = ("estimate", "conf_low", "conf_high")
SHRUNKEN = ("shrunken", "shrunken_low", "shrunken_high")
"""Columns of an effect, and of the same pulled to the mean of all."""


def is_told(row: pd.Series, rules: RegionEffectsPlan) -> bool:
    """Tell whether an effect is larger than chance usually gives, by its rank as it is and in each region's own scale."""
    return bool(effect_verdicts.told_from_chance(row, rules))


def is_beyond(row: pd.Series, rules: RegionEffectsPlan) -> bool:
    """Tell whether an effect lies beyond almost all placebos as it is: its interval excludes zero."""
    return bool(effect_verdicts.beyond_placebos(row, rules))


def own_effect_sentence(
    row: pd.Series, outcome: OutcomePlan, rules: RegionEffectsPlan, labels: Labels
) -> str:
    """Return one region's effect on one outcome: size, interval, rank among placebos, what could have been seen.

    Parameters
    ----------
    row
        A row of `region_effects` with an effect.
    outcome
        Its outcome.
    rules, labels
        Level of the interval; names and numbers.
    """
    say = labels.words.say
    values = {
        "outcome": labels.indicator(outcome.indicator),
        "gap": gap_text(row["estimate"], outcome, labels),
        "years": labels.data_years(row["first_year"], row["last_year"]),
        "level": 100 * rules.inference.level,
        "low": effect_number(row["conf_low"], outcome, labels),
        "high": effect_number(row["conf_high"], outcome, labels),
        "as_far": at_least_as_far(row),
        "placebos": row["n_placebos"],
        "in_scale": at_least_as_far(row, "p_scaled"),
    }
    if is_told(row, rules) and not values["as_far"]:
        return say(
            "{outcome}: {gap} in {years} ({level:n0}%: {low} to {high}); none of {placebos:n0} placebos lies as far apart.",
            **values,
        )
    if is_told(row, rules):
        return say(
            "{outcome}: {gap} in {years} ({level:n0}%: {low} to {high}); only {as_far:n0} of {placebos:n0} placebos lie as "
            "far apart.",
            **values,
        )
    if is_beyond(row, rules):
        return say(
            "{outcome}: {gap} in {years} ({level:n0}%: {low} to {high}); {as_far:n0} of {placebos:n0} placebos lie as far apart, "
            "but {in_scale:n0} do when each gap is measured by how much its region moves from year to year, so this cannot be "
            "told from chance.",
            **values,
        )
    seen = effect_number(row["mde"], outcome, labels, signed=False)
    return say(
        "{outcome}: {gap} in {years} ({level:n0}%: {low} to {high}); {as_far:n0} of {placebos:n0} placebos lie as far apart, so "
        "this cannot be told from chance. An effect smaller than {mde} {unit} would probably not be seen.",
        **values,
        mde=seen,
        unit=findings.effect_unit(outcome, labels),
    )


def gap_text(estimate: float, outcome: OutcomePlan, labels: Labels) -> str:
    """Return how far a region lay from its twin, and on which side."""
    say = labels.words.say
    size = effect_number(abs(estimate), outcome, labels, signed=False)
    unit = findings.effect_unit(outcome, labels)
    if estimate > 0:
        return say("{size} {unit} above its twin", size=size, unit=unit)
    if estimate < 0:
        return say("{size} {unit} below its twin", size=size, unit=unit)
    return say("level with its twin")


def effect_number(number: float, outcome: OutcomePlan, labels: Labels, *, signed: bool = True) -> str:
    """Return an effect in the unit it is told in, without the unit."""
    told = findings.in_effect_units(number, outcome)
    return labels.words.number(told, findings.effect_decimals(outcome), signed=signed)


def interval_or_empty(
    row: pd.Series, outcome: OutcomePlan, labels: Labels, names: tuple[str, str, str]
) -> str:
    """Return an estimate with its interval, empty where there is none.

    Parameters
    ----------
    row
        A row of `region_effects`.
    outcome, labels
        Unit; numbers.
    names
        Columns of the estimate and of both ends: `EFFECT` or `SHRUNKEN`.
    """
    estimate, low, high = (float(row[name]) for name in names)
    if math.isnan(estimate):
        return ""
    shown = pd.Series({"estimate": estimate, "conf_low": low, "conf_high": high})
    return findings.interval_text(shown, outcome, labels)


def at_least_as_far(row: pd.Series, p_value: str = "p_value") -> int:
    """Return how many placebos lie at least as far from their twins, behind one of the row's p-values.

    Parameters
    ----------
    row
        A row of `region_effects` with an effect.
    p_value
        ``"p_value"``, or ``"p_scaled"`` for gaps measured by how much each region moves from year to year.
    """
    return round(row[p_value] * (row["n_placebos"] + 1)) - 1


def reason(status: str, labels: Labels) -> str:
    """Return why there is no effect, from a status ``not_estimable:<reason>:<detail>``."""
    _, code, detail = status.split(":")
    say = labels.words.say
    if code == "beyond_data":
        return say("the data end in {year}, before its first year of effect", year=detail)
    if code == "method_changes":
        return say("the method changed after {year}, before its first year of effect", year=detail)
    return reason_name(code, labels)


def reason_name(code: str, labels: Labels) -> str:
    """Return a reason why there is no effect, without its detail."""
    say = labels.words.say
    return {
        "beyond_data": say("the data end before its first year of effect"),
        "method_changes": say("the method changed before its first year of effect"),
        "no_figures": say("it has no figures in the years compared"),
        "split": say("it was created by a split or lost a part to one, and its series break"),
        "not_autonomous": say("it is run by its province"),
        "too_few_pre_years": say("too few years before it joined"),
        "too_few_donors": say("too few regions may stand for it"),
        "outside_donor_range": say("it lies outside the range of all regions compared with"),
        "impossible_twin": say("its twin would fall below zero"),
        "poor_pre_fit": say("its twin did not follow it before it joined"),
        "no_post_year": say("it has no figures after it joined"),
        "not_converged": say("no weights could be certified as the best"),
    }[code]


def estimator_names(labels: Labels) -> dict[OwnEstimator, str]:
    """Return the estimators in words."""
    say = labels.words.say
    return {
        "sdid": say("synthetic difference-in-differences"),
        "demeaned": say("demeaned synthetic control with a small ridge"),
        "ridge": say("ridge-augmented synthetic control"),
        "sc": say("plain synthetic control"),
    }
