"""What the figures of each indicator look like, and how much of them there is.

Belongs here: statistics of single indicators, availability by unit. Does not belong here: what indicators have to do
with each other (`correlation`, `reliability`, `principal_components`), and repairing anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.errors import Fault, UsageError, raise_if_any
from evaluation.index.scopes import TIME, UNIT, times_of, units_of
from evaluation.index.spec import IndexSpec

FLAG_SEPARATOR = "+"
"""Joins the codes of several flags in one cell."""


@dataclass(frozen=True, kw_only=True)
class StatisticsLimits:
    """When a statistic of an indicator is flagged.

    Parameters
    ----------
    available, nonzero, unique
        Least shares: of units that have a value, and of these values that are not zero or differ from each other, 0-1.
    skewness, kurtosis
        Thresholds on the absolute skewness and on the excess kurtosis; both exceeded is flagged as outliers (Groeneveld
        and Meeden 1984, doi:10.2307/2987742; thresholds of the Global Innovation Index and other audits of the JRC).
    """

    available: float = 0.65
    nonzero: float = 0.5
    unique: float = 0.5
    skewness: float = 2.0
    kurtosis: float = 3.5


def indicator_statistics(
    values: pd.DataFrame, *, limits: StatisticsLimits = StatisticsLimits()
) -> pd.DataFrame:
    """Return the statistics of each indicator.

    Parameters
    ----------
    values
        (n_units, n_indicators), columns are the indicators, NaN where missing.
    limits
        When a statistic is flagged.

    Returns
    -------
    DataFrame
        One row an indicator: indicator, minimum, maximum, mean, median, sd (n - 1), skewness and kurtosis (bias-corrected,
        kurtosis in excess of the normal's; missing where all values are equal), n_units, n_available, n_nonzero, n_unique,
        n_same (how often the commonest value stands), share_available (of the units), share_nonzero, share_unique,
        share_same (of the values there are; all 0-1), flags: codes joined by ``+`` of ``few_available``, ``many_zeros``,
        ``few_unique``, ``outliers``, ``constant``; empty where nothing is flagged.

    Raises
    ------
    BadInputError
        When a column is not numeric or stands twice.
    """
    check_numeric(values)
    numbers = values.astype(float)
    n_available = numbers.notna().sum()
    n_unique = numbers.nunique()
    varies = n_unique > 1
    counts = pd.DataFrame(
        {
            "n_units": len(numbers),
            "n_available": n_available,
            "n_nonzero": ((numbers != 0) & numbers.notna()).sum(),
            "n_unique": n_unique,
            "n_same": [_commonest(column) for _, column in numbers.items()],
        }
    )
    table = pd.DataFrame(
        {
            "minimum": numbers.min(),
            "maximum": numbers.max(),
            "mean": numbers.mean(),
            "median": numbers.median(),
            "sd": numbers.std(),
            "skewness": numbers.skew().where(varies),
            "kurtosis": numbers.kurt().where(varies),
            **counts,
            "share_available": n_available / max(len(numbers), 1),
            **{
                f"share_{part}": counts[f"n_{part}"] / n_available.where(n_available > 0)
                for part in ("nonzero", "unique", "same")
            },
        }
    )
    table["flags"] = _flags(table, limits)
    return table.rename_axis("indicator").reset_index()


def availability(values: pd.DataFrame, spec: IndexSpec) -> pd.DataFrame:
    """Return how many of the indicators below each aggregate every unit has.

    Parameters
    ----------
    values
        (n_units, n_indicators), before anything is imputed.
    spec
        The hierarchy.

    Returns
    -------
    DataFrame
        unit, time (in a panel), level, code, n_indicators, n_available,
        share_available (0-1).

    Raises
    ------
    BadInputError
        When an indicator of the specification has no column.
    """
    check_columns(values, [element.code for element in spec.indicators])
    present = values.notna()
    frames = []
    for level in spec.level_names[1:]:
        for element in spec.of_level(level):
            below = [leaf.code for leaf in spec.leaves(element.code)]
            count = present[below].sum(axis=1).to_numpy()
            frames.append(
                key_columns(values.index).assign(
                    level=level,
                    code=element.code,
                    n_indicators=len(below),
                    n_available=count,
                    share_available=count / len(below) if below else np.nan,
                )
            )
    return pd.concat(frames, ignore_index=True)


def key_columns(index: pd.Index) -> pd.DataFrame:
    """Return units, and times in a panel, as columns ``unit`` and ``time``."""
    times = times_of(index)
    key = {UNIT: units_of(index)} if times is None else {UNIT: units_of(index), TIME: times}
    return pd.DataFrame(key)


def check_columns(values: pd.DataFrame, codes: list[str]) -> None:
    """Raise `BadInputError` when codes have no column."""
    raise_if_any(
        Fault(
            where="values",
            what=f"{code!r} has no column",
            why="it would silently be left out",
            remedy="add the column (missing values are NaN) or take the element out of the specification",
        )
        for code in codes
        if code not in values.columns
    )


def check_numeric(values: pd.DataFrame) -> None:
    """Raise `BadInputError` when a column is not numeric or stands twice."""
    faults = [
        _column_fault(name, "stands more than once", "keep one of them")
        for name in values.columns[values.columns.duplicated()].unique()
    ]
    faults += [
        _column_fault(name, f"holds {dtype}, not numbers", "leave it out, or turn its values into numbers")
        for name, dtype in values.dtypes.items()
        if not pd.api.types.is_numeric_dtype(dtype)
    ]
    raise_if_any(faults)


def check_option(value: object, options: tuple[str, ...], *, name: str) -> None:
    """Raise `UsageError` when an option is not one of those there are."""
    if value not in options:
        raise UsageError(f"{name} must be one of {', '.join(options)}; got: {value!r}")


def _column_fault(name: object, what: str, remedy: str) -> Fault:
    return Fault(where=f"values, column {name}", what=what, why="its statistics do not exist", remedy=remedy)


def _commonest(column: pd.Series) -> int:
    counts = column.value_counts()
    return int(counts.iloc[0]) if len(counts) else 0


def _flags(table: pd.DataFrame, limits: StatisticsLimits) -> list[str]:
    raised = {
        "few_available": table["share_available"] < limits.available,
        "many_zeros": table["share_nonzero"] < limits.nonzero,
        "few_unique": table["share_unique"] < limits.unique,
        "outliers": (table["skewness"].abs() > limits.skewness) & (table["kurtosis"] > limits.kurtosis),
        "constant": table["n_unique"] == 1,
    }
    return joined_flags(raised, length=len(table))


def joined_flags(raised: dict[str, pd.Series], *, length: int) -> list[str]:
    """Return, row by row, the codes whose condition holds, joined by ``+``."""
    marks = np.column_stack([condition.to_numpy(dtype=bool) for condition in raised.values()])
    codes = list(raised)
    return [
        FLAG_SEPARATOR.join(code for code, mark in zip(codes, marks[row], strict=True) if mark)
        for row in range(length)
    ]
