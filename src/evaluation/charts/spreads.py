"""How figures of groups spread: the middle half, the middle 80 per cent, median and mean.

Belongs here: drawing quantiles of groups side by side. Does not belong here: computing them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.axes import Scale, nice_ticks, percent, position_style
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

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the columns ``low``, ``lower``, ``median``, ``upper`` and ``high``."""


@dataclass(frozen=True)
class SpreadBlock:
    """A block of groups that shares one axis: value of the column ``block``, heading, unit, how to write values."""

    code: str
    title: str
    unit: str
    format_value: Format


@dataclass(frozen=True)
class SpreadLabels:
    """The words of the key: middle 80 per cent, middle half, median, mean."""

    most: str
    half: str
    median: str
    mean: str


def spreads(
    rows: pd.DataFrame,
    *,
    blocks: Sequence[SpreadBlock],
    labels: SpreadLabels,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw how figures of several groups spread.

    Parameters
    ----------
    rows
        One row a group: ``block``, ``label``, ``low``, ``lower``, ``median``, ``upper``, ``high`` (see
        `QUANTILES`), ``mean``, ``value_text`` and ``strong`` (true for the group the chart is about); optionally
        ``missing_reason``. A group without a median is hatched and says its ``missing_reason``.
    blocks
        The blocks in their order.
    labels
        Words of the key.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["block", "label", "low", "lower", "median", "upper", "high", "mean", "value_text", "strong"]
    require_columns(rows, columns, chart="spreads")
    body = "".join(_block(records(rows[rows["block"] == block.code]), block) for block in blocks)
    html = f'{_key(labels)}<div class="forest spreads">{body}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def _block(rows: Sequence[Mapping[str, object]], block: SpreadBlock) -> str:
    ticks = nice_ticks([0.0, *finite(row[end] for row in rows for end in ("low", "high", "mean"))], 4)
    scale = Scale(ticks[0], ticks[-1])
    axis = "".join(
        f'<b class="edge-value" style="left:{percent(scale(tick))}">{escape(block.format_value(tick))}</b>'
        for tick in ticks
    )
    return (
        f'<div class="forest-block"><p class="forest-title">{escape(block.title)} <span>{escape(block.unit)}</span></p>'
        + "".join(_row(row, scale, ticks) for row in rows)
        + f'<div class="forest-row forest-axis"><b></b><div class="forest-track">{axis}</div><b></b></div></div>'
    )


def _row(row: Mapping[str, object], scale: Scale, ticks: Sequence[float]) -> str:
    label = f'<b class="forest-label">{escape(text_of(row, "label"))}</b>'
    if math.isnan(number_of(row, "median")):
        reason = hatched(text_of(row, "missing_reason"))
        return f'<div class="forest-row missing">{label}<div class="forest-track">{reason}</div></div>'
    grid = "".join(
        f'<i class="line{" zero" if tick == 0 else ""}" style="left:{percent(scale(tick))}"></i>'
        for tick in ticks
    )
    bars = "".join(
        f'<i class="{css_class}" '
        f"{position_style(left=scale(number_of(row, first)), right=100 - scale(number_of(row, last)))}></i>"
        for css_class, first, last in (("most", "low", "high"), ("middle", "lower", "upper"))
    )
    strong = " headline" if row["strong"] in (True, 1) else ""
    return (
        f'<div class="forest-row{strong}">{label}'
        f'<div class="forest-track">{grid}{bars}'
        f'<i class="median" style="left:{percent(scale(number_of(row, "median")))}"></i>'
        f'<i class="dot" style="left:{percent(scale(number_of(row, "mean")))}"></i></div>'
        f'<span class="forest-value">{escape(text_of(row, "value_text"))}</span></div>'
    )


def _key(labels: SpreadLabels) -> str:
    entries = (
        ("most", labels.most),
        ("middle", labels.half),
        ("median", labels.median),
        ("dot", labels.mean),
    )
    return (
        '<p class="key spreads-key">'
        + "".join(f'<span><i class="swatch {name}"></i>{escape(text)}</span>' for name, text in entries)
        + "</p>"
    )
