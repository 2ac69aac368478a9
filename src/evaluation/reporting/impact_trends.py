"""How far the estimates rest on parallel trends: tests before joining, intervals under violations.

Belongs here: what `impact_checks` says of trends, as figures, tables and sentences. Does not belong here: computing it
(`evaluation.studies.parallel_trends`), placebo dates (`evaluation.reporting.impact_placebo`).
"""

from __future__ import annotations

from typing import Literal

import pandas as pd

from evaluation.charts import Chart, SensitivityLabels, SensitivityPanel, sensitivity_panels
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate, is_told_from_zero
from evaluation.reporting.folding import Folded
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_rows import unbroken
from evaluation.reporting.impact_words import check_reason
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan
from evaluation.tables import Column, Table, html_table

Restriction = Literal["smoothness", "relative"]
SMALLEST_SHOWN = 0.01
"""Smaller breakdown values are told as almost nothing."""


def pretrends_table(report: ImpactReport) -> Table:
    """Return the joint test before joining beside what it could have found."""
    say = report.labels.words.say
    rows = [
        _pretrend_row(report, design, outcome)
        for design in report.plan.designs
        for outcome in report.outcomes("primary")
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column("p", say("Joint test"), "number", reason_key="reason"),
            Column("half", say("Drift a year found half the time"), "number", reason_key="reason"),
            Column("most", say("Drift found four times in five"), "number", reason_key="reason"),
            Column(
                "chance",
                say("Chance to find a drift that fakes an effect that matters"),
                "number",
                reason_key="reason",
            ),
        ],
        caption=say("Trends before joining: the test, and what it could have found"),
        group_by="design",
        footnote=say(
            "A small p of the joint test says that joiners and comparison regions already moved differently. A large one "
            "proves little: the last column is the chance that a steady drift, large enough to fake an effect that matters by "
            "the last year, would have been found (Roth 2022)."
        ),
        wide=True,
    )


def pretrend_warning(report: ImpactReport) -> Prose:
    """Return Roth's warning with the smallest and largest chance of finding a drift that matters."""
    say, words = report.labels.words.say, report.labels.words
    table = report.checks
    found = table[
        (table["check"] == "pretrend_power")
        & (table["element"] == "joint_margin_slope")
        & table["design"].isin([design.code for design in report.plan.designs])
        & table["outcome"].isin([outcome.indicator for outcome in report.outcomes("primary")])
        & table["share"].notna()
    ]
    warning = say(
        "Keeping only estimates that pass such a test would make matters worse: those that pass by luck are biased as well, "
        "and more so. So nothing here is kept or dropped by it."
    )
    if found.empty:
        return Prose(warning)
    return paragraph(
        say(
            "A steady drift that fakes an effect of the size held to matter would have been found with a chance between {low} "
            "and {high} per cent, depending on the outcome.",
            low=words.number(100 * found["share"].min(), 0),
            high=words.number(100 * found["share"].max(), 0),
        ),
        warning,
    )


def honest_figure(report: ImpactReport, design: str, restriction: Restriction) -> Chart:
    """Return intervals of the headline effects under ever larger departures from parallel trends."""
    say, chosen = report.labels.words.say, report.plan.design(design)
    panels, parts = [], []
    for outcome in report.outcomes("primary"):
        found = report.check(design, outcome.indicator, f"honest_{restriction}")
        for prefix in _prefixes(found):
            code = f"{outcome.indicator}:{prefix}"
            panels.append(_honest_panel(report, code, outcome, prefix, restriction))
            parts.append(_honest_rows(report, chosen, outcome, found, prefix).assign(panel=code))
    rows = pd.concat(parts, ignore_index=True)
    title = (
        say("If trends could bend: {joiners}", joiners=report.joiners(chosen))
        if restriction == "smoothness"
        else say(
            "If trends could differ as much as before joining: {joiners}", joiners=report.joiners(chosen)
        )
    )
    return sensitivity_panels(
        rows,
        panels=panels,
        labels=SensitivityLabels(
            estimated=say("95% interval if trends were parallel"),
            allowed=say("95% interval if they differ by so much"),
            margin=say("size held to matter"),
        ),
        format_value=lambda value: report.labels.words.tick(value, signed=True),
        title=title,
        subtitle=say(
            "Average effect, 95% intervals (Rambachan and Roth 2023); every panel has a scale of its own."
        ),
        alt=_honest_alt(report, rows, panels),
        source=report.labels.sources(outcome.indicator for outcome in report.outcomes("primary")),
    )


def smoothness_folded(report: ImpactReport) -> Folded:
    """Return the intervals under bending trends for both designs, folded."""
    return Folded(
        report.labels.words.say("The same if trends could bend by so much a year"),
        tuple(honest_figure(report, design.code, "smoothness") for design in report.plan.designs),
    )


def breakdown_sentences(report: ImpactReport) -> Prose:
    """Return for every headline estimate how much of a violation it takes until zero cannot be ruled out."""
    items = [
        _breakdown_sentence(report, design, outcome)
        for design in report.plan.designs
        for outcome in report.outcomes("primary")
    ]
    untold = [name for name, sentence in items if not sentence]
    listed = [sentence for _, sentence in items if sentence]
    if untold:
        listed.append(
            report.labels.words.say(
                "Not told from zero even if trends were exactly parallel, so that no violation is needed: {names}.",
                names=report.labels.words.listing(untold),
            )
        )
    return bullets(listed)


