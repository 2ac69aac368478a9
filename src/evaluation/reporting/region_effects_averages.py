"""Averages of own effects over those who joined together, beside difference-in-differences of the same joiners.

Belongs here: the table `cohort_effects` as sentences, chart and table of the national page. Does not belong here: single
regions (`evaluation.reporting.region_effects_figures`), the impact page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from evaluation.charts import Chart, ForestGroup, ForestLabels, forest
from evaluation.reporting import effect_words, findings
from evaluation.reporting.effects import has_estimate
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, paragraph
from evaluation.reporting.region_effects_national import NationalEffects
from evaluation.studies.plan import HEADLINE_ROW, OutcomePlan
from evaluation.tables import Column, Table, html_table

TOGETHER = "+"
"""Between the years of a group that joined in several, in the table `cohort_effects`."""
SLACK = 1e-9


@dataclass(frozen=True)
class Pair:
    """The average of own effects of a group on an outcome, and the difference-in-differences of the same joiners.

    `did` is None where the study plan has no estimate.
    """

    outcome: OutcomePlan
    twins: pd.Series
    did: pd.Series | None

    @property
    def joined(self) -> tuple[int, ...]:
        """Years in which the group joined."""
        return tuple(int(year) for year in str(self.twins["joined"]).split(TOGETHER))

    @property
    def agree(self) -> bool:
        """Whether each estimate lies inside the interval of the other."""
        assert self.did is not None  # asked of pairs that have both
        return _inside(self.did["estimate"], self.twins) and _inside(self.twins["estimate"], self.did)


def pairs(national: NationalEffects) -> list[Pair]:
    """Return the averages on primary outcomes that are given, with the difference-in-differences beside them."""
    known = national.cohorts[national.cohorts["status"] == ""]
    return [
        pair
        for outcome in national.shown
        for pair in sorted(
            (
                Pair(outcome, row, _did(row, national))
                for _, row in known[known["outcome"] == outcome.indicator].iterrows()
            ),
            key=lambda one: (one.joined[0], -len(one.joined)),
        )
    ]


def sentences(national: NationalEffects) -> Prose:
    """Return how many averages are told from chance, and how far they agree with difference-in-differences."""
    say, found = national.labels.words.say, pairs(national)
    if not found:
        return Prose(say("No average over joiners can be given yet."))
    level = national.rules.inference.level
    told = [one for one in found if one.twins["p_value"] <= 1 - level + SLACK]
    first = (
        say(
            "Of {n:n0} averages on primary outcomes none lies beyond {level:n0}% of placebo cohorts.",
            n=len(found),
            level=100 * level,
        )
        if not told
        else say(
            "Of {n:n0} averages on primary outcomes {told:n0} lie beyond {level:n0}% of placebo cohorts: {which}. Their number "
            "is not counted here.",
            n=len(found),
            told=len(told),
            level=100 * level,
            which=national.labels.words.listing(_named(one, national) for one in told),
        )
    )
    return paragraph(first, _bridge(found, national), _placebo_sentence(national))


def bridge_forest(national: NationalEffects) -> Chart:
    """Return the averages of own effects beside difference-in-differences, by outcome and group of joiners."""
    say, labels = national.labels.words.say, national.labels
    shown = _whole_groups(pairs(national))
    rows = [row for one in shown for row in _forest_rows(one, national)]
    columns = ["group", "joiners", "label", "estimate", "conf_low", "conf_high", "value_text", "headline"]
    table = pd.DataFrame(rows, columns=columns)
    outcomes = [outcome for outcome in national.shown if (table["group"] == outcome.indicator).any()]
    return forest(
        table,
        groups=[_group(outcome, national) for outcome in outcomes],
        labels=ForestLabels(
            estimate=say("average with its {level:n0}% interval", level=100 * national.rules.inference.level),
            detectable="",
        ),
        title=say("The same joiners, averaged over their twins and by difference-in-differences"),
        subtitle=say(
            "Average effect of joining. Strong: own effects averaged, held against placebo cohorts. Light: the estimate of the "
            "page on impact, adjusted for type, island and level before joining."
        ),
        alt=" ".join(_alt(row, labels) for row in rows),
        note=say(
            "Each outcome has a scale of its own. Intervals are not adjusted for their number. Averages over twins give every "
            "region the same weight, difference-in-differences every region and year."
        ),
        source=labels.sources(outcome.indicator for outcome in outcomes),
        wide=True,
        compact=True,
    )


def averages_table(national: NationalEffects) -> Table:
    """Return every average on a primary outcome, with what it is over and the bounds that count every joiner."""
    say = national.labels.words.say
    rows = [_table_row(one, national) for one in pairs(national)]
    return html_table(
        pd.DataFrame(
            rows,
            columns=["outcome", "joiners", "given", "twins", "p", "smallest", "everyone", "bounds", "did"],
        ),
        columns=[
            Column("joiners", say("Joiners")),
            Column("given", say("Effects given"), "number"),
            Column("twins", say("Average over twins"), "number"),
            Column("p", say("p"), "number"),
            Column("smallest", say("Smallest p"), "number"),
            Column("everyone", say("With poor fits"), "number"),
            Column("bounds", say("All joiners counted"), "number"),
            Column("did", say("Difference-in-differences"), "number"),
        ],
        caption=say("Averages over those who joined together"),
        group_by="outcome",
        footnote=say(
            "In brackets {level:n0}% intervals. A placebo cohort is a set of donors, as many from one province as the group has "
            "joiners in one of its provinces; p is the share of such sets, and the group itself, whose average lies as far from "
            "zero. With poor fits: the average over all joiners that have a twin. All joiners counted: between these values lies "
            "the average over every joiner if those without an effect had any between the lowest and the highest of the others. "
            "Difference-in-differences: the estimate of the page on impact for the same joiners.",
            level=100 * national.rules.inference.level,
        ),
        wide=True,
    )


def _did(row: pd.Series, national: NationalEffects) -> pd.Series | None:
    """Return the headline estimate of the same joiners: of the design, or of one year of joining within it."""
    design = national.plan.design(row["design"])
    years = [int(year) for year in str(row["joined"]).split(TOGETHER)]
    rows = national.estimates[
        (national.estimates["design"] == design.code)
        & (national.estimates["row"] == HEADLINE_ROW)
        & (national.estimates["outcome"] == row["outcome"])
    ]
    whole = len(years) == len(design.joined)
    rows = rows[rows["parameter"] == ("simple" if whole else "group")]
    if not whole:
        rows = rows[rows["cohort"] == years[0] + 1]
    given = rows[[has_estimate(one) for _, one in rows.iterrows()]]
    return given.iloc[0] if len(given) else None


def _placebo_sentence(national: NationalEffects) -> str:
    """Return how many averages on outcomes that joining cannot move are told from chance; empty where none is given."""
    level = national.rules.inference.level
    codes = [one.indicator for one in national.plan.outcomes if one.family == "placebo"]
    rows = national.cohorts[(national.cohorts["status"] == "") & national.cohorts["outcome"].isin(codes)]
    told = int((rows["p_value"] <= 1 - level + SLACK).sum())
    if not told:
        return ""
    return national.labels.words.say(
        "Of {n:n0} averages on outcomes that joining cannot move {told:n0} lie beyond {level:n0}% of placebo cohorts, "
        "where chance would give about {expected:n1}: joiners and their twins drift apart for other reasons as "
        "well, so an average here is weak evidence.",
        n=len(rows),
        told=told,
        level=100 * level,
        expected=len(rows) * (1 - level),
    )


def _bridge(found: list[Pair], national: NationalEffects) -> str:
    """Return in how many groups both averages agree, and in which they do not."""
    both = [one for one in found if one.did is not None]
    if not both:
        return ""
    say = national.labels.words.say
    apart = [one for one in both if not one.agree]
    first = say(
        "Beside {n:n0} of them stands the difference-in-differences of the same joiners; in {agree:n0} each of the two lies "
        "within the interval of the other.",
        n=len(both),
        agree=len(both) - len(apart),
    )
    if not apart:
        return first
    second = say(
        "They do not for {groups}. Both compare with regions that did not join, but choose and weigh them in different ways: "
        "where they disagree, neither is to be read alone.",
        groups=national.labels.words.listing(_named(one, national) for one in apart),
    )
    return f"{first} {second}"


def _whole_groups(found: list[Pair]) -> list[Pair]:
    """Return the pairs of whole designs: a year whose design has several is left to the table."""
    together = {year for one in found if len(one.joined) > 1 for year in one.joined}
    return [one for one in found if len(one.joined) > 1 or one.joined[0] not in together]


def _inside(estimate: float, interval: pd.Series) -> bool:
    return bool(interval["conf_low"] <= estimate <= interval["conf_high"])


def _joiners(one: Pair, national: NationalEffects) -> str:
    words = national.labels.words
    return words.say("{years} joiners", years=words.listing(map(str, one.joined)))


def _named(one: Pair, national: NationalEffects) -> str:
    return national.labels.words.say(
        "{outcome} of the {joiners}",
        outcome=national.labels.short_indicator(one.outcome.indicator),
        joiners=_joiners(one, national),
    )


def _forest_rows(one: Pair, national: NationalEffects) -> list[dict[str, object]]:
    say, joiners = national.labels.words.say, _joiners(one, national)
    drawn = [(joiners, one.twins, True)]
    if one.did is not None:
        drawn.append((say("difference-in-differences"), one.did, False))
    return [
        {
            "group": one.outcome.indicator,
            "joiners": joiners,
            "label": label,
            **{
                name: findings.in_effect_units(row[name], one.outcome)
                for name in ("estimate", "conf_low", "conf_high")
            },
            "value_text": findings.interval_text(row, one.outcome, national.labels),
            "headline": headline,
        }
        for label, row, headline in drawn
    ]


def _alt(row: Mapping[str, object], labels: Labels) -> str:
    names = [
        labels.short_indicator(str(row["group"])),
        str(row["joiners"]),
        "" if row["headline"] else str(row["label"]),
    ]
    return f"{', '.join(name for name in names if name)}: {row['value_text']}."


def _group(outcome: OutcomePlan, national: NationalEffects) -> ForestGroup:
    say, words = national.labels.words.say, national.labels.words
    return ForestGroup(
        code=outcome.indicator,
        title=national.labels.indicator(outcome.indicator),
        unit=findings.effect_unit(outcome, national.labels),
        format_value=lambda value: words.tick(value, signed=True),
        low_label=say("lower"),
        high_label=say("higher"),
    )


def _table_row(one: Pair, national: NationalEffects) -> dict[str, object]:
    labels, words = national.labels, national.labels.words
    row = one.twins

    def size(name: str) -> str:
        return effect_words.effect_number(row[name], one.outcome, labels)

    unit = findings.effect_unit(one.outcome, labels)
    return {
        "outcome": f"{labels.indicator(one.outcome.indicator)} ({unit})",
        "joiners": _joiners(one, national),
        "given": words.say("{given:n0} of {joined:n0}", given=row["n_estimated"], joined=row["n_joiners"]),
        "twins": findings.interval_text(row, one.outcome, labels),
        "p": words.number(row["p_value"], 2),
        "smallest": words.number(row["p_smallest"], 4),
        "everyone": size("everyone"),
        "bounds": words.say("{low} to {high}", low=size("bound_low"), high=size("bound_high")),
        "did": "" if one.did is None else findings.interval_text(one.did, one.outcome, labels),
    }
