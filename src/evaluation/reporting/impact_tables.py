"""The tables of the impact page.

Belongs here: results of the study plan as tables. Does not belong here: figures
(`evaluation.reporting.impact_figures`) or sentences (`evaluation.reporting.impact_report`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.impact import balance
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate
from evaluation.reporting.impact_report import ImpactReport
from evaluation.studies.panels import OUTLIER_RANGES, mining_outliers, study_data
from evaluation.studies.plan import DesignPlan, OutcomePlan, RowPlan
from evaluation.tables import Column, Table, download_links, html_table

BALANCED = 0.1
"""Standardised difference below which a covariate is usually called balanced (Austin 2009, 10.1002/sim.3697)."""


def estimates_table(report: ImpactReport, design: str) -> Table:
    """Return all outcomes of one design by family, conditional and unconditional."""
    say, _words = report.labels.words.say, report.labels.words
    rows = [_estimate_row(report, report.plan.design(design), outcome) for outcome in report.plan.outcomes]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column("conditional", say("Conditional (95%)"), "number", reason_key="reason"),
            Column("unconditional", say("Unconditional (95%)"), "number", reason_key="reason"),
            Column("mde", say("Smallest effect likely to be seen"), "number"),
            Column("margin", say("Size held to matter"), "number"),
            Column("pre", say("Before joining"), "number"),
            Column("n", say("Joiners / comparison")),
            Column("base", say("Base year")),
        ],
        caption=say(
            "Average effect by outcome: {design}",
            design=report.plan.design(design).title.get(report.labels.language),
        ),
        group_by="family",
        footnote=say(
            "Doubly robust, by cohort and year, averaged over joiners; intervals are not adjusted for their number. Before "
            "joining: joint test that joiners and comparison regions moved alike before; a small p speaks against the "
            "assumption, a large one does not prove it. No stars: the intervals are to be read."
        ),
        wide=True,
    )


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
            Column("estimate", say("Estimate (95%)"), "number", reason_key="reason"),
            Column("mde", say("Smallest effect likely to be seen"), "number"),
            Column("n", say("Joiners / comparison")),
        ],
        caption=say("{outcome}: every row of the plan", outcome=report.labels.indicator(outcome)),
        group_by="design_name",
        footnote=say(
            "{n:n0} rows, all that the plan names; in {unit}.",
            n=len(rows),
            unit=findings.effect_unit(planned, report.labels),
        ),
    )


def balance_table(report: ImpactReport, design: str, outcome: str) -> Table:
    """Return how like joiners and comparison regions are, before and after weighting."""
    say, words = report.labels.words.say, report.labels.words
    effects = report.effects(design, outcome)
    table = balance(effects)
    latest = table.sort_values("last_year").drop_duplicates(["cohort", "covariate"], keep="last")
    latest = latest.assign(
        name=[_covariate(report, code) for code in latest["covariate"]],
        joined=[say("joined {year:y}", year=cohort - YEARS_TO_FIRST_EFFECT) for cohort in latest["cohort"]],
    )
    number = lambda value: words.number(value, 2, signed=True)  # noqa: E731
    return html_table(
        latest.sort_values(["cohort", "covariate"]),
        columns=[
            Column("name", say("Trait before joining")),
            Column("difference_before", say("Difference before weighting"), "number", number),
            Column("difference_after", say("after weighting"), "number", number),
        ],
        caption=say("Standardised differences of joiners from comparison regions"),
        group_by="joined",
        footnote=say(
            "In standard deviations; below {limit:n1} either way is usually called balanced.",
            limit=BALANCED,
        ),
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
            Column("estimate", say("Estimate (95%)"), "number", reason_key="reason"),
            Column("mde", say("Smallest effect likely to be seen"), "number"),
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


def downloads(report: ImpactReport) -> Table:
    """Return all estimates as files."""
    say = report.labels.words.say
    return download_links(
        {"estimates": report.estimates},
        file_stem="kota-cerdas-impact",
        labels={"estimates": say("All estimates"), "xlsx": say("All tables (Excel)")},
        heading=say("Take the figures of this page with you:"),
    )


def _estimate_row(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> dict[str, object]:
    language = report.labels.language
    conditional = report.average(design.code, "conditional", outcome.indicator)
    plain = report.average(design.code, "unconditional", outcome.indicator)
    family = report.plan.families[outcome.family]
    return {
        "family": f"{family.name.get(language)}: {family.reason.get(language)}",
        "name": f"{report.labels.indicator(outcome.indicator)} ({findings.effect_unit(outcome, report.labels)})",
        "conditional": report.interval_or_empty(conditional, outcome),
        "unconditional": report.interval_or_empty(plain, outcome),
        "reason": report.why_missing(conditional),
        "mde": _effect_size(report, conditional["mde"], outcome),
        "margin": _effect_size(report, outcome.margin, outcome),
        "pre": _p_or_empty(report, design.code, outcome.indicator),
        "n": _counts(report, conditional),
        "base": _base_years(report, design.code, outcome.indicator),
    }


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
        "mde": _effect_size(report, average["mde"], outcome),
        "n": _counts(report, average),
    }


def _p_or_empty(report: ImpactReport, design: str, outcome: str) -> str:
    p = report.pre_trends_p(design, outcome)
    return "" if pd.isna(p) else findings.p_text(p, report.labels)


def _remark_of(average: pd.Series) -> str:
    return str(average["status"]) if has_estimate(average) else ""


def _bracketed(text: str) -> str:
    return f"[{text}]" if text else ""


def _effect_size(report: ImpactReport, size: float, outcome: OutcomePlan) -> str:
    if pd.isna(size):
        return ""
    return report.labels.words.number(
        findings.in_effect_units(size, outcome), findings.effect_decimals(outcome)
    )


def _counts(report: ImpactReport, average: pd.Series) -> str:
    if not has_estimate(average):
        return ""
    return report.labels.words.say(
        "{treated:n0} / {control:n0}", treated=average["n_treated"], control=average["n_control"]
    )


def _base_years(report: ImpactReport, design: str, outcome: str) -> str:
    groups = report.select(design, "conditional", outcome, "group")
    return report.labels.words.listing(str(int(year)) for year in sorted(set(groups["base_year"].dropna())))


def _covariate(report: ImpactReport, code: str) -> str:
    say = report.labels.words.say
    if code.startswith("mean_"):
        return report.labels.indicator(code.removeprefix("mean_"))
    if code == "is_city":
        return say("city (kota)")
    return say("island group: {name}", name=_island_name(report, code))


def _island_name(report: ImpactReport, code: str) -> str:
    members = report.plan.covariates.island_groups[code.partition("=")[2]]
    return report.labels.words.listing(report.labels.island_group(member) for member in members)
