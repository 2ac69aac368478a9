"""The specification curve: every way of making an estimate, sorted, above the choices that each way made.

Belongs here: drawing sorted estimates with their intervals and a matrix of choices. Does not belong here: which
ways there are, and any estimation.

References
----------
Simonsohn, U., Simmons, J. P. and Nelson, L. D. (2020). Specification curve analysis. *Nature Human Behaviour* 4,
1208-1214, doi:10.1038/s41562-020-0912-z.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.charts.axes import Scale, nice_ticks, percent
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

VALUE_INTERVALS = 4
"""Intervals on the axis of effects, about."""


@dataclass(frozen=True)
class Choice:
    """One thing that could be chosen otherwise: a column of the table, its name, and its options in words."""

    column: str
    title: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class CurveBlock:
    """One curve of the figure: value of the column ``block``, heading, and a remark beside it."""

    code: str
    title: str
    remark: str = ""


@dataclass(frozen=True)
class CurveLabels:
    """The words of the key, and what stands before the headline's own choice (`usual`) in a heading."""

    told: str
    untold: str
    headline: str
    usual: str
    missing: str = ""
    margin: str = ""


def specification_curve(
    rows: pd.DataFrame,
    *,
    blocks: Sequence[CurveBlock],
    choices: Sequence[Choice],
    labels: CurveLabels,
    format_value: Format,
    title: str,
    alt: str,
    margin: float = math.nan,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw sorted estimates with intervals, and below each where its choices depart from the headline's.

    The headline's own choice stands in the heading of each choice; a column without a dot below it makes the same one.
    A block without a headline shows every choice.

    Parameters
    ----------
    rows
        One row a specification: ``block``, ``estimate``, ``conf_low``, ``conf_high``, ``headline`` (true for the
        one the rest is compared with) and a column for every choice with one of its options. A row without an
        estimate keeps its column, hatched, at the right end.
    blocks
        The curves in their order; all share one scale.
    choices
        The choices in their order; one that no row of a block makes otherwise is left out there.
    labels
        Words of the key.
    format_value
        Writes a value on the axis.
    margin
        Smallest effect that matters, two dashed lines.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = [
        "block",
        "estimate",
        "conf_low",
        "conf_high",
        "headline",
        *(choice.column for choice in choices),
    ]
    require_columns(rows, columns, chart="specification_curve")
    ticks = nice_ticks(
        [
            0.0,
            *finite([margin, -margin]),
            *finite(rows[["estimate", "conf_low", "conf_high"]].to_numpy().ravel()),
        ],
        VALUE_INTERVALS,
    )
    scale = Scale(ticks[-1], ticks[0])
    axis = _value_axis(ticks, scale=scale, format_value=format_value) + _margins(margin, scale)
    body = "".join(
        _block(rows[rows["block"] == block.code], block, choices, axis, scale, labels.usual)
        for block in blocks
    )
    key = _key(labels, has_missing=bool(rows["estimate"].isna().any()), has_margin=not math.isnan(margin))
    return Chart(
        html=f'{key}<div class="curves">{body}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        wide=True,
    )


def _block(
    rows: pd.DataFrame, block: CurveBlock, choices: Sequence[Choice], axis: str, scale: Scale, usual: str
) -> str:
    ordered = records(rows.sort_values("estimate", kind="stable", na_position="last"))
    width = len(ordered)
    headline = next((place for place, row in enumerate(ordered) if row["headline"] in (True, 1)), None)
    band = "" if headline is None else _column(headline, width, "headline-column")
    gaps = "".join(
        _column(place, width, "column hatched")
        for place, row in enumerate(ordered)
        if math.isnan(number_of(row, "estimate"))
    )
    remark = f" <span>{escape(block.remark)}</span>" if block.remark else ""
    return (
        f'<div class="curve-block"><p class="forest-title">{escape(block.title)}{remark}</p>'
        f'<div class="curve-top">{band}{axis}{gaps}{_curve(ordered, scale)}</div>'
        f"{_matrix(ordered, choices, band, headline, usual)}</div>"
    )


def _curve(rows: Sequence[Mapping[str, object]], scale: Scale) -> str:
    """Return intervals and points as one drawing: a line of no length with round ends is a dot of any size."""
    groups: dict[str, list[int]] = {"told": [], "untold": [], "headline": []}
    for place, row in enumerate(rows):
        if not math.isnan(number_of(row, "estimate")):
            groups[_kind(row)].append(place)
    intervals = "".join(
        f'<path class="curve-interval {kind}" d="{"".join(_interval(rows[i], i, scale) for i in places)}"/>'
        for kind, places in groups.items()
        if places
    )
    points = "".join(
        _dots(kind, ((i, scale(number_of(rows[i], "estimate"))) for i in places))
        for kind, places in groups.items()
        if places
    )
    return _layer(intervals + points, width=len(rows), height=100)


def _matrix(
    rows: Sequence[Mapping[str, object]],
    choices: Sequence[Choice],
    band: str,
    headline: int | None,
    usual: str,
) -> str:
    width, parts = len(rows), []
    for choice in choices:
        chosen = [text_of(row, choice.column) for row in rows]
        options = [option for option in choice.options if option in chosen]
        if len(options) < 2:
            continue
        own = None if headline is None else chosen[headline]
        beside = "" if own is None else f" <span>{escape(usual)} {escape(choice.options[own])}</span>"
        parts.append(f'<p class="choice-title">{escape(choice.title)}{beside}</p>')
        for option in options:
            if option == own:
                continue
            places = np.flatnonzero(np.array(chosen) == option).tolist()
            dots = _layer(_dots("choice", ((place, 50.0) for place in places)), width=width, height=100)
            parts.append(
                f'<b class="choice-name">{escape(choice.options[option])}</b>'
                f'<div class="choice-track">{band}{dots}</div>'
            )
    return f'<div class="choices">{"".join(parts)}</div>'


def _kind(row: Mapping[str, object]) -> str:
    if row["headline"] in (True, 1):
        return "headline"
    low, high = number_of(row, "conf_low"), number_of(row, "conf_high")
    return "told" if low > 0 or high < 0 else "untold"


def _interval(row: Mapping[str, object], place: int, scale: Scale) -> str:
    low, high = number_of(row, "conf_low"), number_of(row, "conf_high")
    if math.isnan(low + high):
        return ""
    return f"M{place + 0.5:g},{round(scale(low), 2):g}V{round(scale(high), 2):g}"


def _dots(kind: str, places: Iterable[tuple[int, float]]) -> str:
    path = "".join(f"M{place + 0.5:g},{round(height, 2):g}h0" for place, height in places)
    inner = f'<path class="curve-hole" d="{path}"/>' if kind == "untold" else ""
    return f'<path class="curve-dot {kind}" d="{path}"/>{inner}'


def _layer(shapes: str, *, width: int, height: int) -> str:
    box = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
    return f'<svg class="layer" {box} aria-hidden="true">{shapes}</svg>'


def _column(place: int, width: int, css_class: str) -> str:
    left, right = 100 * place / width, 100 - 100 * (place + 1) / width
    return f'<i class="{css_class}" style="left:{percent(left)};right:{percent(right)}"></i>'


def _value_axis(ticks: Sequence[float], *, scale: Scale, format_value: Format) -> str:
    return "".join(
        f'<i class="grid{" zero" if tick == 0 else ""}" style="top:{percent(scale(tick))}"></i>'
        f'<b class="tick-value" style="top:{percent(scale(tick))}">{escape(format_value(tick))}</b>'
        for tick in ticks
    )


def _margins(margin: float, scale: Scale) -> str:
    if math.isnan(margin):
        return ""
    return "".join(
        f'<i class="margin-line" style="top:{percent(scale(at))}"></i>' for at in (margin, -margin)
    )


def _key(labels: CurveLabels, *, has_missing: bool, has_margin: bool) -> str:
    entries = [
        ("curve headline", labels.headline, True),
        ("curve told", labels.told, True),
        ("curve untold", labels.untold, True),
        ("hatched", labels.missing, has_missing),
        ("margin-line", labels.margin, has_margin),
    ]
    shown = [(css_class, text) for css_class, text, present in entries if present and text]
    return (
        '<p class="key">'
        + "".join(f'<span><i class="swatch {name}"></i>{escape(text)}</span>' for name, text in shown)
        + "</p>"
    )
