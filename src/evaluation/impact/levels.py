"""A column as its distinct values: read once each, however many rows repeat them.

Belongs here: what distinct values say as numbers, texts and truth values. Does not belong here: which column
must hold what (`evaluation.impact.columns`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MISSING = -1
"""Code of a row without a value."""

TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False, "-0.0": False}
"""How a truth value may be written in a file."""


@dataclass(frozen=True)
class Levels:
    """Distinct values of a column, in the order of their first rows.

    Parameters
    ----------
    code
        Level of each row, `MISSING` where there is none, (n_rows,).
    distinct
        The levels, (n_levels,).
    """

    code: NDArray[np.intp]
    distinct: pd.Series

    @cached_property
    def texts(self) -> list[str]:
        """The levels as texts; two levels may be written alike (1 and "1")."""
        return self.distinct.astype(str).tolist()

    def numbers(self) -> tuple[Floats, Bools]:
        """Return each row as a number (NaN where missing or blank), and whether it is none although written."""
        values = pd.to_numeric(self.distinct, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        blank = np.array([not text.strip() for text in self.texts], dtype=bool)
        return self._spread(values, np.nan), self._spread(np.isnan(values) & ~blank, False)

    def truths(self) -> tuple[Bools, Bools]:
        """Return each row as a truth value, and whether it is written as one."""
        read = [TRUTH.get(text.strip().lower()) for text in self.texts]
        known = np.array([one is not None for one in read], dtype=bool)
        return self._spread(np.array(read, dtype=bool), False), self._spread(known, False)

    def named(self, wanted: str) -> Floats:
        """Return 1 for rows with this text, 0 for others, NaN where missing."""
        return self._spread(np.array([float(text == wanted) for text in self.texts]), np.nan)

    def _spread(self, by_level: NDArray, missing: float | bool) -> NDArray:
        """One value per level to one per row."""
        return np.append(by_level, missing).astype(by_level.dtype, copy=False)[self.code]


def levels_of(column: pd.Series) -> Levels:
    """Return a column as its distinct values.

    Parameters
    ----------
    column
        Any column.
    """
    code, values = pd.factorize(column)
    return Levels(code=code, distinct=pd.Series(values, dtype=values.dtype))
