"""Synthetic difference-in-differences weights as R's `synthdid` leaves them: Frank-Wolfe, stopped early.

Belongs here: the steps and the stopping rule of that package, so that its published numbers can be had to their last digit.
Does not belong here: the exact weights, which are the default everywhere (`evaluation.impact.synthetic.sdid`).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.sdid import Regularisation

Floats = NDArray[np.float64]

MIN_DECREASE = 1e-5
"""Root of the least decrease of the objective, as a multiple of the noise level."""

FIRST_STEPS, MORE_STEPS = 100, 10_000
"""Steps before weights are made sparse, and after."""

SPARSE = 4
"""Weights of at most this fraction of the largest become zero once."""


def package_weights(
    pre: Floats, post: Floats, target: Floats, *, zeta: Regularisation, intercept: bool = True
) -> tuple[Floats, Floats]:
    """Return unit and time weights of the package for one target, (J,) and (T0,).

    Parameters
    ----------
    pre, post
        Donors' outcomes before treatment, (J, T0), and their means after it, (J,).
    target
        Before treatment, (T0,).
    zeta
        From `regularisation`.
    intercept
        Of the unit weights.
    """
    least = MIN_DECREASE * zeta.noise
    times = _sparse_then_final(pre, post, zeta=zeta.time, intercept=True, least=least)
    units = _sparse_then_final(pre.T, target, zeta=zeta.unit, intercept=intercept, least=least)
    return units, times


def frank_wolfe(
    a: Floats, b: Floats, *, start: Floats, zeta: float, intercept: bool, least: float, steps: int
) -> Floats:
    """Minimise |a x - b|^2 / n + zeta^2 |x|^2 over the simplex by Frank-Wolfe steps with exact line search.

    Parameters
    ----------
    a, b
        (n, k) and (n,).
    start
        (k,).
    zeta, intercept
        Regularisation, and whether columns are centred first.
    least
        Stops once the objective falls by less than the square of this, after two steps at the earliest.
    steps
        Most steps.
    """
    if intercept:
        a, b = a - a.mean(axis=0), b - b.mean()
    eta = len(a) * zeta**2
    x, before = start, np.inf
    for step in range(steps):
        fitted = a @ x
        half = (fitted - b) @ a + eta * x
        best = int(half.argmin())
        direction = -x
        direction[best] += 1.0
        if direction.any():
            change = a[:, best] - fitted
            length = -(half @ direction) / (change @ change + eta * direction @ direction)
            x = x + min(1.0, max(0.0, float(length))) * direction
        value = zeta**2 * (x @ x) + ((a @ x - b) ** 2).sum() / len(a)
        if step >= 1 and not before - value > least**2:
            break
        before = value
    return x


def _sparse_then_final(a: Floats, b: Floats, *, zeta: float, intercept: bool, least: float) -> Floats:
    uniform = np.full(a.shape[1], 1 / a.shape[1])
    walk = partial(frank_wolfe, a, b, zeta=zeta, intercept=intercept, least=least)
    first = walk(start=uniform, steps=FIRST_STEPS)
    kept = np.where(first <= first.max() / SPARSE, 0.0, first)
    return walk(start=kept / kept.sum(), steps=MORE_STEPS)
