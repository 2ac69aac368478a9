"""Charts of an audit: how far ranks reach, shares beside each other, and shares of a whole.

Belongs here: drawing what an audit found. Does not belong here: computing it, and Sobol' indices
(`evaluation.charts.ranks.share_ranges`) or correlations (`evaluation.charts.heatmap.heatmap`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.axes import Scale, drawing, nice_ticks, percent, position_style, value_axis
from evaluation.charts.frame import (
    Chart,
    Format,
    escape,
    finite,
    number_of,
    records,
    require_columns,
    text_of,
)
from evaluation.charts.palette import shades, text_on
from evaluation.charts.ranks import track_axis

LEAST_NAMED_SHARE = 0.08
"""Narrowest segment that has room for its text."""


@dataclass(frozen=True)
class BandLabels:
    """The words of the key and the axes of `rank_band`."""

    inside: str = "whole interval in one quarter"
    across: str = "interval crosses quarters"
    horizontal: str = "rank as specified"
    vertical: str = "ranks under other choices"


@dataclass(frozen=True)
class PairLabels:
    """The words of the key and the axis of `pairs`."""

    first: str
    second: str
    axis: str


@dataclass(frozen=True)
class SpreadLabels:
    """The words of the key and the axis of `spreads`."""

    mean: str
    high: str
    largest: str
    axis: str


def rank_band(
    rows: pd.DataFrame,
    *,
    labels: BandLabels,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw the interval of every unit's rank as a line over its rank, with the quarters of the list.

    Parameters
    ----------
    rows
        One row a unit: ``rank``, ``rank_low``, ``rank_high``.
    labels
        Words of key and axes.
    format_value
        Writes a rank.
    title, alt, subtitle, note, source
        See `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(rows, ["rank", "rank_low", "rank_high"], chart="rank_band")
    count = max(len(rows), 2)
    across, down = Scale(1, count), Scale(1, count)
    ends = [round(count * part / 4) for part in range(1, 4)]
    ticks = [1.0, *map(float, ends), float(count)]
    inside = _same_quarter(rows, ends)
    shapes = "".join(
        _ranges(rows[chosen], css_class, across, down)
        for chosen, css_class in ((~inside, "across"), (inside, "inside"))
    )
    boxes = "".join(
        f'<i class="quarter" {position_style(left=low, right=100 - high, top=low, bottom=100 - high)}></i>'
        for low, high in ((across(ticks[part]), across(ticks[part + 1])) for part in range(4))
    )
    below = "".join(
        f'<b class="tick-year" style="left:{percent(across(tick))}">{escape(format_value(tick))}</b>'
        for tick in ticks
    )
    grid = value_axis(ticks, scale=down, format_value=format_value)
    html = (
        f'<p class="key"><span><i class="swatch line inside"></i>{escape(labels.inside)}</span>'
        f'<span><i class="swatch line across"></i>{escape(labels.across)}</span></p>'
        f'<div class="rank-band"><p class="axis-name">{escape(labels.vertical)}</p>'
        f'<div class="area" style="--tick:{len(format_value(count))}">{boxes}{grid}{drawing(shapes)}{below}</div>'
        f'<p class="axis-name below">{escape(labels.horizontal)}</p></div>'
    )
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def pairs(
    rows: pd.DataFrame,
    *,
    labels: PairLabels,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw two shares of each row on one line, joined by a bar.

    Parameters
    ----------
    rows
        One row each: ``label``, ``first``, ``second``; optionally ``group``, whose changes start a block under its name.
    labels
        Words of key and axis.
    format_value
        Writes a share.
    title, alt, subtitle, note, source
        See `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(rows, ["label", "first", "second"], chart="pairs")
    found = records(rows)
    scale, ticks = _from_zero([number_of(row, key) for row in found for key in ("first", "second")])
    body, group = "", ""
    for row in found:
        if text_of(row, "group") != group:
            group = text_of(row, "group")
            body += f'<p class="ranks-group">{escape(group)}</p>'
        body += _pair_row(row, scale, format_value)
    key = (
        f'<p class="key"><span><i class="swatch dot hollow"></i>{escape(labels.first)}</span>'
        f'<span><i class="swatch dot full"></i>{escape(labels.second)}</span></p>'
    )
    axis = track_axis(ticks, scale, labels.axis, format_value)
    html = f'{key}<div class="ranks pairs">{body}{axis}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def spreads(
    rows: pd.DataFrame,
    *,
    labels: SpreadLabels,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw how far things move: the mean as a dot, a bar up to a high quantile, a tick at the farthest.

    Parameters
    ----------
    rows
        One row each: ``label``, ``mean``, ``high``, ``largest``, all from zero up.
    labels
        Words of key and axis.
    format_value
        Writes a distance.
    title, alt, subtitle, note, source
        See `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(rows, ["label", "mean", "high", "largest"], chart="spreads")
    found = records(rows)
    scale, ticks = _from_zero([number_of(row, "largest") for row in found])
    body = "".join(_spread_row(row, scale, format_value) for row in found)
    key = (
        f'<p class="key"><span><i class="swatch dot full"></i>{escape(labels.mean)}</span>'
        f'<span><i class="swatch interval plain"></i>{escape(labels.high)}</span>'
        f'<span><i class="swatch median"></i>{escape(labels.largest)}</span></p>'
    )
    axis = track_axis(ticks, scale, labels.axis, format_value)
    html = f'{key}<div class="ranks">{body}{axis}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def stacked_shares(
    rows: pd.DataFrame,
    *,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw the parts of a whole, one bar a row, the first part darkest.

    Parameters
    ----------
    rows
        One row a part, in order: ``label`` (the bar), ``share`` (0-1), ``value`` (written in the part where it fits).
    format_value
        Writes a value.
    title, alt, subtitle, note, source
        See `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(rows, ["label", "share", "value"], chart="stacked_shares")
    most = int(rows.groupby("label", sort=False).size().max()) if len(rows) else 0
    colours = shades(most + 1)[::-1][:most]
    body = "".join(
        f'<div class="ranks-row"><b class="ranks-name">{escape(label)}</b><div class="stack">'
        + "".join(
            _segment(row, colour, format_value) for row, colour in zip(records(parts), colours, strict=False)
        )
        + "</div><span></span></div>"
        for label, parts in rows.groupby("label", sort=False)
    )
    html = f'<div class="ranks stacks">{body}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def _same_quarter(rows: pd.DataFrame, ends: Sequence[int]) -> pd.Series:
    """Return where both ends of an interval lie in the same quarter of the list as the rank."""

    def quarter(ranks: pd.Series) -> pd.Series:
        return sum((ranks > end).astype(int) for end in ends)

    own = quarter(rows["rank"])
    return (quarter(rows["rank_low"]) == own) & (quarter(rows["rank_high"]) == own)


def _ranges(rows: pd.DataFrame, css_class: str, across: Scale, down: Scale) -> str:
    path = "".join(
        f"M{across(rank):.2f},{down(low):.2f}V{down(high) + 0.01:.2f}"
        for rank, low, high in zip(rows["rank"], rows["rank_low"], rows["rank_high"], strict=True)
    )
    return f'<path class="ranges {css_class}" d="{path}"/>' if path else ""


def _from_zero(values: Iterable[float]) -> tuple[Scale, list[float]]:
    ticks = nice_ticks([0.0, *finite(values)], 4)
    return Scale(min(ticks[0], 0.0), ticks[-1]), ticks


def _pair_row(row: Mapping[str, object], scale: Scale, format_value: Format) -> str:
    first, second = number_of(row, "first"), number_of(row, "second")
    bar = position_style(left=scale(min(first, second)), right=100 - scale(max(first, second)))
    return (
        f'<div class="ranks-row"><b class="ranks-name">{escape(text_of(row, "label"))}</b>'
        f'<div class="ranks-track"><i class="interval" {bar}></i>'
        f'<i class="dot hollow" style="left:{percent(scale(first))}"></i>'
        f'<i class="dot" style="left:{percent(scale(second))}"></i></div>'
        f'<span class="ranks-value">{escape(format_value(first))} → {escape(format_value(second))}</span></div>'
    )


def _spread_row(row: Mapping[str, object], scale: Scale, format_value: Format) -> str:
    mean, high, largest = (number_of(row, key) for key in ("mean", "high", "largest"))
    bar = position_style(left=scale(0.0), right=100 - scale(high))
    return (
        f'<div class="ranks-row"><b class="ranks-name">{escape(text_of(row, "label"))}</b>'
        f'<div class="ranks-track"><i class="interval" {bar}></i>'
        f'<i class="median" style="left:{percent(scale(largest))}"></i>'
        f'<i class="dot" style="left:{percent(scale(mean))}"></i></div>'
        f'<span class="ranks-value">{escape(format_value(mean))}</span></div>'
    )


def _segment(row: Mapping[str, object], colour: str, format_value: Format) -> str:
    share, value = number_of(row, "share"), number_of(row, "value")
    text = escape(format_value(value)) if share >= LEAST_NAMED_SHARE else ""
    style = f"width:{percent(100 * share)};background:{colour};color:{text_on(colour)}"
    return f'<i style="{style}">{text}</i>'
