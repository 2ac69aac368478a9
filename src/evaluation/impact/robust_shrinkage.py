"""Intervals of shrunken effects that hold for any distribution of true effects.

Belongs here: the spread by moments, bounded away from zero, and the critical value for the worst distribution of
the bias that shrinking brings. Does not belong here: the shrunken effects themselves.

Shrinking by B biases the t statistic by ``b = (1 - 1 / w) (theta - mu) / s``, w = 1 - B. Over units b has the second
moment ``m = s^2 / A`` when w is the normal model's. Of all distributions with that moment the worst puts its
mass on 0 and on one value; the critical value makes its non-coverage 1 - level.

References
----------
Armstrong, Kolesár and Plagborg-Møller (2022), Econometrica 90(6), doi:10.3982/ECTA18597; their R package
ebci.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]

NEAR_ZERO = 1e-4
"""Squared bias below which a chord and the curve differ by less than rounding."""


def robust_variance(y: Floats, s2: Floats) -> float:
    """Return the variance of true effects by weighted moments, with the positive floor of the paper.

    ``max(sum w (e^2 - s^2) / sum w, 2 sum w^2 s^4 / (sum w sum w s^2))``, w = 1 / s^2, e the residuals from the
    weighted mean: the floor is the mean of a truncated posterior, so that shrinkage is never complete.

    Parameters
    ----------
    y, s2
        Estimates and their squared standard errors, (n,).
    """
    weights = 1 / s2
    residual = y - weights @ y / weights.sum()
    moment = weights @ (residual**2 - s2) / weights.sum()
    floor = 2 * (weights**2 @ s2**2) / (weights.sum() * (weights @ s2))
    return float(max(moment, floor))


def critical_values(second_moments: Floats, *, level: float) -> Floats:
    """Return the critical value for each second moment of the normalised bias.

    Parameters
    ----------
    second_moments
        s^2 / A, 0 or more, any shape.
    level
        Coverage for the worst distribution with that moment.
    """
    moments = np.asarray(second_moments, dtype=float)
    distinct, inverse = np.unique(moments, return_inverse=True)
    found = np.array([_critical_value(float(moment), level) for moment in distinct])
    return found[inverse].reshape(moments.shape)


def worst_noncoverage(second_moment: float, critical: float) -> float:
    """Return the largest non-coverage of ``|N(b, 1)| > critical`` over distributions of b with E b^2 given.

    Parameters
    ----------
    second_moment
        0 or more.
    critical
        0 or more.
    """
    turn = _tangent(critical)
    if second_moment >= turn:
        return float(_noncoverage(second_moment, critical))
    start = float(_noncoverage(0.0, critical))
    return start + second_moment / turn * (float(_noncoverage(turn, critical)) - start)


def _critical_value(second_moment: float, level: float) -> float:
    alpha, low = 1 - level, float(ndtri(0.5 + level / 2))
    if second_moment == 0:
        return low
    # Chebyshev: non-coverage is at most (1 + m) / critical^2.
    high = np.sqrt((1 + second_moment) / alpha) + 1
    return float(brentq(lambda critical: worst_noncoverage(second_moment, critical) - alpha, low, high))


def _noncoverage(squared_bias: float | Floats, critical: float) -> Floats:
    bias = np.sqrt(squared_bias)
    return np.asarray(ndtr(-critical - bias) + ndtr(-critical + bias))


def _slope(squared_bias: float, critical: float) -> float:
    """Differentiate the non-coverage by the squared bias."""
    bias = np.sqrt(squared_bias)
    if bias < 1e-6:
        return float(critical * _density(critical))
    return float((_density(critical - bias) - _density(critical + bias)) / (2 * bias))


def _density(x: float) -> float:
    return float(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def _tangent(critical: float) -> float:
    """Squared bias where the line from zero touches: below it the worst distribution mixes 0 and this point.

    Non-coverage is convex, then concave in the squared bias if critical > sqrt(3), concave throughout otherwise.
    """
    if critical <= np.sqrt(3.0):
        return 0.0
    start = float(_noncoverage(0.0, critical))

    def lead(squared: float) -> float:
        return float(_noncoverage(squared, critical)) - start - squared * _slope(squared, critical)

    # Negative while the curve is convex, positive once the chord from zero is above the tangent.
    low, high = NEAR_ZERO, (critical + 2.0) ** 2
    if lead(low) >= 0:
        return 0.0
    while lead(high) < 0:
        high *= 2
    return float(brentq(lead, low, high, xtol=1e-14, rtol=1e-13))
