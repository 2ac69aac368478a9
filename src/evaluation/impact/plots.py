"""Charts of results: what every `plot()` of the engine shares.

Belongs here: turning a tidy table into the charts of `evaluation.charts`. Does not belong here: words of a
report, which passes its own title.
"""

from __future__ import annotations

import numpy as np
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
    texts = [_written(row.estimate, row.conf_low, row.conf_high) for row in table.itertuples()]
    ends = table[["conf_low", "conf_high"]]
    # An interval without an end is told in its numbers and not drawn.
    table = table.assign(**ends.where(np.isfinite(ends).all(axis=1)))
    return forest(
        table.assign(group=GROUP, value_text=texts),
        groups=[ForestGroup(code=GROUP, title=unit, unit="", format_value=format_number)],
        labels=ForestLabels(estimate="estimate and interval", detectable="minimum detectable effect"),
        title=title,
        subtitle=subtitle,
        alt=title,
    )


def cell_forest(table: pd.DataFrame, *, title: str, subtitle: str = "") -> Chart:
    """Draw cells of cohort and year with their intervals; base years are left out.

    Parameters
    ----------
    table
        cohort, year, estimate, std_error, conf_low, conf_high.
    title, subtitle
        Words of the chart.
    """
    shown = table[table["std_error"].notna()]
    labels = [f"{row.cohort}: {row.year}" for row in shown.itertuples()]
    return interval_forest(shown.assign(label=labels), title=title, subtitle=subtitle)


def value_forest(values: dict[str, float], *, title: str, unit: str = "", subtitle: str = "") -> Chart:
    """Draw numbers that have no interval, one a row.

    Parameters
    ----------
    values
        By their names.
    title, unit, subtitle
        Words of the chart.
    """
    table = pd.DataFrame({"label": list(values), "estimate": list(values.values())})
    return interval_forest(
        table.assign(conf_low=np.nan, conf_high=np.nan), title=title, unit=unit, subtitle=subtitle
    )


def _written(estimate: float, low: float, high: float) -> str:
    if np.isnan([low, high]).any():
        return format_number(estimate)
    return f"{format_number(estimate)} ({format_number(low)}, {format_number(high)})"


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
