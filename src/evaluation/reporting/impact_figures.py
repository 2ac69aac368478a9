"""The figures of the impact page.

Belongs here: results of the study plan as charts. Does not belong here: the results themselves or sentences about
them (`evaluation.reporting.impact_report`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.charts import (
    Chart,
    EventLabels,
    ForestGroup,
    ForestLabels,
    Line,
    Mark,
    Span,
    forest,
    group_lines,
)
from evaluation.charts import event_study as draw_event_study
from evaluation.charts import timing as draw_timing
from evaluation.charts.palette import ACCENT, CONTRAST
from evaluation.programme import YEARS_TO_FIRST_EFFECT
from evaluation.reporting import findings
from evaluation.reporting.effects import HEADLINE_ROW, SUSPECT_TRENDS, has_estimate
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.tiles import joining_map as draw_joining_map
from evaluation.reporting.trend_panels import COVID_YEARS, trend_panel
from evaluation.studies.panels import study_units, usable
from evaluation.studies.plan import DesignPlan, OutcomePlan, RowPlan


def headline_forest(report: ImpactReport) -> Chart:
    """Return both headline designs, primary outcomes, conditional beside unconditional."""
    say = report.labels.words.say
    codes = [row for row in report.plan.rows if row.code in ("conditional", "unconditional")]
    return _forest(
        report,
        outcomes=report.outcomes("primary"),
        lines=[(design, row) for design in report.plan.designs for row in codes],
        title=say("Estimated effects for joiners, beside the smallest likely to be seen"),
        subtitle=say(
            "Average effect of having joined, with 95% interval, for each primary outcome and both groups of "
            "joiners."
        ),
    )


def timing(report: ImpactReport) -> Chart:
    """Return how many regions joined when, and how many of them are not known by name."""
    say, words = report.labels.words.say, report.labels.words
    joined = report.project.programme.joined_by_year()
    promised = _official_counts(report)
    table = pd.DataFrame(
        {
            "year": joined["joined"],
            "n_known": joined["n_regions"],
            "n_unknown": [
                max(promised.get(int(year), 0) - int(n), 0)
                for year, n in zip(joined["joined"], _entries_by_year(report, joined["joined"]), strict=True)
            ],
        }
    )
    table["text"] = [
        say("{n:n0}, and {unknown:n0} not known by name", n=row.n_known, unknown=row.n_unknown)
        if row.n_unknown
        else words.number(row.n_known, 0)
        for row in table.itertuples()
    ]
    return draw_timing(
        table,
        known_label=say("regions known by name, by first year of joining"),
        unknown_label=say("participants announced and found in no list"),
        title=say("Who joined when, and how many are not known by name"),
        subtitle=say("Regions that joined the programme, by first year."),
        alt=" ".join(f"{row.year}: {row.text}." for row in table.itertuples()),
        note=say(
            "Repeats count in their first year. A region that may have joined is never a control; those "
            "that no source names cannot be set aside."
        ),
    )


def joining_map(report: ImpactReport) -> Chart:
    """Return a map of who joined when."""
    return draw_joining_map(report.labels)


def raw_outcomes(report: ImpactReport, design: str) -> Chart:
    """Return raw outcomes of joiners and of comparison regions over time, before any estimate."""
    say = report.labels.words.say
    chosen = report.plan.design(design)
    units = study_units(report.project, report.plan)
    clean = units["clean_control"] & units["joined"].isna()
    groups = {
        "joiners": units.index[units["joined"].isin(chosen.joined)],
        "cities": units.index[clean & (units["is_city"] == 1)],
        "regencies": units.index[clean & (units["is_city"] == 0)],
    }
    outcomes = report.outcomes("primary")
    frame = pd.concat(
        [
            _group_means(usable(report.indicators, outcome.indicator, report.plan), groups).assign(
                panel=outcome.indicator
            )
            for outcome in outcomes
        ],
        ignore_index=True,
    )
    return group_lines(
        frame,
        panels=[trend_panel(outcome.indicator, report.labels) for outcome in outcomes],
        lines=[
            Line("regencies", say("other regencies ({n:n0})", n=len(groups["regencies"]))),
            Line("cities", say("other cities ({n:n0})", n=len(groups["cities"])), CONTRAST, dashed=True),
            Line("joiners", say("joiners ({n:n0})", n=len(groups["joiners"])), ACCENT),
        ],
        marks=[Mark(year, say("joined {year:y}", year=year)) for year in chosen.joined],
        spans=[Span(*COVID_YEARS, label="COVID-19")],
        title=say("Raw outcomes: {design}", design=chosen.title.get(report.labels.language)),
        subtitle=say("Mean of the regions with a usable figure in each year; nothing adjusted."),
        alt=say(
            "Lines of joiners, other cities and other regencies for each primary outcome, {design}.",
            design=chosen.title.get(report.labels.language),
        ),
        note=say(
            "Joiners are cities more often than others, so the plain gap between the lines is not the programme's effect."
        ),
        source=report.labels.sources(outcome.indicator for outcome in outcomes),
    )


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
            [_pre_trend_note(report, design, outcome), _base_note(report, design, outcome)]
        ).strip(),
        source=report.labels.sources([outcome]),
    )


def base_years_forest(report: ImpactReport) -> Chart:
    """Return the 2021 design from both base years and with exposure to the shock of 2020."""
    say = report.labels.words.say
    design = report.plan.design("joiners_2021")
    codes = ("conditional", "base_2020", "with_exposure", "unconditional", "base_2020_unconditional")
    return _forest(
        report,
        outcomes=report.outcomes("primary"),
        lines=[(design, report.row(code)) for code in codes],
        title=say("The 2021 joiners from two base years"),
        subtitle=say("Average effect by row of the plan, with 95% interval."),
    )


def _forest(
    report: ImpactReport,
    *,
    outcomes: tuple[OutcomePlan, ...],
    lines: list[tuple[DesignPlan, RowPlan]],
    title: str,
    subtitle: str,
) -> Chart:
    say = report.labels.words.say
    rows = [
        _forest_row(report, design, row, outcome, several=len({one.code for one, _ in lines}) > 1)
        for outcome in outcomes
        for design, row in lines
    ]
    table = pd.DataFrame(rows)
    return forest(
        table,
        groups=[_forest_group(report, outcome) for outcome in outcomes],
        labels=ForestLabels(
            estimate=say("estimate with 95% interval"),
            detectable=say("an effect this small would probably not be seen"),
            margin=say("size held to matter"),
        ),
        title=title,
        subtitle=subtitle,
        alt=" ".join(
            f"{row.outcome_name}, {row.label}: {row.value_text or row.missing_reason}."
            for row in table.itertuples()
        ),
        note=say("Each outcome has a scale of its own. Intervals are not adjusted for their number."),
        source=report.labels.sources(outcome.indicator for outcome in outcomes),
    )


def _forest_group(report: ImpactReport, outcome: OutcomePlan) -> ForestGroup:
    say, words = report.labels.words.say, report.labels.words
    return ForestGroup(
        code=outcome.indicator,
        title=report.labels.indicator(outcome.indicator),
        unit=findings.effect_unit(outcome, report.labels),
        format_value=lambda value: words.tick(value, signed=True),
        low_label=say("lower"),
        high_label=say("higher"),
    )


def _forest_row(
    report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan, *, several: bool
) -> dict[str, object]:
    average = report.average(design.code, row.code, outcome.indicator)
    label = row.title.get(report.labels.language)
    title = design.title.get(report.labels.language)
    remark = report.labels.remarks(str(average["status"])) if has_estimate(average) else ""
    numbers = {
        part: findings.in_effect_units(average[part], outcome)
        for part in ("estimate", "conf_low", "conf_high", "mde")
    }
    return {
        "group": outcome.indicator,
        "outcome_name": report.labels.indicator(outcome.indicator),
        "label": " ".join([f"{title} · {label}" if several else label, remark]).strip(),
        **numbers,
        "margin": findings.in_effect_units(outcome.margin, outcome),
        "headline": row.headline,
        "value_text": report.interval_or_empty(average, outcome),
        "missing_reason": report.why_missing(average),
    }


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


def _official_counts(report: ImpactReport) -> dict[int, int]:
    return {batch.joined: batch.announced for batch in report.plan.announced}


def _entries_by_year(report: ImpactReport, years: pd.Series) -> list[int]:
    counts = report.project.programme.entries["joined"].value_counts()
    return [int(counts.get(year, 0)) for year in years]


def _group_means(figures: pd.DataFrame, groups: dict[str, pd.Index]) -> pd.DataFrame:
    parts = [
        figures[figures["region_code"].isin(members)]
        .groupby("year", as_index=False)["value"]
        .mean()
        .assign(group=name)
        for name, members in groups.items()
    ]
    return pd.concat(parts, ignore_index=True)
