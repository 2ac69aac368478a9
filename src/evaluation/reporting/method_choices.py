"""The choices of method behind every range of ranks, in words: which are varied, how and why.

Belongs here: telling ``config/uncertainty.yml`` to readers. Does not belong here: what came of it for one region
(`evaluation.reporting.region_ranks`) or for all (`evaluation.reporting.scores_ranks`).
"""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, paragraph
from evaluation.reporting.site import page_link
from evaluation.tables import Column, Table, html_table


def interval_sentences(labels: Labels) -> tuple[str, ...]:
    """Return how a range of ranks is made and what it covers."""
    plan = labels.project.uncertainty
    return (
        labels.words.say(
            "Every score was made {n:n0} times, each time with other choices of method drawn at random; the interval holds "
            "the middle {share:p0} of the ranks.",
            n=plan.replications,
            share=100 * (plan.interval[1] - plan.interval[0]),
        ),
        plan.covers.get(labels.language),
    )


def interval_note(labels: Labels) -> Prose:
    """Return how a range of ranks is made, what it covers, and where the audit stands."""
    say, language = labels.words.say, labels.language
    return paragraph(
        *interval_sentences(labels),
        labels.project.uncertainty.interval_reason.get(language),
        say(
            "Scores that rest on one indicator have no interval: no choice of method can change their order. How much each "
            "choice matters is told on the page {page}.",
            page=audit_page(labels),
        ),
    )


def varied_table(labels: Labels) -> Table:
    """Return the choices that are varied, how and why."""
    say, language = labels.words.say, labels.language
    rows = [
        {"name": one.name.get(language), "how": one.how.get(language), "reason": one.reason.get(language)}
        for one in labels.project.uncertainty.assumptions
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Choice")),
            Column("how", say("How it is varied")),
            Column("reason", say("Why")),
        ],
        caption=say("Choices of method that are varied together"),
    )


def not_varied_table(labels: Labels) -> Table | Prose:
    """Return the choices that are not varied, and why."""
    say, language = labels.words.say, labels.language
    rows = [
        {"name": one.name.get(language), "reason": one.reason.get(language)}
        for one in labels.project.uncertainty.not_varied
    ]
    if not rows:
        return Prose("")
    return html_table(
        pd.DataFrame(rows),
        columns=[Column("name", say("Choice")), Column("reason", say("Why it is not varied"))],
        caption=say("Choices of method that are not varied"),
    )


def pillars_page(labels: Labels) -> Markup:
    """Return the link to the page on which these choices stand."""
    return page_link(labels.words.say("How the pillars are scored"), f"{labels.language}/pillars.html")


def audit_page(labels: Labels) -> Markup:
    """Return the link to the page on which the scores are audited."""
    return page_link(
        labels.words.say("How far the scores can be trusted"), f"{labels.language}/index-audit.html"
    )
