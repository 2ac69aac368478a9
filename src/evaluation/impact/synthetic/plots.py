"""Charts of synthetic controls: a unit beside its synthetic twin, and the gaps of placebos.

Belongs here: turning arrays into the charts of `evaluation.charts`. Does not belong here: words of a report, which draws its own.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart, EventLabels, event_study
from evaluation.charts.trends import Line, Panel, group_lines
from evaluation.impact.plots import format_number

MIDDLE = (5, 95)
"""Percentiles between which the band of placebos is drawn."""


def paths_chart(rows: pd.DataFrame, *, title: str) -> Chart:
    """Draw observed and synthetic outcomes of one unit.

    Parameters
    ----------
    rows
        time, observed, synthetic.
    title
        Words of the chart.
    """
    long = rows.melt(id_vars="time", value_vars=["observed", "synthetic"], var_name="group")
    frame = long.rename(columns={"time": "year"}).assign(panel="all")
    return group_lines(
        frame,
        panels=[Panel(code="all", title="", unit="", format_value=format_number)],
        lines=[Line("observed", "observed"), Line("synthetic", "synthetic", dashed=True)],
        title=title,
        alt=title,
    )


def gap_chart(years: NDArray[np.int64], gaps: NDArray[np.float64], *, title: str) -> Chart:
    """Draw the median and the middle nine tenths of gaps by year.

    Parameters
    ----------
    years, gaps
        (T,) and (n, T).
    title
        Words of the chart.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanpercentile(gaps, MIDDLE, axis=0)
        middle = np.nanmedian(gaps, axis=0)
    table = pd.DataFrame(
        {
            "position": years.astype(float),
            "label": years.astype(str),
            "phase": "post",
            "estimate": middle,
            "conf_low": low,
            "conf_high": high,
        }
    )
    return event_study(
        table[np.isfinite(middle)],
        labels=EventLabels(pre="before", reference="base", post="gap", anticipation="anticipation"),
        format_value=format_number,
        title=title,
        alt=title,
    )
