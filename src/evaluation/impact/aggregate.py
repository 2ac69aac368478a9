"""Averages of group-time effects: over all, by cohort, by event time, by calendar year.

Belongs here: the weights of Callaway and Sant'Anna (2021, section 3.1, tables 1 and 2), and the influence of
estimating them. Does not belong here: the group-time effects themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.impact.aggregate_result import AggregateResult, Kind, describe_parameters
from evaluation.impact.group_time import CONTROL, TREATED, AttGtResult
from evaluation.impact.inference import IntervalOptions, Intervals

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


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
    """An average with its influence function, and the cells behind it with their weights."""

    estimate: float
    influence: Floats
    cells: Positions
    weights: Floats


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
    sizes = result.cell_shares
    return _Cells(
        cohort=cohort,
        year=table["year"].to_numpy(),
        event_time=table["event_time"].to_numpy(),
        estimate=table["estimate"].to_numpy(),
        influence=result.influence,
        share=sizes.share,
        deviation=sizes.deviation,
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
    *,
    estimate: Floats,
    influence: Floats,
    share: Floats,
    deviation: Floats,
    cells: Positions,
    cell_weights: Floats | None = None,
) -> _Average:
    """Average with weights proportional to cohort size, whose estimation is part of the influence.

    With shares p_k = P(G = g_k) and S their sum, the average a = sum p_k a_k / S moves with unit i by
    sum (1{G_i = g_k} - p_k) (a_k - a) / S.
    """
    total = share.sum()
    average = float(share @ estimate / total)
    moved = influence @ (share / total) + deviation @ (estimate - average) / total
    parts = share / total
    return _Average(average, moved, cells, parts if cell_weights is None else cell_weights @ parts)


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
    cells = np.unique(np.concatenate([average.cells for average in averages]))
    spread = [_spread_weights(average, cells) / len(averages) for average in averages]
    return _Average(estimate, influence, cells, np.sum(spread, axis=0))


def _spread_weights(average: _Average, cells: Positions) -> Floats:
    """Weights of an average on a larger set of cells, zero where it has none."""
    weights = np.zeros(len(cells))
    weights[np.searchsorted(cells, average.cells)] = average.weights
    return weights


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
        cell_weights=np.column_stack([_spread_weights(average, after) for average in averages]),
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
    return describe_parameters(
        result.design,
        kind,
        keys=keys,
        estimate=[average.estimate for average in averages],
        influence=np.column_stack([average.influence for average in averages]),
        clusters=result.clusters,
        counts=_counts(result, averages),
        intervals=intervals,
        units=result.units,
        treated_weights=_treated_weights(result, averages),
    )


def _treated_weights(result: AttGtResult, averages: list[_Average]) -> Floats:
    on_cells = np.zeros((len(result.table), len(averages)))
    for column, average in enumerate(averages):
        on_cells[average.cells, column] = average.weights
    used = np.flatnonzero(on_cells.any(axis=1))
    treated = (result.membership[:, used] == TREATED) * result.weights[:, None]
    return (treated / np.maximum(treated.sum(axis=0), 1e-300)) @ on_cells[used]


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
