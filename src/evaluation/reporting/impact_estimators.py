"""The same estimates by other estimators, their own tests of trends before, and why some of them differ.

Belongs here: tables and sentences that put other estimators beside the headline. Does not belong here: other ways to
judge chance and the plain regression (`evaluation.reporting.impact_inference`); estimating.
"""

from __future__ import annotations

import math

import pandas as pd

from evaluation.impact import lead_test
from evaluation.impact.leads import DEFAULT_LEADS
from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate, is_told_from_zero
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_event_study import later_years_note
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_rows import unbroken
from evaluation.reporting.impact_specification import estimator_names
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.studies.impact_fits import fit_row
from evaluation.studies.plan import HEADLINE_ROW, PLAIN, DesignPlan, OutcomePlan, RowPlan
from evaluation.tables import Column, Table, html_table

STRAIGHT = ("imputation", "two_stage", "etwfe")
"""Estimators that fit traits by a straight line over all comparison regions and count from all earlier years."""
BALANCED = "synthetic_did"
"""The estimator that weights both comparison regions and years."""


def estimators_sentence(report: ImpactReport) -> Prose:
    """Return for every primary headline estimate the range that other estimators give."""
    ranges = bullets([_estimators_range(report, row) for row in report.headlines()])
    return Prose("\n\n".join([ranges.text, _why_they_differ(report).text]))


def estimators_folded(report: ImpactReport) -> Folded:
    """Return the tables of all estimators, folded."""
    return Folded(
        report.labels.words.say("Every estimator beside the headline"),
        tuple(estimators_table(report, design.code) for design in report.plan.designs),
    )


def estimators_table(report: ImpactReport, design: str) -> Table:
    """Return the primary outcomes of a design by every estimator of the plan, the headline first."""
    say, chosen = report.labels.words.say, report.plan.design(design)
    names = estimator_names(report.labels)
    own = [row for row in report.plan.rows_of(chosen) if row.estimator is not None]
    outcomes = report.outcomes("primary")
    rows = [
        _estimator_row(
            report,
            chosen,
            report.row(HEADLINE_ROW),
            say("headline: {name}", name=names[report.plan.estimator]),
        )
    ]
    rows += [_estimator_row(report, chosen, row, names[report.plan.estimator_of(row)]) for row in own]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Estimator")),
            *(
                Column(
                    outcome.indicator,
                    f"{report.labels.short_indicator(outcome.indicator)} ({findings.effect_unit(outcome, report.labels)})",
                    "number",
                    unbroken,
                )
                for outcome in outcomes
            ),
        ],
        caption=say(
            "Other estimators beside the headline: {design}", design=chosen.title.get(report.labels.language)
        ),
        footnote=" ".join(
            part
            for part in (
                say(
                    "Estimate (95%). Plain two-way fixed effects compares without traits and from the joining year on, and "
                    "stands here for comparison only."
                ),
                say(
                    "Before: test that trends before joining were alike, of the estimator's own: leads in a regression of years "
                    "without the programme (Borusyak, Jaravel and Spiess 2024), or all effects before joining."
                ),
                later_years_note(report, [chosen], rows=[HEADLINE_ROW, *(row.code for row in own)]),
            )
            if part
        ),
        wide=True,
    )


def _estimators_range(report: ImpactReport, row: pd.Series) -> str:
    design, outcome = report.plan.design(str(row["design"])), report.plan.outcome(str(row["outcome"]))
    others = [
        report.average(design.code, one.code, outcome.indicator)
        for one in report.plan.rows_of(design)
        if one.estimator is not None and one.estimator != PLAIN
    ]
    found = [one for one in others if has_estimate(one)]
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    low, high = (
        words.number(
            findings.in_effect_units(pick(one["estimate"] for one in found), outcome), digits, signed=True
        )
        for pick in (min, max)
    )
    return words.say(
        "{outcome} of the {joiners}: {own} {unit} in the headline, {low} to {high} by {n:n0} other estimators, of which "
        "{told:n0} tell it from zero.",
        outcome=report.labels.short_indicator(outcome.indicator),
        joiners=report.joiners(design),
        own=findings.interval_text(row, outcome, report.labels),
        unit=findings.effect_unit(outcome, report.labels),
        low=low,
        high=high,
        n=len(found),
        told=sum(is_told_from_zero(one) for one in found),
    )


