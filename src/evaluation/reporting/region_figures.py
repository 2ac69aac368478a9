"""The figures of a region's page.

Belongs here: a region's profile as charts. Does not belong here: sentences (`evaluation.reporting.region_report`).
"""

from __future__ import annotations

import pandas as pd

from evaluation.charts import Chart, Mark, Span, StripLabels, TrendLabels, small_multiples
from evaluation.charts import pillar_strip as draw_pillar_strip
from evaluation.reporting import findings
from evaluation.reporting.rank_words import rank_text
from evaluation.reporting.region_programme import comparison_lines as draw_comparison_lines
from evaluation.reporting.region_report import RegionReport
from evaluation.reporting.trend_panels import COVID_YEARS, trend_panel


def pillar_strip(report: RegionReport) -> Chart:
    """Return the six pillars, the region among its peers."""
    say = report.labels.words.say
    rows = _strip_rows(report)
    return draw_pillar_strip(
        rows,
        labels=StripLabels(
            region=str(report.profile.region["name"]),
            peers=say("middle 80% of regions like it"),
            median=say("median of all regions"),
            bands=report.labels.band_names,  # type: ignore[arg-type]
        ),
        format_value=report.labels.score,
        title=findings.pillar_headline(report.profile, report.labels),
        subtitle=say(
            "Score of each pillar, {low:n0} (worst goalpost) to {high:n0} (best goalpost), {year:y} edition.",
            low=report.labels.catalog.framework.score_range[0],
            high=report.labels.catalog.framework.score_range[1],
            year=report.profile.edition_year,
        ),
        alt=_strip_alt(report),
        note=say(
            "Each pillar is compared among regions with figures for the same dimensions. In brackets the interval of a rank "
            "under other choices of method."
        ),
        source=report.labels.sources(report.profile.indicators["indicator"]),
    )


def over_time(report: RegionReport) -> Chart:
    """Return the main outcomes since 2010 among peers."""
    say, series = report.labels.words.say, report.profile.series
    frame = series.rename(columns={"indicator": "panel", "peer_q25": "peer_low", "peer_q75": "peer_high"})
    return small_multiples(
        frame,
        panels=[trend_panel(code, report.labels) for code in report.plan.shown_over_time],
        labels=TrendLabels(
            region=str(report.profile.region["name"]),
            median=say("median of regions like it"),
            middle_half=say("middle half of regions like it"),
            gap=say("no usable figure"),
            interruption=say("the method changed: not comparable"),
        ),
        marks=[Mark(year, say("joined {year:y}", year=year)) for year in report.profile.joined],
        spans=[Span(*COVID_YEARS, label="COVID-19")],
        title=_series_title(report),
        subtitle=say("Main outcomes by year; each panel has a scale and unit of its own."),
        alt=" ".join(report.change_sentences()),
        source=report.labels.sources(report.plan.shown_over_time),
    )


def _strip_rows(report: RegionReport) -> pd.DataFrame:
    labels, rows = report.labels, report.pillar_rows
    catalog = labels.catalog
    return pd.DataFrame(
        {
            "name": [labels.pillar(code) for code in rows["code"]],
            "colour": [catalog.pillars[code].colour for code in rows["code"]],
            "score": rows["score"].to_numpy(),
            "peer_low": rows["peer_low"].to_numpy(),
            "peer_high": rows["peer_high"].to_numpy(),
            "national_median": rows["national_median"].to_numpy(),
            "band_name": [labels.band(band) for band in rows["band"]],
            "years": [
                labels.data_years(first, last)
                for first, last in zip(rows["data_year_first"], rows["data_year_last"], strict=True)
            ],
            "rank_text": [rank_text(row, labels) for _, row in rows.iterrows()],
            "grade": rows["quality"].to_numpy(),
            "grade_word": [labels.grade_word(grade) for grade in rows["quality"]],
            "missing_reason": [report.missing_pillar_reason(code) for code in rows["code"]],
        }
    )


def _strip_alt(report: RegionReport) -> str:
    say = report.labels.words.say
    parts = [
        say(
            "{pillar}: {score:n0}, median of regions like it {median:n0}.",
            pillar=report.labels.pillar(row.code),
            score=row.score,
            median=row.peer_median,
        )
        for row in report.pillar_rows.itertuples()
    ]
    return " ".join(parts)


def _series_title(report: RegionReport) -> str:
    say = report.labels.words.say
    if report.profile.joined:
        return say("How its main outcomes moved before and after it joined")
    return say("How its main outcomes moved")


def comparison_lines(report: RegionReport) -> Chart:
    """Return the region's own outcomes against its comparison group."""
    return draw_comparison_lines(report.profile, plan=report.plan, labels=report.labels)
