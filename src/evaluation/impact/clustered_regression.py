"""One coefficient of a regression with its cluster scores: the ground of inference with few clusters.

Belongs here: the regression reduced to what each cluster contributes. Does not belong here: the tests
(`evaluation.impact.wild_bootstrap`, `evaluation.impact.bias_reduced`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.errors import Fault, raise_if_any
from evaluation.impact.design import Design
from evaluation.impact.observations import Observations, read_observations, treated_cells
from evaluation.impact.propensity import independent_columns
from evaluation.impact.saturated import covariate_columns
from evaluation.impact.within import rows_of, year_dummies

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MIN_CLUSTERS = 2
"""Fewest clusters between which a spread exists."""


@dataclass(frozen=True)
class ClusteredRegression:
    """A least squares regression, weights multiplied in and nested effects swept out.

    Parameters
    ----------
    outcome, interest
        (n,); the coefficient of `interest` is asked for.
    others
        The other regressors, without combinations of one another, (n, k).
    clusters
        0, 1, ..., (n,).
    n_absorbed
        Effects swept out that are not nested in clusters; they count in the small-sample factor.
    """

    outcome: Floats
    interest: Floats
    others: Floats
    clusters: Codes
    n_absorbed: int = 0

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max()) + 1

    @property
    def n_coefficients(self) -> int:
        """K of the small-sample factor."""
        return self.others.shape[1] + 1 + self.n_absorbed

    def partialled(self) -> Floats:
        """Return `interest` less what the other regressors explain, (n,)."""
        return self.without_others(self.interest[:, None])[:, 0]

    def without_others(self, values: Floats) -> Floats:
        """Return the residuals of a regression on the other regressors, (n, m)."""
        if not self.others.shape[1]:
            return values
        coefficient = np.linalg.lstsq(self.others, values, rcond=None)[0]
        return np.asarray(values - self.others @ coefficient, dtype=float)

    def cluster_sums(self, values: Floats) -> Floats:
        """Return sums within clusters, (n_clusters, m)."""
        sums = np.empty((self.n_clusters, values.shape[1]))
        for column, one in enumerate(values.T):
            sums[:, column] = np.bincount(self.clusters, one, minlength=self.n_clusters)
        return sums

    @property
    def estimate(self) -> float:
        """The coefficient."""
        partialled = self.partialled()
        return float(partialled @ self.outcome / (partialled @ partialled))

    @property
    def small_sample(self) -> float:
        """Factor of the clustered variance: G / (G - 1) x (n - 1) / (n - K)."""
        n, groups = len(self.outcome), self.n_clusters
        return groups / (groups - 1) * (n - 1) / (n - self.n_coefficients)

    @property
    def std_error(self) -> float:
        """The usual clustered standard error (CRV1) with the small-sample factor."""
        partialled = self.partialled()
        residual = self.without_others((self.outcome - self.estimate * self.interest)[:, None])[:, 0]
        scores = self.cluster_sums((partialled * residual)[:, None])[:, 0]
        return float(np.sqrt(self.small_sample * scores @ scores) / (partialled @ partialled))


def clustered_regression(
    frame: pd.DataFrame,
    *,
    outcome: str,
    interest: str,
    others: Sequence[str] = (),
    clusters: str,
    weights: str | None = None,
    intercept: bool = True,
) -> ClusteredRegression:
    """Return a regression of a table's columns.

    Parameters
    ----------
    frame
        One row per observation; rows with a missing value in a named column are left out.
    outcome, interest, others, clusters, weights
        Columns.
    intercept
        Whether a column of ones is among the other regressors.

    Raises
    ------
    BadInputError
        When fewer than two clusters are left, or nothing of `interest` is left beside the others.
    """
    names = [outcome, interest, *others, clusters, *([weights] if weights else [])]
    used = frame[names].dropna()
    root = np.sqrt(used[weights].to_numpy(dtype=float)) if weights else np.ones(len(used))
    columns = used[list(others)].to_numpy(dtype=float)
    if intercept:
        columns = np.column_stack([np.ones(len(used)), columns])
    codes = pd.factorize(used[clusters], sort=True)[0].astype(np.int64)
    weighted = columns * root[:, None]
    return checked_regression(
        outcome=used[outcome].to_numpy(dtype=float) * root,
        interest=used[interest].to_numpy(dtype=float) * root,
        others=weighted[:, independent_columns(weighted)],
        clusters=codes,
    )


def twfe_clustered(panel: pd.DataFrame, design: Design) -> ClusteredRegression:
    """Return the two-way fixed effects regression with the design's clusters.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study; clusters are units when it names none.
    """
    observations = read_observations(panel, design, with_always_treated=True)
    after = observations.treated & (observations.event_time() >= 0)
    chosen = observations.without(observations.treated & ~after)
    return within_clustered(chosen, after.astype(float))


def average_effect_clustered(panel: pd.DataFrame, design: Design) -> ClusteredRegression:
    """Return the regression whose one coefficient is the simple average of extended TWFE.

    A dummy for each treated cohort and year, rewritten so that the average of their coefficients, weighted by
    treated unit-years from the cohort on, is a coefficient itself: the ground for bias-reduced errors and the
    wild bootstrap of an average that weighs no cell negatively.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study; clusters are units when it names none.
    """
    return average_effect_of(read_observations(panel, design))


def average_effect_of(observations: Observations) -> ClusteredRegression:
    """Return the regression of `average_effect_clustered` from chosen unit-years.

    Parameters
    ----------
    observations
        The unit-years.
    """
    observations, cells = treated_cells(observations)
    weights = observations.wide.weights[:, None]
    sizes = np.array([float((weights * (cells.place == cell)).sum()) for cell in range(len(cells))])
    share = np.where(cells.year >= cells.cohort, sizes, 0.0)
    share = share / share.sum()
    pivot = int(share.argmax())
    # With b = sum w_k b_k: the pivot's dummy over its weight carries b, each other dummy its own deviation.
    lead = (cells.place == pivot).astype(float)
    others = [
        (cells.place == cell) - share[cell] / share[pivot] * lead
        for cell in range(len(cells))
        if cell != pivot
    ]
    return within_clustered(observations, lead / share[pivot], others)


def within_clustered(
    observations: Observations, interest: Floats, others: Sequence[Floats] = ()
) -> ClusteredRegression:
    """Return a regression on unit and year effects, covariates and one regressor of interest.

    Parameters
    ----------
    observations
        The unit-years.
    interest, others
        The regressor of interest and further ones, (n_units, n_years) each.
    """
    wide = observations.wide
    rows = rows_of(observations.used, wide.weights)
    root = np.sqrt(rows.weights)
    columns = np.column_stack(
        [
            year_dummies(rows),
            covariate_columns(observations, rows),
            *(one[rows.unit, rows.year] for one in others),
            wide.outcome[rows.unit, rows.year],
            interest[rows.unit, rows.year],
        ]
    )
    centred = (columns - rows.group_means(columns)) * root[:, None]
    nuisance = centred[:, :-2]
    present = rows.unit if wide.clusters is None else wide.clusters[rows.unit]
    return checked_regression(
        outcome=centred[:, -2],
        interest=centred[:, -1],
        others=nuisance[:, independent_columns(nuisance)],
        clusters=np.unique(present, return_inverse=True)[1].astype(np.int64),
        # fixest counts the years' own effects, one more than their dummies.
        n_absorbed=1,
    )


def checked_regression(
    *, outcome: ArrayLike, interest: ArrayLike, others: ArrayLike, clusters: ArrayLike, n_absorbed: int = 0
) -> ClusteredRegression:
    """Return a regression, refused where the coefficient or its spread does not exist.

    Parameters
    ----------
    outcome, interest, others, clusters, n_absorbed
        As in `ClusteredRegression`.
    """
    regression = ClusteredRegression(
        outcome=np.asarray(outcome, dtype=float),
        interest=np.asarray(interest, dtype=float),
        others=np.asarray(others, dtype=float),
        clusters=np.asarray(clusters, dtype=np.int64),
        n_absorbed=n_absorbed,
    )
    faults = []
    if len(regression.clusters) == 0 or regression.n_clusters < MIN_CLUSTERS:
        why, remedy = "errors are judged by how clusters differ", "name a column with at least two clusters"
        faults.append(Fault("clusters", "fewer than two clusters", why, remedy))
    elif not _moves_alone(regression):
        why, remedy = "its coefficient has no value", "leave out regressors that determine it"
        faults.append(Fault("interest", "does not vary beside the other regressors", why, remedy))
    raise_if_any(faults)
    return regression


def _moves_alone(regression: ClusteredRegression) -> bool:
    left = regression.partialled()
    return bool(left @ left > 1e-12 * (regression.interest @ regression.interest))
