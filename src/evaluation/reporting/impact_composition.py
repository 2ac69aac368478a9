"""Who is in the estimates, who is not and why, and who is lost on the way.

Belongs here: counts of regions as tables and sentences. Does not belong here: computing them
(`evaluation.studies.composition`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.reporting.effects import has_estimate
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.prose import Prose, bullets
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan
from evaluation.tables import Column, Table, html_table

JOINERS = (
    "joined",
    "in_estimate",
    "split",
    "not_autonomous",
    "no_base_year",
    "no_covariate",
    "no_later_year",
    "not_compared",
    "outside_overlap",
)


def composition_folded(report: ImpactReport) -> Folded:
    """Return who is in the estimates and who is lost on the way, outcome by outcome, folded."""
    return Folded(
        report.labels.words.say("Who is in each estimate, and who is lost until its last year"),
        (
            *(composition_table(report, design.code) for design in report.plan.designs),
            attrition_table(report),
        ),
    )


def composition_sentences(report: ImpactReport) -> Prose:
    """Return for every design how many joiners its estimates hold, and how many are unlike every comparison region."""
    return bullets(
        [sentence for design in report.plan.designs if (sentence := _composition_sentence(report, design))]
    )


def attrition_table(report: ImpactReport) -> Table:
    """Return the share of regions with a figure in the base year that have none in the last year."""
    say = report.labels.words.say
    rows = []
    for design in report.plan.designs:
        for outcome in report.plan.outcomes:
            found = report.check(design.code, outcome.indicator, "attrition")
            found = found[found["share"].notna()].set_index("element")
            cells = {
                group: say(
                    "{lost:n0} of {n:n0}",
                    lost=found.loc[group, "share"] * found.loc[group, "n_units"],
                    n=found.loc[group, "n_units"],
                )
                if group in found.index
                else ""
                for group in ("treated", "controls")
            }
            average = report.average(design.code, HEADLINE_ROW, outcome.indicator)
            rows.append(
                {
                    "design": design.title.get(report.labels.language),
                    "name": report.labels.indicator(outcome.indicator),
                    "reason": report.why_missing(average),
                    **cells,
                }
            )
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column("treated", say("Joiners lost"), "number", reason_key="reason"),
            Column("controls", say("Comparison regions lost"), "number", reason_key="reason"),
        ],
        caption=say("Regions with a figure in the base year and none in the last year"),
        group_by="design",
    )


def composition_table(report: ImpactReport, design: str) -> Table:
    """Return where the joiners of a design are, and which comparison regions carry no weight, outcome by outcome."""
    say, words, chosen = report.labels.words.say, report.labels.words, report.plan.design(design)
    names = _composition_names(report)
    rows: dict[str, dict[str, object]] = {element: {"name": name} for element, name in names.items()}
    outcomes = [
        outcome
        for outcome in report.outcomes("primary")
        if has_estimate(report.average(design, HEADLINE_ROW, outcome.indicator))
    ]
    for outcome in outcomes:
        found = report.check(design, outcome.indicator, "composition").set_index("element")
        for element in names:
            value = float("nan")
            if element in found.index:
                column = (
                    "estimate"
                    if element == "controls_effective"
                    else "n_treated"
                    if element in JOINERS
                    else "n_control"
                )
                value = found.loc[element, column]
            rows[element][outcome.indicator] = "" if pd.isna(value) else words.number(value, 0)
    table = pd.DataFrame(
        [row for row in rows.values() if any(row.get(o.indicator) not in ("", "0", None) for o in outcomes)]
    )
    return html_table(
        table,
        columns=[
            Column("name", say("Regions")),
            *(
                Column(outcome.indicator, report.labels.short_indicator(outcome.indicator), "number")
                for outcome in outcomes
            ),
        ],
        caption=say("Who is in the estimates: {design}", design=chosen.title.get(report.labels.language)),
        footnote=say(
            "A joiner that is not in an estimate is counted under the first reason that keeps it out."
        ),
    )


def _composition_sentence(report: ImpactReport, design: DesignPlan) -> str:
    rows = [row for row in report.headlines() if row["design"] == design.code]
    counts = [
        report.check(design.code, str(row["outcome"]), "composition").set_index("element")["n_treated"]
        for row in rows
    ]
    if not counts:
        return ""
    inside = [count["in_estimate"] for count in counts]
    low, high = (report.labels.words.number(end, 0) for end in (min(inside), max(inside)))
    return report.labels.words.say(
        "{design}: of {all:n0} joiners {inside} are in the estimates of the primary outcomes; up to {unlike:n0} "
        "of these are unlike every comparison region, so that for them the estimate leans on the model.",
        design=design.title.get(report.labels.language),
        all=counts[0]["joined"],
        inside=low if low == high else report.labels.words.say("{low} to {high}", low=low, high=high),
        unlike=max(count.get("outside_overlap", 0.0) for count in counts),
    )


def _composition_names(report: ImpactReport) -> dict[str, str]:
    say = report.labels.words.say
    return {
        "joined": say("Joiners"),
        "in_estimate": say("of these in the estimate"),
        "split": say("created by a split, or lost a part to one"),
        "not_autonomous": say("in the capital, run by its province"),
        "no_base_year": say("without a figure in the base year"),
        "no_covariate": say("without a trait that is compared"),
        "no_later_year": say("without a figure after joining"),
        "not_compared": say("without a region to compare with"),
        "outside_overlap": say("in the estimate, but unlike every comparison region"),
        "controls": say("Comparison regions"),
        "controls_trimmed": say("trimmed: traits almost only found among joiners"),
        "controls_singled_out": say("with a trait that no joiner has"),
        "controls_effective": say("worth so many equally weighted ones"),
    }
