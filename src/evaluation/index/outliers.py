"""Outliers of one indicator: the shape that betrays them, the bounds that bring them in, the transforms.

Belongs here: arrays of one indicator's values. Does not belong here: which rows decide for which (`treat`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import boxcox_normmax

from evaluation.index.steps import LogForm

LEAST_FOR_SHAPE = 4
"""Fewest values of which a bias-corrected kurtosis exists."""

SHIFT = 0.01
"""Share of the range that the smallest value is moved above zero by before a ``shifted`` logarithm."""


@dataclass(frozen=True)
class Shape:
    """Skewness and kurtosis, both bias-corrected, kurtosis in excess of the normal's; NaN where they do not exist.

    The same as types 2 of Joanes and Gill (1998), doi:10.1111/1467-9884.00122.
    """

    skewness: float
    kurtosis: float

    def within(self, *, skewness: float, kurtosis: float) -> bool:
        """Return whether not both thresholds are exceeded; true where the shape does not exist."""
        return not (abs(self.skewness) > skewness and self.kurtosis > kurtosis)


@dataclass(frozen=True)
class Winsorised:
    """Bounds within which outliers are brought, infinite on a side that stays as it is.

    Parameters
    ----------
    low, high
        Values that outliers take.
    n_points
        Number of values beyond the bounds.
    """

    low: float
    high: float
    n_points: int


def shape_of(values: np.ndarray) -> Shape:
    """Return the shape of values, missing ones left out."""
    known = values[~np.isnan(values)]
    if len(known) < LEAST_FOR_SHAPE or known.min() == known.max():
        return Shape(np.nan, np.nan)
    n = len(known)
    centred = known - known.mean()
    squared = centred * centred
    square, cube, fourth = float(squared.sum()), float((squared * centred).sum()), float((squared**2).sum())
    if square == 0:
        return Shape(np.nan, np.nan)
    skewness = np.sqrt(n) * cube / square**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    excess = n * fourth / square**2 - 3.0
    return Shape(float(skewness), float(((n + 1) * excess + 6.0) * (n - 1) / ((n - 2) * (n - 3))))


def winsorise(values: np.ndarray, *, skewness: float, kurtosis: float, max_points: int | None) -> Winsorised:
    """Return the bounds that bring values within the thresholds of their shape, as far as `max_points` allows.

    Parameters
    ----------
    values
        (n,), NaN where missing.
    skewness, kurtosis
        Thresholds; values are outlying while both are exceeded.
    max_points
        Most values that may be drawn in; any number when None.

    Notes
    -----
    On the side of the skewness, the outermost value and all equal to it are drawn to the next one, again and again. A
    step that would draw in more than `max_points` values in all is not taken, also where ties ask for several at once.
    European Commission, JRC: Becker et al. (2022), doi:10.21105/joss.04567; Global Innovation Index, appendix I.
    """
    drawn = values[~np.isnan(values)]
    low, high, n_points = -np.inf, np.inf, 0
    while not (shape := shape_of(drawn)).within(skewness=skewness, kurtosis=kurtosis):
        upper = shape.skewness >= 0
        inner = drawn[drawn < drawn.max()].max() if upper else drawn[drawn > drawn.min()].min()
        new_low, new_high = (low, inner) if upper else (inner, high)
        beyond = int(((values < new_low) | (values > new_high)).sum())
        if max_points is not None and beyond > max_points:
            break
        low, high, n_points = new_low, new_high, beyond
        drawn = np.clip(drawn, low, high)
    return Winsorised(float(low), float(high), n_points)


def log_transform(values: np.ndarray, *, smallest: float, largest: float, form: LogForm) -> np.ndarray:
    """Return logarithms of values no smaller than `smallest`, by the forms of `evaluation.index.steps.Treat`.

    ``shifted`` and ``plus_one`` are those of the COIN tool (Becker et al. 2019, User Guide, EUR 29899 EN) and its successor;
    ``gii`` that of the Global Innovation Index (2020), appendix IV.
    """
    span = largest - smallest
    if form == "gii":
        return np.log((largest - 1.0) * (values - smallest) / span + 1.0)
    return np.log(values - smallest + (1.0 if form == "plus_one" else SHIFT * span))


def box_cox(values: np.ndarray, *, smallest: float, exponent: float) -> np.ndarray:
    """Return the Box-Cox transform of values no smaller than `smallest`, moved so that this is one.

    Notes
    -----
    (y^lambda - 1)/lambda, ln y at zero, with y = x - smallest + 1. Box and Cox (1964),
    doi:10.1111/j.2517-6161.1964.tb00553.x.
    """
    moved = values - smallest + 1.0
    return np.log(moved) if exponent == 0 else (moved**exponent - 1.0) / exponent


def box_cox_exponent(values: np.ndarray, *, smallest: float) -> float:
    """Return the exponent of maximum likelihood for values moved so that the smallest is one."""
    return float(boxcox_normmax(values[~np.isnan(values)] - smallest + 1.0, method="mle"))