def _estimator_row(report: ImpactReport, design: DesignPlan, row: RowPlan, name: str) -> dict[str, object]:
    cells: dict[str, object] = {"name": name}
    for outcome in report.outcomes("primary"):
        average = report.average(design.code, row.code, outcome.indicator)
        cells[outcome.indicator] = _with_own_test(report, design, row, outcome) or report.why_missing(average)
    return cells


def _why_they_differ(report: ImpactReport) -> Prose:
    """Return what sets estimators that extrapolate traits apart from the headline, and where they differ by a margin."""
    say = report.labels.words.say
    apart = [text for row in report.headlines() if (text := _apart_text(report, row))]
    return paragraph(
        say(
            "Imputation, two-stage and extended two-way estimators fit traits by a straight line over all comparison regions and "
            "count from the mean of all earlier years. Where joiners moved differently long before joining, their figure holds "
            "that movement; their own test, of the last {n:n0} years before joining only, stands beside them in the table. The "
            "headline weights comparison regions to resemble joiners and counts from one year; synthetic "
            "difference-in-differences weights both regions and years.",
            n=DEFAULT_LEADS,
        ),
        say(
            "They differ from the headline by more than the size held to matter for {which}.",
            which="; ".join(apart),
        )
        if apart
        else say(
            "For no main estimate do they differ from the headline by more than the size held to matter."
        ),
    )


def _apart_text(report: ImpactReport, headline: pd.Series) -> str:
    """Return by how much the straight-line estimators differ from a headline, empty where by less than the margin."""
    design, outcome = (
        report.plan.design(str(headline["design"])),
        report.plan.outcome(str(headline["outcome"])),
    )
    own = [row for row in report.plan.rows_of(design) if row.estimator in (*STRAIGHT, BALANCED)]
    found = {
        str(row.estimator): (row, report.average(design.code, row.code, outcome.indicator)) for row in own
    }
    found = {name: pair for name, pair in found.items() if has_estimate(pair[1])}
    if not any(
        abs(average["estimate"] - headline["estimate"]) > outcome.margin
        for name, (_, average) in found.items()
        if name in STRAIGHT
    ):
        return ""
    names = estimator_names(report.labels)
    parts = [
        f"{names[name]} {_figure(report, average, outcome)}{_bracketed(_own_test(report, design, row, outcome))}"
        for name, (row, average) in found.items()
    ]
    return report.labels.words.say(
        "{outcome} of the {joiners} (headline {headline}; {others})",
        outcome=report.labels.short_indicator(outcome.indicator),
        joiners=report.joiners(design),
        headline=_figure(report, headline, outcome),
        others=", ".join(parts),
    )


def _with_own_test(report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> str:
    average = report.average(design.code, row.code, outcome.indicator)
    text, test = report.interval_or_empty(average, outcome), _own_test(report, design, row, outcome)
    return f"{text}; {test}" if text and test else text


def _own_test(report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> str:
    """Return the p value of an estimator's own test of the years before joining, empty where it has none."""
    if not has_estimate(report.average(design.code, row.code, outcome.indicator)):
        return ""
    p = _own_p(report, design, row, outcome)
    if math.isnan(p):
        return ""
    return report.labels.words.say("before: {p}", p=findings.p_text(p, report.labels))


def _own_p(report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> float:
    if row.estimator in STRAIGHT:
        fit = fit_row(report.study, design=design, row=row, outcome=outcome)
        return float(lead_test(fit.panel.table, fit.asked).p_value)
    kept = report.select(design.code, row.code, outcome.indicator, "pre_trends")
    return float(kept["p_value"].iloc[0]) if len(kept) else math.nan


def _figure(report: ImpactReport, average: pd.Series, outcome: OutcomePlan) -> str:
    value = findings.in_effect_units(average["estimate"], outcome)
    return report.labels.words.number(value, findings.effect_decimals(outcome), signed=True)


def _bracketed(text: str) -> str:
    return f" ({text})" if text else ""
