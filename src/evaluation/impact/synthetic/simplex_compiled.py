"""The active set of `evaluation.impact.synthetic.simplex` compiled by numba, one problem after the other.

Belongs here: the same algorithm as `simplex_lockstep`, step by step, for machines that have numba (the extra `fast`).
Does not belong here: scaling, choosing an engine, statuses. Kernels hold no lock, so that threads share the problems; numba's
own parallel loops are not used, because their pools do not survive the forks of a run.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from evaluation.impact.synthetic.simplex_lockstep import (
    ABSOLUTE_GAP,
    BEYOND,
    DEPENDENT,
    RELATIVE_GAP,
    STEPS_PER_DONOR,
    Found,
    Problems,
)

LEAST_SHARE = 64
"""Fewest problems worth a thread."""


def solve_compiled(problems: Problems) -> Found:
    """Solve scaled problems.

    Parameters
    ----------
    problems
        At least one donor of each is not blocked.
    """
    n, n_years = problems.targets.shape
    width = n_years + 2
    found = Found(
        support=np.zeros((n, width), dtype=np.int64),
        weights=np.zeros((n, width)),
        gap=np.full(n, np.nan),
        converged=np.zeros(n, dtype=bool),
    )
    linear = np.empty((0, 0)) if problems.linear is None else np.ascontiguousarray(problems.linear)
    given: tuple[Any, ...] = (
        # A year's donors lie together, so that the processor takes several at a time.
        np.ascontiguousarray(problems.donors.transpose(0, 2, 1)),
        problems.which,
        np.ascontiguousarray(problems.targets),
        np.ascontiguousarray(problems.blocked),
        linear,
    )
    shares = max(1, min(os.cpu_count() or 1, n // LEAST_SHARE))
    edges = np.linspace(0, n, shares + 1).astype(int)
    into: tuple[Any, ...] = (found.support, found.weights, found.gap, found.converged)
    if shares == 1:
        _solve_range(0, n, *given, *into)
        return found
    with ThreadPoolExecutor(shares) as pool:
        tasks = [pool.submit(_solve_range, edges[i], edges[i + 1], *given, *into) for i in range(shares)]
        for task in tasks:
            task.result()
    return found


@numba.njit(cache=True, nogil=True)
def _solve_range(  # type: ignore[no-untyped-def]
    first, last, donors, which, targets, blocked, linear, support, weights, gap, converged
):  # pragma: no cover - compiled
    n_years = targets.shape[1]
    width = n_years + 2
    points = np.empty((width, n_years))
    q = np.empty((width, n_years))
    r = np.empty((width, width))
    wanted = np.empty(width)
    slope = np.empty(donors.shape[2])
    for i in range(first, last):
        gap[i], converged[i] = _solve_one(
            donors[which[i]],
            targets[i],
            blocked[i],
            linear[i] if linear.shape[0] else linear.reshape(-1),
            support[i],
            weights[i],
            points,
            q,
            r,
            wanted,
            slope,
        )


@numba.njit(cache=True, nogil=True)
def _solve_one(  # type: ignore[no-untyped-def]
    donors, target, blocked, linear, support, weights, points, q, r, wanted, slope
):  # pragma: no cover - compiled
    n_years, n_donors = donors.shape
    width = n_years + 2
    has_linear = linear.shape[0] > 0
    best, total, free, size = np.inf, 0.0, 0, 1
    slope[:] = 0.0
    for t in range(n_years):
        aim = target[t]
        for j in range(n_donors):
            slope[j] += (donors[t, j] - aim) ** 2
    for j in range(n_donors):
        if blocked[j]:
            continue
        total += slope[j]
        free += 1
        value = slope[j] + linear[j] if has_linear else slope[j]
        if value < best:
            best, support[0] = value, j
    tolerance = ABSOLUTE_GAP * total / free
    weights[0] = 1.0
    residual = donors[:, support[0]] - target
    points[0] = residual
    before = np.inf
    needs_donor = True
    gap = np.nan
    for _ in range(STEPS_PER_DONOR * width):
        if needs_donor:
            squares, along = 0.0, 0.0
            for t in range(n_years):
                squares += residual[t] * residual[t]
                along += residual[t] * target[t]
            penalty = 0.0
            if has_linear:
                for i in range(size):
                    penalty += weights[i] * linear[support[i]]
            lowest, entering = np.inf, -1
            slope[:] = 0.0
            for t in range(n_years):
                factor = residual[t]
                for j in range(n_donors):
                    slope[j] += donors[t, j] * factor
            for j in range(n_donors):
                if blocked[j]:
                    continue
                value = 2 * (slope[j] - along)
                if has_linear:
                    value += linear[j]
                if value < lowest:
                    lowest, entering = value, j
            objective = squares + penalty
            gap = 2 * squares + penalty - lowest
            if gap <= RELATIVE_GAP * abs(objective) + tolerance:
                return max(gap, 0.0), True
            if objective >= before or size == width:
                return max(gap, 0.0), False
            before = objective
            support[size], weights[size] = entering, 0.0
            points[size] = donors[:, entering] - target
            size += 1
        _affine_minimum(points, size, n_years, weights, support, linear, has_linear, q, r, wanted)
        step, blocked_step = 1.0, False
        for i in range(size):
            if wanted[i] <= 0:
                blocked_step = True
                reach = weights[i] / (weights[i] - wanted[i])
                step = min(step, reach)
        kept, sum_of = 0, 0.0
        for i in range(size):
            if wanted[i] <= 0 and weights[i] / (weights[i] - wanted[i]) <= step:
                continue
            support[kept] = support[i]
            points[kept] = points[i]
            weights[kept] = max(weights[i] + step * (wanted[i] - weights[i]), 0.0)
            sum_of += weights[kept]
            kept += 1
        for i in range(kept, size):
            weights[i] = 0.0
        size = kept
        residual[:] = 0.0
        for i in range(size):
            weights[i] /= sum_of
            for t in range(n_years):
                residual[t] += weights[i] * points[i, t]
        needs_donor = not blocked_step
    return gap, False


@numba.njit(cache=True, nogil=True)
def _affine_minimum(  # type: ignore[no-untyped-def]
    points, size, n_years, weights, support, linear, has_linear, q, r, wanted
):  # pragma: no cover - compiled
    k = size - 1
    if k == 0:
        wanted[0] = 1.0
        return
    largest, dependent = 0.0, -1
    for i in range(k):
        for t in range(n_years):
            q[i, t] = points[i + 1, t] - points[0, t]
        for h in range(i):
            r[h, i] = 0.0
        for _ in range(2):  # a second pass restores orthogonality
            for h in range(i):
                along = 0.0
                for t in range(n_years):
                    along += q[h, t] * q[i, t]
                r[h, i] += along
                for t in range(n_years):
                    q[i, t] -= along * q[h, t]
        length = 0.0
        for t in range(n_years):
            length += q[i, t] * q[i, t]
        length = np.sqrt(length)
        largest = max(largest, length)
        if length <= DEPENDENT * largest:
            dependent = i
            r[i, i] = 1.0
            for t in range(n_years):
                q[i, t] = 0.0
        else:
            r[i, i] = length
            for t in range(n_years):
                q[i, t] /= length
    if dependent >= 0:
        total = 0.0
        for i in range(dependent - 1, -1, -1):
            value = -r[i, dependent]
            for h in range(i + 1, dependent):
                value -= r[i, h] * wanted[h + 1]
            wanted[i + 1] = value / r[i, i]
            total += wanted[i + 1]
        wanted[dependent + 1] = 1.0
        for i in range(dependent + 1, k):
            wanted[i + 1] = 0.0
        wanted[0] = -total - 1.0
        for i in range(size):
            wanted[i] = weights[i] + BEYOND * wanted[i]
        return
    side = np.empty(k)
    for i in range(k):
        along = 0.0
        for t in range(n_years):
            along += q[i, t] * points[0, t]
        side[i] = -along
    if has_linear:
        forward = np.empty(k)
        for i in range(k):
            value = linear[support[i + 1]] - linear[support[0]]
            for h in range(i):
                value -= r[h, i] * forward[h]
            forward[i] = value / r[i, i]
            side[i] -= forward[i] / 2
    total = 0.0
    for i in range(k - 1, -1, -1):
        value = side[i]
        for h in range(i + 1, k):
            value -= r[i, h] * wanted[h + 1]
        wanted[i + 1] = value / r[i, i]
        total += wanted[i + 1]
    wanted[0] = 1.0 - total
