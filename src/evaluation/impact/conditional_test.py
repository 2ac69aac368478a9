"""Intervals for an effect when trends may differ within a polyhedron: conditional and hybrid tests.

Belongs here: the test of Andrews, Roth and Pakes for linear moment inequalities, as Rambachan and Roth use it.
Does not belong here: which violations are allowed (`evaluation.impact.restrictions`).

With Y = A b - limit, b the estimates, an effect theta is compatible with the set when some effects of the
other years make every inequality hold. The statistic is the least common slack in standard errors,

    eta(theta) = min over nuisances of max over rows of (Y - a theta - X nuisance) / sd
               = max over vertices g of g'(Y - a theta),  g >= 0, g'sd = 1, X'g = 0.

The vertices do not depend on theta, nor on the data: all of them are listed once, and every theta is tested
at once without a linear programme.

References
----------
Andrews, Roth and Pakes (2023), Inference for linear conditional moment inequalities, Review of Economic
Studies 90(6), doi:10.1093/restud/rdad004: sections 5 and 6. Rambachan and Roth (2023), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from evaluation.impact.restrictions import Polyhedron, Timeline

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Hybrid = Literal["least_favorable", "none"]

FIRST_STAGE_SHARE = 0.1
"""Share of the test's size that the hybrid spends on its first stage (Rambachan and Roth 2023, section 3.3)."""

TIE = 1e-9
"""Relative difference below which two numbers of the truncation are the same."""

LEAST_HALVINGS = 60
"""Halvings in the search for the smallest statistic: to 1e-16 of its range."""

NO_VARIANCE = 1e-14
"""Variance of the statistic, relative to that of a single row, below which it is a constant."""


@dataclass(frozen=True)
class Target:
    """Estimates and the weighted effect that is asked for.

    Parameters
    ----------
    estimate, vcov
        (n,) and (n, n), in the order of `timeline`.
    timeline
        Times of the estimates.
    weights
        Weights of the times after the base in the effect, (n_post,).
    """

    estimate: Floats
    vcov: Floats
    timeline: Timeline
    weights: Floats

    @property
    def effect(self) -> float:
        """The weighted effect as estimated, if trends were parallel."""
        return float(self.weights @ self.estimate[self.timeline.is_post])

    @property
    def std_error(self) -> float:
        """Standard error of `effect`."""
        post = self.timeline.is_post
        return float(np.sqrt(self.weights @ self.vcov[np.ix_(post, post)] @ self.weights))


