"""Least squares with unit effects swept out: coefficients, residuals, scores by unit.

Belongs here: one regression on the unit-years of a panel. Does not belong here: what is regressed on what.

With X less its unit means, b = (X'WX)^-1 X'Wy, and unit i moves b by (X'WX)^-1 X_i'W_i e_i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.propensity import independent_columns, is_singular

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Unit-years as rows, ordered by unit.

    Parameters
    ----------
    unit, year
        Positions, (n_rows,).
    weights
        (n_rows,).
    starts
        First row of each unit that has rows, (n_present,).
    """

    unit: Positions
    year: Positions
    weights: Floats
    starts: Positions

    @property
    def present(self) -> Positions:
        """Positions of the units that have rows, (n_present,)."""
        return self.unit[self.starts]

    def group_means(self, values: Floats) -> Floats:
        """Return means within units by row, (n_rows, k): weights are constant within a unit."""
        sizes = np.diff(np.append(self.starts, len(self.unit)))
        means = np.add.reduceat(values, self.starts, axis=0) / sizes[:, None]
        return np.repeat(means, sizes, axis=0)

    def unit_sums(self, values: Floats) -> Floats:
        """Return sums within units, (n_present, k)."""
        return np.add.reduceat(values, self.starts, axis=0)


@dataclass(frozen=True)
class WithinFit:
    """A fitted regression.

    Parameters
    ----------
    coefficient
        (n_columns,), missing for columns that are combinations of earlier ones.
    residual
        (n_rows,).
    regressors
        Less their unit means, only those kept, (n_rows, n_kept).
    bread
        Inverse of the weighted cross-product, (n_kept, n_kept).
    kept
        Positions of the columns kept, (n_kept,).
    """

    coefficient: Floats
    residual: Floats
    regressors: Floats
    bread: Floats
    kept: Positions

    def influence(self, rows: Rows, n_units: int) -> Floats:
        """Return each unit's influence on the coefficients, times n_units, (n_units, n_columns)."""
        scores = rows.unit_sums(self.regressors * (rows.weights * self.residual)[:, None])
        moved = np.zeros((n_units, len(self.coefficient)))
        moved[np.ix_(rows.present, self.kept)] = n_units * scores @ self.bread
        return moved


def rows_of(used: Bools, weights: Floats) -> Rows:
    """Return unit-years as rows.

    Parameters
    ----------
    used
        (n_units, n_years).
    weights
        By unit, (n_units,).
    """
    unit, year = np.nonzero(used)
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    return Rows(unit=unit, year=year, weights=weights[unit], starts=starts)


def fit_within(rows: Rows, outcome: Floats, regressors: Floats) -> WithinFit:
    """Regress an outcome on regressors and unit effects.

    Parameters
    ----------
    rows
        The unit-years.
    outcome
        (n_rows,).
    regressors
        (n_rows, n_columns); a column that is a combination of earlier ones and unit effects is left out.
    """
    root = np.sqrt(rows.weights)[:, None]
    centred = regressors - rows.group_means(regressors)
    length = np.sqrt((regressors**2).sum(axis=0))
    # A column that unit effects absorb leaves rounding errors, not zeros, when its unit means are taken off.
    absorbed = np.sqrt((centred**2).sum(axis=0)) <= 1e-9 * length
    centred[:, absorbed] = 0.0
    kept = np.arange(centred.shape[1])
    if is_singular((centred * root).T @ (centred * root)):
        kept = independent_columns(root * centred)
    used = centred[:, kept]
    response = outcome - rows.group_means(outcome[:, None])[:, 0]
    weighted = used * rows.weights[:, None]
    bread = np.linalg.inv(weighted.T @ used).astype(np.float64) if len(kept) else np.empty((0, 0))
    coefficient = np.full(regressors.shape[1], np.nan)
    coefficient[kept] = bread @ (weighted.T @ response)
    residual = response - used @ coefficient[kept]
    return WithinFit(coefficient, residual, used, bread, kept)


def year_dummies(rows: Rows) -> Floats:
    """Return indicators of the years that occur but the first, (n_rows, n_years - 1)."""
    years = np.unique(rows.year)
    return (rows.year[:, None] == years[None, 1:]).astype(float)


def small_sample_factor(*, n_rows: int, n_clusters: int, n_coefficients: int) -> float:
    """Return the factor of a clustered variance: G / (G - 1) x (n - 1) / (n - K).

    K counts coefficients and year effects; unit effects are nested in the clusters and not counted, as in
    R's fixest (Berge 2018, vignette on standard errors) and Stata's reghdfe.

    Parameters
    ----------
    n_rows, n_clusters, n_coefficients
        n, G, K.
    """
    return n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - n_coefficients)
