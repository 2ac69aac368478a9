"""Charts of ranks: where units stand, how far that depends on choices, and on which.

Belongs here: drawing ranks and shares with their intervals. Does not belong here: computing them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.axes import Scale, nice_ticks, percent, position_style
from evaluation.charts.frame import Chart, Format, escape, number_of, records, require_columns, text_of

LABELLED_ROWS = 60
"""Up to so many units each has a line with its name; more of them stand in thin lines without."""


HARDLY_BELOW = 0.05
"""A share is at least zero; estimates so little below it are drawn at zero and do not stretch the axis."""


@dataclass(frozen=True)
class RankLabels:
    """The words of the key: rank as specified, median, interval, and the axis."""

    rank: str = "rank as specified"
    median: str = "median rank"
    interval: str = "5th to 95th percentile"
    axis: str = "rank"


@dataclass(frozen=True)
class ShareLabels:
    """The words of the key: share due to a factor alone, share with its interactions, and the axis."""

    first: str = "alone"
    total: str = "alone and together with others"
    axis: str = "share of the variance"


def rank_ranges(
    rows: pd.DataFrame,
    *,
    labels: RankLabels,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
    wide: bool = False,
) -> Chart:
    """Draw units below each other in the order of their ranks, each with its median and interval.

    Parameters
    ----------
    rows
        One row a unit: ``label``, ``rank``, ``rank_median``, ``rank_low``, ``rank_high``; optionally ``highlight``
        (true: drawn strong, and named however many units there are).
    labels
        Words of the key.
    format_value
        Writes a rank.
    title, alt, subtitle, note, source, wide
        See `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["label", "rank", "rank_median", "rank_low", "rank_high"]
    require_columns(rows, columns, chart="rank_ranges")
    ordered = records(rows.sort_values(["rank", "label"], kind="stable"))
    ticks, scale = _rank_axis(max(_highest(ordered), default=2.0))
    css_class = "ranks" if len(ordered) <= LABELLED_ROWS else "ranks thin"
    body = "".join(_row(row, scale=scale, format_value=format_value) for row in ordered)
    html = f'{_key(labels)}<div class="{css_class}">{body}{track_axis(ticks, scale, labels.axis, format_value)}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source, wide=wide)


def _rank_axis(last: float) -> tuple[list[float], Scale]:
    """Return the ticks and the scale of an axis of ranks, which ends at the last rank: there is none beyond."""
    end = max(last, 2.0)
    rounded = [tick for tick in nice_ticks([1.0, end], 4) if 1.0 < tick < 0.95 * end]
    return [1.0, *rounded, end], Scale(1.0, end)


def share_ranges(
    rows: pd.DataFrame,
    *,
    labels: ShareLabels,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
    wide: bool = False,
) -> Chart:
    """Draw what share of a variance each factor accounts for, alone and together with others.

    Parameters
    ----------
    rows
        One row a factor: ``label``, and ``estimate``, ``conf_low``, ``conf_high`` with the prefixes ``first_`` and
        ``total_``.
    labels
        Words of the key.
    format_value
        Writes a share.
    title, alt, subtitle, note, source, wide
        See `Chart`.

    Returns
    -------
    Chart
    """
    columns = [
        f"{order}_{part}" for order in ("first", "total") for part in ("estimate", "conf_low", "conf_high")
    ]
    require_columns(rows, ["label", *columns], chart="share_ranges")
    found = records(rows)
    ends = [number_of(row, column) for row in found for column in columns]
    ticks = nice_ticks([0.0, 1.0, *(one for one in ends if one < -HARDLY_BELOW or one > 1)], 4)
    scale = Scale(ticks[0], ticks[-1])
    body = "".join(
        _share_row(row, order, scale, format_value) for row in found for order in ("first", "total")
    )
    key = (
        f'<p class="key"><span><i class="swatch interval first"></i>{escape(labels.first)}</span>'
        f'<span><i class="swatch interval"></i>{escape(labels.total)}</span></p>'
    )
    axis = track_axis(ticks, scale, labels.axis, format_value)
    html = f'{key}<div class="ranks shares">{body}{axis}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source, wide=wide)


def _share_row(row: Mapping[str, object], order: str, scale: Scale, format_value: Format) -> str:
    estimate, low, high = (
        number_of(row, f"{order}_{part}") for part in ("estimate", "conf_low", "conf_high")
    )
    name = escape(text_of(row, "label")) if order == "first" else ""
    if math.isnan(estimate):
        return f'<div class="ranks-row {order}"><b class="ranks-name">{name}</b><div class="ranks-track"></div></div>'
    reach = (scale.clipped(low), scale.clipped(high))
    whisker = "" if math.isnan(low + high) else position_style(left=reach[0], right=100 - reach[1])
    line = f'<i class="interval" {whisker}></i>' if whisker else ""
    return (
        f'<div class="ranks-row {order}"><b class="ranks-name">{name}</b>'
        f'<div class="ranks-track">{line}<i class="dot" style="left:{percent(scale.clipped(estimate))}"></i></div>'
        f'<span class="ranks-value">{escape(format_value(estimate))}</span></div>'
    )


def _highest(rows: list[dict[str, object]]) -> list[float]:
    found = [number_of(row, column) for row in rows for column in ("rank", "rank_high")]
    return [value for value in found if not math.isnan(value)]


def _row(row: Mapping[str, object], *, scale: Scale, format_value: Format) -> str:
    low, high = number_of(row, "rank_low"), number_of(row, "rank_high")
    place, median = scale(number_of(row, "rank")), scale(number_of(row, "rank_median"))
    interval = position_style(left=scale(low), right=100 - scale(high))
    strong = " strong" if row.get("highlight") is True else ""
    words = f"{format_value(low)}–{format_value(high)}"
    return (
        f'<div class="ranks-row{strong}"><b class="ranks-name">{escape(text_of(row, "label"))}</b>'
        f'<div class="ranks-track"><i class="interval" {interval}></i>'
        f'<i class="median" style="left:{percent(median)}"></i>'
        f'<i class="dot" style="left:{percent(place)}"></i></div>'
        f'<span class="ranks-value">{escape(words)}</span></div>'
    )


def _key(labels: RankLabels) -> str:
    return (
        f'<p class="key"><span><i class="swatch dot"></i>{escape(labels.rank)}</span>'
        f'<span><i class="swatch median"></i>{escape(labels.median)}</span>'
        f'<span><i class="swatch interval plain"></i>{escape(labels.interval)}</span></p>'
    )


def track_axis(ticks: Sequence[float], scale: Scale, words: str, format_value: Format) -> str:
    """Return the last row of a chart of tracks: the values of its axis, and what they are."""
    values = "".join(
        f'<b class="edge-value" style="left:{percent(scale(tick))}">{escape(format_value(tick))}</b>'
        for tick in ticks
    )
    return (
        f'<div class="ranks-row ranks-axis"><b class="ranks-name">{escape(words)}</b>'
        f'<div class="ranks-track">{values}</div><span></span></div>'
    )
