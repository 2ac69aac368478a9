"""Charts of effects: event studies, forests of estimates, and who joined when.

Belongs here: drawing estimates with their intervals and with what could have been detected. Does not belong
here: any estimation, and any decision on what an interval means, which is said in words that are passed in.
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
    marks_and_spans,
    name_rows,
    nice_ticks,
    percent,
    position_style,
    value_axis,
    widest,
)
from evaluation.charts.frame import (
    Chart,
    Format,
    escape,
    finite,
    hatched,
    number_of,
    records,
    require_columns,
    text_of,
)

PHASES = ("pre", "reference", "anticipation", "post")
"""What a point of an event study can be; anything else is refused."""

MARGIN_ROOM = 1.05
"""Room on the axis for margins, whose lines would vanish in its ends."""
FOREST_TICKS = 2
"""Intervals on each side of zero in a forest: few, because its panels are narrow on a telephone."""


@dataclass(frozen=True)
class EventLabels:
    """The words of an event study's key: before, the reference, after, the joining year, the MDE."""

    pre: str
    reference: str
    post: str
    anticipation: str = ""
    detectable: str = ""


@dataclass(frozen=True)
class ForestGroup:
    """A block of a forest that shares one scale.

    Parameters
    ----------
    code
        Value of the table's column ``group``.
    title, unit
        Heading of the block.
    format_value
        Writes a value on the axis.
    low_label, high_label
        What lies left and right of zero, for example "lower" and "higher".
    """

    code: str
    title: str
    unit: str
    format_value: Format
    low_label: str = ""
    high_label: str = ""


@dataclass(frozen=True)
class ForestLabels:
    """The words of a forest's key: dot with interval, light band, dashed margin, second interval (empty: not drawn)."""

    estimate: str
    detectable: str
    margin: str = ""
    second: str = ""


