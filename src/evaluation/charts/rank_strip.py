"""One unit's ranks on several scores, each on an axis from first to last of its own group.

Belongs here: drawing the ranks of one unit. Does not belong here: the ranks of many units on one score
(`evaluation.charts.ranks`), or computing either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.axes import Scale, percent, position_style
from evaluation.charts.frame import Chart, escape, hatched, number_of, records, require_columns, text_of


@dataclass(frozen=True)
class RankStripLabels:
    """The words of a rank strip: of the key, and of both ends of the axis."""

    rank: str
    interval: str
    first: str
    last: str


def rank_strip(
    rows: pd.DataFrame,
    *,
    labels: RankStripLabels,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw one unit's ranks, a row a score, on axes from the first to the last place of each group.

    Parameters
    ----------
    rows
        One row a score, in the order to be drawn: ``name``, ``colour`` (``#RRGGBB``), ``rank``, ``rank_low``,
        ``rank_high``, ``n_ranked``, ``rank_text`` (the rank in words, at the right) and ``missing_reason``. A row
        without a rank is hatched and says its ``missing_reason``; one without an interval is a dot alone.
    labels
        The words.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["name", "colour", "rank", "rank_low", "rank_high", "n_ranked", "rank_text", "missing_reason"]
    require_columns(rows, columns, chart="rank_strip")
    body = "".join(_row(row) for row in records(rows))
    html = f'<div class="strip rank-strip">{_key(labels)}{body}{_axis(labels)}</div>'
    return Chart(html=html, alt=alt, title=title, subtitle=subtitle, note=note, source=source)


def _row(row: Mapping[str, object]) -> str:
    missing = math.isnan(number_of(row, "rank"))
    plot = hatched(text_of(row, "missing_reason")) if missing else _track(row)
    beside = "" if missing else f"<span>{escape(text_of(row, 'rank_text'))}</span>"
    return (
        f'<div class="strip-row{" missing" if missing else ""}" style="--pillar:{escape(row["colour"])}">'
        f'<b class="strip-name">{escape(row["name"])}</b>'
        f'<div class="strip-track">{plot}</div><div class="strip-text">{beside}</div></div>'
    )


def _track(row: Mapping[str, object]) -> str:
    scale = Scale(1.0, max(number_of(row, "n_ranked"), 2.0))
    low, high = number_of(row, "rank_low"), number_of(row, "rank_high")
    line = (
        ""
        if math.isnan(low + high)
        else f'<i class="interval" {position_style(left=scale(low), right=100 - scale(high))}></i>'
    )
    return f'{line}<i class="dot" style="left:{percent(scale(number_of(row, "rank")))}"></i>'


def _key(labels: RankStripLabels) -> str:
    return (
        f'<p class="key"><span><i class="swatch dot"></i>{escape(labels.rank)}</span>'
        f'<span><i class="swatch interval plain"></i>{escape(labels.interval)}</span></p>'
    )


def _axis(labels: RankStripLabels) -> str:
    return (
        '<div class="strip-row strip-axis"><b></b><div class="strip-track">'
        f'<b class="rank-end">{escape(labels.first)}</b><b class="rank-end last">{escape(labels.last)}</b>'
        "</div><b></b></div>"
    )
