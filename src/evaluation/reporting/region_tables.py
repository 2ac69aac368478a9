"""The tables of a region's page.

Belongs here: a region's profile as tables. Does not belong here: figures (`evaluation.reporting.region_figures`) or
sentences (`evaluation.reporting.region_report`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import pandas as pd
from markupsafe import Markup

from evaluation.catalog import Indicator
from evaluation.reporting import findings
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose
from evaluation.reporting.rank_words import no_rank_reason, rank_text
from evaluation.reporting.region_report import RegionReport
from evaluation.tables import Column, Table, download_links, grade_badge, html_table


def comparison_table(report: RegionReport) -> Table:
    """Return each pillar's score beside the medians of the region's groups."""
    say, profile = report.labels.words.say, report.profile
    table = profile.pillars.assign(
        name=[report.labels.pillar(code) for code in profile.pillars["code"]],
        band_name=[report.labels.band(band) for band in profile.pillars["band"]],
        reason=[report.missing_pillar_reason(code) for code in profile.pillars["code"]],
        rank_words=[rank_text(row, report.labels) for _, row in profile.pillars.iterrows()],
        rank_reason=[no_rank_reason(row, report.labels) for _, row in profile.pillars.iterrows()],
    )
    island = report.labels.island_group(str(profile.groups["island_group"]))
    medians = (
        ("peers_median", say("Regions like it")),
        ("island_group_median", island),
        ("province_median", str(profile.groups["province"])),
        ("country_median", say("Indonesia")),
    )
    return html_table(
        table,
        columns=[
            Column("name", say("Pillar")),
            Column("score", say("Score"), "number", report.labels.score, reason_key="reason"),
            Column("band_name", say("Band")),
            Column("rank_words", say("Rank and interval"), reason_key="rank_reason"),
            *(Column(key, heading, "number", report.labels.score) for key, heading in medians),
        ],
        caption=say(
            "Scores beside the medians of its groups, {year:y} edition", year=report.profile.edition_year
        ),
        footnote=say(
            "Only regions with figures for the same dimensions are compared; no median is given for fewer than five of "
            "them, or where they are less than half of the group. In brackets the interval of a rank under other "
            "choices of method."
        ),
    )


def indicator_table(report: RegionReport) -> Table:
    """Return every indicator in force, by pillar: value, year, grade, peers' median, gap."""
    say = report.labels.words.say
    return html_table(
        _indicator_rows(report),
        columns=[
            Column("name", say("Indicator"), render=_name_with_unit),
            Column("value_text", say("Value"), "number", reason_key="reason"),
            Column("data_year", say("Year"), "number", lambda year: str(int(year))),
            Column("median_text", say("Median of regions like it"), "number"),
            Column("gap_text", say("Difference")),
            Column("quality", say("Grade"), render=partial(_grade, report)),
        ],
        caption=say("Every indicator that carries a score, with its year and grade"),
        group_by="pillar_name",
        footnote=say("A grade says what a figure may be used for: {grades}.", grades=_grade_legend(report)),
    )


def beside_table(report: RegionReport) -> Table | Prose:
    """Return other institutions' composites and the region's own figures, which are shown and not scored."""
    say, table = report.labels.words.say, report.profile.beside
    if table.empty:
        return Prose(say("No other institution's composite covers this region in these years."))
    shown = table.assign(
        name=[report.labels.indicator(code) for code in table["indicator"]],
        value_text=_written(report.labels, table, "value"),
        median_text=_written(report.labels, table, "peer_median"),
    )
    return html_table(
        shown,
        columns=[
            Column("name", say("Figure") if _self_reported(report) else say("Composite")),
            Column("value_text", say("Value"), "number"),
            Column("data_year", say("Year"), "number", lambda year: str(int(year))),
            Column("median_text", say("Median of regions like it"), "number"),
            Column("quality", say("Grade"), render=partial(_grade, report)),
        ],
        caption=_beside_caption(report),
    )


