"""Whether weights are the only optimal ones, which of several is taken, and how far the estimate ranges over all.

Belongs here: ties at an optimum. Does not belong here: finding an optimum.

Every optimal set of weights gives the same fit and puts weight only on donors whose gradient is the lowest ("tied"). Weights
are unique exactly when the tied donors are affinely independent; inside the donors' hull, where the fit is perfect, all
donors are tied. Of several optimal weights those of least norm are taken: they are the limit of a vanishing ridge, use most
donors and have the least variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from evaluation.impact.synthetic.simplex import SimplexSolution
from evaluation.impact.synthetic.simplex_ridge import solve_ridge

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PERFECT = 1e-12
"""Sum of squared gaps, relative to the mean squared distance of donors, that counts as none: gaps of a millionth."""

TIE = 1e-7
"""Gradient above the lowest that counts as the lowest, relative to the product of gap and distance it is made of."""


@dataclass(frozen=True)
class Settled:
    """Weights after ties are settled.

    Parameters
    ----------
    weights
        Of least norm among the optimal ones, (B, J).
    unique, perfect
        Whether there are no others, and whether they fit without a gap, (B,).
    tied
        Donors that some optimal weights may use, (B, J).
    """

    weights: Floats
    unique: Bools
    perfect: Bools
    tied: Bools


def settle(donors: Floats, targets: Floats, allowed: Bools, solution: SimplexSolution) -> Settled:
    """Find the ties at optimal weights without ridge and linear term, and settle them.

    Parameters
    ----------
    donors, targets, allowed
        (J, T), (B, T), (B, J).
    solution
        From `solve_simplex` on them.
    """
    weights = solution.weights
    centre = donors.mean(axis=0)
    scale = np.sqrt(((donors - centre) ** 2).mean()) or 1.0
    x, y = (donors - centre) / scale, (targets - centre) / scale
    residual = weights @ x - y
    distance = np.maximum((x**2).sum(axis=1).mean() + (y**2).sum(axis=1), np.finfo(float).tiny)
    squares = (residual**2).sum(axis=1)
    perfect = squares <= PERFECT * distance
    slope = np.where(allowed, residual @ x.T, np.inf)
    near = slope - slope.min(axis=1, keepdims=True) <= TIE * np.sqrt(squares * distance)[:, None]
    tied = allowed & (near | perfect[:, None] | (weights > 0))
    unique = np.ones(len(y), dtype=bool)
    # A support alone is affinely independent: the solver leaves no other behind.
    for row in np.flatnonzero(tied.sum(axis=1) > (weights > 0).sum(axis=1)):
        unique[row] = _independent(x[tied[row]])
    several = np.flatnonzero(~unique)
    if len(several):
        weights[several] = _least_norm(x, weights[several], ~tied[several], distance[several])
    return Settled(weights=weights, unique=unique, perfect=perfect, tied=tied)


def estimate_range(donors: Floats, post: Floats, weights: Floats, tied: Bools) -> tuple[float, float]:
    """Return the least and the largest weighted mean of `post` over all optimal weights of one problem.

    Parameters
    ----------
    donors
        Outcomes that are fitted, (J, T).
    post
        What is averaged, for instance each donor's mean after treatment, (J,).
    weights
        Optimal weights, (J,).
    tied
        From `settle`, (J,).

    Returns
    -------
    tuple of float
        Both missing when the linear programme finds no answer.
    """
    scale = np.sqrt(((donors - donors.mean(axis=0)) ** 2).mean()) or 1.0
    x = (donors[tied] - donors.mean(axis=0)) / scale
    size = float(np.abs(post[tied] - post[tied].mean()).max()) or 1.0
    aim = (post[tied] - post[tied].mean()) / size
    equal = np.vstack([x.T, np.ones(len(x))])
    side = equal @ weights[tied]
    low, high = _least(aim, equal, side), -_least(-aim, equal, side)
    centre = float(post[tied].mean())
    return low * size + centre, high * size + centre


def _least(aim: Floats, equal: Floats, side: Floats) -> float:
    found = linprog(aim, A_eq=equal, b_eq=side, bounds=(0, None), method="highs")
    return float(found.fun) if found.success and found.fun is not None else np.nan


def _independent(points: Floats) -> bool:
    """Whether points are affinely independent."""
    if len(points) > points.shape[1] + 1:
        return False
    edges = points[1:] - points[0]
    return bool(
        np.linalg.matrix_rank(edges, tol=1e-9 * max(float(np.abs(edges).max()), 1e-300)) == len(edges)
    )


def _least_norm(x: Floats, weights: Floats, blocked: Bools, distance: Floats) -> Floats:
    fitted = weights @ x
    least = solve_ridge(x, fitted, blocked, np.zeros(len(fitted)), None)
    off = ((least @ x - fitted) ** 2).sum(axis=1)
    better = (off <= PERFECT * distance) & ((least**2).sum(axis=1) <= (weights**2).sum(axis=1) * (1 + 1e-12))
    return np.where(better[:, None], least, weights)
