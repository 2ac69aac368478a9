"""Averages that do not rest on the units that fit well alone.

Belongs here: the average over units with an estimate, over all with any gap, and bounds for the rest. Does not belong
here: who has an estimate (`evaluation.impact.synthetic.fit_rules`), the error of an average.

References
----------
Manski (2003), Partial Identification of Probability Distributions, doi:10.1007/b97478, chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evaluation.errors import UsageError


@dataclass(frozen=True)
class AverageBounds:
    """An average effect with and without the units that have no estimate of their own.

    Parameters
    ----------
    estimable
        Average over units with a good fit.
    everyone
        Average over all units with any gap, poor fits included.
    low, high
        Bounds of the average over all units when those without an estimate may have any effect of a stated range.
    n_estimable, n_everyone, n_units
        Units behind each.
    """

    estimable: float
    everyone: float
    low: float
    high: float
    n_estimable: int
    n_everyone: int
    n_units: int

    def tidy(self) -> pd.DataFrame:
        """Return one row with every field."""
        return pd.DataFrame([self.__dict__])


def average_with_bounds(
    estimates: ArrayLike, estimable: ArrayLike, *, effect_range: tuple[float, float]
) -> AverageBounds:
    """Average effects over the survivors, over everyone, and between bounds.

    Parameters
    ----------
    estimates
        Average gap of each unit, (n_units,); missing where there is none.
    estimable
        Which units passed the fit rules, (n_units,).
    effect_range
        Lowest and highest effect that a unit without an estimate may have, in units of the outcome.

    Raises
    ------
    UsageError
        For arrays that differ in length, or a range whose ends are not ordered and finite.
    """
    values, passed = np.asarray(estimates, dtype=float), np.asarray(estimable, dtype=bool)
    low, high = effect_range
    if values.shape != passed.shape or values.ndim != 1 or not len(values):
        raise UsageError(f"One estimate and one verdict per unit; got: {values.shape}, {passed.shape}")
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise UsageError(f"effect_range needs two finite ends in order; got: {effect_range!r}")
    kept, known = passed & np.isfinite(values), np.isfinite(values)
    total, rest = values[kept].sum(), len(values) - kept.sum()
    return AverageBounds(
        estimable=float(values[kept].mean()) if kept.any() else np.nan,
        everyone=float(values[known].mean()) if known.any() else np.nan,
        low=float((total + rest * low) / len(values)),
        high=float((total + rest * high) / len(values)),
        n_estimable=int(kept.sum()),
        n_everyone=int(known.sum()),
        n_units=len(values),
    )