@dataclass(frozen=True)
class ConditionalTest:
    """The test of one polyhedron, ready for any theta.

    Parameters
    ----------
    intercept, slope
        Of each vertex's line g'(Y - a theta), (n_vertices,).
    covariance
        Covariance of the lines, (n_vertices, n_vertices).
    first_stage
        Critical value of the hybrid's first stage, infinite without one.
    size
        Size of the conditional stage.
    """

    intercept: Floats
    slope: Floats
    covariance: Floats
    first_stage: float
    size: float

    def accepts(self, theta: Floats) -> Bools:
        """Return which effects are not rejected, (n_theta,)."""
        lines = self.intercept - np.outer(theta, self.slope)
        best = lines.argmax(axis=1)
        statistic = np.take_along_axis(lines, best[:, None], axis=1)[:, 0]
        low, high = self._truncation(lines, best, statistic)
        spread = np.sqrt(np.diag(self.covariance))[best]
        constant = spread**2 <= NO_VARIANCE * np.diag(self.covariance).max()
        spread = np.where(constant, 1.0, spread)
        high = np.minimum(high, self.first_stage)
        tail = _tail_probability(statistic / spread, low / spread, high / spread)
        # The critical value is never below zero: a statistic that low is no evidence.
        accepted = (statistic <= 0) | ~(tail < self.size)
        return np.where(constant, statistic <= 0, accepted) & (statistic <= self.first_stage)

    def range_below(self, statistic: float) -> tuple[float, float]:
        """Return the effects at which the statistic is at most a value; low above high when there are none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = (self.intercept - statistic) / self.slope
        falling, rising = self.slope > TIE, self.slope < -TIE
        flat = self.intercept[~(falling | rising)]
        if (flat > statistic).any():
            return np.inf, -np.inf
        return float(ends[falling].max(initial=-np.inf)), float(ends[rising].min(initial=np.inf))

    @property
    def least(self) -> float:
        """The smallest value of the statistic over all effects."""
        low, high = -1.0, 1.0
        while self._is_empty(high):
            low, high = high, 2 * high
        while not self._is_empty(low):
            low = 2 * low - high
        for _ in range(LEAST_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._is_empty(middle) else (low, middle)
        return high

    def _is_empty(self, statistic: float) -> bool:
        low, high = self.range_below(statistic)
        return low > high

    def _truncation(self, lines: Floats, best: NDArray[np.int64], statistic: Floats) -> tuple[Floats, Floats]:
        """Values of the best line between which it stays the best, the rest of the data held fixed."""
        ratio = self.covariance[best] / np.maximum(np.diag(self.covariance)[best], 1e-300)[:, None]
        rest = lines - ratio * statistic[:, None]
        room = 1 - ratio
        tied = np.abs(room) <= TIE
        crossing = rest / np.where(tied, 1.0, room)
        low = np.where(~tied & (room > 0), crossing, -np.inf).max(axis=1)
        high = np.where(~tied & (room < 0), crossing, np.inf).min(axis=1)
        # The best line is where it is: rounding must not put it outside of its own range.
        return np.minimum(low, statistic), np.maximum(high, statistic)


def conditional_test(
    target: Target, polyhedron: Polyhedron, *, level: float, hybrid: Hybrid, normal_draws: Floats
) -> ConditionalTest:
    """Prepare the test of effects under one polyhedron of violations.

    With several years after the base only inequalities that concern them enter, as in R's HonestDiD.

    Parameters
    ----------
    target
        Estimates and the effect asked for.
    polyhedron
        Allowed violations.
    level
        Coverage of the interval, between 0 and 1.
    hybrid
        ``"least_favorable"``: a first stage with simulated least favourable critical value.
    normal_draws
        Standard normal numbers for it, (n_draws, n_times).
    """
    rows = _used_rows(target, polyhedron)
    matrix, limit = polyhedron.matrix[rows], polyhedron.limit[rows]
    moved, nuisance = _split_effects(target, matrix)
    root = matrix @ _root(target.vcov)
    vertices = _vertices(nuisance, np.sqrt((root**2).sum(axis=1)))
    lines = vertices @ root
    size, first_stage = 1 - level, np.inf
    if hybrid == "least_favorable":
        kappa = FIRST_STAGE_SHARE * size
        first_stage = float(np.quantile((lines @ normal_draws.T).max(axis=0), 1 - kappa))
        size = (size - kappa) / (1 - kappa)
    return ConditionalTest(
        intercept=vertices @ (matrix @ target.estimate - limit),
        slope=vertices @ moved,
        covariance=lines @ lines.T,
        first_stage=first_stage,
        size=size,
    )


def _used_rows(target: Target, polyhedron: Polyhedron) -> Bools:
    if target.timeline.n_post == 1:
        return np.ones(len(polyhedron.matrix), dtype=bool)
    return (polyhedron.matrix[:, target.timeline.is_post] != 0).any(axis=1)


def _split_effects(target: Target, matrix: Floats) -> tuple[Floats, Floats]:
    """How the rows move with the effect asked for (n_rows,), and with nuisances, (n_rows, n_post - 1)."""
    after = matrix[:, target.timeline.is_post]
    pivot = int(np.abs(target.weights).argmax())
    # Effects = theta times the pivot's unit over its weight, plus any combination that leaves theta alone.
    moved = after[:, pivot] / target.weights[pivot]
    others = np.delete(np.arange(len(target.weights)), pivot)
    nuisance = after[:, others] - np.outer(moved, target.weights[others])
    return moved, nuisance


def _vertices(nuisance: Floats, spread: Floats) -> Floats:
    """Every vertex of {g >= 0, g'spread = 1, nuisance'g = 0}, (n_vertices, n_rows).

    The double description method: begin with the rays of the positive orthant, and for each equation keep
    those on it and join neighbours from its two sides (Fukuda and Prodon 1996, doi:10.1007/3-540-61576-8_77).
    """
    rays = np.eye(len(spread))
    for equation in nuisance.T:
        rays = _cut(rays, rays @ equation)
    length = rays @ spread
    usable = length > TIE * length.max()
    return rays[usable] / length[usable, None]


def _cut(rays: Floats, side: Floats) -> Floats:
    """Rays of a cone where a hyperplane cuts it; `side` is the signed distance of each ray."""
    on = np.abs(side) <= TIE
    above, below = np.flatnonzero(side > TIE), np.flatnonzero(side < -TIE)
    upper, lower = np.repeat(above, len(below)), np.tile(below, len(above))
    support = rays > 0
    joined = support[upper] | support[lower]
    # Two rays are neighbours when no third ray lies in the face they span.
    inside = (~joined).astype(float) @ support.T.astype(float) == 0
    neighbours = inside.sum(axis=1) == 2
    upper, lower = upper[neighbours], lower[neighbours]
    new = rays[upper] * -side[lower, None] + rays[lower] * side[upper, None]
    new = new / new.max(axis=1, keepdims=True, initial=1e-300)
    return np.vstack([rays[on], np.where(new > TIE, new, 0.0)])


def _root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _tail_probability(value: Floats, low: Floats, high: Floats) -> Floats:
    """Probability that a standard normal between two limits exceeds a value; missing where the limits meet."""
    beyond, first, last = log_ndtr(-value), log_ndtr(-low), log_ndtr(-high)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.exp(beyond - first) * np.expm1(last - beyond) / np.expm1(last - first)
