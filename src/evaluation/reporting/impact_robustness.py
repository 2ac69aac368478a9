"""Whether a part of the joiners or their neighbours makes the estimates what they are.

Belongs here: parts left out and rings around joiners, as tables and sentences. Does not belong here: computing them
(`evaluation.studies.leave_out`, `evaluation.studies.spillovers`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate, is_told_from_zero
from evaluation.reporting.impact_event_study import later_years_note
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.impact_rows import unbroken
from evaluation.reporting.impact_words import check_text
from evaluation.reporting.prose import Prose, bullets, paragraph
from evaluation.studies.panels import study_units
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan
from evaluation.studies.spillovers import FAR_KM
from evaluation.tables import Column, Table, html_table

WITHOUT_ISLANDS = "without_islands:"
"""Status of a ring that leaves out islands without regions far from all joiners."""
CHANCE_SHARE = 0.05
"""Share of figures that would be told from zero at 95% by chance alone."""


def left_out_table(report: ImpactReport) -> Table:
    """Return the range of the estimates without each joining year and each province, and the most influential."""
    say = report.labels.words.say
    rows = [
        _left_out_row(report, design, outcome)
        for design in report.plan.designs
        for outcome in report.outcomes("primary")
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            Column("estimate", say("Estimate (95%)"), "number", unbroken, reason_key="reason"),
            Column("cohorts", say("Without one joining year"), "number", unbroken, reason_key="reason"),
            Column("provinces", say("Without one province"), "number", unbroken, reason_key="reason"),
            Column("furthest", say("Most influential province: estimate without it"), reason_key="reason"),
            Column(
                "flips", say("Provinces whose absence changes the reading"), "number", reason_key="reason"
            ),
        ],
        caption=say("One joining year or one province left out"),
        group_by="design",
        footnote=" ".join(
            [
                say(
                    "Every estimate made anew, joiners and comparison regions of the part left out together. The reading changes "
                    "where zero moves into or out of the 95% interval."
                ),
                later_years_note(report, report.plan.designs),
            ]
        ).strip(),
        wide=True,
    )


def left_out_sentences(report: ImpactReport) -> Prose:
    """Return for every headline estimate which province moves it most."""
    say, items = report.labels.words.say, []
    for design in report.plan.designs:
        for outcome in report.outcomes("primary"):
            row = report.average(design.code, HEADLINE_ROW, outcome.indicator)
            found = _estimated(report.check(design.code, outcome.indicator, "without_province"))
            if not has_estimate(row) or found.empty:
                continue
            flips = [str(one["element"]) for _, one in found.iterrows() if _reads_otherwise(one, row)]
            if flips:
                items.append(
                    say(
                        "{outcome} of the {joiners}: the reading changes without {provinces}.",
                        outcome=report.labels.short_indicator(outcome.indicator),
                        joiners=report.joiners(design),
                        provinces=report.labels.words.listing(flips),
                    )
                )
    if not items:
        return Prose(say("No headline estimate changes its reading when any one province is left out."))
    return bullets(items)


def rings_sentence(report: ImpactReport) -> Prose:
    """Return how many effects on neighbours are told from zero, which, and how many would be by chance."""
    say, table = report.labels.words.say, report.checks
    found = table[
        (table["check"] == "ring")
        & table["estimate"].notna()
        & table["design"].isin([design.code for design in report.plan.designs])
        & table["outcome"].isin([outcome.indicator for outcome in report.outcomes("primary")])
    ]
    if found.empty:
        return Prose(say("No ring holds enough regions that never joined."))
    told = [row for _, row in found.iterrows() if is_told_from_zero(row)]
    names = [
        say(
            "{outcome} {ring} km from the {joiners}",
            outcome=report.labels.short_indicator(str(row["outcome"])),
            ring=str(row["element"]).replace("-", "–"),
            joiners=report.joiners(report.plan.design(str(row["design"]))),
        )
        for row in told
    ]
    return paragraph(
        say(
            "{told:n0} of {n:n0} figures for neighbours that never joined are told from zero by themselves; by chance alone "
            "about {chance:n1} would be.",
            told=len(told),
            n=len(found),
            chance=CHANCE_SHARE * len(found),
        ),
        say("These are: {names}. They rest on few regions.", names="; ".join(names)) if names else "",
        *(_untested_sentence(report, design) for design in report.plan.designs),
    )


def _untested_sentence(report: ImpactReport, design: DesignPlan) -> str:
    """Return on which islands spill-over could not be looked for, with the share of joiners there; empty if nowhere."""
    codes = [outcome.indicator for outcome in report.outcomes("primary")]
    own = report.checks[
        (report.checks["check"] == "ring")
        & (report.checks["design"] == design.code)
        & report.checks["outcome"].isin(codes)
        & report.checks["status"].str.startswith(WITHOUT_ISLANDS)
    ]
    if own.empty:
        return ""
    lost = {group for status in own["status"] for group in status.removeprefix(WITHOUT_ISLANDS).split("+")}
    units = study_units(report.project, report.plan)
    joiners = units[units["joined"].isin(design.joined)]
    names = [
        report.labels.island_group(member)
        for group in report.plan.covariates.island_groups
        if group in lost
        for member in report.plan.covariates.island_groups[group]
    ]
    return report.labels.words.say(
        "It could not be looked for in {islands}, where {n:n0} of the {all:n0} {joiners} are: there no region lies far enough "
        "from all of them.",
        islands=report.labels.words.listing(names),
        n=int(joiners["island_group"].isin(lost).sum()),
        all=len(joiners),
        joiners=report.joiners(design),
    )


def rings_table(report: ImpactReport) -> Table:
    """Return the effect on regions that did not join, by their distance from joiners."""
    say = report.labels.words.say
    rings = list(dict.fromkeys(report.checks.loc[report.checks["check"] == "ring", "element"]))
    rings = sorted((ring for ring in rings if ring), key=lambda ring: float(ring.partition("-")[0]))
    rows = [
        _ring_row(report, design, outcome, rings)
        for design in report.plan.designs
        for outcome in report.outcomes("primary")
    ]
    return html_table(
        pd.DataFrame(rows),
        columns=[
            Column("name", say("Outcome")),
            *(
                Column(
                    ring,
                    say("{ring} km from a joiner", ring=ring.replace("-", "–")),
                    "number",
                    unbroken,
                    reason_key="reason",
                )
                for ring in rings
            ),
        ],
        caption=say("Spill-over: what happened to regions near joiners that did not join"),
        group_by="design",
        footnote=" ".join(
            [
                say(
                    "Regions that never joined, near joiners, against those farther than {km:n0} km, from the first year of "
                    "effect of the nearest joiner on; estimate (95%) and number of near regions. An effect here would mean that "
                    "near comparison regions hide part of the programme's own.",
                    km=FAR_KM,
                ),
                later_years_note(report, report.plan.designs),
            ]
        ).strip(),
        wide=True,
    )


def _left_out_row(report: ImpactReport, design: DesignPlan, outcome: OutcomePlan) -> dict[str, object]:
    row = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    cohorts = _estimated(report.check(design.code, outcome.indicator, "without_cohort"))
    provinces = _estimated(report.check(design.code, outcome.indicator, "without_province"))
    cells: dict[str, object] = {
        "design": design.title.get(report.labels.language),
        "name": f"{report.labels.indicator(outcome.indicator)} ({findings.effect_unit(outcome, report.labels)})",
        "estimate": report.interval_or_empty(row, outcome),
        "reason": report.why_missing(row),
        "cohorts": _range(report, cohorts, outcome) or report.labels.words.say("one joining year only"),
        "provinces": _range(report, provinces, outcome),
        "furthest": "",
        "flips": "",
    }
    if not has_estimate(row):
        return {**cells, "cohorts": ""}
    if len(provinces):
        furthest = provinces.loc[(provinces["estimate"] - row["estimate"]).abs().idxmax()]
        cells["furthest"] = (
            f"{furthest['element']}: {findings.interval_text(furthest, outcome, report.labels)}"
        )
        flips = sum(_reads_otherwise(one, row) for _, one in provinces.iterrows())
        cells["flips"] = report.labels.words.say("{n:n0} of {all:n0}", n=flips, all=len(provinces))
    return cells


def _range(report: ImpactReport, found: pd.DataFrame, outcome: OutcomePlan) -> str:
    if found.empty:
        return ""
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    low, high = (
        words.number(findings.in_effect_units(value, outcome), digits, signed=True)
        for value in (found["estimate"].min(), found["estimate"].max())
    )
    return words.say("{low} to {high}", low=low, high=high)


def _ring_row(
    report: ImpactReport, design: DesignPlan, outcome: OutcomePlan, rings: list[str]
) -> dict[str, object]:
    found = report.check(design.code, outcome.indicator, "ring").set_index("element")
    cells: dict[str, object] = {}
    for ring in rings:
        if ring in found.index:
            one = found.loc[ring]
            text = check_text(one, outcome, report.plan, report.labels)
            n = report.labels.words.say("{n:n0} regions", n=one["n_treated"])
            cells[ring] = f"{text}; {n}" if pd.notna(one["estimate"]) else text
        else:
            cells[ring] = ""
    average = report.average(design.code, HEADLINE_ROW, outcome.indicator)
    return {
        "design": design.title.get(report.labels.language),
        "name": f"{report.labels.indicator(outcome.indicator)} ({findings.effect_unit(outcome, report.labels)})",
        "reason": report.why_missing(average),
        **cells,
    }


def _estimated(found: pd.DataFrame) -> pd.DataFrame:
    return found[found["estimate"].notna()]


def _reads_otherwise(one: pd.Series, headline: pd.Series) -> bool:
    return is_told_from_zero(one) != is_told_from_zero(headline)
