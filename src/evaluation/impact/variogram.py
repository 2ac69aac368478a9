"""How far series move apart over the years without treatment, and how precise a design is because of it.

Belongs here: the variogram of untreated units' outcomes given covariates, and the variance of any contrast of years.
Does not belong here: which units and years a design compares.

Let e_t be what covariates leave of an outcome and g(s, t) = E (e_t - e_s)^2, which has all of its serial correlation. A
contrast sum c_t e_t with sum c_t = 0, such as a mean of later years less a base year, has the variance
-1/2 sum_s sum_t c_s c_t g(s, t). The model is a level that walks, seen with error, around a trend of each unit's own,

    g(s, t) = n_s + n_t + sum of w_u over the years s < u <= t + d (t - s)^2,

with error n and steps w of each year, because samples of surveys have grown and some years moved regions more than
others. The first and the last step could not be told from the errors of the first and the last year; they are taken to be,
a year, as those next to them. Each part is a variogram, so that no contrast has a negative variance.

References
----------
Burlig, Preonas and Woerman (2020), Panel data and experimental design, J. Development Economics 144,
doi:10.1016/j.jdeveco.2020.102458: power of a difference in differences under any serial correlation, from residuals of
untreated units. Cressie (1993), Statistics for spatial data, doi:10.1002/9781119115151, sections 2.3-2.6: variograms,
contrasts, weighted least squares. Harvey (1989), Forecasting, structural time series models and the Kalman filter,
doi:10.1017/CBO9781107049994, section 2.3: the level that walks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from evaluation.errors import UsageError
from evaluation.impact.propensity import independent_columns

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Years = NDArray[np.int64]

RECENT_YEARS = 5
"""Last years whose mean error and step stand for those of years to come."""

ZERO_SUM = 1e-9
"""Sum of a contrast's weights, relative to their size, that rounding explains."""


@dataclass(frozen=True)
class SquaredChanges:
    """Squared changes between every two years, free of covariates.

    Parameters
    ----------
    years
        Observed years, ascending, (n_years,).
    first, second
        Positions of the years of each pair, (n_pairs,).
    square
        (n_pairs, n_units), NaN where a unit lacks one of the years; scaled by n / (n - k) for the k coefficients
        that were taken out of each pair.
    """

    years: Years
    first: Years
    second: Years
    square: Floats


@dataclass(frozen=True)
class Variogram:
    """A fitted variogram, in squared units of the outcome.

    Parameters
    ----------
    years
        Observed years, ascending, (n_years,).
    noise
        Variance of the error in each, (n_years,).
    steps
        Variance of the level's move between one observed year and the next, (n_years - 1,).
    trend
        Variance of units' slopes.
    """

    years: Years
    noise: Floats
    steps: Floats
    trend: float

    def between(self, years: ArrayLike) -> Floats:
        """Return the expected squared change between every two of some years, (n, n).

        Years after the last observed one have the mean error and yearly step of the last `RECENT_YEARS`.

        Raises
        ------
        UsageError
            For years before the last that were not observed.
        """
        asked = np.asarray(years, dtype=np.int64)
        unknown = sorted(set(asked[asked <= self.years[-1]].tolist()) - set(self.years.tolist()))
        if unknown:
            raise UsageError(f"nothing was observed in {', '.join(map(str, unknown))}")
        ahead = np.maximum(asked - self.years[-1], 0)
        place = np.searchsorted(self.years, np.minimum(asked, self.years[-1]))
        noise = np.where(ahead > 0, self.noise[self._is_recent].mean(), self.noise[place])
        level = np.r_[0.0, np.cumsum(self.steps)][place] + ahead * self._yearly_step
        apart = (asked[:, None] - asked[None, :]).astype(float)
        found = noise[:, None] + noise[None, :] + np.abs(level[:, None] - level[None, :])
        return np.where(apart == 0, 0.0, found + self.trend * apart**2)

    def contrast_variance(self, contrasts: ArrayLike, years: ArrayLike) -> Floats:
        """Return the variance of contrasts of years, each row of which sums to zero.

        Parameters
        ----------
        contrasts
            (n, n_years).
        years
            (n_years,), each once.

        Returns
        -------
        ndarray
            (n,).

        Raises
        ------
        UsageError
            When a row does not sum to zero.
        """
        rows = np.atleast_2d(np.asarray(contrasts, dtype=float))
        if (np.abs(rows.sum(axis=1)) > ZERO_SUM * np.abs(rows).sum(axis=1)).any():
            raise UsageError("A contrast of years needs weights that sum to zero.")
        return np.asarray(-((rows @ self.between(years)) * rows).sum(axis=1) / 2)

    @property
    def _is_recent(self) -> Bools:
        return self.years > self.years[-1] - RECENT_YEARS

    @property
    def _yearly_step(self) -> float:
        ends = np.flatnonzero(self._is_recent[1:])
        if not len(ends):
            return 0.0
        return float(self.steps[ends].sum() / (self.years[-1] - self.years[ends[0]]))


