"""Principal components of a set of indicators, and whether their correlations support taking any.

Belongs here: components of a correlation matrix, their rotation, sampling adequacy. Does not belong here: weights
made from them (`weight`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from evaluation.errors import BadInputError, Fault

Floats = NDArray[np.float64]

SIGN_TIE = 1e-9
"""Loadings whose sizes differ by less are equally large when the sign of a component is set."""

SINGULAR_RATIO = 1e-12
"""Smallest eigenvalue relative to the largest at which a correlation matrix still has an inverse."""

VARIMAX_TOLERANCE = 1e-14
"""Relative growth of the criterion below which a rotation is final."""

VARIMAX_ITERATIONS = 10_000


@dataclass(frozen=True)
class Sphericity:
    """Bartlett's test that the indicators are uncorrelated in the population.

    Parameters
    ----------
    statistic, df, p_value
        Chi-squared statistic, its degrees of freedom, its p-value; statistic and p-value are missing when the
        correlation matrix has no inverse.
    """

    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True)
class PrincipalComponents:
    """Components of the correlation matrix of some indicators.

    Parameters
    ----------
    indicators
        Their codes, k of them.
    n_units
        Units with a value of every indicator; the others are left out.
    eigenvalues
        (k,), largest first; they sum to k.
    loadings
        (k, k), correlations of each indicator (rows) with each component (columns).
    sampling_adequacy
        Kaiser-Meyer-Olkin measure of each indicator, 0-1; missing when the correlation matrix has no inverse.
    overall_adequacy
        Kaiser-Meyer-Olkin measure of all of them.
    sphericity
        Bartlett's test.
    """

    indicators: tuple[str, ...]
    n_units: int
    eigenvalues: Floats
    loadings: Floats
    sampling_adequacy: Floats
    overall_adequacy: float
    sphericity: Sphericity

    @property
    def shares(self) -> Floats:
        """Share of the variance that each component explains."""
        return self.eigenvalues / len(self.eigenvalues)

    def tidy(self) -> pd.DataFrame:
        """Return one row a component: component (from 1), eigenvalue, share, cumulative_share (0-1)."""
        return pd.DataFrame(
            {
                "component": np.arange(1, len(self.eigenvalues) + 1),
                "eigenvalue": self.eigenvalues,
                "share": self.shares,
                "cumulative_share": np.cumsum(self.shares),
            }
        )

    def tidy_loadings(self) -> pd.DataFrame:
        """Return one row an indicator and component: indicator, component, loading, sampling_adequacy."""
        count = len(self.indicators)
        return pd.DataFrame(
            {
                "indicator": np.repeat(self.indicators, count),
                "component": np.tile(np.arange(1, count + 1), count),
                "loading": self.loadings.ravel(),
                "sampling_adequacy": np.repeat(self.sampling_adequacy, count),
            }
        )


def principal_components(values: pd.DataFrame) -> PrincipalComponents:
    """Return the principal components of indicators, each standardised first.

    Parameters
    ----------
    values
        (n_units, k), k at least 2, one column an indicator, NaN where missing. Units with a missing value are left
        out.

    Raises
    ------
    BadInputError
        When fewer than two indicators are given, fewer than three units are complete, or an indicator does not vary
        among them.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, section 4.1, doi:10.1787/9789264043466-en.
    """
    complete = values.dropna()
    _check_complete(complete)
    correlation = np.corrcoef(complete.to_numpy(dtype=float), rowvar=False)
    eigenvalues, loadings = components_of(correlation)
    overall, by_indicator = kaiser_meyer_olkin(correlation)
    return PrincipalComponents(
        indicators=tuple(map(str, values.columns)),
        n_units=len(complete),
        eigenvalues=eigenvalues,
        loadings=loadings,
        sampling_adequacy=by_indicator,
        overall_adequacy=overall,
        sphericity=bartlett_sphericity(correlation, n_units=len(complete)),
    )


def components_of(correlation: Floats) -> tuple[Floats, Floats]:
    """Return eigenvalues and loadings of a correlation matrix.

    Parameters
    ----------
    correlation
        (k, k), symmetric.

    Returns
    -------
    eigenvalues
        (k,), largest first, never below zero.
    loadings
        (k, k), eigenvectors (columns) times the square root of their eigenvalues. Of each component, the loading
        largest in size (the first of equals) is positive.
    """
    eigenvalues, vectors = np.linalg.eigh(correlation)
    eigenvalues = np.maximum(eigenvalues[::-1], 0.0)
    return eigenvalues, with_settled_signs(vectors[:, ::-1] * np.sqrt(eigenvalues))


def with_settled_signs(loadings: Floats) -> Floats:
    """Return loadings with the largest in size of each column (the first of equals) positive."""
    size = np.abs(loadings)
    leading = np.argmax(size >= size.max(axis=0) - SIGN_TIE, axis=0)
    return loadings * np.where(np.take_along_axis(loadings, leading[None, :], axis=0) < 0, -1.0, 1.0)


def varimax(loadings: Floats, *, normalise: bool = True) -> Floats:
    """Return loadings rotated so that each component has few large ones.

    Parameters
    ----------
    loadings
        (k, m), indicators by the components kept.
    normalise
        Whether rows are brought to length one before and back after the rotation (Kaiser).

    Returns
    -------
    ndarray
        (k, m), components in the order they had before, signs settled as in `components_of`.

    Notes
    -----
    Maximises, over orthogonal rotations, the sum over components of the variance of squared loadings, by repeated
    singular value decomposition.

    References
    ----------
    Kaiser (1958), Psychometrika 23(3), 187-200, doi:10.1007/BF02289233.
    """
    count = loadings.shape[1]
    if count < 2:
        return with_settled_signs(loadings)
    length = np.linalg.norm(loadings, axis=1, keepdims=True) if normalise else np.ones((len(loadings), 1))
    length = np.where(length == 0, 1.0, length)
    scaled = loadings / length
    rotation, criterion = np.eye(count), 0.0
    for _ in range(VARIMAX_ITERATIONS):
        rotated = scaled @ rotation
        gradient = scaled.T @ (rotated**3 - rotated * (rotated**2).mean(axis=0))
        left, singular, right = np.linalg.svd(gradient)
        rotation, before, criterion = left @ right, criterion, float(singular.sum())
        if criterion < before * (1 + VARIMAX_TOLERANCE):
            break
    return with_settled_signs((scaled @ rotation) * length)


def kaiser_meyer_olkin(correlation: Floats) -> tuple[float, Floats]:
    """Return the measure of sampling adequacy, of all indicators together and of each.

    Parameters
    ----------
    correlation
        (k, k).

    Returns
    -------
    overall, by_indicator
        0-1, above 0.6 as a rule of thumb; NaN when the matrix has no inverse.

    Notes
    -----
    sum r^2 / (sum r^2 + sum p^2) over pairs of different indicators, r their correlations and p their partial
    correlations given all others.

    References
    ----------
    Kaiser and Rice (1974), Educational and Psychological Measurement 34(1), 111-117,
    doi:10.1177/001316447403400115.
    """
    count = len(correlation)
    if _is_singular(correlation):
        return np.nan, np.full(count, np.nan)
    inverse = np.linalg.inv(correlation)
    scale = np.sqrt(np.diag(inverse))
    different = ~np.eye(count, dtype=bool)
    shared = np.where(different, correlation, 0.0) ** 2
    partial = np.where(different, inverse / np.outer(scale, scale), 0.0) ** 2
    by_indicator = shared.sum(axis=1) / (shared.sum(axis=1) + partial.sum(axis=1))
    return float(shared.sum() / (shared.sum() + partial.sum())), by_indicator


def bartlett_sphericity(correlation: Floats, *, n_units: int) -> Sphericity:
    """Test that all correlations are zero in the population.

    Notes
    -----
    -(n - 1 - (2 k + 5) / 6) ln det R, chi-squared with k (k - 1) / 2 degrees of freedom.

    References
    ----------
    Bartlett (1951), The effect of standardization on a chi-square approximation in factor analysis, Biometrika
    38(3/4), 337-344.
    """
    count = len(correlation)
    df = count * (count - 1) // 2
    if _is_singular(correlation):
        return Sphericity(np.nan, df, np.nan)
    log_determinant = float(np.linalg.slogdet(correlation)[1])
    statistic = -(n_units - 1 - (2 * count + 5) / 6) * log_determinant
    return Sphericity(statistic, df, float(chi2.sf(statistic, df)))


def _is_singular(correlation: Floats) -> bool:
    eigenvalues = np.linalg.eigvalsh(correlation)
    return bool(eigenvalues[0] <= SINGULAR_RATIO * eigenvalues[-1])


def _check_complete(complete: pd.DataFrame) -> None:
    faults = []
    if complete.shape[1] < 2:
        faults.append(_fault(f"{complete.shape[1]} indicators", "components need at least two indicators"))
    if len(complete) < 3:
        faults.append(
            _fault(
                f"{len(complete)} units have all of them", "correlations need at least three complete units"
            )
        )
    else:
        faults += [
            _fault(f"indicator {code!r} has one value only", "its correlations do not exist")
            for code in complete.columns[complete.nunique() < 2]
        ]
    if faults:
        raise BadInputError(faults)


def _fault(what: str, why: str) -> Fault:
    return Fault(
        where="principal components",
        what=what,
        why=why,
        remedy="give more units or indicators, or leave the indicator out",
    )
