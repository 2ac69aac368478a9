"""Entropy balancing: weights of controls whose covariate means equal those of the treated exactly.

Belongs here: the weights and their expansion in the data. Does not belong here: the estimate that they give
(`evaluation.impact.two_by_two`).

Among all weights with the treated's means, those closest to the sampling weights in entropy are proportional
to exp(x'b). They are also odds of treatment under a logit, calibrated instead of fitted by likelihood, so that
the estimate is doubly robust (Zhao and Percival 2017, doi:10.1515/jci-2016-0010).

References
----------
Hainmueller (2012), Entropy balancing for causal effects, Political Analysis 20(1), doi:10.1093/pan/mpr025.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.notes import NotEstimable
from evaluation.impact.propensity import is_singular

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_STEPS = 100
"""Newton steps before the means are called out of reach; a solution that exists needs about eight."""

MAX_HALVINGS = 40
"""Halvings of a step that does not bring the solution nearer."""

BALANCE_TOLERANCE = 1e-10
"""Largest difference of means, in standard deviations, that counts as balanced."""

EXTREME_LOG_WEIGHT = 200.0
"""Log weight beyond which no solution exists: a single control would outweigh all others."""


@dataclass(frozen=True)
class EntropyWeights:
    """Balancing weights.

    Parameters
    ----------
    weights
        Zero for the treated; over the controls they sum to the treated's sampling weights, (n,).
    expansion
        Influence of each unit on the coefficients b, times n, (n, k).
    """

    weights: Floats
    expansion: Floats


def fit_entropy_weights(*, treated: Bools, covariates: Floats, weights: Floats) -> EntropyWeights:
    """Find the balancing weights by Newton's method on the convex dual.

    Parameters
    ----------
    treated
        (n,).
    covariates
        Standardised, with a column of ones first, (n, k).
    weights
        Sampling weights, (n,).

    Raises
    ------
    NotEstimable
        ``no_comparable_control`` when no weights give the controls the treated's means.
    """
    controls, base = covariates[~treated], weights[~treated]
    goal = weights[treated] @ covariates[treated]
    if is_singular((controls * base[:, None]).T @ controls):
        raise NotEstimable("singular_covariates")
    found = base * np.exp(controls @ _solve(controls, base, goal))
    spread = np.zeros(len(treated))
    spread[~treated] = found
    hessian = (controls * found[:, None]).T @ controls
    if is_singular(hessian):
        raise NotEstimable("no_comparable_control")
    moments = covariates * (spread - weights * treated)[:, None]
    moved = -np.linalg.solve(hessian, moments.T).T * len(treated)
    return EntropyWeights(weights=spread, expansion=moved.astype(np.float64))


def _solve(controls: Floats, base: Floats, goal: Floats) -> Floats:
    coefficient = np.zeros(controls.shape[1])
    coefficient[0] = np.log(goal[0] / base.sum())
    value, gradient, hessian = _dual(coefficient, controls, base, goal)
    for _ in range(MAX_STEPS):
        if np.abs(gradient).max() <= BALANCE_TOLERANCE * goal[0]:
            return coefficient
        if is_singular(hessian):
            break
        step = np.linalg.solve(hessian, gradient)
        for halving in range(MAX_HALVINGS):
            trial = coefficient - step / 2**halving
            if np.abs(controls @ trial).max() < EXTREME_LOG_WEIGHT:
                found = _dual(trial, controls, base, goal)
                if found[0] <= value + 1e-12 * abs(value):
                    break
        else:
            break
        coefficient, (value, gradient, hessian) = trial, found
    raise NotEstimable("no_comparable_control")


def _dual(coefficient: Floats, controls: Floats, base: Floats, goal: Floats) -> tuple[float, Floats, Floats]:
    """Dual value, its gradient (weighted sums less goal), and its Hessian."""
    weights = base * np.exp(controls @ coefficient)
    value = float(weights.sum() - goal @ coefficient)
    return value, weights @ controls - goal, (controls * weights[:, None]).T @ controls