def _beside_caption(report: RegionReport) -> str:
    say = report.labels.words.say
    if _self_reported(report):
        return say(
            "Other institutions' composites, and figures that the region's own office filled in: shown beside the scores, "
            "never averaged into them"
        )
    return say("Other institutions' composites: shown beside the scores, never averaged into them")


def _self_reported(report: RegionReport) -> frozenset[str]:
    """Return the wanted indicators that the region's own office has figures of."""
    wanted = {indicator.code for indicator in report.labels.catalog.with_use("wanted")}
    return frozenset(wanted & set(report.profile.beside["indicator"]))


def missing_table(report: RegionReport) -> Table:
    """Return what is missing, who publishes it, and in which form it can be added."""
    say, language = report.labels.words.say, report.labels.language
    rows = [
        {
            "pillar_name": _pillar_of(report, indicator),
            "name": indicator.title.get(language),
            "publisher": indicator.wanted.publisher,
            "why": indicator.wanted.why_missing.get(language),
        }
        for indicator in report.labels.catalog.with_use("wanted")
        if indicator.wanted is not None and indicator.code not in _self_reported(report)
    ]
    return html_table(
        pd.DataFrame(rows, columns=["pillar_name", "name", "publisher", "why"]),
        columns=[
            Column("name", say("Indicator wanted")),
            Column("publisher", say("Expected publisher")),
            Column("why", say("Why it is not here")),
        ],
        caption=say("Figures that would fill the holes"),
        group_by="pillar_name",
        footnote=say("How to add them stands on the page of indicators."),
    )


def downloads(report: RegionReport) -> Table:
    """Return the page's tables as files."""
    say = report.labels.words.say
    code = str(report.profile.region.name)
    return download_links(
        {
            "pillars": report.profile.pillars.drop(columns=["spec"]),
            "indicators": report.profile.indicators,
            "outcomes": report.profile.series,
            "scores_over_time": report.profile.scores_over_time,
            "score_changes": report.profile.changes,
        },
        file_stem=f"kota-cerdas-{code}-{report.profile.edition_year}",
        labels={
            "pillars": say("Pillar scores"),
            "indicators": say("Indicators"),
            "outcomes": say("Outcomes over time"),
            "scores_over_time": say("Scores over time"),
            "score_changes": say("What moved the scores"),
            "xlsx": say("All tables (Excel)"),
        },
        heading=say("Take the figures of this page with you:"),
    )


def _indicator_rows(report: RegionReport) -> pd.DataFrame:
    labels, table = report.labels, report.profile.indicators
    return table.assign(
        pillar_name=[labels.pillar(code) for code in table["pillar"]],
        name=[labels.indicator(code) for code in table["indicator"]],
        unit_text=[labels.unit(code) for code in table["indicator"]],
        value_text=_written(labels, table, "value"),
        median_text=_written(labels, table, "peer_median"),
        gap_text=[
            findings.gap_in_words(row.indicator, row.gap, row.better, labels) for row in table.itertuples()
        ],
        reason=labels.words.say("not published or not reported for this region"),
    )


def _grade(report: RegionReport, row: object) -> object:
    return grade_badge(row["quality"], report.labels.grade_word(row["quality"]))  # type: ignore[index]


def _grade_legend(report: RegionReport) -> str:
    return "; ".join(
        f"{grade} {word.name.get(report.labels.language)}"
        for grade, word in report.labels.catalog.framework.grade_words.items()
    )


def _pillar_of(report: RegionReport, indicator: Indicator) -> str:
    if indicator.dimension is None:
        return report.labels.words.say("Context")
    return report.labels.pillar(report.labels.catalog.pillar_of[indicator.dimension])


def _written(labels: Labels, table: pd.DataFrame, column: str) -> list[str]:
    """Return figures in words, an empty text where missing so that the table hatches the cell."""
    return [
        "" if math.isnan(number) else labels.value(code, number)
        for code, number in zip(table["indicator"], table[column], strict=True)
    ]


def _name_with_unit(row: Mapping[str, object]) -> Markup:
    return Markup("{}<br><small>{}</small>").format(row["name"], row["unit_text"])
