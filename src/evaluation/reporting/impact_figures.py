"""The figures of the impact page.

Belongs here: results of the study plan as charts. Does not belong here: the results themselves or sentences about
them (`evaluation.reporting.impact_report`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.charts import (
    Chart,
    ForestGroup,
    ForestLabels,
    Line,
    Mark,
    Span,
    forest,
    group_lines,
)
from evaluation.charts import timing as draw_timing
from evaluation.charts.palette import ACCENT, CONTRAST
from evaluation.reporting import findings
from evaluation.reporting.effects import has_estimate
from evaluation.reporting.impact_answer import province_interval, province_mde, verdict_text
from evaluation.reporting.impact_event_study import later_years_note
from evaluation.reporting.impact_report import ImpactReport
from evaluation.reporting.tiles import joining_map as draw_joining_map
from evaluation.reporting.trend_panels import COVID_YEARS, trend_panel
from evaluation.studies.panels import study_units, usable
from evaluation.studies.plan import HEADLINE_ROW, PAGE_DESIGNS, DesignPlan, OutcomePlan, RowPlan

BASE_YEAR_ROWS = ("conditional", "base_2020", "with_exposure", "unconditional", "base_2020_unconditional")
"""Rows that set the base year before the shock of 2020 beside the one after it."""


def headline_forest(report: ImpactReport) -> Chart:
    """Return the headline estimates: both designs, primary outcomes, two intervals each, and the verdict in words."""
    say = report.labels.words.say
    outcomes = report.outcomes("primary")
    row = report.row(HEADLINE_ROW)
    table = pd.DataFrame(
        [
            _headline_row(report, design, row, outcome)
            for outcome in outcomes
            for design in report.plan.designs
        ]
    )
    return forest(
        table,
        groups=[_forest_group(report, outcome) for outcome in outcomes],
        labels=ForestLabels(
            estimate=say("estimate with 95% interval, by region"),
            second=say("95% interval, by province"),
            detectable=say("an effect this small would probably not be seen, by province"),
            margin=say("size held to matter"),
        ),
        title=say("Estimated effects of joining, beside the smallest likely to be seen"),
        subtitle=say("Average effect on the regions that joined, for each primary outcome."),
        alt=_forest_alt(table),
        note=say(
            "Each outcome has a scale of its own. Intervals are not adjusted for their number; the verdicts are."
        ),
        source=report.labels.sources(outcome.indicator for outcome in outcomes),
        wide=True,
        compact=True,
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


def base_years_forest(report: ImpactReport) -> Chart:
    """Return the 2021 design from both base years and with exposure to the shock of 2020."""
    say = report.labels.words.say
    design, outcomes = report.plan.design(PAGE_DESIGNS[1]), report.outcomes("primary")
    rows = [report.row(code) for code in BASE_YEAR_ROWS]
    table = pd.DataFrame([_base_row(report, design, row, outcome) for outcome in outcomes for row in rows])
    return forest(
        table,
        groups=[_forest_group(report, outcome) for outcome in outcomes],
        labels=ForestLabels(
            estimate=say("estimate with 95% interval"),
            detectable=say("an effect this small would probably not be seen"),
            margin=say("size held to matter"),
        ),
        title=say("The 2021 joiners from two base years"),
        subtitle=say("Average effect by row of the plan, with 95% interval."),
        alt=_forest_alt(table),
        note=" ".join(
            [
                say("Each outcome has a scale of its own. Intervals are not adjusted for their number."),
                later_years_note(report, [design], rows=BASE_YEAR_ROWS),
            ]
        ).strip(),
        source=report.labels.sources(outcome.indicator for outcome in outcomes),
    )


def _forest_alt(table: pd.DataFrame) -> str:
    return " ".join(
        f"{row.outcome_name}, {row.label}: {row.value_text or row.missing_reason}."
        for row in table.itertuples()
    )


def _headline_row(
    report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan
) -> dict[str, object]:
    average = report.average(design.code, row.code, outcome.indicator)
    remark = report.labels.remarks(str(average["status"])) if has_estimate(average) else ""
    low, high = province_interval(report, average)
    return {
        **_forest_row(report, design, row, outcome),
        "label": report.joiners(design),
        "mde": findings.in_effect_units(province_mde(report, average), outcome),
        "second_low": findings.in_effect_units(low, outcome),
        "second_high": findings.in_effect_units(high, outcome),
        "verdict": ". ".join(text for text in (verdict_text(report, average), remark) if text),
    }


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


def _base_row(
    report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan
) -> dict[str, object]:
    average = report.average(design.code, row.code, outcome.indicator)
    parts = [row.title.get(report.labels.language)]
    if has_estimate(average):
        parts[0] += f" ({report.labels.words.say('from {year:y}', year=average['base_year'])})"
        parts.append(report.labels.remarks(str(average["status"])))
    label = ". ".join(part for part in parts if part)
    return {**_forest_row(report, design, row, outcome), "label": label}


def _forest_row(
    report: ImpactReport, design: DesignPlan, row: RowPlan, outcome: OutcomePlan
) -> dict[str, object]:
    average = report.average(design.code, row.code, outcome.indicator)
    numbers = {
        part: findings.in_effect_units(average[part], outcome)
        for part in ("estimate", "conf_low", "conf_high", "mde")
    }
    return {
        "group": outcome.indicator,
        "outcome_name": report.labels.indicator(outcome.indicator),
        **numbers,
        "margin": findings.in_effect_units(outcome.margin, outcome),
        "headline": row.headline,
        "value_text": report.interval_or_empty(average, outcome),
        "missing_reason": report.why_missing(average),
    }


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
