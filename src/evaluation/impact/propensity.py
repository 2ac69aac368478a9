"""The propensity score: a logit by Newton's method, with separation found out.

Belongs here: the score, its expansion in the data, and when it does not exist. Does not belong here: what the
score is used for (`evaluation.impact.two_by_two`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from evaluation.impact.notes import NotEstimable, Reason

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

LIKELIHOOD_ROUNDING = 1e-12
"""Relative loss of likelihood that rounding explains."""

SMALLEST_SHARE = 2.0**-30
"""Share of a Newton step below which halving it is given up."""

PLANE_TOLERANCE = 1e-6
"""Distance from a plane, relative to the furthest control's, that rounding explains: eigenvectors of a matrix with
eigenvalues of 1e-16 hold eight digits."""

REMEMBERED_FITS = 128
"""Fits kept: outcomes of one study, its averages and its diagnostics ask for the same ones; about 100 kB each."""


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
    found = _remembered_fit(_Asked(treated, covariates, weights))
    if not isinstance(found, Propensity):
        raise NotEstimable(found)
    return found


class _Asked:
    """The arrays of a fit, equal to others with the same content."""

    def __init__(self, treated: Bools, covariates: Floats, weights: Floats) -> None:
        self.arrays = (treated, covariates, weights)
        content = b"".join(array.tobytes() for array in self.arrays)
        self.key = (covariates.shape, hashlib.blake2b(content, digest_size=16).digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=REMEMBERED_FITS)
def _remembered_fit(asked: _Asked) -> Propensity | Reason:
    """Fit the same units with the same covariates once; a fit that does not exist is remembered as well."""
    try:
        found = _fit(*asked.arrays)
    except NotEstimable as answer:
        return answer.reason
    found.probability.flags.writeable = False
    found.expansion.flags.writeable = False
    return found


def _fit(treated: Bools, covariates: Floats, weights: Floats) -> Propensity:
    kept = _without_lone_plane(treated, covariates, _without_lone_traits(treated, covariates))
    fit = _fit_kept(treated, covariates, weights, kept, damped=False)
    if fit is None:
        fit = _fit_kept(treated, covariates, weights, kept, damped=True)
    if fit is None:
        kept = _without_separated(treated, covariates, kept)
        fit = _fit_kept(treated, covariates, weights, kept, damped=True)
    if fit is None:
        raise NotEstimable("logit_diverged")
    probability, columns = fit
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


def _newton(treated: Bools, covariates: Floats, weights: Floats, *, damped: bool) -> Floats | None:
    """Fitted probabilities, or None when Newton does not settle; damped steps never lose likelihood."""
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
        if damped:
            step = step * _damping(log_odds, step, treated, weights)
        log_odds = log_odds + step
        if not np.abs(log_odds).max() <= EXTREME_LOG_ODDS:
            return None
        probability = 1 / (1 + np.exp(-log_odds))
        if np.abs(step).max() < STEP_TOLERANCE:
            return None if is_singular(hessian) else probability
    return None


def _damping(log_odds: Floats, step: Floats, treated: Bools, weights: Floats) -> float:
    """Largest of 1, 1/2, 1/4, ... at which a step does not lose likelihood."""

    def likelihood(at: Floats) -> float:
        return float(weights @ (treated * at - np.logaddexp(0.0, at)))

    now, share = likelihood(log_odds), 1.0
    while (
        likelihood(log_odds + share * step) < now - LIKELIHOOD_ROUNDING * abs(now) and share > SMALLEST_SHARE
    ):
        share /= 2
    return share


def _fit_kept(
    treated: Bools, covariates: Floats, weights: Floats, kept: Bools, *, damped: bool
) -> tuple[Floats, NDArray[np.int64]] | None:
    """Probabilities with 0 for the units set aside, and the columns used; None when Newton does not settle."""
    if kept.all():
        fitted = _newton(treated, covariates, weights, damped=damped)
        return None if fitted is None else (fitted, np.arange(covariates.shape[1]))
    columns = independent_columns(covariates[kept])
    fitted = _newton(treated[kept], covariates[np.ix_(kept, columns)], weights[kept], damped=damped)
    if fitted is None:
        return None
    probability = np.zeros(len(treated))
    probability[kept] = fitted
    return probability, columns


def _without_lone_traits(treated: Bools, covariates: Floats) -> Bools:
    """Units left when controls are set aside that lie beyond treated units which all have one value.

    A column in which the treated do not vary and all controls lie on one side of them, as an indicator that no
    treated unit has, is a plane that predicts the controls off it perfectly.
    """
    kept = np.ones(len(treated), dtype=bool)
    mine, others = covariates[treated], covariates[~treated]
    value = mine[0]
    lone = (mine == value).all(axis=0)
    lone &= (others >= value).all(axis=0) | (others <= value).all(axis=0)
    kept[~treated] = (others[:, lone] == value[lone]).all(axis=1)
    if not kept[~treated].any():
        raise NotEstimable("no_comparable_control")
    return kept


def _without_lone_plane(treated: Bools, covariates: Floats, kept: Bools) -> Bools:
    """Units left when controls are set aside that lie off the one plane which holds all treated units.

    So it is with a category that no treated unit has when it is the one without an indicator: the others' sum to
    one for all treated. Where the treated lie in several planes, or controls on both sides, nobody is set aside.
    """
    columns = np.flatnonzero((covariates[kept] != covariates[kept][0]).any(axis=0))
    varying = np.column_stack([np.ones(len(treated)), covariates[:, columns]])
    mine = varying[treated]
    scale = np.sqrt((mine**2).sum(axis=0))
    if (scale == 0).any():
        return kept
    eigenvalues, vectors = np.linalg.eigh(mine.T @ mine / np.outer(scale, scale))
    flat = eigenvalues <= SINGULAR_TOLERANCE * eigenvalues[-1]
    if flat.sum() != 1:
        return kept
    height = varying @ (vectors[:, 0] / scale)
    controls = kept & ~treated
    off = np.abs(height) > PLANE_TOLERANCE * np.abs(height[controls]).max()
    one_side = (height[controls & off] > 0).all() or (height[controls & off] < 0).all()
    if (off & treated).any() or not one_side:
        return kept
    left = kept & ~(controls & off)
    if not (left & ~treated).any():
        raise NotEstimable("no_comparable_control")
    return left


def _without_separated(treated: Bools, covariates: Floats, kept: Bools) -> Bools:
    """Units left when perfectly predicted controls are set aside, round by round.

    Whatever the order of the rounds, they end with the same units, those of the limiting conditional model
    (Geyer 2009, doi:10.1214/08-EJS349), so that the search may begin without those of lone traits.
    """
    kept = kept.copy()
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
