"""The propensity score: a logit by Newton's method, with separation found out.

Belongs here: the score, its expansion in the data, and when it does not exist. Does not belong here: what the
score is used for (`evaluation.impact.two_by_two`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from evaluation.impact.notes import NotEstimable

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_STEPS = 50
"""Newton steps before the logit is suspected of separation; a fit that exists needs about six."""

STEP_TOLERANCE = 1e-9
"""Largest change of a log-odds at which Newton stops; the next error is its square."""

EXTREME_LOG_ODDS = 30.0
"""Log-odds beyond which a probability is 0 or 1 to 13 digits: the mark of separation."""

MAX_PROBABILITY = 1 - 1e-6
"""Cap on a fitted probability, as in R's DRDID, so that p / (1 - p) stays finite."""

SEPARATION_TOLERANCE = 1e-7
"""Smallest margin of the linear programme that counts as separation (its solver works to 1e-9)."""

SINGULAR_TOLERANCE = 1e-10
"""Smallest eigenvalue, relative to the largest, of the covariates' correlation-like matrix."""


@dataclass(frozen=True)
class Propensity:
    """A fitted propensity score.

    Parameters
    ----------
    probability
        Of being treated, (n,); 0 for controls that the covariates single out.
    expansion
        Influence of each unit on the coefficients, ``score @ inverse Hessian`` times n, (n, k); zero in the
        columns that the fit had no use for.
    n_singled_out
        Controls with probability 0 because they share a trait that no treated unit has.
    """

    probability: Floats
    expansion: Floats
    n_singled_out: int


def fit_propensity(*, treated: Bools, covariates: Floats, weights: Floats) -> Propensity:
    """Fit the probability of treatment by a weighted logit.

    Controls with a trait that no treated unit has (a perfect predictor of no treatment) get probability 0,
    the limit of the maximum likelihood, and the rest is fitted without them: they would carry no weight in
    any comparison. Treated units that no control resembles leave nothing to compare with.

    Parameters
    ----------
    treated
        (n,).
    covariates
        (n, k), with a column of ones.
    weights
        Sampling weights, (n,).

    Raises
    ------
    NotEstimable
        ``no_comparable_control``, ``singular_covariates`` or ``logit_diverged``.
    """
    kept = np.ones(len(treated), dtype=bool)
    probability = _newton(treated, covariates, weights)
    columns = np.arange(covariates.shape[1])
    if probability is None:
        kept = _without_separated(treated, covariates)
        columns = independent_columns(covariates[kept])
        probability = np.zeros(len(treated))
        fitted = _newton(treated[kept], covariates[np.ix_(kept, columns)], weights[kept])
        if fitted is None:
            raise NotEstimable("logit_diverged")
        probability[kept] = fitted
    expansion = _expansion(treated, covariates, weights, probability, kept, columns)
    return Propensity(
        probability=np.minimum(probability, MAX_PROBABILITY),
        expansion=expansion,
        n_singled_out=int((~kept).sum()),
    )


def independent_columns(covariates: Floats) -> NDArray[np.int64]:
    """Return the columns that are not a combination of earlier ones, (n_kept,)."""
    length = np.sqrt((covariates**2).sum(axis=0))
    kept: list[int] = []
    basis = np.empty((len(covariates), 0))
    for column in np.flatnonzero(length > 0):
        unit = covariates[:, column] / length[column]
        rest = unit - basis @ (basis.T @ unit)
        if rest @ rest > SINGULAR_TOLERANCE:
            kept.append(int(column))
            basis = np.column_stack([basis, rest / np.sqrt(rest @ rest)])
    return np.array(kept, dtype=int)


def is_singular(gram: Floats) -> bool:
    """Whether a cross-product matrix has no usable inverse, whatever the units of its columns."""
    scale = np.sqrt(np.diag(gram))
    if (scale == 0).any():
        return True
    eigenvalues = np.linalg.eigvalsh(gram / np.outer(scale, scale))
    return bool(eigenvalues[0] <= SINGULAR_TOLERANCE * eigenvalues[-1])


def _newton(treated: Bools, covariates: Floats, weights: Floats) -> Floats | None:
    """Fitted probabilities, or None when Newton does not settle."""
    share = float(weights[treated].sum() / weights.sum())
    probability = np.full(len(treated), share)
    log_odds = np.full(len(treated), np.log(share / (1 - share)))
    for _ in range(MAX_STEPS):
        curvature = weights * probability * (1 - probability)
        hessian = covariates.T @ (covariates * curvature[:, None])
        try:
            step = covariates @ np.linalg.solve(hessian, covariates.T @ (weights * (treated - probability)))
        except np.linalg.LinAlgError:
            return None
        log_odds = log_odds + step
        if not np.abs(log_odds).max() <= EXTREME_LOG_ODDS:
            return None
        probability = 1 / (1 + np.exp(-log_odds))
        if np.abs(step).max() < STEP_TOLERANCE:
            return None if is_singular(hessian) else probability
    return None


def _without_separated(treated: Bools, covariates: Floats) -> Bools:
    """Units left when perfectly predicted controls are set aside, round by round."""
    kept = np.ones(len(treated), dtype=bool)
    while True:
        predicted = np.zeros(len(treated), dtype=bool)
        predicted[kept] = _perfectly_predicted(treated[kept], covariates[kept])
        if not predicted.any():
            return kept
        if (predicted & treated).any():
            raise NotEstimable("no_comparable_control")
        kept &= ~predicted


def _perfectly_predicted(treated: Bools, covariates: Floats) -> Bools:
    """Units on the right side of a plane that has nobody on the wrong side.

    A linear programme over the plane b, with s = +1 for treated and -1 for controls: maximise the sum of
    s x'b subject to s x'b >= 0 and -1 <= b <= 1; units with s x'b > 0 at the optimum are separated
    (Konis 2007, Linear programming algorithms for detecting separated data, University of Oxford, ch. 4).
    """
    signed = covariates * np.where(treated, 1.0, -1.0)[:, None]
    solved = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(treated)), bounds=(-1, 1))
    if solved.x is None:
        raise NotEstimable("logit_diverged")
    return signed @ solved.x > SEPARATION_TOLERANCE


def _expansion(
    treated: Bools,
    covariates: Floats,
    weights: Floats,
    probability: Floats,
    kept: Bools,
    columns: NDArray[np.int64],
) -> Floats:
    used = covariates[:, columns]
    curvature = weights * probability * (1 - probability)
    hessian = used.T @ (used * curvature[:, None])
    if is_singular(hessian):
        raise NotEstimable("singular_covariates")
    score = used * (weights * (treated - probability) * kept)[:, None]
    expansion = np.zeros(covariates.shape)
    expansion[:, columns] = np.linalg.solve(hessian, score.T).T * len(treated)
    return expansion
