"""Contributions: what each part did to the change of a whole, as bars on both sides of zero.

Belongs here: drawing contributions. Does not belong here: computing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import pandas as pd

from evaluation.charts.axes import Scale, percent, position_style
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

LEAST_REACH = 0.1
"""Smallest half of the axis, so that contributions of nothing do not divide by nothing."""


def contribution_bars(
    rows: pd.DataFrame,
    *,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw contributions as bars from zero, in blocks: to the right what raised the whole, to the left what lowered it.

    Parameters
    ----------
    rows
        One row a part, those of a whole together: ``group`` (name of the whole), ``group_text`` (its figures),
        ``colour`` (``#RRGGBB``), ``label``, ``detail`` (figures of the part) and ``contribution``.
    format_value
        Writes a contribution with its sign.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["group", "group_text", "colour", "label", "detail", "contribution"]
    require_columns(rows, columns, chart="contribution_bars")
    found = records(rows)
    reach = max([LEAST_REACH, *(abs(size) for size in finite(row["contribution"] for row in found))])
    scale = Scale(-reach, reach)
    body = "".join(
        _group(list(members), scale=scale, format_value=format_value)
        for _, members in groupby(found, key=lambda row: row["group"])
    )
    html = f'<div class="contributions">{body}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def _group(members: list[dict[str, object]], *, scale: Scale, format_value: Format) -> str:
    first = members[0]
    head = (
        f'<p class="contributions-head" style="--pillar:{escape(first["colour"])}">'
        f"<strong>{escape(text_of(first, 'group'))}</strong> {escape(text_of(first, 'group_text'))}</p>"
    )
    return f'<div class="contributions-group">{head}{"".join(_row(row, scale, format_value) for row in members)}</div>'


def _row(row: Mapping[str, object], scale: Scale, format_value: Format) -> str:
    size = number_of(row, "contribution")
    left, right = scale(min(size, 0.0)), 100 - scale(max(size, 0.0))
    bar = f'<i class="bar{" down" if size < 0 else ""}" {position_style(left=left, right=right)}></i>'
    # Beside the end of the bar where there is room, and on the other side of zero where there is none.
    side, place = ("after", scale(max(size, 0.0))) if size >= 0 else ("before", scale(size))
    if abs(scale(size) - 50) > 35:
        side, place = ("before", 50.0) if size > 0 else ("after", 50.0)
    return (
        f'<div class="contributions-row"><b class="contributions-name">{escape(text_of(row, "label"))}'
        f"<small>{escape(text_of(row, 'detail'))}</small></b>"
        f'<div class="contributions-track"><i class="zero"></i>{bar}'
        f'<b class="bar-value {side}" style="left:{percent(place)}">{escape(format_value(size))}</b></div></div>'
    )
