"""The figures of one region's own effect: the region and its twin, and the gap among placebos.

Belongs here: a region's own effect as charts. Does not belong here: sentences (`evaluation.reporting.region_effect`).
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from evaluation.charts import Chart, FanLabels, Line, Mark, Panel, Span, gap_fans, group_lines
from evaluation.charts.palette import ACCENT, CONTRAST
from evaluation.reporting import effect_words, findings
from evaluation.reporting.labels import Labels
from evaluation.reporting.region_effect import RegionEffect
from evaluation.reporting.trend_panels import COVID_YEARS, trend_panel
from evaluation.studies.plan import OutcomePlan


def twin_lines(effect: RegionEffect) -> Chart | None:
    """Return the region's outcomes beside its synthetic twin's; None where it has no effect to show."""
    if not effect.shown:
        return None
    say, gaps = effect.labels.words.say, effect.own.gaps
    table = gaps.rename(columns={"outcome": "panel"})
    frame = pd.concat(
        [
            table[["panel", "year"]].assign(group="twin", value=table["synthetic"]),
            table[["panel", "year"]].assign(group="region", value=table["observed"]),
        ],
        ignore_index=True,
    )
    return group_lines(
        frame[frame["panel"].isin(_codes(effect))],
        panels=[replace(trend_panel(code, effect.labels), breaks=()) for code in _codes(effect)],
        lines=[
            Line("twin", say("synthetic twin"), CONTRAST, dashed=True),
            Line("region", effect.name, ACCENT),
        ],
        marks=_marks(effect),
        spans=_spans(effect),
        title=_twin_title(effect),
        subtitle=say(
            "Published figures and those of a weighted mix of regions that never joined, by year; each panel has a scale of "
            "its own."
        ),
        alt=" ".join(_twin_alt(outcome, effect) for outcome in effect.shown),
        note=say(
            "Up to the base year the twin was made to move like the region; only the years after it can tell."
        ),
        source=effect.labels.sources(_codes(effect)),
    )


def gap_fan(effect: RegionEffect) -> Chart | None:
    """Return the gap between region and twin among placebo gaps; None where it has no effect to show."""
    if not effect.shown:
        return None
    say = effect.labels.words.say
    frame = effect.own.gaps.rename(columns={"outcome": "panel"})
    frame = frame[frame["panel"].isin(_codes(effect))]
    numbers = ["gap", "fan_low", "fan_q25", "fan_q75", "fan_high"]
    factor = {one.indicator: findings.in_effect_units(1.0, one) for one in effect.shown}
    frame = frame.assign(**{name: frame[name] * frame["panel"].map(factor) for name in numbers})
    return gap_fans(
        frame,
        panels=[_gap_panel(outcome, effect.labels) for outcome in effect.shown],
        labels=FanLabels(
            gap=say("{region} less its twin", region=effect.name),
            half=say("middle half of the placebos"),
            most=say("{share:n0}% of the placebos", share=100 * effect.rules.inference.level),
        ),
        marks=_marks(effect),
        spans=_spans(effect),
        title=_fan_title(effect),
        subtitle=say("Gap to the synthetic twin by year, in the unit of the effect; zero is no gap."),
        alt=" ".join(
            effect_words.own_effect_sentence(effect.row(outcome), outcome, effect.rules, effect.labels)
            for outcome in effect.shown
        ),
        note=say(
            "A placebo is a region that never joined, treated as if it had. The test looks at the average over all years after "
            "joining, so a single year outside the band is no finding."
        ),
        source=effect.labels.sources(_codes(effect)),
    )


def _codes(effect: RegionEffect) -> list[str]:
    return [outcome.indicator for outcome in effect.shown]


def _gap_panel(outcome: OutcomePlan, labels: Labels) -> Panel:
    return Panel(
        code=outcome.indicator,
        title=labels.short_indicator(outcome.indicator),
        unit=findings.effect_unit(outcome, labels),
        format_value=lambda number: labels.words.number(
            number, findings.effect_decimals(outcome), signed=True
        ),
        format_axis=lambda number: labels.words.tick(number, signed=True),
    )


def _marks(effect: RegionEffect) -> list[Mark]:
    say = effect.labels.words.say
    return [
        Mark(effect.report.profile.joined[0], say("joined {year:y}", year=effect.report.profile.joined[0]))
    ]


def _spans(effect: RegionEffect) -> list[Span]:
    """Return the years of the pandemic where any panel reaches them."""
    shown = effect.own.gaps[effect.own.gaps["outcome"].isin(_codes(effect))]
    reaches = shown.groupby("outcome")["year"].max().min() >= COVID_YEARS[1]
    return [Span(*COVID_YEARS, label="COVID-19")] if reaches else []


def _twin_title(effect: RegionEffect) -> str:
    say, told = effect.labels.words.say, effect.told()
    apart = [outcome for outcome in effect.shown if outcome in told]
    if not apart:
        return say("It moved within what chance alone gives, in each of these outcomes")
    return say(
        "It moved away from its twin in {outcomes}",
        outcomes=effect.labels.words.listing(effect.labels.short_indicator(one.indicator) for one in apart),
    )


def _fan_title(effect: RegionEffect) -> str:
    apart = [outcome for outcome in effect.shown if outcome in effect.told()]
    if not apart:
        return effect.labels.words.say("In none of these outcomes can the average gap be told from chance")
    return effect.labels.words.say(
        "In {apart:n0} of {n:n0} outcomes the average gap lies beyond almost all placebos",
        apart=len(apart),
        n=len(effect.shown),
    )


def _twin_alt(outcome: OutcomePlan, effect: RegionEffect) -> str:
    say, labels = effect.labels.words.say, effect.labels
    rows = effect.own.gaps[effect.own.gaps["outcome"] == outcome.indicator].sort_values("year")
    last = rows.iloc[-1]
    return say(
        "{outcome} in {year:y}: {region} {observed}, its twin {twin}.",
        outcome=labels.short_indicator(outcome.indicator),
        year=last["year"],
        region=effect.name,
        observed=labels.value(outcome.indicator, last["observed"]),
        twin=labels.value(outcome.indicator, last["synthetic"]),
    )
