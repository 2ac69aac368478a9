"""A table of numbers as coloured cells: correlations, loadings.

Belongs here: laying out cells and colouring them on both sides of zero. Does not belong here: what is correlated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from evaluation.charts.frame import Chart, Format, escape, require_columns
from evaluation.charts.palette import ACCENT, CONTRAST, PAPER, blend, text_on

TURNED = (
    "writing-mode:vertical-rl;transform:rotate(180deg);justify-self:center;max-height:9rem;overflow:hidden"
)
"""Style of a column's name set upright, for tables with many columns."""

MOST_LEVEL = 8
"""Up to so many columns have their names written across."""


def heatmap(
    cells: pd.DataFrame,
    *,
    rows: Mapping[str, str],
    columns: Mapping[str, str],
    format_value: Format,
    title: str,
    alt: str,
    limit: float = 1.0,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw numbers as cells: blue above zero, red below, white at it; empty where there is no number.

    Parameters
    ----------
    cells
        Columns ``row``, ``column`` and ``value``; a pair that is absent is an empty cell.
    rows, columns
        Code to name, in the order to be drawn.
    format_value
        Writes a value.
    limit
        Size of a value at which the colour is full.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(cells, ["row", "column", "value"], chart="heatmap")
    values = {
        (row, column): float(value)
        for row, column, value in zip(cells["row"], cells["column"], cells["value"], strict=True)
        if not pd.isna(value)
    }
    style = f' style="{TURNED}"' if len(columns) > MOST_LEVEL else ""
    head = '<b class="corner"></b>' + "".join(
        f'<b class="matrix-year"{style}>{escape(name)}</b>' for name in columns.values()
    )
    body = "".join(
        f'<b class="row-name">{escape(name)}</b>'
        + "".join(_cell(values.get((row, column), math.nan), limit, format_value) for column in columns)
        for row, name in rows.items()
    )
    wide = len(columns) > MOST_LEVEL
    css_class = "matrix dense" if wide else "matrix"
    html = f'<div class="{css_class}" style="--columns:{len(columns)}">{head}{body}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source, wide=wide)


def _cell(value: float, limit: float, format_value: Format) -> str:
    if math.isnan(value):
        return '<i class="cell"></i>'
    colour = blend(PAPER, ACCENT if value > 0 else CONTRAST, min(abs(value) / limit, 1.0))
    text = escape(format_value(value))
    return f'<i class="cell" style="background:{colour};color:{text_on(colour)}">{text}</i>'