def _pretrend_row(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> dict[str, object]:
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    found = report.check(design.code, outcome.indicator, "pretrend_power").set_index("element")
    p = report.pre_trends_p(design.code, outcome.indicator)

    def slope(element: str) -> str:
        if element not in found.index or pd.isna(found.loc[element, "estimate"]):
            return ""
        return words.number(findings.in_effect_units(found.loc[element, "estimate"], outcome), digits)

    chance = found["share"].get("joint_margin_slope", float("nan"))
    reasons = [check_reason(row, report.labels) for _, row in found.iterrows()]
    return {
        "design": design.title.get(report.labels.language),
        "name": _named(report, outcome),
        "p": "" if pd.isna(p) else unbroken(findings.p_text(p, report.labels)),
        "half": slope("joint_slope_at_50"),
        "most": slope("joint_slope_at_80"),
        "chance": "" if pd.isna(chance) else words.say("{share:p0}", share=100 * chance),
        "reason": next(filter(None, reasons), ""),
    }


def _prefixes(found: pd.DataFrame) -> list[str]:
    """Return the joining years that have intervals of their own, or an empty one for all joiners together."""
    estimated = found[found["conf_low"].notna()]
    return sorted({element.rpartition(":")[0] for element in estimated["element"]})


def _honest_panel(
    report: ImpactReport, code: str, outcome: OutcomePlan, prefix: str, restriction: Restriction
) -> SensitivityPanel:
    say = report.labels.words.say
    title = report.labels.short_indicator(outcome.indicator)
    if prefix:
        title = f"{title}, {say('joined {year:y}', year=int(prefix))}"
    steps = (
        say("bend allowed each year, in margins")
        if restriction == "smoothness"
        else say("in multiples of the largest move before")
    )
    return SensitivityPanel(code, title, findings.effect_unit(outcome, report.labels), steps)


def _honest_rows(
    report: ImpactReport, design: DesignPlan, outcome: OutcomePlan, found: pd.DataFrame, prefix: str
) -> pd.DataFrame:
    words, start = report.labels.words, f"{prefix}:" if prefix else ""
    own = found[found["element"].str.rpartition(":")[0] == prefix].copy()
    own["bound"] = own["element"].str.removeprefix(start).astype(float)
    steps = [_estimated_row(report, design, outcome, prefix)] + [
        {"label": words.tick(row.bound), "conf_low": row.conf_low, "conf_high": row.conf_high}
        for row in own.sort_values("bound").itertuples()
    ]
    table = pd.DataFrame(steps)
    for column in ("estimate", "conf_low", "conf_high"):
        table[column] = [findings.in_effect_units(value, outcome) for value in table[column]]
    return table.assign(
        estimated=[True] + [False] * (len(table) - 1),
        margin=findings.in_effect_units(outcome.margin, outcome),
    )


def _estimated_row(
    report: ImpactReport, design: DesignPlan, outcome: OutcomePlan, prefix: str
) -> dict[str, object]:
    """Return the effect under parallel trends: of all joiners, or of one joining year."""
    row = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    if prefix:
        groups = report.select(design.code, HEADLINE_ROW, outcome.indicator, "group")
        row = groups[groups["cohort"] == int(prefix) + YEARS_TO_FIRST_EFFECT].iloc[0]
    return {
        "label": report.labels.words.say("parallel"),
        **{part: row[part] for part in ("estimate", "conf_low", "conf_high")},
    }


def _honest_alt(report: ImpactReport, rows: pd.DataFrame, panels: list[SensitivityPanel]) -> str:
    words = report.labels.words
    parts = []
    for panel in panels:
        own = rows[rows["panel"] == panel.code]
        intervals = [
            words.say("{label}: {low:s2} to {high:s2}", label=row.label, low=row.conf_low, high=row.conf_high)
            for row in own.itertuples()
        ]
        parts.append(f"{panel.title}. {'; '.join(intervals)}.")
    return " ".join(parts)


def _breakdown_sentence(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> tuple[str, str]:
    """Return the name of a headline estimate, and its sentence where it is told from zero."""
    say = report.labels.words.say
    name = say(
        "{outcome} of the {joiners}",
        outcome=report.labels.short_indicator(outcome.indicator),
        joiners=report.joiners(design),
    )
    row = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    if not has_estimate(row):
        return name, f"{name}: {report.labels.not_estimable(row['status'])}."
    smooth = report.one_check(design.code, outcome.indicator, "breakdown_smoothness")
    relative = report.one_check(design.code, outcome.indicator, "breakdown_relative")
    if smooth is None or relative is None:
        reasons = [
            check_reason(row, report.labels)
            for _, row in report.check(design.code, outcome.indicator, "breakdown_smoothness").iterrows()
        ]
        told = is_told_from_zero(row)
        return name, f"{name}: {next(filter(None, reasons), '–')}." if told else ""
    if not is_told_from_zero(row):
        return name, ""
    return name, say(
        "{name}: zero is ruled out only while trends bend by {smooth}, or differ by {relative}.",
        name=name,
        smooth=_smooth_breakdown(report, smooth),
        relative=_relative_breakdown(report, relative),
    )


def _smooth_breakdown(report: ImpactReport, row: pd.Series) -> str:
    words = report.labels.words
    if row["status"] == "beyond_grid":
        return words.say("more than {value:n1} margins a year", value=row["estimate"])
    if row["estimate"] < SMALLEST_SHOWN:
        return words.say("almost nothing")
    return words.say("up to {value:n2} margins a year", value=row["estimate"])


def _relative_breakdown(report: ImpactReport, row: pd.Series) -> str:
    words = report.labels.words
    if row["status"] == "beyond_grid":
        return words.say("more than {value:n1} times the largest move before joining", value=row["estimate"])
    if row["estimate"] < SMALLEST_SHOWN:
        return words.say("almost nothing")
    return words.say("up to {value:n2} times the largest move before joining", value=row["estimate"])


def _named(report: ImpactReport, outcome: OutcomePlan) -> str:
    unit = findings.effect_unit(outcome, report.labels)
    return f"{report.labels.indicator(outcome.indicator)} ({unit})"
