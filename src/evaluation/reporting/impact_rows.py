"""Every row of the plan in figures, the cohorts outside the headline, and what a row leaves out.

Belongs here: rows of the plan as tables. Does not belong here: the headline's tables
(`evaluation.reporting.impact_tables`) or the pictures of all rows (`evaluation.reporting.impact_specification`).
"""

from __future__ import annotations

import re

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate
from evaluation.reporting.impact_event_study import UNKNOWN_BOUND
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_words import check_reason
from evaluation.reporting.words import NO_VALUE
from evaluation.studies.panels import OUTLIER_RANGES, mining_outliers, study_data
from evaluation.studies.plan import DesignPlan, OutcomePlan, RowPlan
from evaluation.tables import Column, Table, html_table

WITHOUT_YEARS = ("twfe", "synthetic_did")
"""Estimators that give one average and no effects by year, so that no year's comparison can be corrected."""
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def rows_table(report: ImpactReport, outcome: str) -> Table:
    """Return every row of the plan for one outcome, none left out."""
    say = report.labels.words.say
    planned = report.plan.outcome(outcome)
    rows = []
    for design in (*report.plan.designs, *report.plan.other_cohorts):
        for row in report.plan.rows_of(design):
            average = report.average(design.code, row.code, outcome)
            rows.append(_plan_row(report, design, row, average, planned))
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Row of the plan")),
            Column("estimate", say("Estimate (95%)"), "number", unbroken, reason_key="reason"),
            Column("mde", say("Smallest effect likely to be seen"), "number", reason_key="reason"),
            Column("unknown", say("With unknown participants"), "number", unbroken, reason_key="reason"),
            Column("n", say("Joiners / comparison"), reason_key="reason"),
        ],
        caption=say("{outcome}: every row of the plan", outcome=report.labels.indicator(outcome)),
        group_by="design_name",
        footnote=" ".join(
            [
                say(
                    "{n:n0} rows, all that the plan names; in {unit}. Their p values are not adjusted: they are no tests of "
                    "their own.",
                    n=len(rows),
                    unit=findings.effect_unit(planned, report.labels),
                ),
                unknown_note(report),
            ]
        ),
        wide=True,
    )


def other_cohorts_table(report: ImpactReport, outcome: str) -> Table:
    """Return, for one outcome, the cohorts outside the headline designs, as rows only."""
    say = report.labels.words.say
    planned = report.plan.outcome(outcome)
    rows = []
    for design in report.plan.other_cohorts:
        average = report.average(design.code, "conditional", outcome)
        row = _plan_row(report, design, report.row("conditional"), average, planned)
        rows.append({**row, "name": row["design_name"], "why": design.how_chosen.get(report.labels.language)})
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Joiners")),
            Column("estimate", say("Estimate (95%)"), "number", unbroken, reason_key="reason"),
            Column("mde", say("Smallest effect likely to be seen"), "number", reason_key="reason"),
            Column("unknown", say("With unknown participants"), "number", unbroken, reason_key="reason"),
            Column("why", say("Why only a row")),
        ],
        caption=say(
            "{outcome}: cohorts outside the headline groups", outcome=report.labels.indicator(outcome)
        ),
    )


def mining_table(report: ImpactReport) -> Table:
    """Return the regions that the row without mining outliers leaves out."""
    say = report.labels.words.say
    codes = mining_outliers(study_data(report.project, report.indicators, report.plan))
    rows = pd.DataFrame(
        {
            "name": [report.labels.region(code) for code in codes],
            "province": [report.project.registry.by_code.loc[code, "province"] for code in codes],
        }
    )
    return html_table(
        rows,
        columns=[Column("name", say("Region")), Column("province", say("Province"))],
        caption=say("Mining outliers, left out in one row of the plan"),
        footnote=say(
            "Mean real output per person before the programme above the third quartile plus {n:n0} interquartile ranges, in "
            "logarithms.",
            n=OUTLIER_RANGES,
        ),
    )


def _plan_row(
    report: ImpactReport, design: DesignPlan, row: RowPlan, average: pd.Series, outcome: OutcomePlan
) -> dict[str, object]:
    return {
        "design_name": design.title.get(report.labels.language),
        "name": " ".join(
            [row.title.get(report.labels.language), _bracketed(report.labels.remarks(_remark_of(average)))]
        ).strip(),
        "estimate": report.interval_or_empty(average, outcome),
        "reason": report.why_missing(average),
        "mde": effect_size(report, average["mde"], outcome),
        "unknown": with_unknown(report, design, row, outcome),
        "n": counts(report, average),
    }


def with_unknown(report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> str:
    """Return an estimate as if all unknown participants lay among the comparison regions, or why there is none.

    A dash where no year or no comparison region is concerned.
    """
    bound = report.one_check(design.code, outcome.indicator, UNKNOWN_BOUND, row=row.code)
    if bound is not None:
        return findings.interval_text(bound, outcome, report.labels)
    average = report.average(design.code, row.code, outcome.indicator)
    if not has_estimate(average):
        return ""
    reasons = report.check(design.code, outcome.indicator, UNKNOWN_BOUND, row=row.code)
    if len(reasons):
        return check_reason(reasons.iloc[0], report.labels)
    if report.plan.estimator_of(row) in WITHOUT_YEARS and _holds_later_years(report, design, row, outcome):
        return report.labels.words.say("not computed: no figures by year")
    return NO_VALUE


def _holds_later_years(report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan) -> bool:
    """Tell whether an estimate holds years of unknown participants, by what the headline of the same outcome holds."""
    first = report.plan.unknown_participants.from_year
    headline = report.one_check(design.code, outcome.indicator, UNKNOWN_BOUND)
    return headline is not None and (row.end_year or design.end_year) >= first


def _remark_of(average: pd.Series) -> str:
    return str(average["status"]) if has_estimate(average) else ""


def _bracketed(text: str) -> str:
    return f"[{text}]" if text else ""


def effect_size(report: ImpactReport, size: float, outcome: OutcomePlan) -> str:
    """Return a size in the unit it is told in, empty where it is missing."""
    if pd.isna(size):
        return ""
    return report.labels.words.number(
        findings.in_effect_units(size, outcome), findings.effect_decimals(outcome)
    )


def unbroken(text: str) -> str:
    """Return a cell's text whose intervals and p values are not torn apart at the end of a line."""
    kept = re.sub(r"\([^)]*\)", lambda found: found.group().replace(" ", NO_BREAK_SPACE), text)
    return re.sub(r"\bp [=<] ", lambda found: found.group().replace(" ", NO_BREAK_SPACE), kept)


def counts(report: ImpactReport, average: pd.Series) -> str:
    """Return how many joiners and comparison regions are behind an estimate, empty where there is none."""
    if not has_estimate(average):
        return ""
    return report.labels.words.say(
        "{treated:n0} / {control:n0}", treated=average["n_treated"], control=average["n_control"]
    )


def unknown_note(report: ImpactReport) -> str:
    """Return what the column on unknown participants holds."""
    unknown = report.plan.unknown_participants
    return report.labels.words.say(
        "With unknown participants: the estimate if all {n:n0} participants whom no list names lay among the comparison "
        "regions from {year:y} on, shared the effect, and weighed alike; a dash where no such year or region is "
        "in the comparison.",
        n=unknown.missing_from_rosters,
        year=unknown.from_year,
    )
