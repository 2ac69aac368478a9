"""Which uncertain choice the uncertainty of an outcome comes from: Sobol' indices by sampling, with intervals.

Belongs here: the sample and the estimators, for any function of independent uniform numbers. Does not belong here: what
the function is (`evaluation.index.sensitivity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from evaluation.errors import UsageError

Floats = NDArray[np.float64]
FirstOrder = Literal["saltelli", "jansen"]

NEGLIGIBLE = 1e-9
"""Share of the variance of all points below which a resample's variance is rounding."""


@dataclass(frozen=True)
class SobolIndices:
    """Indices of each factor for each outcome; NaN for an outcome that never varies.

    Parameters
    ----------
    first, total
        (n_factors, n_outcomes): share of the variance that is due to the factor alone; share that is due to it alone or
        together with others.
    first_low, first_high, total_low, total_high
        Ends of their bootstrap intervals; NaN without a bootstrap.
    """

    first: Floats
    total: Floats
    first_low: Floats
    first_high: Floats
    total_low: Floats
    total_high: Floats


def saltelli_sample(n: int, widths: Sequence[int], *, seed: int) -> Floats:
    """Return the points at which a function must be evaluated.

    Parameters
    ----------
    n
        Size of the base sample, a power of two: only then is the sequence balanced.
    widths
        How many uniform numbers each factor uses; those of a factor change together.
    seed
        Of the scrambling.

    Returns
    -------
    array
        (n_factors + 2, n, sum of widths) on [0, 1): A, then A with the columns of each factor from B, then B.

    Raises
    ------
    UsageError
        When `n` is not a power of two.

    Notes
    -----
    Scrambled Sobol' sequence of twice the width, as in Saltelli et al. (2010), section 3.
    """
    if n < 2 or n & (n - 1):
        raise UsageError(f"n must be a power of two, or the sequence is not balanced; got: {n}")
    width = sum(widths)
    base = qmc.Sobol(2 * width, scramble=True, rng=np.random.default_rng(seed)).random(n)
    sample = np.repeat(base[None, :, :width], len(widths) + 2, axis=0)
    starts = np.concatenate([[0], np.cumsum(widths)])
    for factor, (start, end) in enumerate(pairwise(starts), start=1):
        sample[factor, :, start:end] = base[:, width + start : width + end]
    sample[-1] = base[:, width:]
    return sample


def sobol_indices(
    outcomes: Floats,
    *,
    first_order: FirstOrder = "saltelli",
    bootstrap: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> SobolIndices:
    """Return first-order and total indices of each factor, with percentile intervals.

    Parameters
    ----------
    outcomes
        (n_factors + 2, n, n_outcomes), the function at the points of `saltelli_sample`.
    first_order
        Estimator of the first-order index, see Notes.
    bootstrap
        Resamples of the n base points; 0 for no intervals.
    level
        Of the intervals.
    seed
        Of the resampling.

    Notes
    -----
    With all outcomes centred at their mean and V the variance over A and B: total (Jansen 1999)
    mean((A - AB_i)^2) / 2V; first order ``saltelli`` mean(B (AB_i - A)) / V (Saltelli et al. 2010, table 2, b) or
    ``jansen`` 1 - mean((B - AB_i)^2) / 2V. Without centring the first has an error that grows with the mean of the
    outcome.

    References
    ----------
    Saltelli, Annoni, Azzini, Campolongo, Ratto and Tarantola (2010), Variance based sensitivity analysis of model
    output, Computer Physics Communications 181, 259-270, doi:10.1016/j.cpc.2009.09.018. Jansen (1999), Analysis of
    variance designs for model output, Computer Physics Communications 117, 35-43, doi:10.1016/S0010-4655(98)00154-4.
    """
    if first_order not in get_args(FirstOrder):
        raise UsageError(
            f"first_order must be one of {', '.join(get_args(FirstOrder))}; got: {first_order!r}"
        )
    centred = outcomes - outcomes.mean(axis=(0, 1))
    n = outcomes.shape[1]
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=bootstrap) / n
    shares = np.concatenate([np.full((1, n), 1 / n), draws])
    varies = np.ptp(outcomes, axis=(0, 1)) > 0
    found = _indices(centred, shares, first_order)
    first, total = (np.where(varies, one[0], np.nan) for one in found)
    tails = ((1 - level) / 2, (1 + level) / 2)
    (first_low, first_high), (total_low, total_high) = (_ends(one[1:], tails, varies) for one in found)
    return SobolIndices(first, total, first_low, first_high, total_low, total_high)


def _indices(centred: Floats, shares: Floats, first_order: FirstOrder) -> tuple[Floats, Floats]:
    """Return (n_resamples, n_factors, n_outcomes) first-order and total indices, a row of `shares` a resample."""
    a, b, mixed = centred[0], centred[-1], centred[1:-1]
    centre = shares @ centred.mean(axis=0)
    variance = shares @ ((a**2 + b**2) / 2) - (shares @ ((a + b) / 2)) ** 2
    # a resample in which an outcome hardly varies says nothing of what it varies with
    variance = np.where(variance > NEGLIGIBLE * variance[0], variance, np.nan)
    first, total = [], []
    with np.errstate(invalid="ignore", divide="ignore"):
        for one in mixed:
            total.append(shares @ (a - one) ** 2 / (2 * variance))
            if first_order == "jansen":
                first.append(1 - shares @ (b - one) ** 2 / (2 * variance))
            else:
                product = shares @ (b * (one - a)) - centre * (shares @ (one - a))
                first.append(product / variance)
    return np.stack(first, axis=1), np.stack(total, axis=1)


def _ends(resampled: Floats, tails: tuple[float, float], varies: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    ends = np.full((2, *resampled.shape[1:]), np.nan)
    if len(resampled) and varies.any():
        ends[..., varies] = np.nanquantile(resampled[..., varies], tails, axis=0)
    return ends[0], ends[1]
