"""Indicators divided by the size of their unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.spec import Element, IndexSpec


@dataclass(frozen=True)
class Denominated:
    """Ratios and how they were made.

    Parameters
    ----------
    data
        (n_rows, n_indicators).
    table
        One row a denominated indicator: code, denominator, scale, n_without (values whose denominator is missing).
    """

    data: pd.DataFrame
    table: pd.DataFrame


def denominate(values: pd.DataFrame, spec: IndexSpec) -> Denominated:
    """Return the indicators, each divided by its denominator and multiplied by the scale.

    Parameters
    ----------
    values
        Columns of the indicators and of their denominators; index units, or units and times.
    spec
        Elements with denominators, and the step `denominate`.

    Raises
    ------
    BadInputError
        When a denominator has no column or is zero for a unit that has a value.
    """
    assert spec.denominate is not None
    raise_if_any(fault for element in spec.indicators for fault in _denominator_faults(values, element))
    columns, rows = {}, []
    for element in spec.indicators:
        column = values[element.code].astype(float)
        if element.denominator is not None:
            scale = spec.rule(spec.denominate, element.code).scale
            size = values[element.denominator].astype(float)
            rows.append(
                {
                    "code": element.code,
                    "denominator": element.denominator,
                    "scale": scale,
                    "n_without": int((column.notna() & size.isna()).sum()),
                }
            )
            column = column / size * scale
        columns[element.code] = column
    return Denominated(
        data=pd.DataFrame(columns, index=values.index),
        table=pd.DataFrame(rows, columns=["code", "denominator", "scale", "n_without"]),
    )


def _denominator_faults(values: pd.DataFrame, element: Element) -> Iterator[Fault]:
    if element.denominator is None:
        return
    if element.denominator not in values.columns:
        yield Fault(
            where=f"denominate, {element.code}",
            what=f"denominator {element.denominator!r} has no column",
            why="the ratio would be missing for every unit",
            remedy="add the column, or take the denominator out of the specification",
        )
        return
    if not pd.api.types.is_numeric_dtype(values[element.denominator]):
        yield Fault(
            where=f"denominate, {element.code}",
            what=f"denominator {element.denominator!r} holds {values[element.denominator].dtype}, not numbers",
            why="nothing can be divided by it",
            remedy="turn its values into numbers, missing ones empty",
        )
        return
    if np.isinf(values[element.denominator].astype(float)).any():
        yield Fault(
            where=f"denominate, {element.code}",
            what=f"denominator {element.denominator!r} holds infinite values",
            why="the ratio would be zero",
            remedy="correct the denominator, or leave it empty: the ratio is missing then",
        )
    zero = (values[element.denominator] == 0) & values[element.code].notna()
    if zero.any():
        yield Fault(
            where=f"denominate, {element.code}",
            what=f"denominator {element.denominator!r} is zero in {int(zero.sum())} rows "
            f"(first: {values.index[np.flatnonzero(zero)[0]]!r})",
            why="nothing can be divided by zero",
            remedy="correct the denominator, or leave it empty: the ratio is missing then",
        )
