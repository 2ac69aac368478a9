"""What effect could be seen, now and later, beside the effect that would matter.

Belongs here: drawing pairs of smallest detectable effects. Does not belong here: computing them.
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


@dataclass(frozen=True)
class DetectableBlock:
    """A block that shares one axis: value of the column ``block``, heading, unit, how to write values."""

    code: str
    title: str
    unit: str
    format_value: Format


@dataclass(frozen=True)
class DetectableLabels:
    """The words of the key: with data now, with data later, the margin."""

    now: str
    later: str
    margin: str


def detectable_effects(
    rows: pd.DataFrame,
    *,
    blocks: Sequence[DetectableBlock],
    labels: DetectableLabels,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw the smallest effect likely to be seen, with data until now and until later.

    Parameters
    ----------
    rows
        One row a group: ``block``, ``label``, ``now``, ``later`` (sizes, positive; missing where there is none),
        ``margin`` (smallest effect that matters), ``value_text`` and ``missing_reason``.
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
    columns = ["block", "label", "now", "later", "margin", "value_text", "missing_reason"]
    require_columns(rows, columns, chart="detectable_effects")
    body = "".join(_block(records(rows[rows["block"] == block.code]), block) for block in blocks)
    html = f'{_key(labels)}<div class="forest detectables">{body}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def _block(rows: Sequence[Mapping[str, object]], block: DetectableBlock) -> str:
    ticks = nice_ticks([0.0, *finite(row[part] for row in rows for part in ("now", "later", "margin"))], 4)
    scale = Scale(ticks[0], ticks[-1])
    axis = "".join(
        f'<b class="edge-value" style="left:{percent(scale(tick))}">{escape(block.format_value(tick))}</b>'
        for tick in ticks
    )
    unit = f" <span>{escape(block.unit)}</span>" if block.unit else ""
    return (
        f'<div class="forest-block"><p class="forest-title">{escape(block.title)}{unit}</p>'
        + "".join(_row(row, scale, ticks) for row in rows)
        + f'<div class="forest-row forest-axis"><b></b><div class="forest-track">{axis}</div><b></b></div></div>'
    )


def _row(row: Mapping[str, object], scale: Scale, ticks: Sequence[float]) -> str:
    label = f'<b class="forest-label">{escape(text_of(row, "label"))}</b>'
    now, later, margin = (number_of(row, part) for part in ("now", "later", "margin"))
    if math.isnan(now) and math.isnan(later):
        reason = hatched(text_of(row, "missing_reason"))
        return f'<div class="forest-row missing">{label}<div class="forest-track">{reason}</div></div>'
    grid = "".join(f'<i class="line" style="left:{percent(scale(tick))}"></i>' for tick in ticks)
    unseen = (
        ""
        if math.isnan(margin)
        else f'<i class="margin" {position_style(left=0, right=100 - scale(margin))}></i>'
    )
    link = (
        ""
        if math.isnan(now + later)
        else f'<i class="link" {position_style(left=scale(min(now, later)), right=100 - scale(max(now, later)))}></i>'
    )
    dots = "".join(
        f'<i class="dot {css_class}" style="left:{percent(scale(size))}"></i>'
        for css_class, size in (("hollow", now), ("full", later))
        if not math.isnan(size)
    )
    return (
        f'<div class="forest-row">{label}<div class="forest-track">{unseen}{grid}{link}{dots}</div>'
        f'<span class="forest-value">{escape(text_of(row, "value_text"))}</span></div>'
    )


def _key(labels: DetectableLabels) -> str:
    entries = (("dot hollow", labels.now), ("dot full", labels.later), ("margin zone", labels.margin))
    return (
        '<p class="key">'
        + "".join(f'<span><i class="swatch {name}"></i>{escape(text)}</span>' for name, text in entries)
        + "</p>"
    )
