"""The active set of `evaluation.impact.synthetic.simplex` in NumPy: all problems take each step together.

Belongs here: the array form of the algorithm. Does not belong here: scaling, choosing an engine, statuses.

Minimise |sum_j w_j p_j|^2 + c'w over the simplex, where p_j is donor j less the target (Wolfe 1976). The support
starts at the best single donor. A major step adds the donor of the lowest gradient; then weights move to the minimum on
the affine hull of the support, or to the first boundary on the way, where donors of weight zero leave. It ends when the
duality gap says that no weights can do better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RELATIVE_GAP, ABSOLUTE_GAP = 1e-10, 1e-14
"""A solve ends when the gap is below the first times the objective plus the second times the scale, the mean squared
distance of donors from the target: below that, rounding decides."""

DEPENDENT = 1e-11
"""A pivot this small, relative to the largest, is zero: the donor lies in the affine hull of the support."""

BEYOND = 1e6
"""How far to look along a direction in which the objective falls for ever; the boundary comes first."""

STEPS_PER_DONOR = 60
"""Most steps for each donor that a support can have, before a solve counts as stalled."""

CHUNK = 4096
"""Problems in lockstep at a time: enough to hide the interpreter, few enough for the cache."""


@dataclass
class _State:
    """The problems that are not finished."""

    ids: Ints
    target: Floats
    support: Ints
    size: Ints
    weights: Floats
    residual: Floats
    objective: Floats
    needs_donor: Bools

    def keep(self, kept: Bools) -> _State:
        return _State(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Found:
    """Supports with weights, (b, k) each, padded by weight zero; gap and whether it is small enough, (b,)."""

    support: Ints
    weights: Floats
    gap: Floats
    converged: Bools


@dataclass(frozen=True)
class Problems:
    """Scaled problems: donors (m, J, T), the donor set of each problem, targets, blocked (b, J), linear (b, J) or None."""

    donors: Floats
    which: Ints
    targets: Floats
    blocked: Bools
    linear: Floats | None


def solve_lockstep(problems: Problems) -> Found:
    """Solve scaled problems, `CHUNK` at a time.

    Parameters
    ----------
    problems
        At least one donor of each is not blocked.
    """
    n = len(problems.targets)
    parts = [_solve_chunk(_part(problems, slice(at, at + CHUNK))) for at in range(0, n, CHUNK)]
    return Found(
        *(np.concatenate([getattr(one, name) for one in parts]) for name in Found.__dataclass_fields__)
    )


def _part(problems: Problems, rows: slice) -> Problems:
    linear = None if problems.linear is None else problems.linear[rows]
    return Problems(
        problems.donors, problems.which[rows], problems.targets[rows], problems.blocked[rows], linear
    )


def _solve_chunk(problems: Problems) -> Found:
    n, n_years = problems.targets.shape
    width = n_years + 2
    distances = _squared_distances(problems)
    found = Found(
        support=np.zeros((n, width), dtype=np.int64),
        weights=np.zeros((n, width)),
        gap=np.full(n, np.nan),
        converged=np.zeros(n, dtype=bool),
    )
    tolerance = ABSOLUTE_GAP * np.nanmean(np.where(problems.blocked, np.nan, distances), axis=1)
    state = _start(problems, distances, width)
    for _ in range(STEPS_PER_DONOR * width):
        state = _add_donors(problems, state, found, tolerance)
        if not len(state.ids):
            break
        _move(problems, state)
    _store(found, state, np.ones(len(state.ids), dtype=bool))
    return found


def _squared_distances(problems: Problems) -> Floats:
    """Return |p_j|^2, (b, J)."""
    if len(problems.donors) == 1:
        donors = problems.donors[0]
        cross = problems.targets @ donors.T
        own = (problems.targets**2).sum(axis=1)
        return np.maximum((donors**2).sum(axis=1) - 2 * cross + own[:, None], 0.0)
    return ((problems.donors[problems.which] - problems.targets[:, None]) ** 2).sum(axis=2)


def _start(problems: Problems, distances: Floats, width: int) -> _State:
    n = len(problems.targets)
    value = distances if problems.linear is None else distances + problems.linear
    best = np.where(problems.blocked, np.inf, value).argmin(axis=1)
    support, weights = np.zeros((n, width), dtype=np.int64), np.zeros((n, width))
    support[:, 0], weights[:, 0] = best, 1.0
    return _State(
        ids=np.arange(n),
        target=problems.targets,
        support=support,
        size=np.ones(n, dtype=np.int64),
        weights=weights,
        residual=problems.donors[problems.which, best] - problems.targets,
        objective=np.full(n, np.inf),
        needs_donor=np.ones(n, dtype=bool),
    )


def _gradients(problems: Problems, state: _State, rows: Ints) -> Floats:
    """Return the gradient of each donor, infinite where blocked, (len(rows), J)."""
    residual, ids = state.residual[rows], state.ids[rows]
    if len(problems.donors) == 1:
        slope = residual @ problems.donors[0].T
    else:
        slope = np.matmul(problems.donors[problems.which[ids]], residual[:, :, None])[:, :, 0]
    slope -= np.einsum("bt,bt->b", residual, state.target[rows])[:, None]
    slope *= 2
    if problems.linear is not None:
        slope += problems.linear[ids]
    slope[problems.blocked[ids]] = np.inf
    return slope


def _add_donors(problems: Problems, state: _State, found: Found, tolerance: Floats) -> _State:
    """End the problems that are solved; the others that need it get the donor of the lowest gradient."""
    rows = np.flatnonzero(state.needs_donor)
    if not len(rows):
        return state
    slope = _gradients(problems, state, rows)
    lowest = slope.argmin(axis=1)
    ids, residual = state.ids[rows], state.residual[rows]
    squares = np.einsum("bt,bt->b", residual, residual)
    penalty = 0.0
    if problems.linear is not None:
        own = np.take_along_axis(problems.linear[ids], state.support[rows], axis=1)
        penalty = (own * state.weights[rows]).sum(axis=1)
    objective = squares + penalty
    gap = 2 * squares + penalty - slope[np.arange(len(rows)), lowest]
    converged = gap <= RELATIVE_GAP * np.abs(objective) + tolerance[ids]
    full = state.size[rows] == state.support.shape[1]
    over = converged | (objective >= state.objective[rows]) | full
    found.gap[ids], found.converged[ids] = np.maximum(gap, 0.0), converged
    state.objective[rows] = objective
    adding = rows[~over]
    state.support[adding, state.size[adding]] = lowest[~over]
    state.weights[adding, state.size[adding]] = 0.0
    state.size[adding] += 1
    finished = np.zeros(len(state.ids), dtype=bool)
    finished[rows[over]] = True
    if not finished.any():
        return state
    _store(found, state, finished)
    return state.keep(~finished)


def _store(found: Found, state: _State, finished: Bools) -> None:
    ids = state.ids[finished]
    found.support[ids], found.weights[ids] = state.support[finished], state.weights[finished]


def _move(problems: Problems, state: _State) -> None:
    """Move to the minimum on the affine hull of the support, or to the boundary."""
    k = int(state.size.max())
    inside = np.arange(k) < state.size[:, None]
    which = problems.which[state.ids][:, None]
    points = problems.donors[which, state.support[:, :k]] - state.target[:, None, :]
    slopes = None
    if problems.linear is not None:
        slopes = np.take_along_axis(problems.linear[state.ids], state.support[:, :k], axis=1)
    now = state.weights[:, :k]
    wanted = _affine_minimum(points, inside, now, slopes)
    falling = inside & (wanted <= 0)
    blocked = falling.any(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(falling, now / (now - wanted), np.inf)
    step = np.where(blocked, np.minimum(reach.min(axis=1), 1.0), 1.0)
    weights = now + step[:, None] * (wanted - now)
    leaving = falling & (reach <= step[:, None])
    weights = np.where(inside & ~leaving, np.maximum(weights, 0.0), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    state.residual = np.einsum("bk,bkt->bt", weights, points)
    order = np.argsort(~(inside & ~leaving), axis=1, kind="stable")
    state.support[:, :k] = np.take_along_axis(state.support[:, :k], order, axis=1)
    state.weights[:, :k] = np.take_along_axis(weights, order, axis=1)
    state.size = state.size - leaving.sum(axis=1)
    state.needs_donor = np.logical_not(blocked)


def _affine_minimum(points: Floats, inside: Bools, now: Floats, slopes: Floats | None) -> Floats:
    """Return the weights of the minimum on the affine hull, (b, k); the first point is the origin of the hull."""
    b, k, n_years = points.shape
    if k == 1:
        return np.ones((b, 1))
    rest = inside[:, 1:]
    edges = np.where(rest[:, :, None], points[:, 1:] - points[:, :1], 0.0)
    if k - 1 > n_years:
        edges = np.concatenate([edges, np.zeros((b, k - 1, k - 1 - n_years))], axis=2)
        points = np.concatenate([points, np.zeros((b, k, k - 1 - n_years))], axis=2)
    q, r = np.linalg.qr(edges.transpose(0, 2, 1))
    pivots = np.abs(np.einsum("bii->bi", r))
    dependent = rest & (pivots <= DEPENDENT * pivots.max(axis=1, keepdims=True))
    side = -np.einsum("bti,bt->bi", q, points[:, 0])
    diagonal = np.arange(k - 1)
    r[:, diagonal, diagonal] = np.where(rest & ~dependent, r[:, diagonal, diagonal], 1.0)
    if slopes is not None:
        drop = np.where(rest, slopes[:, 1:] - slopes[:, :1], 0.0)
        side -= np.linalg.solve(r.transpose(0, 2, 1), drop[:, :, None])[:, :, 0] / 2
    side = np.where(rest, side, 0.0)
    moved = np.linalg.solve(r, side[:, :, None])[:, :, 0]
    wanted = np.concatenate([1 - moved.sum(axis=1, keepdims=True), moved], axis=1)
    odd = np.flatnonzero(dependent.any(axis=1))
    if len(odd):
        wanted[odd] = now[odd] + BEYOND * _flat_direction(r[odd], dependent[odd])
    return wanted


def _flat_direction(r: Floats, dependent: Bools) -> Floats:
    """Return the direction in weights along which the fit does not change, entering donor upwards, (b, k)."""
    rows = np.arange(len(r))
    last = dependent.shape[1] - 1 - dependent[:, ::-1].argmax(axis=1)
    column = np.where(np.arange(dependent.shape[1]) < last[:, None], r[rows, :, last], 0.0)
    moved = -np.linalg.solve(r, column[:, :, None])[:, :, 0]
    moved = np.where(np.arange(dependent.shape[1]) < last[:, None], moved, 0.0)
    moved[rows, last] = 1.0
    return np.concatenate([-moved.sum(axis=1, keepdims=True), moved], axis=1)
