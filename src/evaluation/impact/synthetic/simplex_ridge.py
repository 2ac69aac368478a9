"""The simplex with a quadratic ridge, and the weights of least norm: semismooth Newton on the dual, in lockstep.

Belongs here: the dual iteration on scaled problems. Does not belong here: scaling, choosing an engine, statuses.

With a ridge rho > 0 the weights are w_j = max(0, mu + x_j'v - c_j / (2 rho)), where v and mu minimise the convex
    |w|^2 / 2 + rho |v|^2 / 2 - y'v - mu,
which is piecewise quadratic in as many dimensions as there are years, plus one. With rho = 0 and c = 0 the same iteration finds
the weights of least norm among those that fit exactly (Li, Sun and Toh 2018, doi:10.1137/16M1097572, on such duals).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_NEWTON = 100
"""Newton steps; 5 to 15 are usual."""

HALVINGS = 30
ARMIJO = 1e-4
"""Line search: halvings of a step, and the share of the promised fall that is enough."""

STEADY = 1e-12
"""A gradient this small, relative to the largest term in it, is rounding."""

POLISHES = 2
"""Newton steps in the weights at the end; the first takes the error of the dual away, the second that of the first."""

JITTER = 1e-13
"""Added to the diagonal of a Newton matrix, relative to its trace, so that one without full rank has a step."""


def solve_ridge(
    donors: Floats, targets: Floats, blocked: Bools, ridge: Floats, shift: Floats | None
) -> Floats:
    """Return weights, (b, J), that sum to one.

    Parameters
    ----------
    donors
        (J, T), scaled.
    targets
        (b, T).
    blocked
        (b, J).
    ridge
        (b,), zero or more.
    shift
        c / (2 rho), (b, J), or None.
    """
    n_donors, n_years = donors.shape
    rows = np.column_stack([donors, np.ones(n_donors)])
    upper = np.triu_indices(n_years + 1)
    products = rows[:, upper[0]] * rows[:, upper[1]]
    goal = np.column_stack([targets, np.ones(len(targets))])
    damping = np.column_stack([np.repeat(ridge[:, None], n_years, axis=1), np.zeros(len(targets))])
    base = np.where(blocked, -np.inf, 0.0 if shift is None else -shift)
    dual = np.zeros_like(goal)
    dual[:, -1] = 1.0 / np.maximum((~blocked).sum(axis=1), 1)
    if shift is not None:
        dual[:, -1] += np.where(blocked, np.inf, shift).min(axis=1)
    weights = np.maximum(dual @ rows.T + base, 0.0)
    active = np.arange(len(targets))
    for _ in range(MAX_NEWTON):
        own, w, d = dual[active], weights[active], damping[active]
        slope = w @ rows + d * own - goal[active]
        size = np.maximum(np.abs(w @ np.abs(rows)).max(axis=1), np.abs(d * own).max(axis=1))
        going = np.abs(slope).max(axis=1) > STEADY * np.maximum(size, 1.0)
        active, own, slope, d = active[going], own[going], slope[going], d[going]
        if not len(active):
            break
        step = _newton_step((w[going] > 0) @ products, upper, slope, d)
        moved, new = _line_search(own, step, slope, rows, base[active], goal[active], d)
        stuck = (moved == own).all(axis=1)
        dual[active], weights[active] = moved, new
        active = active[~stuck]
    for _ in range(POLISHES if ridge.all() else 0):
        weights = _polished(weights, donors, targets, ridge, shift, rows, products, upper)
    total = weights.sum(axis=1, keepdims=True)
    result: Floats = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return result


def _polished(
    weights: Floats,
    donors: Floats,
    targets: Floats,
    ridge: Floats,
    shift: Floats | None,
    rows: Floats,
    products: Floats,
    upper: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> Floats:
    """Return the weights after a Newton step in themselves, whose gradient does not cancel as the dual's does."""
    positive = weights > 0
    steep = (weights @ donors - targets) @ donors.T + ridge[:, None] * weights
    if shift is not None:
        steep = steep + ridge[:, None] * np.where(positive, shift, 0.0)
    count = np.maximum(positive.sum(axis=1), 1)
    level = np.where(positive, steep, 0.0).sum(axis=1) / count
    rest = np.where(positive, level[:, None] - steep, 0.0)
    side = rest @ rows
    side[:, -1] -= ridge * (1 - weights.sum(axis=1))
    d = np.column_stack([np.repeat(ridge[:, None], donors.shape[1], axis=1), np.zeros(len(weights))])
    solution = -_newton_step(positive @ products, upper, side, d)
    change = np.where(positive, rest - solution @ rows.T, 0.0) / ridge[:, None]
    return np.maximum(weights + change, 0.0)


def _newton_step(
    packed: Floats, upper: tuple[NDArray[np.intp], NDArray[np.intp]], slope: Floats, d: Floats
) -> Floats:
    size = slope.shape[1]
    matrix = np.zeros((len(slope), size, size))
    matrix[:, upper[0], upper[1]] = packed
    matrix[:, upper[1], upper[0]] = packed
    trace = matrix.trace(axis1=1, axis2=2) + d.sum(axis=1)
    added = d + JITTER * np.maximum(trace, 1.0)[:, None]
    step: Floats = -np.linalg.solve(matrix + added[:, :, None] * np.eye(size), slope[:, :, None])[:, :, 0]
    return step


def _line_search(
    dual: Floats, step: Floats, slope: Floats, rows: Floats, base: Floats, goal: Floats, d: Floats
) -> tuple[Floats, Floats]:
    """Halve the steps that do not lower the dual enough; a step that never does is not taken."""
    at = dual @ rows.T + base
    along = step @ rows.T
    fall = (slope * step).sum(axis=1)
    value = _dual_value(np.maximum(at, 0.0), dual, goal, d)
    length = np.ones(len(dual))
    weights = np.maximum(at + along, 0.0)
    pending = np.arange(len(dual))
    for _ in range(HALVINGS):
        reached = dual[pending] + length[pending, None] * step[pending]
        new = _dual_value(weights[pending], reached, goal[pending], d[pending])
        slack = 1e-15 * (np.abs(value[pending]) + 1.0)
        poor = new > value[pending] + ARMIJO * length[pending] * fall[pending] + slack
        pending = pending[poor]
        if not len(pending):
            break
        length[pending] /= 2
        weights[pending] = np.maximum(at[pending] + length[pending, None] * along[pending], 0.0)
    length[pending] = 0.0
    weights[pending] = np.maximum(at[pending], 0.0)
    return dual + length[:, None] * step, weights


def _dual_value(weights: Floats, dual: Floats, goal: Floats, d: Floats) -> Floats:
    value: Floats = ((weights**2).sum(axis=1) + (d * dual**2).sum(axis=1)) / 2 - (goal * dual).sum(axis=1)
    return value
