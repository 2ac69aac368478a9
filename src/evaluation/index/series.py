"""A unit's missing values from its own other years: the latest, the line prolonged, the line between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd


def carried_forward(column: pd.Series, *, limit: int | None) -> np.ndarray:
    """Return for each row the unit's latest earlier observed value, NaN where none is within `limit` times.

    Parameters
    ----------
    column
        Values on an index of units and numeric times, NaN where missing.
    limit
        Largest distance in time; any when None.
    """
    return _by_unit(column, _carry, limit)


def prolonged(column: pd.Series, *, limit: int | None) -> np.ndarray:
    """Return for each row the value of the line through the unit's two latest earlier observed values.

    NaN where there are not two, or the later of them is more than `limit` times away.
    """
    return _by_unit(column, _prolong, limit)


def interpolated(column: pd.Series, *, limit: int | None) -> np.ndarray:
    """Return for each row the value of the line between the observed values before and after.

    NaN where one of them does not exist, or the earlier is more than `limit` times away.
    """
    return _by_unit(column, _between, limit)


def _by_unit(
    column: pd.Series,
    fill: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    limit: int | None,
) -> np.ndarray:
    """Return `fill` of a (units, times) table back on the rows, where the distance does not exceed the limit."""
    wide = pd.Series(column.to_numpy(), index=pd.MultiIndex.from_arrays(_keys(column))).unstack()  # noqa: PD010
    values, distance = fill(wide.to_numpy(), wide.columns.to_numpy(dtype=float))
    values = values if limit is None else np.where(distance <= limit, values, np.nan)
    units, times = _keys(column)
    return values[wide.index.get_indexer(units), wide.columns.get_indexer(times)]


def _keys(column: pd.Series) -> tuple[pd.Index, pd.Index]:
    return column.index.get_level_values(0), column.index.get_level_values(1)


def _latest_before(values: np.ndarray) -> np.ndarray:
    """Return for each cell the position of the latest observed cell before it in its row, -1 without one."""
    positions = np.where(np.isnan(values), -1, np.arange(values.shape[1]))
    latest = np.maximum.accumulate(positions, axis=1)
    return np.concatenate([np.full((len(values), 1), -1), latest[:, :-1]], axis=1)


def _pick(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    taken = np.take_along_axis(values, np.clip(positions, 0, None), axis=1)
    return np.where(positions < 0, np.nan, taken)


def _carry(values: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    latest = _latest_before(values)
    return _pick(values, latest), times - _pick(np.broadcast_to(times, values.shape), latest)


def _prolong(values: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    every = np.broadcast_to(times, values.shape)
    latest = _latest_before(values)
    before = np.where(latest < 0, -1, np.take_along_axis(latest, np.clip(latest, 0, None), axis=1))
    last, first = _pick(values, latest), _pick(values, before)
    last_time, first_time = _pick(every, latest), _pick(every, before)
    slope = (last - first) / (last_time - first_time)
    return last + slope * (times - last_time), times - last_time


def _between(values: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    every = np.broadcast_to(times, values.shape)
    earlier = _latest_before(values)
    later = _latest_before(values[:, ::-1])[:, ::-1]
    later = np.where(later < 0, -1, values.shape[1] - 1 - later)
    start, end = _pick(values, earlier), _pick(values, later)
    start_time, end_time = _pick(every, earlier), _pick(every, later)
    share = (times - start_time) / (end_time - start_time)
    return start + share * (end - start), times - start_time
