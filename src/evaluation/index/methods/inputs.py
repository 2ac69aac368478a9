"""What the methods for specialists need of a table: numbers, all of them there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.statistics import check_numeric

LEAST_UNITS = 2
LEAST_INDICATORS = 2


def check_complete(
    values: pd.DataFrame, *, method: str, non_negative: bool = False, varying: bool = False
) -> None:
    """Raise `BadInputError` when a table is too small or has values that a method cannot use.

    Parameters
    ----------
    values
        (n_units, n_indicators).
    method
        Name of the method, for the message.
    non_negative
        Whether values below zero are faults.
    varying
        Whether an indicator with one value only is a fault.
    """
    check_numeric(values)
    raise_if_any(_faults(values, method, non_negative=non_negative, varying=varying))


def _faults(values: pd.DataFrame, method: str, *, non_negative: bool, varying: bool) -> Iterator[Fault]:
    if len(values) < LEAST_UNITS or values.shape[1] < LEAST_INDICATORS:
        yield Fault(
            where=method,
            what=f"the table has {len(values)} units and {values.shape[1]} indicators",
            why="there is nothing to compare",
            remedy="give at least two of each",
        )
    numbers = values.to_numpy(dtype=float)
    for name, column in zip(values.columns, numbers.T, strict=True):
        missing = int((~np.isfinite(column)).sum())
        if missing:
            yield _fault(
                method, name, f"{missing} values are missing or infinite", "impute them or leave units out"
            )
        if non_negative and (column < 0).any():
            yield _fault(
                method, name, f"values fall below zero (lowest {np.nanmin(column):g})", "normalise it first"
            )
        if varying and not missing and len(column) and np.ptp(column) == 0:
            yield _fault(method, name, "all values are equal", "leave it out")


def _fault(method: str, indicator: object, what: str, remedy: str) -> Fault:
    return Fault(
        where=f"{method}, indicator {indicator}",
        what=what,
        why="the method has no answer for it",
        remedy=remedy,
    )
