"""Charts of results: what every `plot()` of the engine shares.

Belongs here: turning a tidy table into the charts of `evaluation.charts`. Does not belong here: words of a
report, which passes its own title.
"""

from __future__ import annotations

import pandas as pd

from evaluation.charts import Chart, EventLabels, ForestGroup, ForestLabels, event_study, forest

GROUP = "all"


def format_number(value: float) -> str:
    """Write a value with three significant digits."""
    return f"{value:.3g}"


def interval_forest(table: pd.DataFrame, *, title: str, unit: str = "", subtitle: str = "") -> Chart:
    """Draw estimates with their intervals, one a row.

    Parameters
    ----------
    table
        label, estimate, conf_low, conf_high; optionally mde and margin.
    title, unit, subtitle
        Words of the chart.
    """
    texts = [
        f"{format_number(row.estimate)} ({format_number(row.conf_low)}, {format_number(row.conf_high)})"
        for row in table.itertuples()
    ]
    return forest(
        table.assign(group=GROUP, value_text=texts),
        groups=[ForestGroup(code=GROUP, title=unit, unit="", format_value=format_number)],
        labels=ForestLabels(estimate="estimate and interval", detectable="minimum detectable effect"),
        title=title,
        subtitle=subtitle,
        alt=title,
    )


def effects_by_event_time(table: pd.DataFrame, *, title: str, anticipation: int = 0) -> Chart:
    """Draw an event study; a time whose standard error is missing is the base.

    Parameters
    ----------
    table
        event_time, estimate, std_error, conf_low, conf_high.
    title
        Words of the chart.
    anticipation
        Years before event time 0 in which an effect is possible.
    """
    times = table["event_time"].astype(int)
    phases = [
        _phase(time, is_base=bool(missing), anticipation=anticipation)
        for time, missing in zip(times, table["std_error"].isna(), strict=True)
    ]
    return event_study(
        table.assign(position=times.astype(float), label=[f"{time:+d}" for time in times], phase=phases),
        labels=EventLabels(pre="before", reference="base", post="after", anticipation="anticipation"),
        format_value=format_number,
        title=title,
        alt=title,
    )


def _phase(time: int, *, is_base: bool, anticipation: int) -> str:
    if is_base:
        return "reference"
    if time >= 0:
        return "post"
    return "anticipation" if time >= -anticipation else "pre"