def event_study(
    estimates: pd.DataFrame,
    *,
    labels: EventLabels,
    format_value: Format,
    title: str,
    alt: str,
    marks: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
    mde: float = math.nan,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw effects by time from the start, with the periods before it visibly apart.

    Parameters
    ----------
    estimates
        One row a period: ``position`` (number on the axis, event time or year), ``label`` (text below it),
        ``phase`` (pre, reference, anticipation or post), ``estimate``, ``conf_low``, ``conf_high``;
        optionally ``band_low`` and ``band_high`` (simultaneous band) and ``missing_reason``. The reference
        period is drawn at zero; another period without an estimate is hatched.
    labels
        Words of the key.
    format_value
        Writes a value on the axis.
    marks, spans
        Named vertical lines (joining, first year of effect) and shaded stretches (2020-2021).
    mde
        Minimum detectable effect, drawn as a light band around zero.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["position", "label", "phase", "estimate", "conf_low", "conf_high"]
    require_columns(estimates, columns, chart="event_study")
    rows = records(estimates.sort_values("position"))
    y_ticks = nice_ticks([0.0, *_extent(rows), *finite([mde, -mde])], 4)
    x = Scale(float(estimates["position"].min()) - 0.6, float(estimates["position"].max()) + 0.6)
    y = Scale(y_ticks[-1], y_ticks[0])
    body = (
        _detectable_rows(mde, y)
        + value_axis(y_ticks, scale=y, format_value=format_value)
        + marks_and_spans(marks, spans, scale=x)
        + "".join(_event_point(row, x=x, y=y) for row in rows)
    )
    rows_above = name_rows(marks, spans)
    sizes = f"--rows:{rows_above};--tick:{widest(map(format_value, y_ticks))}"
    area = f'<div class="panel event" style="{sizes}"><div class="area">{body}</div></div>'
    return Chart(
        html=_event_key(labels, rows, mde) + area,
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
    )


def forest(
    rows: pd.DataFrame,
    *,
    groups: Sequence[ForestGroup],
    labels: ForestLabels,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
    wide: bool = False,
    compact: bool = False,
) -> Chart:
    """Draw estimates with intervals, in blocks that each have a scale of their own around zero.

    Parameters
    ----------
    rows
        One row an estimate: ``group``, ``label``, ``estimate``, ``conf_low``, ``conf_high``, ``value_text``
        (the numbers in words); optionally ``mde`` (minimum detectable effect, a light band around zero),
        ``margin`` (smallest effect that matters, two dashed lines), ``second_low`` and ``second_high`` (the interval
        by another inference, a thin line with ends), ``verdict`` (what it says, in words below), ``headline`` (true:
        drawn strong) and ``missing_reason``. A row without an estimate is hatched and says its ``missing_reason``.
    groups
        The blocks in their order.
    labels
        Words of the key.
    title, alt, subtitle, note, source, wide
        See `Chart`.
    compact
        Blocks stand two abreast where there is room, names and numbers above the lines.

    Returns
    -------
    Chart
    """
    require_columns(
        rows, ["group", "label", "estimate", "conf_low", "conf_high", "value_text"], chart="forest"
    )
    by_group = {str(code): records(members) for code, members in rows.groupby("group", sort=False)}
    body = "".join(_forest_block(by_group.get(group.code, []), group) for group in groups)
    key = _forest_key(labels, has_band=not rows.get("mde", pd.Series(dtype=float)).isna().all())
    return Chart(
        html=f'{key}<div class="forest{" compact" if compact else ""}">{body}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        wide=wide,
    )


def timing(
    cohorts: pd.DataFrame,
    *,
    known_label: str,
    unknown_label: str,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw how many regions joined in each year, those not known by name hatched.

    Parameters
    ----------
    cohorts
        One row a year: ``year``, ``n_known``, ``n_unknown`` (0 when the list is complete) and ``text``
        (printed beside the bar).
    known_label, unknown_label
        Words of the key.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(cohorts, ["year", "n_known", "n_unknown", "text"], chart="timing")
    most = float((cohorts["n_known"] + cohorts["n_unknown"]).max())
    bars = "".join(_timing_row(row, most) for row in records(cohorts.sort_values("year")))
    key = (
        f'<p class="key"><span><i class="swatch known"></i>{escape(known_label)}</span>'
        f'<span><i class="swatch hatched"></i>{escape(unknown_label)}</span></p>'
    )
    return Chart(
        html=f'{key}<div class="timing">{bars}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
    )


def _extent(rows: Sequence[Mapping[str, object]]) -> list[float]:
    columns = ("estimate", "conf_low", "conf_high", "band_low", "band_high")
    return finite(row.get(column) for row in rows for column in columns)


def _detectable_rows(mde: float, y: Scale) -> str:
    if math.isnan(mde):
        return ""
    return f'<i class="detectable" {position_style(top=y.clipped(mde), bottom=100 - y.clipped(-mde))}></i>'


def _event_point(row: Mapping[str, object], *, x: Scale, y: Scale) -> str:
    phase = text_of(row, "phase")
    if phase not in PHASES:
        raise ValueError(f"phase is one of {', '.join(PHASES)}, or the point has no meaning; got: {phase!r}")
    place, estimate = x(number_of(row, "position")), number_of(row, "estimate")
    label = f'<b class="tick-year {phase}" style="left:{percent(place)}">{escape(row["label"])}</b>'
    if phase == "reference":
        return label + dot(place, y(0.0), "point reference")
    if math.isnan(estimate):
        return label + _event_gap(row, x)
    return (
        label
        + _event_interval(row, place, y, ("band_low", "band_high"), f"whisker thin {phase}")
        + _event_interval(row, place, y, ("conf_low", "conf_high"), f"whisker {phase}")
        + dot(place, y(estimate), f"point {phase}")
    )


def _event_interval(
    row: Mapping[str, object], place: float, y: Scale, ends: tuple[str, str], css_class: str
) -> str:
    low, high = number_of(row, ends[0]), number_of(row, ends[1])
    if math.isnan(low + high):
        return ""
    style = f"left:{percent(place)};top:{percent(y(high))};bottom:{percent(100 - y(low))}"
    return f'<i class="{css_class}" style="{style}"></i>'


def _event_gap(row: Mapping[str, object], x: Scale) -> str:
    position = number_of(row, "position")
    box = position_style(left=x(position - 0.4), right=100 - x(position + 0.4))
    reason = escape(text_of(row, "missing_reason"))
    return f'<i class="column hatched" {box}></i><b class="column-reason" {box}><span>{reason}</span></b>'


def _event_key(labels: EventLabels, rows: Sequence[Mapping[str, object]], mde: float) -> str:
    phases = {text_of(row, "phase") for row in rows}
    entries = [
        ("point pre", labels.pre, "pre" in phases),
        ("point reference", labels.reference, "reference" in phases),
        ("point anticipation", labels.anticipation, "anticipation" in phases),
        ("point post", labels.post, "post" in phases),
        ("detectable", labels.detectable, not math.isnan(mde)),
    ]
    shown = [(css_class, text) for css_class, text, present in entries if present and text]
    return (
        '<p class="key">'
        + "".join(f'<span><i class="swatch {name}"></i>{escape(text)}</span>' for name, text in shown)
        + "</p>"
    )


def _forest_block(rows: Sequence[Mapping[str, object]], group: ForestGroup) -> str:
    columns = ("estimate", "conf_low", "conf_high", "second_low", "second_high", "mde")
    margins = [MARGIN_ROOM * value for value in finite(row.get("margin") for row in rows)]
    reach = max(
        (abs(v) for v in [*finite(row.get(c) for row in rows for c in columns), *margins]), default=1.0
    )
    ticks = nice_ticks([-reach, reach], 2 * FOREST_TICKS)
    scale = Scale(ticks[0], ticks[-1])
    unit = f" <span>{escape(group.unit)}</span>" if group.unit else ""
    return (
        f'<div class="forest-block"><p class="forest-title">{escape(group.title)}{unit}</p>'
        + "".join(_forest_row(row, scale, ticks) for row in rows)
        + _forest_axis(group, scale, ticks)
        + "</div>"
    )


def _forest_row(row: Mapping[str, object], scale: Scale, ticks: Sequence[float]) -> str:
    label = f'<b class="forest-label">{escape(row["label"])}</b>'
    if math.isnan(number_of(row, "estimate")):
        reason = hatched(text_of(row, "missing_reason"))
        return f'<div class="forest-row missing">{label}<div class="forest-track">{reason}</div></div>'
    headline = " headline" if row.get("headline") in (True, 1) else ""
    verdict = text_of(row, "verdict")
    grid = "".join(
        f'<i class="line{" zero" if tick == 0 else ""}" style="left:{percent(scale(tick))}"></i>'
        for tick in ticks
    )
    return (
        f'<div class="forest-row{headline}">{label}<div class="forest-track">'
        + _around_zero(number_of(row, "mde"), scale, "detectable")
        + grid
        + _around_zero(number_of(row, "margin"), scale, "margin")
        + _forest_interval(row, scale, ("second_low", "second_high"), "second")
        + _forest_interval(row, scale, ("conf_low", "conf_high"), "interval")
        + dot(scale(number_of(row, "estimate")), 50, "point post")
        + f'</div><span class="forest-value">{escape(text_of(row, "value_text"))}</span>'
        + (f'<span class="forest-verdict">{escape(verdict)}</span>' if verdict else "")
        + "</div>"
    )


def _forest_interval(row: Mapping[str, object], scale: Scale, ends: tuple[str, str], css_class: str) -> str:
    low, high = number_of(row, ends[0]), number_of(row, ends[1])
    if math.isnan(low + high):
        return ""
    return f'<i class="{css_class}" {position_style(left=scale(low), right=100 - scale(high))}></i>'


def _around_zero(width: float, scale: Scale, css_class: str) -> str:
    if math.isnan(width):
        return ""
    return f'<i class="{css_class}" {position_style(left=scale(-width), right=100 - scale(width))}></i>'


def _forest_axis(group: ForestGroup, scale: Scale, ticks: Sequence[float]) -> str:
    values = "".join(
        f'<b class="edge-value" style="left:{percent(scale(tick))}">{escape(group.format_value(tick))}</b>'
        for tick in ticks
    )
    sides = (
        f'<b class="side low">\N{LEFTWARDS ARROW} {escape(group.low_label)}</b>'
        f'<b class="side high">{escape(group.high_label)} \N{RIGHTWARDS ARROW}</b>'
        if group.low_label or group.high_label
        else ""
    )
    track = f'<div class="forest-track">{values}{sides}</div>'
    return f'<div class="forest-row forest-axis"><b></b>{track}<b></b></div>'


def _forest_key(labels: ForestLabels, *, has_band: bool) -> str:
    entries = [
        ("interval", labels.estimate, True),
        ("second", labels.second, bool(labels.second)),
        ("detectable", labels.detectable, has_band),
        ("margin", labels.margin, bool(labels.margin)),
    ]
    return (
        '<p class="key">'
        + "".join(
            f'<span><i class="swatch {css_class}"></i>{escape(text)}</span>'
            for css_class, text, shown in entries
            if shown
        )
        + "</p>"
    )


def _timing_row(row: Mapping[str, object], most: float) -> str:
    known, unknown = number_of(row, "n_known"), number_of(row, "n_unknown")
    bars = f'<i class="known" style="width:{percent(100 * known / most)}"></i>' if known else ""
    if unknown:
        bars += f'<i class="hatched" style="width:{percent(100 * unknown / most)}"></i>'
    return (
        f'<b class="timing-year">{int(number_of(row, "year"))}</b><div class="timing-bar">{bars}</div>'
        f'<span class="timing-text">{escape(text_of(row, "text"))}</span>'
    )
