"""Rows of a panel: which of them a parameter is taken from, and which it is applied to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from evaluation.errors import BadInputError, Fault
from evaluation.index.steps import Scope

UNIT, TIME = "unit", "time"


def times_of(index: pd.Index) -> np.ndarray | None:
    """Return the time of each row, the second part of a two-part index; None where rows are units alone."""
    return index.get_level_values(1).to_numpy() if index.nlevels == 2 else None


def units_of(index: pd.Index) -> np.ndarray:
    """Return the unit of each row."""
    return index.get_level_values(0).to_numpy()


def row_groups(
    index: pd.Index, scope: Scope, reference: Sequence[int | str]
) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """Yield the rows that share parameters, the rows these are taken from, and a label; rows as truth values."""
    times = times_of(index)
    every = np.ones(len(index), dtype=bool)
    if scope == "reference":
        yield every, _reference_rows(times, reference), ", ".join(map(str, reference))
    elif scope == "per_time" and times is not None:
        for time in pd.unique(times):
            yield times == time, times == time, str(time)
    else:
        yield every, every, "all"


def by_time(index: pd.Index) -> Iterator[np.ndarray]:
    """Yield the rows of each time as truth values."""
    return (rows for rows, _, _ in row_groups(index, "per_time", ()))


def _reference_rows(times: np.ndarray | None, reference: Sequence[int | str]) -> np.ndarray:
    known = set() if times is None else set(times.tolist())
    absent = [time for time in reference if time not in known]
    if absent or times is None:
        raise BadInputError(
            [
                Fault(
                    where="values",
                    what=f"reference times {absent} have no rows",
                    why="thresholds and scales are taken from them",
                    remedy="name times of the data; their rows need an index of unit and time",
                )
            ]
        )
    return np.isin(times, list(reference))
