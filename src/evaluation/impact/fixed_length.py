"""The shortest interval of fixed length for an effect when trends differ smoothly.

Belongs here: the optimal affine estimator and its interval. Does not belong here: the other restrictions,
for which intervals of fixed length can be far too long (Rambachan and Roth 2023, section 3.2).

An affine estimator adds weights on the estimates before the base to the effect asked for. Its bias under
slopes that change by at most M a year is at most M sum |c|, c the weights in terms of changes of slope, once
linear trends cancel; the half length of its interval is s cv(bias / s), with cv(r) the quantile of |N(r, 1)|.
The length is convex in the weights.

References
----------
Rambachan and Roth (2023), section 3.2; Armstrong and Kolesar (2018), Optimal inference in a class of
regression models, Econometrica 86(2), doi:10.3982/ECTA14434.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.optimize import brentq, minimize
from scipy.special import ndtr, ndtri

from evaluation.errors import UsageError
from evaluation.impact.conditional_test import Target
from evaluation.impact.restrictions import slope_changes

Floats = NDArray[np.float64]

SOLVER_TOLERANCE = 1e-13
"""Change of the length, relative to a standard error, at which the search for weights stops."""

MAX_STEPS = 500
"""Steps of the search; it needs about thirty."""


@dataclass(frozen=True)
class FixedLength:
    """An affine estimator with its interval.

    Parameters
    ----------
    estimate, std_error
        Of the affine estimator.
    half_length
        Of its interval.
    weights
        On all estimates, in the order of the timeline, (n,).
    worst_bias
        Largest bias under the bound.
    """

    estimate: float
    std_error: float
    half_length: float
    weights: Floats
    worst_bias: float


def fixed_length_interval(target: Target, *, bound: float, level: float) -> FixedLength:
    """Find the affine estimator whose interval is shortest.

    Parameters
    ----------
    target
        Estimates and the effect asked for.
    bound
        Largest change of the slope from one year to the next, zero or more.
    level
        Coverage.

    Raises
    ------
    UsageError
        When there is no estimate before the base: a trend cannot be extrapolated from nothing.
    """
    timeline = target.timeline
    before = ~timeline.is_post
    if not before.any():
        raise UsageError("smoothness needs at least one estimate before the base year; got none.")
    problem = _problem(target, bound=bound, level=level)
    free = problem.solve()
    weights = problem.fixed + problem.directions @ free
    std_error, worst_bias = problem.spread(free), problem.bias(free)
    half = std_error * folded_normal_quantile(worst_bias / std_error, level=level)
    return FixedLength(
        estimate=float(weights @ target.estimate),
        std_error=std_error,
        half_length=float(half),
        weights=weights,
        worst_bias=worst_bias,
    )


def folded_normal_quantile(shift: float, *, level: float) -> float:
    """Return the `level` quantile of ``|N(shift, 1)|``."""

    def excess(value: float) -> float:
        return float(ndtr(value - shift) - ndtr(-value - shift) - level)

    low, high = float(ndtri(level)), float(shift + ndtri(0.5 + level / 2) + 1e-9)
    return float(brentq(excess, max(0.0, shift + low - 1e-9) if shift else 0.0, high, xtol=1e-14, rtol=1e-14))


@dataclass(frozen=True)
class _Problem:
    """Weights = fixed + directions @ free; changes of slope = change_fixed + change_directions @ free."""

    fixed: Floats
    directions: Floats
    change_fixed: Floats
    change_directions: Floats
    spans: Floats
    vcov: Floats
    bound: float
    level: float

    def spread(self, free: Floats) -> float:
        weights = self.fixed + self.directions @ free
        return float(np.sqrt(weights @ self.vcov @ weights))

    def bias(self, free: Floats) -> float:
        changes = self.change_fixed + self.change_directions @ free
        return self.bound * float(self.spans @ np.abs(changes))

    def solve(self) -> Floats:
        n_free = self.directions.shape[1]
        gls = self._least_variance()
        if n_free == 0 or self.bound == 0:
            return gls
        return self._shortest(gls)

    def _least_variance(self) -> Floats:
        gram = self.directions.T @ self.vcov @ self.directions
        least = np.linalg.solve(gram, self.directions.T @ self.vcov @ self.fixed)
        return -least.astype(np.float64)

    def _shortest(self, start: Floats) -> Floats:
        """Minimise over the free weights and over limits u >= |changes| that carry the bias."""
        n_free, scale = len(start), self.spread(start)
        changes = self.change_directions
        stacked = np.vstack(
            [np.hstack([-changes, np.eye(len(changes))]), np.hstack([changes, np.eye(len(changes))])]
        )
        offset = np.r_[-self.change_fixed, self.change_fixed]
        first = np.r_[start, np.abs(self.change_fixed + changes @ start)]
        inside: Any = {"type": "ineq", "fun": lambda x: stacked @ x + offset, "jac": lambda x: stacked}

        def length(point: Any) -> Any:
            return self._length(point[:n_free], point[n_free:], scale)

        found = minimize(
            length,
            first,
            jac=True,
            method="SLSQP",
            constraints=[inside],
            options={"ftol": SOLVER_TOLERANCE, "maxiter": MAX_STEPS},
        )
        return np.asarray(found.x[:n_free], dtype=float)

    def _length(self, free: Floats, limits: Floats, scale: float) -> tuple[float, Floats]:
        """Half length in units of `scale`, with its gradient."""
        weights = self.fixed + self.directions @ free
        spread = float(np.sqrt(weights @ self.vcov @ weights))
        shift = self.bound * float(self.spans @ limits) / spread
        quantile = folded_normal_quantile(max(shift, 0.0), level=self.level)
        near, far = np.exp(-((quantile - shift) ** 2) / 2), np.exp(-((quantile + shift) ** 2) / 2)
        rise = (near - far) / (near + far)
        by_spread = (quantile - shift * rise) * (self.directions.T @ self.vcov @ weights) / spread
        return spread * quantile / scale, np.r_[by_spread, rise * self.bound * self.spans] / scale


def _problem(target: Target, *, bound: float, level: float) -> _Problem:
    timeline = target.timeline
    before = ~timeline.is_post
    trend = (timeline.event_time - timeline.base).astype(float)
    asked = np.zeros(len(trend))
    asked[timeline.is_post] = target.weights
    # Weights before the base cancel a linear trend: one solution, and all directions that keep it cancelled.
    extrapolation = np.zeros(len(trend))
    extrapolation[before] = -trend[before] * (asked @ trend) / (trend[before] @ trend[before])
    directions = np.zeros((len(trend), int(before.sum()) - 1))
    directions[before] = null_space(trend[before][None, :])
    changes, spans = slope_changes(timeline)
    to_changes = np.linalg.pinv(changes.T)
    fixed = asked + extrapolation
    return _Problem(
        fixed=fixed,
        directions=directions,
        change_fixed=to_changes @ fixed,
        change_directions=to_changes @ directions,
        spans=spans,
        vcov=target.vcov,
        bound=bound,
        level=level,
    )
