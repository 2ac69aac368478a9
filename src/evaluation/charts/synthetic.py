"""Charts of single units' effects: the gap to a synthetic twin among placebo gaps, and many effects side by side.

Belongs here: drawing gaps with the fan of placebos, and effects in order with their intervals. Does not belong here:
any estimation; which effect is marked, and which region named, is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.axes import (
    Mark,
    Scale,
    Span,
    dot,
    drawing,
    marks_and_spans,
    name_rows,
    nice_ticks,
    percent,
    polygon,
    polyline,
    position_style,
    value_axis,
    widest,
    year_axis,
)
from evaluation.charts.frame import (
    Chart,
    escape,
    finite,
    hatched,
    number_of,
    records,
    require_columns,
    text_of,
)
from evaluation.charts.palette import ACCENT
from evaluation.charts.trends import Panel

FANS = (("fan_low", "fan_high", "fan-outer"), ("fan_q25", "fan_q75", "middle-half"))
"""Ends and style of the two stretches of placebo gaps, the wider one below."""

NAME_LEFT_OF = 60.0
"""A marked effect farther right than so many per cent has its name on its left."""


@dataclass(frozen=True)
class FanLabels:
    """The words of the key of `gap_fans`: the line, and the inner and the outer stretch of placebos."""

    gap: str
    half: str
    most: str


@dataclass(frozen=True)
class CaterpillarLabels:
    """The words of the key of `caterpillar`: an effect, a marked one, and the band that placebos reach."""

    effect: str
    marked: str
    band: str


def gap_fans(
    frame: pd.DataFrame,
    *,
    panels: Sequence[Panel],
    labels: FanLabels,
    title: str,
    alt: str,
    marks: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
    colour: str = ACCENT,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw one unit's gap to its synthetic twin by year, among the gaps of placebos.

    Parameters
    ----------
    frame
        Columns ``panel``, ``year``, ``gap``, ``fan_low``, ``fan_q25``, ``fan_q75``, ``fan_high`` (ends of the outer and of
        the inner stretch of placebo gaps).
    panels
        The panels in their order; one without a gap is hatched and says its reason.
    labels
        Words of the key.
    marks, spans
        Named vertical lines (joining) and shaded stretches (2020-2021).
    colour
        Colour of the unit.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    ends = [name for low, high, _ in FANS for name in (low, high)]
    require_columns(frame, ["panel", "year", "gap", *ends], chart="gap_fans")
    by_panel = {str(code): rows for code, rows in frame.groupby("panel", sort=False)}
    body = "".join(
        _fan_panel(by_panel.get(panel.code), panel=panel, marks=marks, spans=spans, colour=colour)
        for panel in panels
    )
    key = (
        f'<p class="key"><span><i class="swatch line" style="--dot:{colour}"></i>{escape(labels.gap)}</span>'
        f'<span><i class="swatch half"></i>{escape(labels.half)}</span>'
        f'<span><i class="swatch fan-outer"></i>{escape(labels.most)}</span></p>'
    )
    css_class = "panels two" if len(panels) > 1 else "panels one"
    return Chart(
        html=f'{key}<div class="{css_class} fans">{body}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        wide=len(panels) > 1,
    )


def caterpillar(
    frame: pd.DataFrame,
    *,
    panels: Sequence[Panel],
    labels: CaterpillarLabels,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw many units' effects in order, each with its interval; only marked ones are strong and named.

    Parameters
    ----------
    frame
        Columns ``panel``, ``estimate``, ``conf_low``, ``conf_high``, ``marked`` and ``name`` (written beside a marked
        effect), and ``band``: how far from zero placebos reach, the same in all rows of a panel.
    panels
        The panels in their order.
    labels
        Words of the key.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["panel", "estimate", "conf_low", "conf_high", "marked", "name", "band"]
    require_columns(frame, columns, chart="caterpillar")
    by_panel = {str(code): rows for code, rows in frame.groupby("panel", sort=False)}
    body = "".join(_caterpillar_panel(by_panel.get(panel.code), panel) for panel in panels)
    marked = f'<span><i class="swatch dot marked"></i>{escape(labels.marked)}</span>'
    key = (
        f'<p class="key"><span><i class="swatch dot plain"></i>{escape(labels.effect)}</span>'
        + (marked if frame["marked"].any() else "")
        + f'<span><i class="swatch detectable"></i>{escape(labels.band)}</span></p>'
    )
    css_class = "panels two" if len(panels) > 1 else "panels one"
    return Chart(
        html=f'{key}<div class="{css_class} caterpillar">{body}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        wide=len(panels) > 1,
    )


def _fan_panel(
    rows: pd.DataFrame | None,
    *,
    panel: Panel,
    marks: Sequence[Mark],
    spans: Sequence[Span],
    colour: str,
) -> str:
    above = name_rows(marks, spans)
    if rows is None or rows["gap"].isna().all():
        return _panel(panel, hatched(panel.missing_reason), rows_above=above)
    table = rows.set_index("year").sort_index()
    years = list(range(int(table.index.min()), int(table.index.max()) + 1))
    table = table.reindex(years)
    drawn = ["gap", *(name for low, high, _ in FANS for name in (low, high))]
    ticks = nice_ticks([0.0, *finite(table[drawn].to_numpy(dtype=float).ravel())], 4)
    x, y = Scale(years[0], max(years[-1], years[0] + 1)), Scale(ticks[-1], ticks[0])
    known = table[table["gap"].notna()]
    places = [(x(float(year)), y(gap)) for year, gap in known["gap"].astype(float).items()]
    shapes = "".join(_fan(known, ends, x, y) for ends in FANS) + polyline(places, "region-line", colour)
    write = panel.format_axis or panel.format_value
    body = (
        marks_and_spans(marks, spans, scale=x)
        + drawing(shapes)
        + value_axis(ticks, scale=y, format_value=write)
        + "".join(dot(left, top, "point", colour) for left, top in places)
        + year_axis(years, scale=x)
    )
    return _panel(panel, body, rows_above=above, ticks=ticks)


def _fan(known: pd.DataFrame, ends: tuple[str, str, str], x: Scale, y: Scale) -> str:
    """Return a stretch of placebo gaps; like the line it bridges years without a figure, which have no dot."""
    low, high, css_class = ends
    years = [float(year) for year in known.index]
    lower = [(x(year), y(value)) for year, value in zip(years, known[low].astype(float), strict=True)]
    upper = [(x(year), y(value)) for year, value in zip(years, known[high].astype(float), strict=True)]
    return polygon([*lower, *reversed(upper)], css_class)


def _caterpillar_panel(rows: pd.DataFrame | None, panel: Panel) -> str:
    if rows is None or rows["estimate"].isna().all():
        return _panel(panel, hatched(panel.missing_reason), rows_above=0)
    table = rows.sort_values("estimate", kind="stable").reset_index(drop=True)
    x = Scale(-1.0, float(len(table)))
    ends = finite(table[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=float).ravel())
    band = float(table["band"].iloc[0])
    ticks = nice_ticks([0.0, *ends, *finite([band, -band])], 4)
    y = Scale(ticks[-1], ticks[0])
    write = panel.format_axis or panel.format_value
    marked = table["marked"].astype(bool)
    stretch = (
        ""
        if math.isnan(band)
        else f'<i class="detectable" {position_style(top=y(band), bottom=100 - y(-band))}></i>'
    )
    body = (
        stretch
        + value_axis(ticks, scale=y, format_value=write)
        + drawing(_whiskers(table[~marked], "across", x, y) + _whiskers(table[marked], "inside", x, y))
        + _dots(table, x, y)
    )
    return _panel(panel, body, rows_above=0, ticks=ticks)


def _whiskers(table: pd.DataFrame, css_class: str, x: Scale, y: Scale) -> str:
    """Return the intervals as one path; an infinite one would have no end to draw."""
    ends = [(number_of(row, "conf_low"), number_of(row, "conf_high")) for row in records(table)]
    path = "".join(
        f"M{x(place):.2f},{y(high):.2f}V{y(low):.2f}"
        for place, (low, high) in zip(table.index, ends, strict=True)
        if math.isfinite(low) and math.isfinite(high)
    )
    return f'<path class="ranges {css_class}" d="{path}"/>' if path else ""


def _dots(table: pd.DataFrame, x: Scale, y: Scale) -> str:
    rows = records(table)
    places = [(x(place), y(number_of(row, "estimate"))) for place, row in enumerate(rows)]
    strong = "".join(
        dot(left, top, "point post") + _name(text_of(row, "name"), left, top)
        for (left, top), row in zip(places, rows, strict=True)
        if row["marked"]
    )
    return drawing(polyline(places, "effect-line")) + strong


def _name(name: str, left: float, top: float) -> str:
    side = "before" if left > NAME_LEFT_OF else "after"
    return f'<b class="effect-name {side}" style="left:{percent(left)};top:{percent(top)}">{escape(name)}</b>'


def _panel(panel: Panel, body: str, *, rows_above: int, ticks: Sequence[float] = ()) -> str:
    """Return a panel whose margins hold the names above and the axis at the left."""
    title = f'<p class="panel-title">{escape(panel.title)} <span>{escape(panel.unit)}</span></p>'
    write = panel.format_axis or panel.format_value
    sizes = f"--rows:{rows_above};--tick:{widest(write(tick) for tick in ticks)}"
    return f'<div class="panel" style="{sizes}">{title}<div class="area">{body}</div></div>'
