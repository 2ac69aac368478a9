"""How far weights may be from those estimated: a linear function over a simplex cut by a ball.

Belongs here: the search for its largest value, for many draws and directions at once. Does not belong here: where draws
come from, or what the bounds are for (`evaluation.impact.synthetic.prediction`).

For a multiplier k, ``min |B (x - w) - e|^2 - k row'x`` is a problem of the simplex solver. The larger k, the further x
moves along the row and out of the ball. Between a k inside and one outside, the point of their line on the sphere is
feasible, a value from below; ``row'x + (|e|^2 - |..|^2) / k`` bounds it from above. While the support stays the same the
line is exact, so that few steps close the two.

References
----------
Cattaneo, Feng and Titiunik (2021), J. American Statistical Association 116(536), doi:10.1080/01621459.2021.1979561,
on the optimisation behind the in-sample bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.impact.synthetic.simplex import solve_simplex

Floats = NDArray[np.float64]

SEARCH = 60
"""Steps of the search for a multiplier at most; about six are needed."""

CLOSE = 1e-7
"""Distance of the bounds from both sides, as a share of the donors' range, at which a value is found."""

EDGE = 0.02
"""Share of the bracket that a step leaves at each end, so that it shrinks from both sides."""


def largest_in_ball(rows: Floats, *, b: Floats, noise: Floats, weights: Floats, floor: Floats) -> Floats:
    """Return the largest ``row'x`` over weights x with ``|B (x - w) - e| <= |e|``, for each draw and row.

    Parameters
    ----------
    rows
        (n_rows, n_donors).
    b
        B, donors' outcomes in the years before treatment, (n_years, n_donors).
    noise
        e, (n_draws, n_years).
    weights
        w, (n_donors,).
    floor
        Least weight of each donor, at most w, (n_donors,); weights sum to one.

    Returns
    -------
    ndarray
        (n_draws, n_rows).
    """
    shift, room = floor, 1 - floor.sum()
    n_rows, n_draws = len(rows), len(noise)
    row, e = np.repeat(rows, n_draws, axis=0), np.tile(noise, (n_rows, 1))
    radius = np.sqrt((e**2).sum(axis=1))
    corner = shift + room * np.eye(len(weights))[row.argmax(axis=1)]
    inside = _Points(np.zeros(len(row)), np.broadcast_to(weights, row.shape).copy(), -e)
    outside = _Points(np.full(len(row), np.inf), corner, (corner - weights) @ b.T - e)
    value = (corner * row).sum(axis=1)
    active = np.flatnonzero(np.sqrt((outside.z**2).sum(axis=1)) > radius)
    spread, size = np.ptp(row, axis=1), np.sqrt(((b - b.mean(axis=1, keepdims=True)) ** 2).sum(axis=0).mean())
    guess = 2 * radius * size / np.where(spread > 0, spread, 1.0)
    value[active] = _on_sphere(inside.at(active), outside.at(active), radius[active], row[active])[0]
    for _ in range(SEARCH):
        if not len(active):
            break
        k = guess[active]
        target = (b @ (weights - shift) + e[active]) / room
        found = solve_simplex(b.T, target, linear=-k[:, None] * row[active] / room)
        x = shift + room * found.weights
        z = (x - weights) @ b.T - e[active]
        reached = np.sqrt((z**2).sum(axis=1))
        within = reached <= radius[active]
        inside.put(active[within], k[within], x[within], z[within])
        outside.put(active[~within], k[~within], x[~within], z[~within])
        best, share = _on_sphere(inside.at(active), outside.at(active), radius[active], row[active])
        value[active] = np.maximum(value[active], best)
        bound = (x * row[active]).sum(axis=1) + (radius[active] ** 2 - reached**2) / k
        guess[active] = _next(inside.k[active], outside.k[active], share)
        active = active[bound - value[active] > CLOSE * np.where(spread > 0, spread, 1.0)[active]]
    return value.reshape(n_rows, n_draws).T


@dataclass
class _Points:
    """Multipliers, weights and their residuals ``B (x - w) - e``, one for each draw and row."""

    k: Floats
    x: Floats
    z: Floats

    def at(self, rows: NDArray[np.int64]) -> _Points:
        return _Points(self.k[rows], self.x[rows], self.z[rows])

    def put(self, rows: NDArray[np.int64], k: Floats, x: Floats, z: Floats) -> None:
        self.k[rows], self.x[rows], self.z[rows] = k, x, z


def _on_sphere(inside: _Points, outside: _Points, radius: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Value where the line from inside to outside leaves the ball, and how far along that is."""
    step = outside.z - inside.z
    square, product = (step**2).sum(axis=1), (step * inside.z).sum(axis=1)
    room = np.maximum(radius**2 - (inside.z**2).sum(axis=1), 0.0)
    root = np.sqrt(np.maximum(product**2 + square * room, 0.0))
    share = np.clip((root - product) / np.where(square > 0, square, 1.0), 0.0, 1.0)
    x = inside.x + share[:, None] * (outside.x - inside.x)
    return (x * row).sum(axis=1), share


def _next(low: Floats, high: Floats, share: Floats) -> Floats:
    """Multiplier to try: where the line leaves the ball, kept off the ends; four times as far without an end."""
    finite = np.isfinite(high)
    kept = np.clip(share, EDGE, 1 - EDGE)
    top = np.where(finite, high, 0.0)
    return np.where(finite, low + kept * (top - low), 4 * low)
