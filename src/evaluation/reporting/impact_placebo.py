"""Placebo dates: the effect of joining before joining.

Belongs here: what `impact_checks` says of pretended dates, as a table and a sentence. Does not belong here: computing it
(`evaluation.studies.parallel_trends`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_rows import unbroken
from evaluation.reporting.impact_words import check_text
from evaluation.reporting.prose import Prose, paragraph
from evaluation.studies.plan import HEADLINE_ROW, OutcomePlan
from evaluation.tables import Column, Table, html_table

PLACEBO_SHARE = 0.05
"""Share of pretended dates that would be told from zero by chance alone."""


def placebo_table(report: ImpactReport) -> Table:
    """Return the effects of joining some years before joining."""
    say = report.labels.words.say
    shifts = sorted(
        set(report.checks.loc[report.checks["check"] == "placebo_date", "element"]) - {""}, key=int
    )
    rows = []
    for design in report.plan.designs:
        for outcome in report.outcomes("primary"):
            found = report.check(design.code, outcome.indicator, "placebo_date").set_index("element")
            average = report.average(design.code, HEADLINE_ROW, outcome.indicator)
            row = {
                "design": design.title.get(report.labels.language),
                "name": _named(report, outcome),
                "reason": report.why_missing(average),
            }
            for shift in shifts:
                one = found.loc[shift] if shift in found.index else None
                row[shift] = check_text(one, outcome, report.plan, report.labels)
            rows.append(row)
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            *(
                Column(shift, _shift_name(report, int(shift)), "number", unbroken, reason_key="reason")
                for shift in shifts
            ),
        ],
        caption=say("Placebo dates: the effect of joining before joining"),
        group_by="design",
        footnote=say("Estimate (95%); only years before the real base year enter. All should hold zero."),
        wide=True,
    )


def _shift_name(report: ImpactReport, shift: int) -> str:
    say = report.labels.words.say
    if shift == 1:
        return say("Pretended one year earlier")
    return say("Pretended {n:n0} years earlier", n=shift)


def placebo_sentence(report: ImpactReport) -> Prose:
    """Return how many pretended dates are told from zero, and how many would be by chance."""
    say, table = report.labels.words.say, report.checks
    found = table[
        (table["check"] == "placebo_date")
        & table["estimate"].notna()
        & table["design"].isin([design.code for design in report.plan.designs])
        & table["outcome"].isin([outcome.indicator for outcome in report.outcomes("primary")])
    ]
    if found.empty:
        return Prose(say("No outcome has figures early enough for a pretended date."))
    told = found[(found["conf_low"] > 0) | (found["conf_high"] < 0)]
    names = [
        say(
            "{outcome} of the {joiners}, {years:n0} before",
            outcome=report.labels.short_indicator(str(row.outcome)),
            joiners=report.joiners(report.plan.design(str(row.design))),
            years=int(str(row.element)),
        )
        for row in told.itertuples()
    ]
    return paragraph(
        say(
            "{told:n0} of {n:n0} pretended dates give a figure told from zero; by chance alone about {chance:n1} would.",
            told=len(told),
            n=len(found),
            chance=PLACEBO_SHARE * len(found),
        ),
        say("These are, by years before the real date: {names}.", names="; ".join(names)) if names else "",
    )


def _named(report: ImpactReport, outcome: OutcomePlan) -> str:
    unit = findings.effect_unit(outcome, report.labels)
    return f"{report.labels.indicator(outcome.indicator)} ({unit})"
