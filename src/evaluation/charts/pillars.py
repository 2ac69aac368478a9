"""Charts of the pillars: where one region stands in each, and where there are data at all.

Belongs here: the pillar strip and the coverage matrix. Does not belong here: scores, bands and grades, which
are computed elsewhere and passed in as numbers and finished text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.axes import Scale, percent, position_style
from evaluation.charts.frame import (
    Chart,
    Format,
    escape,
    hatched,
    is_missing,
    number_of,
    records,
    require_columns,
    text_of,
)
from evaluation.charts.palette import BANDS, blend, text_on
from evaluation.tables import grade_badge

SCORE_SCALE = Scale(1, 100)
"""Scores run from 1 to 100."""

BAND_EDGES = (20, 40, 60, 80)
"""Four edges make the five bands of 20 points."""

GREYS_LIGHTER = 0.75
"""Share of white in the lightest cell of the coverage matrix that holds any data."""


@dataclass(frozen=True)
class StripLabels:
    """The words of a pillar strip.

    Parameters
    ----------
    region, peers, median
        Names of the dot, of the light bar and of the tick, for the key.
    bands
        Names of the five bands, lowest first, printed on the axis.
    """

    region: str
    peers: str
    median: str
    bands: tuple[str, str, str, str, str]


def pillar_strip(
    rows: pd.DataFrame,
    *,
    labels: StripLabels,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw one region's pillars, a row each: a dot among its peers.

    Parameters
    ----------
    rows
        One row a pillar, in the order to be drawn, with ``name``, ``colour`` (``#RRGGBB``), ``score``,
        ``peer_low``, ``peer_high`` (10th and 90th percentile of the peers), ``national_median`` (all 1-100),
        ``band_name``, ``years`` (text), ``grade`` (A, B or C), ``grade_word``, ``missing_reason``, and optionally
        ``rank_text`` (the rank in words). A row without a score is hatched and says its ``missing_reason``.
    labels
        The words.
    format_value
        Writes a score.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(rows, ["name", "colour", "score", "missing_reason"], chart="pillar_strip")
    body = "".join(_strip_row(row, format_value=format_value) for row in records(rows))
    return Chart(
        html=f'<div class="strip">{_strip_key(labels)}{body}{_strip_axis(labels, format_value)}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
    )


def coverage_matrix(
    counts: pd.DataFrame,
    *,
    pillars: Mapping[str, str],
    missing_label: str,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw how many indicators each pillar has in each year; hatched where it has none.

    Parameters
    ----------
    counts
        Columns ``pillar``, ``year`` and ``n_indicators``; a pair that is absent counts as none.
    pillars
        Code to name, in the order of the rows.
    missing_label
        What the hatching means, for the key.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(counts, ["pillar", "year", "n_indicators"], chart="coverage_matrix")
    years = list(range(int(counts["year"].min()), int(counts["year"].max()) + 1))
    table = counts.pivot_table(index="pillar", columns="year", values="n_indicators", aggfunc="sum")
    table = table.reindex(index=list(pillars), columns=years)
    most = max(float(table.max().max()), 1.0)
    head = '<b class="corner"></b>' + "".join(_short_year(year) for year in years)
    body = "".join(
        f'<b class="row-name">{escape(name)}</b>' + "".join(_count_cell(n, most) for n in table.loc[code])
        for code, name in pillars.items()
    )
    key = f'<p class="key"><span><i class="swatch hatched"></i>{escape(missing_label)}</span></p>'
    html = f'<div class="matrix" style="--columns:{len(years)}">{head}{body}</div>{key}'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def _strip_row(row: Mapping[str, object], *, format_value: Format) -> str:
    score = number_of(row, "score")
    missing = math.isnan(score)
    plot = hatched(text_of(row, "missing_reason")) if missing else _strip_track(row, score, format_value)
    beside = "" if missing else _strip_text(row)
    colour = escape(row["colour"])
    return (
        f'<div class="strip-row{" missing" if missing else ""}" style="--pillar:{colour}">'
        f'<b class="strip-name">{escape(row["name"])}</b>'
        f'<div class="strip-track">{plot}</div><div class="strip-text">{beside}</div></div>'
    )


def _strip_track(row: Mapping[str, object], score: float, format_value: Format) -> str:
    low, high = number_of(row, "peer_low"), number_of(row, "peer_high")
    median = number_of(row, "national_median")
    edges = "".join(f'<i class="edge" style="left:{percent(SCORE_SCALE(edge))}"></i>' for edge in BAND_EDGES)
    peers = (
        ""
        if math.isnan(low + high)
        else f'<i class="peers" {position_style(left=SCORE_SCALE(low), right=100 - SCORE_SCALE(high))}></i>'
    )
    tick = "" if math.isnan(median) else f'<i class="median" style="left:{percent(SCORE_SCALE(median))}"></i>'
    place = percent(SCORE_SCALE(score))
    side = "before" if score > 85 else "after"
    return (
        f'{edges}{peers}{tick}<i class="dot" style="left:{place}"></i>'
        f'<b class="strip-value {side}" style="left:{place}">{escape(format_value(score))}</b>'
    )


def _strip_text(row: Mapping[str, object]) -> str:
    badge = grade_badge(text_of(row, "grade"), text_of(row, "grade_word")) if text_of(row, "grade") else ""
    words = text_of(row, "rank_text")
    rank = f'<span class="strip-rank">{escape(words)}</span>' if words else ""
    return (
        f'<span class="strip-band">{escape(text_of(row, "band_name"))}</span>'
        f'<span class="strip-years">{escape(text_of(row, "years"))}</span>{rank}{badge}'
    )


def _strip_key(labels: StripLabels) -> str:
    return (
        f'<p class="key"><span><i class="swatch dot"></i>{escape(labels.region)}</span>'
        f'<span><i class="swatch peers"></i>{escape(labels.peers)}</span>'
        f'<span><i class="swatch median"></i>{escape(labels.median)}</span></p>'
    )


def _strip_axis(labels: StripLabels, format_value: Format) -> str:
    middles = (10, 30, 50, 70, 90)
    names = "".join(
        f'<b class="band-name" style="left:{percent(SCORE_SCALE(middle))}">{escape(name)}</b>'
        for middle, name in zip(middles, labels.bands, strict=True)
    )
    edges = "".join(
        f'<b class="edge-value" style="left:{percent(SCORE_SCALE(edge))}">{edge}</b>'
        for edge in (1, *BAND_EDGES, 100)
    )
    return (
        f'<div class="strip-row strip-axis"><b></b><div class="strip-track">{edges}{names}</div><b></b></div>'
    )


def _short_year(year: int) -> str:
    return f'<b class="matrix-year"><span class="century">{year // 100}</span>{year % 100:02d}</b>'


def _count_cell(count: object, most: float) -> str:
    if is_missing(count) or float(count) == 0:  # type: ignore[arg-type]
        return '<i class="cell hatched"></i>'
    number = int(float(count))  # type: ignore[arg-type]
    colour = blend(BANDS[0], BANDS[3], (number - 1) / max(most - 1, 1))
    return f'<i class="cell" style="background:{colour};color:{text_on(colour)}">{number}</i>'
