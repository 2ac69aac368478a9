"""What an interval becomes when the assumption behind it may be wrong by ever more.

Belongs here: drawing intervals over an ordered list of restrictions. Does not belong here: computing them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.axes import Scale, dot, nice_ticks, percent, value_axis, widest
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


@dataclass(frozen=True)
class SensitivityPanel:
    """One panel: value of the column ``panel``, its heading and unit, and what its steps are."""

    code: str
    title: str
    unit: str
    steps: str


@dataclass(frozen=True)
class SensitivityLabels:
    """The words of the key: interval as estimated, interval under a restriction, the margin."""

    estimated: str
    allowed: str
    margin: str = ""


def sensitivity_panels(
    rows: pd.DataFrame,
    *,
    panels: Sequence[SensitivityPanel],
    labels: SensitivityLabels,
    format_value: Format,
    title: str,
    alt: str,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw intervals that widen as more is allowed to be wrong, a panel an outcome.

    Parameters
    ----------
    rows
        One row an interval, in the order to be drawn: ``panel``, ``label`` (the step), ``conf_low``,
        ``conf_high``; optionally ``estimate`` (a point, where there is one), ``estimated`` (true for the interval
        that allows nothing) and ``margin`` (smallest effect that matters, the same in a whole panel). A row without
        an interval is hatched.
    panels
        The panels in their order; each has a scale of its own.
    labels
        Words of the key.
    format_value
        Writes a value on an axis.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    require_columns(rows, ["panel", "label", "conf_low", "conf_high"], chart="sensitivity_panels")
    body = "".join(
        _panel(records(rows[rows["panel"] == panel.code]), panel, format_value) for panel in panels
    )
    return Chart(
        html=f'{_key(labels)}<div class="panels sensitivity">{body}</div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        wide=True,
    )


def _panel(rows: Sequence[Mapping[str, object]], panel: SensitivityPanel, format_value: Format) -> str:
    margin = next(iter(finite(row.get("margin") for row in rows)), math.nan)
    reach = finite(row.get(end) for row in rows for end in ("conf_low", "conf_high", "estimate"))
    ticks = nice_ticks([0.0, *reach, *finite([margin, -margin])], 4)
    y = Scale(ticks[-1], ticks[0])
    steps = "".join(_step(row, place, len(rows), y) for place, row in enumerate(rows))
    lines = "".join(
        f'<i class="margin-line" style="top:{percent(y(at))}"></i>' for at in finite([margin, -margin])
    )
    size = f"--tick:{widest(map(format_value, ticks))}"
    return (
        f'<div class="panel"><p class="panel-title">{escape(panel.title)} <span>{escape(panel.unit)}</span></p>'
        f'<div class="area" style="{size}">{value_axis(ticks, scale=y, format_value=format_value)}{lines}{steps}'
        f'<b class="axis-name">{escape(panel.steps)}</b></div></div>'
    )


def _step(row: Mapping[str, object], place: int, count: int, y: Scale) -> str:
    x, low, high = 100 * (place + 0.5) / count, number_of(row, "conf_low"), number_of(row, "conf_high")
    label = f'<b class="tick-year" style="left:{percent(x)}">{escape(text_of(row, "label"))}</b>'
    if math.isnan(low + high):
        edges = f"left:{percent(100 * place / count)};right:{percent(100 - 100 * (place + 1) / count)}"
        return f'{label}<i class="column hatched" style="{edges}"></i>'
    kind = "post" if row.get("estimated") in (True, 1) else "allowed"
    estimate = number_of(row, "estimate")
    point = "" if math.isnan(estimate) else dot(x, y(estimate), f"point {kind}")
    ends = f"left:{percent(x)};top:{percent(y(high))};bottom:{percent(100 - y(low))}"
    return f'{label}<i class="whisker {kind}" style="{ends}"></i>{point}'


def _key(labels: SensitivityLabels) -> str:
    entries = [
        ("whisker post", labels.estimated),
        ("whisker allowed", labels.allowed),
        ("margin-line", labels.margin),
    ]
    return (
        '<p class="key">'
        + "".join(
            f'<span><i class="swatch {name}"></i>{escape(text)}</span>' for name, text in entries if text
        )
        + "</p>"
    )
