"""Effects by year from joining, with what the years before say, and what unknown participants could hide.

Belongs here: the event studies of the impact page. Does not belong here: its other figures
(`evaluation.reporting.impact_figures`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from evaluation.charts import Chart, EventLabels, Mark
from evaluation.charts import event_study as draw_event_study
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.reporting import findings
from evaluation.reporting.effects import SUSPECT_TRENDS
from evaluation.reporting.impact_report import ImpactReport
from evaluation.studies.plan import HEADLINE_ROW, DesignPlan, OutcomePlan

UNKNOWN_BOUND = "unknown_bound"


def event_study(report: ImpactReport, design: str, outcome: str) -> Chart:
    """Return effects by year from joining, with the years before visibly apart."""
    say = report.labels.words.say
    chosen, planned = report.plan.design(design), report.plan.outcome(outcome)
    row = report.row("conditional")
    anticipation = report.plan.anticipation_of(chosen, row)
    table = report.select(design, "conditional", outcome, "dynamic").sort_values("event_time")
    drawn = _event_rows(report, table, planned, anticipation=anticipation)
    unit = findings.effect_unit(planned, report.labels)
    name = report.labels.indicator(outcome)
    return draw_event_study(
        drawn,
        labels=EventLabels(
            pre=say("before joining"),
            reference=say("base year (zero)"),
            post=say("after joining"),
            anticipation=say("years not used as a base"),
        ),
        format_value=lambda value: report.labels.words.tick(value, signed=True),
        marks=[Mark(-0.5, say("first year of effect"))],
        title=say("{outcome}: joiners against comparison regions by year", outcome=name),
        subtitle=say(
            "Difference from the base year in {unit}, with 95% intervals; {design}. Year 0 is the year after "
            "joining.",
            unit=unit,
            design=chosen.title.get(report.labels.language),
        ),
        alt=_event_alt(report, drawn, planned),
        note=" ".join(
            [
                _pre_trend_note(report, design, outcome),
                _base_note(report, design, outcome),
                unknown_note(report, design, outcome),
            ]
        ).strip(),
        source=report.labels.sources([outcome]),
    )


def _event_rows(
    report: ImpactReport, table: pd.DataFrame, outcome: OutcomePlan, *, anticipation: int
) -> pd.DataFrame:
    phases = [
        _phase(int(row.event_time), base=-1 - anticipation, has_error=pd.notna(row.std_error))
        for row in table.itertuples()
    ]
    scale = findings.in_effect_units
    return pd.DataFrame(
        {
            "position": table["event_time"].astype(float),
            "label": [report.labels.words.number(time, 0, signed=bool(time)) for time in table["event_time"]],
            "phase": phases,
            "estimate": [scale(value, outcome) for value in table["estimate"]],
            "conf_low": [scale(value, outcome) for value in table["conf_low"]],
            "conf_high": [scale(value, outcome) for value in table["conf_high"]],
        }
    )


def _phase(event_time: int, *, base: int, has_error: bool) -> str:
    """Return what a period is; one without an error is a base year, also where it fell back to an earlier one."""
    if event_time >= 0:
        return "post"
    if not has_error:
        return "reference"
    return "anticipation" if event_time > base else "pre"


def _event_alt(report: ImpactReport, drawn: pd.DataFrame, outcome: OutcomePlan) -> str:
    words, digits = report.labels.words, findings.effect_decimals(outcome)
    after = drawn[drawn["phase"] == "post"]
    parts = [f"{row.label}: {words.number(row.estimate, digits, signed=True)}" for row in after.itertuples()]
    return words.say(
        "{outcome} by year from the first year of effect: {parts}.",
        outcome=report.labels.indicator(outcome.indicator),
        parts="; ".join(parts) or "–",
    )


def _base_note(report: ImpactReport, design: str, outcome: str) -> str:
    """Return which base year each cohort has, where they differ in event time, and which cohorts reach furthest."""
    say = report.labels.words.say
    cells = report.select(design, HEADLINE_ROW, outcome, "att_gt")
    after = cells[cells["event_time"] >= 0]
    bases = after.groupby("cohort")["base_year"].min()
    last = after.groupby("cohort")["event_time"].max()
    parts = [
        say(
            "The {year:y} joiners count from {base:y}, up to {last:s0}.",
            year=cohort - YEARS_TO_FIRST_EFFECT,
            base=bases[cohort],
            last=last[cohort],
        )
        for cohort in bases.index
    ]
    return " ".join(parts) if len(parts) > 1 else ""


def _pre_trend_note(report: ImpactReport, design: str, outcome: str) -> str:
    say, p = report.labels.words.say, report.pre_trends_p(design, outcome)
    if pd.isna(p):
        return ""
    if p < SUSPECT_TRENDS:
        return say(
            "Before joining the groups already moved differently (joint test, {p}): read what follows with that in mind.",
            p=findings.p_text(p, report.labels),
        )
    return say(
        "Before joining no difference in movement is seen (joint test, {p}); with these numbers a slow drift could go "
        "unseen.",
        p=findings.p_text(p, report.labels),
    )


def unknown_note(report: ImpactReport, design: str, outcome: str) -> str:
    """Return what the figures of later years would be if all unknown participants lay among the comparison regions."""
    words, planned = report.labels.words, report.plan.outcome(outcome)
    found = report.check(design, outcome, UNKNOWN_BOUND)
    found = found[(found["element"] != "") & found["estimate"].notna()]
    if found.empty:
        return ""
    digits = findings.effect_decimals(planned)
    parts = [
        f"{row.element}: {words.number(findings.in_effect_units(row.estimate, planned), digits, signed=True)}"
        for row in found.itertuples()
    ]
    return words.say(
        "If every participant whom no list names lay among the comparison regions and these weighed alike, the figures "
        "would be {parts}.",
        parts="; ".join(parts),
    )


def later_years_note(
    report: ImpactReport, designs: Sequence[DesignPlan], *, rows: Collection[str] | None = (HEADLINE_ROW,)
) -> str:
    """Return by how much figures of later years could be larger because of unknown participants, empty where by none.

    Parameters
    ----------
    report
        The report.
    designs, rows
        Whose figures stand beside the note; all rows of the plan for None.
    """
    table = report.checks
    found = table[
        (table["check"] == UNKNOWN_BOUND)
        & (table["element"] != "")
        & table["design"].isin([design.code for design in designs])
        & table["outcome"].isin([outcome.indicator for outcome in report.outcomes("primary")])
        & table["share"].notna()
    ]
    found = found if rows is None else found[found["row"].isin(rows)]
    if found.empty:
        return ""
    share = float(found["share"].max())
    return report.labels.words.say(
        "Because participants whom no list names may lie among the comparison regions, every figure that holds {year:y} or later "
        "could be up to {larger:n0} per cent larger.",
        year=report.plan.unknown_participants.from_year,
        larger=100 * share / (1 - share),
    )
