"""The flags of an audit in words: what was noticed, what it means, what to do about it.

Belongs here: saying what a flag says. Does not belong here: raising it (`evaluation.index.audit`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from evaluation.index.audit import FLAGS
from evaluation.index.statistics import FLAG_SEPARATOR
from evaluation.reporting.labels import Labels
from evaluation.schema import INDEX_CODE
from evaluation.tables import Column, Table, html_table


@dataclass(frozen=True)
class FlagWords:
    """What a flag says: its name, what it means, and what to do."""

    name: str
    meaning: str
    advice: str


def findings_table(findings: pd.DataFrame, labels: Labels) -> Table:
    """Return the flags that an audit raised, one row a flag with all that it was raised for.

    Parameters
    ----------
    findings
        table, subject, flag, as of `AuditResult.findings`.
    labels
        Words of the language.
    """
    say = labels.words.say
    rows = []
    for table, flags in FLAGS.items():
        for flag in flags:
            raised = findings[(findings["table"] == table) & (findings["flag"] == flag)]
            if len(raised):
                words = flag_words(table, flag, labels)
                where = labels.words.listing(subject_name(table, one, labels) for one in raised["subject"])
                rows.append(
                    {"name": words.name, "where": where, "meaning": words.meaning, "advice": words.advice}
                )
    return html_table(
        pd.DataFrame(rows, columns=["name", "where", "meaning", "advice"]),
        columns=[
            Column("name", say("What was noticed")),
            Column("where", say("Where")),
            Column("meaning", say("What it means")),
            Column("advice", say("What to do")),
        ],
        caption=say("Everything that the audit flags"),
        wide=True,
        footnote=say(
            "Limits are those that the European Commission's index auditors (JRC) use; they call for a look and are no "
            "verdict."
        ),
    )


def element_name(code: str, labels: Labels) -> str:
    """Return the name of an indicator, a dimension, a pillar or the overall index."""
    catalog = labels.catalog
    if code in catalog.indicators:
        return labels.short_indicator(code)
    if code in catalog.dimensions:
        return labels.dimension(code)
    return labels.pillar(code)


def subject_name(table: str, subject: str, labels: Labels) -> str:
    """Return what a flag was raised for, from the codes in it."""
    names = [element_name(code, labels) for code in subject.split(FLAG_SEPARATOR)]
    if table == "reliability_if_dropped":
        names = names[::-1]
    if len(names) == 1:
        return names[0]
    if table == "correlations":
        return labels.words.say("{first} with {second}", first=names[0], second=names[1])
    return labels.words.say("{part} (in {whole})", part=names[0], whole=names[1])


def flag_words(table: str, flag: str, labels: Labels) -> FlagWords:
    """Return the words of a flag that a table raised."""
    return _WORDS[table](labels)[flag]


def _indicators(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "few_available": FlagWords(
            say("Few regions have it"),
            say("The indicator says nothing of the others."),
            say("Do not rank on it; ask the publisher for the rest."),
        ),
        "many_zeros": FlagWords(
            say("Mostly zeros"),
            say("It tells a few regions apart from all others."),
            say("Read it as yes or no."),
        ),
        "few_unique": FlagWords(
            say("Few different values"),
            say("Many regions share a value, so it cannot tell them apart."),
            say("Do not read small differences; it helps only at its far end."),
        ),
        "outliers": FlagWords(
            say("Extreme figures"),
            say("A few regions lie so far out that they would set the scale for all."),
            say("Goalposts hold them; see in the table of figures whether the scores are still uneven."),
        ),
        "constant": FlagWords(
            say("One value for all"),
            say("It moves no rank."),
            say("Leave it out of the index until regions differ."),
        ),
    }


def _correlations(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "redundant": FlagWords(
            say("Two indicators tell the same"),
            say("What they share is counted twice."),
            say("Keep one of them, or halve their weights."),
        ),
        "opposed": FlagWords(
            say("Two indicators of a dimension pull against each other"),
            say("Their mean hides both: regions that do well on one do badly on the other."),
            say("Look at both apart before acting on the dimension's score."),
        ),
    }


def _ancestors(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "negative": FlagWords(
            say("Falls where the aggregate rises"),
            say("Doing well on it goes with a lower score of the whole, in the country as it is."),
            say("Judge it by itself: the aggregate does not stand for it."),
        ),
        "weak": FlagWords(
            say("Hardly shows in the aggregate"),
            say("It has a weight and next to no influence."),
            say("Judge it by itself: a change of it would go unseen in the aggregate."),
        ),
        "dominant": FlagWords(
            say("Decides the aggregate nearly alone"),
            say(
                "The aggregate's order is its order; the other parts differ too little between regions to count."
            ),
            say("Read the aggregate as this one thing."),
        ),
        "closer_elsewhere": FlagWords(
            say("Goes with another pillar more than with its own"),
            say("What it measures is told by the other pillar at least as well."),
            say(
                "No reason to move it: pillars follow the programme. But do not read the pillars as independent."
            ),
        ),
    }


def _reliability(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "negative": FlagWords(
            say("Parts contradict each other"),
            say("Cronbach's alpha is below zero: the parts do not measure one thing."),
            say("Use the indicators, not the pillar's score."),
        ),
        "low": FlagWords(
            say("Parts hang together loosely"),
            say("Cronbach's alpha is below the usual limit: the mean blends things that go their own ways."),
            say("Look at the indicators beside the pillar's score."),
        ),
        "single": FlagWords(
            say("Rests on one indicator"),
            say("The pillar is this indicator under another name."),
            say("Read it as the indicator; more open data would make it a pillar."),
        ),
    }


def _dropped(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "better_without": FlagWords(
            say("The others would hang together better without it"),
            say("It measures something else than its neighbours."),
            say("Look at it by itself; no reason to drop what matters."),
        )
    }


def _components(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "several_dimensions": FlagWords(
            say("More than one thing is measured"),
            say("More than one principal component carries more than one indicator's worth."),
            say("Look at the parts beside the score."),
        ),
        "inadequate": FlagWords(
            say("Too little in common for components"),
            say("The Kaiser-Meyer-Olkin measure is low: pairs share more than the whole does."),
            say("Do not take weights from components."),
        ),
        "singular": FlagWords(
            say("One part follows from the others"),
            say("The indicators hold a repetition, so some measures do not exist."),
            say("Leave out the one that repeats the others."),
        ),
        "not_computed": FlagWords(
            say("No components"),
            say("An indicator does not vary, or too few regions have all of them."),
            say("Look at the figures of each indicator."),
        ),
    }


def _weights(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "more_influence": FlagWords(
            say("More influence than its weight says"),
            say(
                "It is related to most of the rest and so decides ranks at least twice as much as its weight."
            ),
            say("Read equal weights as a rule of counting, not as equal importance."),
        ),
        "less_influence": FlagWords(
            say("Less influence than its weight says"),
            say("Regions differ little on it, or it goes against the rest: half its weight or less arrives."),
            say("A policy on it will hardly move a rank; judge it by its own figures."),
        ),
    }


def _removal(labels: Labels) -> dict[str, FlagWords]:
    say = labels.words.say
    return {
        "no_effect": FlagWords(
            say("No rank depends on it"),
            say("Without it every region would have the same rank."),
            say("Leave it out, or find a better measure."),
        )
    }


_WORDS: dict[str, Callable[[Labels], dict[str, FlagWords]]] = {
    "indicators": _indicators,
    "correlations": _correlations,
    "ancestors": _ancestors,
    "reliability": _reliability,
    "reliability_if_dropped": _dropped,
    "components": _components,
    "weights": _weights,
    "removal": _removal,
}


def consistency_words(reliability_flag: str, component_flags: str, labels: Labels) -> str:
    """Return what alpha and components say of a group, or that nothing is flagged."""
    names = [flag_words("reliability", reliability_flag, labels).name] if reliability_flag else []
    names += [
        flag_words("components", flag, labels).name for flag in component_flags.split(FLAG_SEPARATOR) if flag
    ]
    return "; ".join(names) or labels.words.say("nothing flagged")


def shape_words(flags: str, score_flags: str, labels: Labels) -> str:
    """Return what is flagged of an indicator's figures, and whether its scores are free of it."""
    say, left = labels.words.say, set(score_flags.split(FLAG_SEPARATOR))
    parts = []
    for flag in flags.split(FLAG_SEPARATOR):
        if not flag:
            continue
        name = flag_words("indicators", flag, labels).name
        parts.append(name if flag in left else say("{flag} (not in the scores)", flag=name))
    return "; ".join(parts) or say("nothing flagged")


def group_name(code: str, labels: Labels) -> str:
    """Return the name of a pillar with what it is made of, or of the index over its pillars."""
    if code == INDEX_CODE:
        return labels.words.say("All pillars together (of the pillars)")
    return labels.pillar(code)
