"""Charts over time: one region among its peers, and groups of regions beside each other.

Belongs here: lines by year in small panels. Does not belong here: the medians and bands that are drawn, and
which years break a series; both are computed elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    runs,
    spread,
    value_axis,
    widest,
    year_axis,
)
from evaluation.charts.frame import Chart, Format, escape, finite, hatched, require_columns
from evaluation.charts.palette import ACCENT, PEERS

PLOT_HEIGHT = 190
"""Height in CSS pixels of a panel whose lines are named at their ends, as the style sheet sets it."""

LABEL_DISTANCE = 27
"""Least distance in CSS pixels between two of those names: two lines of text each."""


@dataclass(frozen=True)
class Panel:
    """One small panel: which rows it draws and its words.

    Parameters
    ----------
    code
        Value of the table's column ``panel``.
    title, unit
        Printed above the panel.
    format_value
        Writes a value of this panel.
    format_axis
        Writes a value on the vertical axis; `format_value` when not given.
    breaks
        Years from which the figures are not comparable with those before; the line is interrupted there.
    missing_reason
        Printed in the hatched panel when the region has no value at all.
    """

    code: str
    title: str
    unit: str
    format_value: Format
    breaks: tuple[int, ...] = ()
    missing_reason: str = ""
    format_axis: Format | None = None


@dataclass(frozen=True)
class TrendLabels:
    """The words of the key of `small_multiples`: the line, the grey line, the grey area, gaps, breaks."""

    region: str
    median: str
    middle_half: str
    gap: str
    interruption: str


@dataclass(frozen=True)
class Line:
    """One line of `group_lines`: value of the column ``group``, its name, colour and whether it is dashed."""

    code: str
    label: str
    colour: str = PEERS
    dashed: bool = False


@dataclass(frozen=True)
class _Axes:
    """The years and the values of a panel, and the scales that place them."""

    years: list[int]
    ticks: list[float]

    @property
    def x(self) -> Scale:
        return Scale(self.years[0], max(self.years[-1], self.years[0] + 1))

    @property
    def y(self) -> Scale:
        return Scale(self.ticks[-1], self.ticks[0])


def small_multiples(
    frame: pd.DataFrame,
    *,
    panels: Sequence[Panel],
    labels: TrendLabels,
    title: str,
    alt: str,
    marks: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
    colour: str = ACCENT,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw one region's outcomes over time among its peers, a small panel each.

    Parameters
    ----------
    frame
        Columns ``panel``, ``year``, ``value`` (the region), ``peer_median``, ``peer_low`` and ``peer_high``
        (25th and 75th percentile of the peers). A missing value interrupts the line and is hatched below it.
    panels
        The panels in their order.
    labels
        Words of the key.
    marks, spans
        Named vertical lines (the years of joining) and shaded stretches (2020-2021).
    colour
        Colour of the region.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["panel", "year", "value", "peer_median", "peer_low", "peer_high"]
    require_columns(frame, columns, chart="small_multiples")
    years = list(range(int(frame["year"].min()), int(frame["year"].max()) + 1))
    by_panel = {str(code): rows for code, rows in frame.groupby("panel", sort=False)}
    body = "".join(
        _region_panel(
            by_panel.get(panel.code), panel=panel, years=years, marks=marks, spans=spans, colour=colour
        )
        for panel in panels
    )
    shown = frame[frame["panel"].isin([panel.code for panel in panels])]
    key = _region_key(shown, panels, labels, colour)
    return Chart(
        html=f'{key}<div class="panels">{body}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        wide=True,
    )


def group_lines(
    frame: pd.DataFrame,
    *,
    panels: Sequence[Panel],
    lines: Sequence[Line],
    title: str,
    alt: str,
    marks: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw the raw outcomes of a few groups of regions over time, each line named at its end.

    Parameters
    ----------
    frame
        Columns ``panel``, ``group``, ``year`` and ``value``.
    panels, lines
        The panels and, in each, the lines, in their order; the last line lies on top.
    marks, spans
        Named vertical lines (the start of the programme) and shaded stretches (2020-2021).
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(frame, ["panel", "group", "year", "value"], chart="group_lines")
    by_panel = {str(code): rows for code, rows in frame.groupby("panel", sort=False)}
    body = "".join(
        _group_panel(by_panel.get(panel.code), panel=panel, lines=lines, marks=marks, spans=spans)
        for panel in panels
    )
    css_class = "panels two" if len(panels) > 1 else "panels one"
    return Chart(
        html=f'<div class="{css_class}">{body}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        wide=len(panels) > 1,
    )


def _region_panel(
    rows: pd.DataFrame | None,
    *,
    panel: Panel,
    years: list[int],
    marks: Sequence[Mark],
    spans: Sequence[Span],
    colour: str,
) -> str:
    if rows is None or rows["value"].isna().all():
        return _panel(panel, hatched(panel.missing_reason), rows_above=name_rows(marks, spans))
    series = rows.set_index("year").reindex(years)
    drawn = ["value", "peer_median", "peer_low", "peer_high"]
    axes = _Axes(years=years, ticks=nice_ticks(series[drawn].to_numpy(dtype=float).ravel()))
    lines = {column: series[column].astype(float).tolist() for column in drawn}
    shapes = (
        _area(lines["peer_low"], lines["peer_high"], panel, axes)
        + _path(lines["peer_median"], panel, axes, "median-line")
        + _path(lines["value"], panel, axes, "region-line", colour)
    )
    body = (
        value_axis(axes.ticks, scale=axes.y, format_value=panel.format_axis or panel.format_value)
        + marks_and_spans(marks, spans, scale=axes.x)
        + drawing(shapes)
        + _gaps(lines["value"], axes)
        + _breaks(panel, axes)
        + _points(lines["value"], panel, axes, colour)
        + _last_value(lines["value"], panel, axes, colour)
        + year_axis(years, scale=axes.x)
    )
    last = panel.format_value(finite(lines["value"])[-1])
    return _panel(panel, body, rows_above=name_rows(marks, spans), axes=axes, last=last)


def _group_panel(
    rows: pd.DataFrame | None,
    *,
    panel: Panel,
    lines: Sequence[Line],
    marks: Sequence[Mark],
    spans: Sequence[Span],
) -> str:
    if rows is None or rows["value"].isna().all():
        return _panel(panel, hatched(panel.missing_reason), rows_above=name_rows(marks, spans))
    years = list(range(int(rows["year"].min()), int(rows["year"].max()) + 1))
    table = rows.pivot_table(index="year", columns="group", values="value").reindex(years)
    axes = _Axes(years=years, ticks=nice_ticks(rows["value"], 4))
    values = {line.code: table[line.code].astype(float).tolist() for line in lines if line.code in table}
    shapes = "".join(
        _path(
            values[line.code], panel, axes, "group-line dashed" if line.dashed else "group-line", line.colour
        )
        for line in lines
        if line.code in values
    )
    body = (
        value_axis(axes.ticks, scale=axes.y, format_value=panel.format_axis or panel.format_value)
        + marks_and_spans(marks, spans, scale=axes.x)
        + drawing(shapes)
        + _breaks(panel, axes)
        + _line_names(values, lines, axes)
        + year_axis(years, scale=axes.x)
    )
    return _panel(panel, body, rows_above=name_rows(marks, spans), axes=axes, css_class="named-lines")


def _panel(
    panel: Panel,
    body: str,
    *,
    rows_above: int,
    axes: _Axes | None = None,
    last: str = "",
    css_class: str = "",
) -> str:
    """Return a panel whose margins hold the names above, the axis at the left and the value at the right."""
    title = f'<p class="panel-title">{escape(panel.title)} <span>{escape(panel.unit)}</span></p>'
    write = panel.format_axis or panel.format_value
    left = widest(write(tick) for tick in axes.ticks) if axes else 0
    sizes = f"--rows:{rows_above};--tick:{left};--end:{len(last)}"
    classes = f"panel {css_class}".strip()
    return f'<div class="{classes}" style="{sizes}">{title}<div class="area">{body}</div></div>'


def _path(values: list[float], panel: Panel, axes: _Axes, css_class: str, colour: str = "") -> str:
    connected = runs(axes.years, values, panel.breaks)
    return "".join(
        polyline([(axes.x(axes.years[i]), axes.y(values[i])) for i in run], css_class, colour)
        for run in connected
        if len(run) > 1
    )


def _area(low: list[float], high: list[float], panel: Panel, axes: _Axes) -> str:
    width = [end - start for start, end in zip(low, high, strict=True)]
    return "".join(
        polygon(
            [(axes.x(axes.years[i]), axes.y(low[i])) for i in run]
            + [(axes.x(axes.years[i]), axes.y(high[i])) for i in reversed(run)],
            "middle-half",
        )
        for run in runs(axes.years, width, panel.breaks)
        if len(run) > 1
    )


def _points(values: list[float], panel: Panel, axes: _Axes, colour: str) -> str:
    """Return a dot for each point that no line reaches."""
    lonely = [run[0] for run in runs(axes.years, values, panel.breaks) if len(run) == 1]
    return "".join(dot(axes.x(axes.years[i]), axes.y(values[i]), "point", colour) for i in lonely)


def _last_value(values: list[float], panel: Panel, axes: _Axes, colour: str) -> str:
    last = max(i for i, value in enumerate(values) if not math.isnan(value))
    x, y = axes.x(axes.years[last]), axes.y(values[last])
    return (
        dot(x, y, "point", colour)
        + f'<b class="last-value" style="left:{percent(x)};top:{percent(y)};color:{colour}">'
        + f"{escape(panel.format_value(values[last]))}</b>"
    )


def _gaps(values: list[float], axes: _Axes) -> str:
    """Return hatching at the foot of the panel below each run of years without a value."""
    absent = [math.nan if not math.isnan(value) else 0.0 for value in values]
    half = 0.5
    return "".join(
        '<i class="gap hatched" '
        + position_style(
            left=axes.x.clipped(axes.years[run[0]] - half),
            right=100 - axes.x.clipped(axes.years[run[-1]] + half),
        )
        + "></i>"
        for run in runs(axes.years, absent)
    )


def _breaks(panel: Panel, axes: _Axes) -> str:
    return "".join(
        f'<i class="break" style="left:{percent(axes.x(year - 0.5))}"></i>'
        for year in panel.breaks
        if axes.years[0] < year <= axes.years[-1]
    )


def _line_names(values: Mapping[str, list[float]], lines: Sequence[Line], axes: _Axes) -> str:
    ends = []
    for line in lines:
        seen = [i for i, value in enumerate(values.get(line.code, [])) if not math.isnan(value)]
        if seen:
            ends.append((axes.y(values[line.code][seen[-1]]), line))
    ends.sort(key=lambda end: end[0])
    places = spread([place for place, _ in ends], least=100 * LABEL_DISTANCE / PLOT_HEIGHT)
    return "".join(
        f'<b class="line-name" style="top:{percent(place)};color:{line.colour}">{escape(line.label)}</b>'
        for place, (_, line) in zip(places, ends, strict=True)
    )


def _region_key(frame: pd.DataFrame, panels: Sequence[Panel], labels: TrendLabels, colour: str) -> str:
    entries = [
        f'<span><i class="swatch line" style="--dot:{colour}"></i>{escape(labels.region)}</span>',
        f'<span><i class="swatch line"></i>{escape(labels.median)}</span>',
        f'<span><i class="swatch half"></i>{escape(labels.middle_half)}</span>',
    ]
    if frame["value"].isna().any():
        entries.append(f'<span><i class="swatch hatched"></i>{escape(labels.gap)}</span>')
    if any(panel.breaks for panel in panels):
        entries.append(f'<span><i class="swatch break"></i>{escape(labels.interruption)}</span>')
    return f'<p class="key">{"".join(entries)}</p>'
