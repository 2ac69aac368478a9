"""The same estimates by other ways of judging chance, and what plain two-way fixed effects is made of.

Belongs here: tables and sentences that put them beside the headline. Does not belong here: computing them
(`evaluation.studies.impact_inference`, `evaluation.studies.plain_regression`).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_answer import RECOMMENDED
from evaluation.reporting.impact_event_study import later_years_note
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_rows import unbroken
from evaluation.reporting.impact_words import check_reason
from evaluation.reporting.prose import Prose, paragraph
from evaluation.studies.plan import HEADLINE_ROW, PLAIN, DesignPlan, OutcomePlan
from evaluation.tables import Column, Table, html_table

TOLD = 0.05
"""P value below which a way of judging chance tells an effect from zero."""
REGRESSION = "etwfe"
"""Element of checks that answer for extended two-way fixed effects."""


def judged(report: ImpactReport) -> Prose:
    """Return whether the ways of judging chance agree on each primary headline estimate, and where they do not."""
    say, listing, parts, rows = report.labels.words.say, report.labels.words.listing, [], report.headlines()
    for row in rows:
        read = _readings(report, row)
        told = [name for name, is_told in read if is_told]
        if 0 < len(told) < len(read):
            parts.append(
                say(
                    "{outcome} of the {joiners} is told from zero by {told}, and not by {others}.",
                    outcome=report.labels.short_indicator(str(row["outcome"])),
                    joiners=report.joiners(report.plan.design(str(row["design"]))),
                    told=listing(told),
                    others=listing(name for name, is_told in read if not is_told),
                )
            )
    return paragraph(
        say(
            "For {n:n0} of {all:n0} primary headline estimates every way of judging chance gives the same reading.",
            n=len(rows) - len(parts),
            all=len(rows),
        ),
        *parts,
    )


def inference_folded(report: ImpactReport) -> Folded:
    """Return the tables of all ways of judging chance, folded."""
    return Folded(
        report.labels.words.say("Every way of judging chance, for every outcome"),
        tuple(inference_table(report, design.code) for design in report.plan.designs),
    )


def inference_table(report: ImpactReport, design: str) -> Table:
    """Return every headline estimate of a design by each way of judging chance."""
    say, chosen = report.labels.words.say, report.plan.design(design)
    columns = {
        (RECOMMENDED, ""): say("Provinces, jackknife of influence values (recommended)"),
        ("wild_province", ""): say("Provinces, wild bootstrap"),
        ("cr2_province", ""): say("Provinces, CR2 (extended two-way)"),
        ("wild_province", REGRESSION): say("Provinces, wild bootstrap (extended two-way)"),
        ("randomisation", ""): say("Joining years drawn by lot"),
        ("few_treated", ""): say("Few joiners"),
    }
    rows = []
    for outcome in report.plan.outcomes:
        average = report.average(design, HEADLINE_ROW, outcome.indicator)
        row: dict[str, object] = {
            "family": report.plan.families[outcome.family].name.get(report.labels.language),
            "name": f"{report.labels.indicator(outcome.indicator)} ({findings.effect_unit(outcome, report.labels)})",
            "reason": report.why_missing(average),
            "region": _interval_and_p(report, average, outcome) if has_estimate(average) else "",
            "delete_one": _both_errors(report, average, outcome) if has_estimate(average) else "",
        }
        for (check, element), _ in columns.items():
            row[f"{check}{element}"] = _check_cell(report, chosen, outcome, check, element)
        rows.append(row)
    table = pd.DataFrame(rows)
    shown = [name for name in columns if (table["".join(name)] != "").any()]
    return html_table(
        table,
        columns=[
            Column("name", say("Outcome")),
            Column("region", say("Regions (as in the headline)"), "number", reason_key="reason"),
            *(Column("".join(name), columns[name], "number", reason_key="reason") for name in shown),
            Column(
                "delete_one",
                say("Standard error by province: influence values / left out"),
                "number",
                reason_key="reason",
            ),
        ],
        caption=say("Other ways to judge chance: {design}", design=chosen.title.get(report.labels.language)),
        group_by="family",
        footnote=" ".join(
            part for part in (_inference_note(report), later_years_note(report, [chosen])) if part
        ),
        wide=True,
    )


def _inference_note(report: ImpactReport) -> str:
    return report.labels.words.say(
        "95% interval; p value. By region: errors of regions are independent. By province: regions of a province may err "
        "together. By lot: how often joining years drawn anew among regions of the same type and island give an effect as "
        "large. Few joiners: judged by how far comparison regions of like size stray. What is not computed for a group is "
        "not asked of it: few joiners only below forty. Standard error by province: from the influence of each "
        "province on the estimate, and from estimates made anew without each province, which weights and traits follow too; "
        "where the second is larger the intervals by province may be too short."
    )


def plain_regression_table(report: ImpactReport) -> Table:
    """Return the comparisons that plain two-way fixed effects is made of, with their weights."""
    say = report.labels.words.say
    rows = [
        row
        for design in report.plan.designs
        for outcome in report.outcomes("primary")
        for row in _bacon_rows(report, design, outcome)
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Comparison")),
            Column("share", say("Weight"), "number", reason_key="reason"),
            Column("estimate", say("Average"), "number", reason_key="reason"),
        ],
        caption=say("What plain two-way fixed effects compares (Goodman-Bacon decomposition)"),
        group_by="group",
        footnote=say(
            "Comparisons with regions already treated take a change of their effect for a change of the comparison. Regions "
            "without a figure in some year are left out of the decomposition."
        ),
    )


def plain_regression_folded(report: ImpactReport) -> Folded:
    """Return the decomposition of plain two-way fixed effects, folded."""
    return Folded(
        report.labels.words.say("The comparisons that the plain regression is made of, with their weights"),
        (plain_regression_table(report),),
    )


def why_not_plain(report: ImpactReport) -> Prose:
    """Return why no headline rests on plain two-way fixed effects, and which of its known faults are found here."""
    say = report.labels.words.say
    negative, forbidden = (
        max((row["share"] for row in _plain_checks(report, check)), default=float("nan"))
        for check in ("twfe_negative_weights", "bacon")
    )
    return paragraph(
        say(
            "The plain regression with effects of region and year is what most studies report. Where joining years differ it "
            "compares regions with others already treated and can give effects a negative weight."
        ),
        say("Here none of its weights is negative.")
        if not negative
        else say("Here up to {negative:n1} per cent of its weights are negative.", negative=100 * negative),
        say(
            "Up to {forbidden:n1} per cent of its comparisons use regions already treated.",
            forbidden=100 * forbidden,
        ),
        say(
            "Whatever these shares, it is not used because it takes no account of type, island and starting level: joiners are "
            "compared with regions unlike them."
        ),
    )


def _plain_checks(report: ImpactReport, check: str) -> list[pd.Series]:
    """Return one check of the row by plain two-way fixed effects, for every design and primary outcome that has it."""
    found = [
        report.one_check(design.code, outcome.indicator, check, row=code)
        for design in report.plan.designs
        if (code := _plain_row(report, design)) is not None
        for outcome in report.outcomes("primary")
    ]
    return [row for row in found if row is not None]


def _readings(report: ImpactReport, row: pd.Series) -> list[tuple[str, bool]]:
    """Return the ways of judging chance that a headline estimate has, and whether each tells it from zero."""
    say = report.labels.words.say
    names = {
        (RECOMMENDED, ""): say("the jackknife over provinces"),
        ("wild_province", ""): say("the wild bootstrap over provinces"),
        ("randomisation", ""): say("lot"),
        ("few_treated", ""): say("the spread of regions of like size"),
    }
    read = [(say("region"), bool(row["p_value"] < TOLD))]
    for (check, element), name in names.items():
        found = report.one_check(str(row["design"]), str(row["outcome"]), check, element)
        if found is not None:
            read.append((name, bool(found["p_value"] < TOLD)))
    return read


def _check_cell(
    report: ImpactReport, design: DesignPlan, outcome: OutcomePlan, check: str, element: str
) -> str:
    found = report.check(design.code, outcome.indicator, check)
    found = found[found["element"] == element]
    average = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    if found.empty or not has_estimate(average):
        return ""
    row = found.iloc[0]
    if pd.isna(row["estimate"]):
        return check_reason(row, report.labels)
    return _interval_and_p(report, row, outcome)


def _interval_and_p(report: ImpactReport, row: pd.Series, outcome: OutcomePlan) -> str:
    """Return interval and p value; only the p value where there is no interval."""
    p = "" if pd.isna(row["p_value"]) else findings.p_text(row["p_value"], report.labels)
    if pd.isna(row["conf_low"]):
        return p
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    low, high = (
        words.number(findings.in_effect_units(row[end], outcome), digits, signed=True)
        for end in ("conf_low", "conf_high")
    )
    interval = words.say("{low} to {high}", low=low, high=high)
    return "; ".join(part for part in (interval, unbroken(p)) if part)


def _plain_row(report: ImpactReport, design: DesignPlan) -> str | None:
    rows = [row.code for row in report.plan.rows_of(design) if report.plan.estimator_of(row) == PLAIN]
    return rows[0] if rows else None


def _bacon_rows(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> list[dict[str, object]]:
    code = _plain_row(report, design)
    if code is None:
        return []
    words, say = report.labels.words, report.labels.words.say
    names = {
        "treated_vs_never": say("joiners against regions that never joined"),
        "earlier_vs_later": say("earlier joiners against later ones, before these joined"),
        "later_vs_earlier": say("later joiners against earlier ones, already treated"),
        "later_vs_always": say("later joiners against regions treated all along"),
        "": say("all together"),
    }
    group = f"{design.title.get(report.labels.language)}: {report.labels.indicator(outcome.indicator)}"
    rows: list[dict[str, object]] = []
    for _, row in report.check(design.code, outcome.indicator, "bacon", row=code).iterrows():
        whole = row["element"] == ""
        rows.append(
            {
                "group": f"{group} ({findings.effect_unit(outcome, report.labels)})",
                "name": names[str(row["element"])] + (_complete_text(report, row) if whole else ""),
                "share": ""
                if pd.isna(row["share"])
                else words.say("{share:p1}", share=100.0 if whole else 100 * row["share"]),
                "estimate": ""
                if pd.isna(row["estimate"])
                else words.number(
                    findings.in_effect_units(row["estimate"], outcome),
                    findings.effect_decimals(outcome),
                    signed=True,
                ),
                "reason": check_reason(row, report.labels),
            }
        )
    whole_study = _whole_study_row(report, design, outcome, code)
    return sorted(rows, key=lambda row: str(row["name"]).startswith(names[""])) + [
        {**row, "group": rows[0]["group"]} for row in whole_study if rows
    ]


def _complete_text(report: ImpactReport, row: pd.Series) -> str:
    """Return how many regions the decomposition holds: those with a figure in every year."""
    if pd.isna(row["n_units"]):
        return ""
    return report.labels.words.say(" ({n:n0} regions with a figure in every year)", n=row["n_units"])


def _whole_study_row(
    report: ImpactReport, design: DesignPlan, outcome: OutcomePlan, code: str
) -> list[dict[str, object]]:
    """Return the coefficient over all regions, also those that the decomposition leaves out; nothing without one."""
    average = report.average(design.code, code, outcome.indicator)
    if not has_estimate(average):
        return []
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    value = findings.in_effect_units(average["estimate"], outcome)
    return [
        {
            "name": words.say("the regression over all regions ({n:n0})", n=average["n_units"]),
            "share": "",
            "estimate": words.number(value, digits, signed=True),
            "reason": "",
        }
    ]


def _both_errors(report: ImpactReport, row: pd.Series, outcome: OutcomePlan) -> str:
    """Return the error by the jackknife of influence values, and by estimates made anew without each province."""
    kept = report.one_check(str(row["design"]), outcome.indicator, RECOMMENDED)
    anew = delete_one_error(report, str(row["design"]), outcome.indicator)
    if kept is None or math.isnan(anew):
        return ""
    words, digits = report.labels.words, findings.effect_decimals(outcome) + 1
    influence, left_out = (
        words.number(findings.in_effect_units(error, outcome), digits) for error in (kept["std_error"], anew)
    )
    return f"{influence} / {left_out}"


def delete_one_error(report: ImpactReport, design: str, outcome: str) -> float:
    """Return the jackknife standard error from estimates made anew without each province, missing below two.

    ``sqrt((G - 1) / G * sum_g (theta_g - mean(theta))^2)`` over the G provinces whose absence leaves an estimate
    (Efron and Tibshirani 1993, An Introduction to the Bootstrap, equation 11.5).
    """
    found = report.check(design, outcome, "without_province")["estimate"].dropna().to_numpy(dtype=float)
    n = len(found)
    return math.sqrt((n - 1) / n * float(np.sum((found - found.mean()) ** 2))) if n > 1 else math.nan
