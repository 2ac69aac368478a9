"""Trends: how fast scores or values of a unit have moved, with an interval.

Belongs here: straight lines through a unit's own years. Does not belong here: what moved them (`contributions`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.index.statistics import check_numeric

LEAST_TIMES = 3
"""Fewest times for a line to leave anything to judge its fit by."""


def trends(panel: pd.DataFrame, *, level: float = 0.95, least_times: int = LEAST_TIMES) -> pd.DataFrame:
    """Return the slope over time of each unit and column, by least squares.

    Parameters
    ----------
    panel
        Index (unit, time) with numeric times, columns are scores or values; NaN where missing.
    level
        Confidence level of the interval, 0-1.
    least_times
        Fewest times with a value for a slope to be given, at least 3.

    Returns
    -------
    DataFrame
        unit, code, n_times, first_time, last_time, slope (per unit of time), std_error, conf_low, conf_high (from the
        t-distribution with n - 2 degrees of freedom), change (last value minus first); slope and interval are missing below
        `least_times`.

    Raises
    ------
    BadInputError
        When the index has no numeric time, or a unit and time stand twice.
    UsageError
        When level or least_times are out of range.

    Notes
    -----
    The interval takes deviations from the line as independent; figures that are smoothed over years have wider ones.
    """
    if not 0 < level < 1 or least_times < LEAST_TIMES:
        raise UsageError(
            f"level must lie between 0 and 1 and least_times be at least {LEAST_TIMES}; got: {level}, {least_times}"
        )
    _check_panel(panel)
    check_numeric(panel)
    units, times = (panel.index.get_level_values(part) for part in (0, 1))
    blocks = [
        _fit(panel[code].to_numpy(dtype=float), units, times.to_numpy(dtype=float)).assign(code=code)
        for code in panel.columns
    ]
    table = pd.concat(blocks, ignore_index=True)
    enough = table["n_times"] >= least_times
    margin = student.ppf((1 + level) / 2, np.where(enough, table["n_times"] - 2, np.nan)) * table["std_error"]
    table = table.assign(
        slope=table["slope"].where(enough),
        std_error=table["std_error"].where(enough),
        conf_low=table["slope"] - margin,
        conf_high=table["slope"] + margin,
    )
    order = [
        "unit",
        "code",
        "n_times",
        "first_time",
        "last_time",
        "slope",
        "std_error",
        "conf_low",
        "conf_high",
    ]
    return table[[*order, "change"]]


def _fit(values: np.ndarray, units: pd.Index, times: np.ndarray) -> pd.DataFrame:
    present = ~np.isnan(values)
    data = pd.DataFrame({"unit": units[present], "time": times[present], "value": values[present]})
    groups = data.sort_values("time", kind="stable").groupby("unit", sort=False)
    centred = data[["time", "value"]] - groups[["time", "value"]].transform("mean")
    products = pd.DataFrame(
        {
            "unit": data["unit"],
            "tt": centred["time"] ** 2,
            "tv": centred["time"] * centred["value"],
            "vv": centred["value"] ** 2,
        }
    )
    sums = products.groupby("unit", sort=False)[["tt", "tv", "vv"]].sum()
    ends = groups.agg(
        n_times=("time", "size"),
        first_time=("time", "first"),
        last_time=("time", "last"),
        first=("value", "first"),
        last=("value", "last"),
    )
    slope = sums["tv"] / sums["tt"].where(sums["tt"] > 0)
    residual = (sums["vv"] - slope * sums["tv"]).clip(lower=0)
    df = (ends["n_times"] - 2).where(ends["n_times"] > 2)
    table = ends.assign(
        slope=slope, std_error=np.sqrt(residual / df / sums["tt"]), change=ends["last"] - ends["first"]
    ).drop(columns=["first", "last"])
    table = table.reindex(pd.unique(units))
    table["n_times"] = table["n_times"].fillna(0).astype(int)
    return table.rename_axis("unit").reset_index()


def _check_panel(panel: pd.DataFrame) -> None:
    faults = []
    if panel.index.nlevels != 2:
        faults.append(_fault("its index is not (unit, time)", "set the index to unit and time"))
    elif not pd.api.types.is_numeric_dtype(panel.index.get_level_values(1).dtype):
        faults.append(_fault("its times are not numbers", "give years as numbers"))
    faults += [
        _fault(f"{key} stands more than once", "keep one row a unit and time")
        for key in panel.index[panel.index.duplicated()].unique()
    ]
    raise_if_any(faults)


def _fault(what: str, remedy: str) -> Fault:
    return Fault(where="panel", what=what, why="a slope needs one value a unit and time", remedy=remedy)
