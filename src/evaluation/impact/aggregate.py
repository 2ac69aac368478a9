"""Averages of group-time effects: over all, by cohort, by event time, by calendar year.

Belongs here: the weights of Callaway and Sant'Anna (2021, section 3.1, tables 1 and 2), and the influence of
estimating them. Does not belong here: the group-time effects themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Unpack, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.impact.design import Design
from evaluation.impact.group_time import CONTROL, TREATED, AttGtResult
from evaluation.impact.inference import IntervalOptions, Intervals, covariance, describe

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
Kind = Literal["simple", "group", "dynamic", "calendar"]

KEY_COLUMNS: dict[Kind, str | None] = {
    "simple": None,
    "group": "cohort",
    "dynamic": "event_time",
    "calendar": "year",
}
"""The column that tells the elements of an aggregate apart."""


@dataclass(frozen=True)
class AggregateResult:
    """Averages of group-time effects.

    Parameters
    ----------
    design
        What was asked.
    kind
        Which average.
    table
        See `tidy`.
    influence
        (n_units, n_rows), columns in the order of `table`.
    clusters
        Cluster of each unit, (n_units,), or None.
    """

    design: Design
    kind: Kind
    table: pd.DataFrame
    influence: Floats
    clusters: NDArray[np.int64] | None

    @property
    def vcov(self) -> Floats:
        """Covariance of the rows, (n_rows, n_rows)."""
        return covariance(self.influence, clusters=self.clusters)

    @property
    def overall(self) -> pd.Series:
        """The one number: first row of `tidy`."""
        return self.table.iloc[0]

    @property
    def elements(self) -> pd.DataFrame:
        """The rows below the overall one; empty for the simple average."""
        return self.table.iloc[1:].reset_index(drop=True)

    def tidy(self) -> pd.DataFrame:
        """Return the overall average first, then one row per element.

        Returns
        -------
        DataFrame
            parameter (kind + "_overall", then kind; "simple" for the simple average), cohort, year,
            event_time (filled where they name the element), estimate, std_error, conf_low, conf_high, band
            (the overall row is always pointwise), p_value, mde, n_units, n_treated, n_control (different
            units behind the row), base_year (where it is one).
        """
        return self.table.copy()


@dataclass(frozen=True)
class _Cells:
    """Columns of the group-time effects, and what weighting by cohort size needs, one entry per cell.

    `share` is the share of the cell's cohort among all units, (n_cells,); `deviation` each unit's weight in
    that cohort minus the share, (n_units, n_cells).
    """

    cohort: NDArray[np.int64]
    year: NDArray[np.int64]
    event_time: NDArray[np.int64]
    estimate: Floats
    influence: Floats
    share: Floats
    deviation: Floats


@dataclass(frozen=True)
class _Average:
    """An average with its influence function and the cells behind it."""

    estimate: float
    influence: Floats
    cells: Positions


def aggregate(
    result: AttGtResult,
    kind: Kind = "simple",
    *,
    years: tuple[int, int] | None = None,
    balanced_to: int | None = None,
    **intervals: Unpack[IntervalOptions],
) -> AggregateResult:
    """Average group-time effects.

    - ``simple``: over all cells from the cohort's first year on, weighted by cohort size.
    - ``group``: over the years of each cohort; overall, over cohorts by size.
    - ``dynamic``: over cohorts at each event time, by size; overall, over event times from 0 on.
    - ``calendar``: over the cohorts treated in each year, by size; overall, over years.

    Parameters
    ----------
    result
        Group-time effects.
    kind
        Which average.
    years
        First and last calendar year of the cells that enter; all when None.
    balanced_to
        Only for ``dynamic``: keep the cohorts that are observed to this event time, and the event times at
        which all of them are, so that composition does not change along the axis.
    **intervals
        Fields of `Intervals`: band, draws, seed, multiplier, level.

    Raises
    ------
    UsageError
        When an option does not exist, or no cell is left to average.
    """
    if kind not in get_args(Kind):
        raise UsageError(f"kind must be one of {', '.join(get_args(Kind))}; got: {kind!r}")
    if balanced_to is not None and kind != "dynamic":
        raise UsageError(f"balanced_to belongs to the dynamic average; got it with: {kind}")
    chosen = Intervals(**intervals)
    cells = _read_cells(result)
    used = _within(cells, years)
    if balanced_to is not None:
        used = _balanced(cells, used, balanced_to)
    if not (cells.event_time[used] >= 0).any():
        raise UsageError("No effect after treatment is estimable here, so there is nothing to average.")
    keys, averages = AGGREGATES[kind](cells, used)
    return _assemble(result, kind, keys, averages, intervals=chosen)


def _read_cells(result: AttGtResult) -> _Cells:
    table = result.table
    cohort = table["cohort"].to_numpy()
    inside = result.weights[:, None] * (result.cohort[:, None] == cohort)
    share = inside.mean(axis=0)
    return _Cells(
        cohort=cohort,
        year=table["year"].to_numpy(),
        event_time=table["event_time"].to_numpy(),
        estimate=table["estimate"].to_numpy(),
        influence=result.influence,
        share=share,
        deviation=inside - share,
    )


def _within(cells: _Cells, years: tuple[int, int] | None) -> Positions:
    first, last = years if years is not None else (-np.inf, np.inf)
    return np.flatnonzero((cells.year >= first) & (cells.year <= last))


def _balanced(cells: _Cells, used: Positions, last: int) -> Positions:
    event_time, cohort = cells.event_time[used], cells.cohort[used]
    reaching = np.unique(cohort[event_time == last])
    kept = np.isin(cohort, reaching) & (event_time <= last)
    times, counts = np.unique(event_time[kept], return_counts=True)
    return used[kept & np.isin(event_time, times[counts == len(reaching)])]


def _by_size(
    *, estimate: Floats, influence: Floats, share: Floats, deviation: Floats, cells: Positions
) -> _Average:
    """Average with weights proportional to cohort size, whose estimation is part of the influence.

    With shares p_k = P(G = g_k) and S their sum, the average a = sum p_k a_k / S moves with unit i by
    sum (1{G_i = g_k} - p_k) (a_k - a) / S.
    """
    total = share.sum()
    average = float(share @ estimate / total)
    moved = influence @ (share / total) + deviation @ (estimate - average) / total
    return _Average(average, moved, cells)


def _over_cells(cells: _Cells, used: Positions) -> _Average:
    """Average of cells by the size of their cohorts."""
    return _by_size(
        estimate=cells.estimate[used],
        influence=cells.influence[:, used],
        share=cells.share[used],
        deviation=cells.deviation[:, used],
        cells=used,
    )


def _plain_mean(averages: list[_Average]) -> _Average:
    estimate = float(np.mean([average.estimate for average in averages]))
    influence = np.mean([average.influence for average in averages], axis=0)
    return _Average(estimate, influence, np.unique(np.concatenate([a.cells for a in averages])))


def _after(cells: _Cells, used: Positions) -> Positions:
    return used[cells.event_time[used] >= 0]


def _elements(cells: _Cells, used: Positions, values: NDArray[np.int64]) -> tuple[list[int], list[_Average]]:
    """One average per value that the cells have."""
    keys = np.unique(values[used])
    return keys.tolist(), [_over_cells(cells, used[values[used] == key]) for key in keys]


def _simple(cells: _Cells, used: Positions) -> tuple[list[int], list[_Average]]:
    return [], [_over_cells(cells, _after(cells, used))]


def _group(cells: _Cells, used: Positions) -> tuple[list[int], list[_Average]]:
    # Within a cohort the sizes are equal, so that the average by size is the plain mean of its years.
    after = _after(cells, used)
    keys, averages = _elements(cells, after, cells.cohort)
    first = np.array([average.cells[0] for average in averages])
    overall = _by_size(
        estimate=np.array([average.estimate for average in averages]),
        influence=np.column_stack([average.influence for average in averages]),
        share=cells.share[first],
        deviation=cells.deviation[:, first],
        cells=after,
    )
    return keys, [overall, *averages]


def _dynamic(cells: _Cells, used: Positions) -> tuple[list[int], list[_Average]]:
    keys, averages = _elements(cells, used, cells.event_time)
    after = [average for key, average in zip(keys, averages, strict=True) if key >= 0]
    return keys, [_plain_mean(after), *averages]


def _calendar(cells: _Cells, used: Positions) -> tuple[list[int], list[_Average]]:
    keys, averages = _elements(cells, _after(cells, used), cells.year)
    return keys, [_plain_mean(averages), *averages]


AGGREGATES: dict[Kind, Callable[[_Cells, Positions], tuple[list[int], list[_Average]]]] = {
    "simple": _simple,
    "group": _group,
    "dynamic": _dynamic,
    "calendar": _calendar,
}
"""The averages by name: each returns the keys of its elements, and the overall average before them."""


def _assemble(
    result: AttGtResult, kind: Kind, keys: list[int], averages: list[_Average], *, intervals: Intervals
) -> AggregateResult:
    influence = np.column_stack([average.influence for average in averages])
    values = [average.estimate for average in averages]
    pointwise = Intervals(level=intervals.level)
    overall = describe(values[:1], influence[:, :1], intervals=pointwise, clusters=result.clusters)
    elements = describe(values[1:], influence[:, 1:], intervals=intervals, clusters=result.clusters)
    numbers = {name: np.concatenate([overall[name], elements[name]]) for name in overall}
    table = pd.DataFrame({**_key_columns(kind, keys), **numbers, **_counts(result, averages)})
    return AggregateResult(
        design=result.design, kind=kind, table=table, influence=influence, clusters=result.clusters
    )


def _key_columns(kind: Kind, keys: list[int]) -> dict[str, Any]:
    names = ["simple"] if kind == "simple" else [f"{kind}_overall", *[kind] * len(keys)]
    unnamed = np.ones(len(names), dtype=bool)
    columns: dict[str, Any] = {"parameter": np.array(names, dtype=object)}
    for column in ("cohort", "year", "event_time"):
        is_key = column == KEY_COLUMNS[kind]
        missing = np.r_[True, np.zeros(len(keys), dtype=bool)] if is_key else unnamed
        numbers = np.r_[0, keys].astype(np.int64) if is_key else np.zeros(len(names), dtype=np.int64)
        columns[column] = pd.arrays.IntegerArray(numbers, missing)
    return columns


def _counts(result: AttGtResult, averages: list[_Average]) -> dict[str, Any]:
    """Different units behind each average, and its base year where it is one."""
    chosen = np.zeros((result.membership.shape[1], len(averages)))
    for column, average in enumerate(averages):
        chosen[average.cells, column] = 1
    treated = (result.membership == TREATED).astype(float) @ chosen > 0
    control = (result.membership == CONTROL).astype(float) @ chosen > 0
    bases = [result.table["base_year"].to_numpy()[average.cells] for average in averages]
    first = np.array([years[0] for years in bases], dtype=np.int64)
    several = np.array([bool((years != years[0]).any()) for years in bases])
    return {
        "n_units": (treated | control).sum(axis=0),
        "n_treated": treated.sum(axis=0),
        "n_control": control.sum(axis=0),
        "base_year": pd.arrays.IntegerArray(first, several),
    }