def squared_changes(*, outcome: Floats, years: Years, covariates: Floats, untreated: Bools) -> SquaredChanges:
    """Return squared changes between every two years, what covariates explain of each change taken out.

    Parameters
    ----------
    outcome
        (n_units, n_years), NaN where missing.
    years
        Ascending, (n_years,).
    covariates
        (n_units, k), constant over time, without the column of ones.
    untreated
        Which units and years are untreated, (n_units, n_years).
    """
    complete: Bools = np.logical_and.reduce(np.isfinite(covariates), axis=1)
    known = untreated & np.isfinite(outcome) & complete[:, None]
    first, second = np.triu_indices(len(years), k=1)
    square = np.full((len(first), len(outcome)), np.nan)
    samples: dict[bytes, list[int]] = {}
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        samples.setdefault((known[:, one] & known[:, other]).tobytes(), []).append(pair)
    for content, pairs in samples.items():
        members = np.frombuffer(content, dtype=bool)
        change = outcome[members][:, second[pairs]] - outcome[members][:, first[pairs]]
        square[np.ix_(np.array(pairs), members)] = _residual_squares(change, covariates[members]).T
    return SquaredChanges(years=years, first=first, second=second, square=square)


def fit_variogram(changes: SquaredChanges, *, weights: Floats) -> Variogram:
    """Fit the variogram of a group of units.

    Parameters
    ----------
    changes
        Squared changes.
    weights
        How much each unit counts, zero or more, (n_units,).

    Raises
    ------
    UsageError
        When no unit with a weight was seen in two years.
    """
    seen = np.isfinite(changes.square)
    total = seen @ weights
    used = np.flatnonzero(total > 0)
    if not len(used):
        raise UsageError("No untreated unit with a weight was observed in two years.")
    mean = (np.where(seen, changes.square, 0.0) @ weights)[used] / total[used]
    # The spread of a mean square grows with it (Cressie 1993, section 2.6.2): relative errors are fitted.
    scale = np.sqrt(total[used]) / np.maximum(mean, np.finfo(float).tiny)
    parts = _parts(changes)[used]
    # A trend's squared years are larger than the other columns' zeros and ones; the fit does not hang on units.
    size = np.abs(parts).max(axis=0, initial=0.0)
    columns = np.flatnonzero(size > 0)
    matrix = parts[:, columns] / size[columns] * scale[:, None]
    found = np.zeros(parts.shape[1])
    found[columns] = nnls(matrix / scale.max(), mean * scale / scale.max())[0] / size[columns]
    n_years = len(changes.years)
    return Variogram(
        years=changes.years,
        noise=found[:n_years],
        steps=found[n_years:-1][_alike(n_years - 1)] * np.diff(changes.years),
        trend=float(found[-1]),
    )


def _alike(n_steps: int) -> NDArray[np.int64]:
    """Return for each step the one whose yearly variance it has: the first and the last have their neighbour's."""
    return np.clip(np.arange(n_steps), min(1, n_steps - 1), max(n_steps - 2, 0))


def _parts(changes: SquaredChanges) -> Floats:
    """Return what each error, each yearly step and the trend add to each pair, (n_pairs, 2 n_years)."""
    place = np.arange(len(changes.years))
    first, second = changes.first[:, None], changes.second[:, None]
    noise = (place == first) | (place == second)
    between = (place[:-1] >= first) & (place[:-1] < second)
    same = _alike(len(place) - 1)[:, None] == place[:-1]
    steps = (between * np.diff(changes.years)) @ same
    apart = (changes.years[second] - changes.years[first]).astype(float)
    return np.hstack([noise, steps, apart**2])


def _residual_squares(change: Floats, covariates: Floats) -> Floats:
    """Squared residuals (n, n_pairs) of regressions on covariates, scaled by n / (n - k)."""
    n = len(covariates)
    if not n:
        return np.full(change.shape, np.nan)
    matrix = np.column_stack([np.ones(n), covariates - covariates.mean(axis=0)])
    matrix = matrix[:, independent_columns(matrix)]
    k = matrix.shape[1]
    if n <= k:
        return np.full(change.shape, np.nan)
    basis = np.linalg.qr(matrix)[0]
    residual = change - basis @ (basis.T @ change)
    return np.asarray(residual**2 * n / (n - k))
