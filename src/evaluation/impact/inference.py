"""Standard errors, intervals and bands from influence functions.

Belongs here: what is the same for every estimator that has an influence function. Does not belong here: how
the influence function comes about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, ndtri

from evaluation.errors import UsageError

Floats = NDArray[np.float64]
Band = Literal["pointwise", "simultaneous"]
Multiplier = Literal["mammen", "rademacher"]

MDE_FACTOR = 2.8
"""Standard errors that an effect must have to be found in 80 of 100 studies at the 5% level, two-sided:
1.96 + 0.84 (Bloom 1995, Evaluation Review 19, doi:10.1177/0193841X9501900504)."""

DEFAULT_DRAWS = 999
"""Bootstrap draws: with 999 the 95% quantile is itself a drawn value."""

DEFAULT_SEED = 20170522
"""Seed of the multiplier bootstrap."""

CONFIDENCE = 0.95
"""Coverage of the intervals."""

MAMMEN_LOW = (1 - np.sqrt(5)) / 2
"""Lower of the two values of Mammen's multiplier: mean 0, variance 1, third moment 1."""

MAMMEN_PROBABILITY = (np.sqrt(5) + 1) / (2 * np.sqrt(5))
"""Probability of the lower value."""


class IntervalOptions(TypedDict, total=False):
    """The fields of `Intervals` as keyword arguments."""

    band: Band
    draws: int
    seed: int
    multiplier: Multiplier
    level: float


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """How intervals are made.

    Parameters
    ----------
    band
        ``"pointwise"``: each interval alone covers with `level`; ``"simultaneous"``: all of a table together.
    draws, seed, multiplier
        Of the multiplier bootstrap behind simultaneous bands.
    level
        Coverage, between 0 and 1.
    """

    band: Band = "pointwise"
    draws: int = DEFAULT_DRAWS
    seed: int = DEFAULT_SEED
    multiplier: Multiplier = "mammen"
    level: float = CONFIDENCE

    def __post_init__(self) -> None:
        if self.band not in get_args(Band):
            raise UsageError(f"band must be one of {', '.join(get_args(Band))}; got: {self.band!r}")
        if self.multiplier not in get_args(Multiplier):
            allowed = ", ".join(get_args(Multiplier))
            raise UsageError(f"multiplier must be one of {allowed}; got: {self.multiplier!r}")
        if not 0 < self.level < 1:
            raise UsageError(f"level must lie between 0 and 1; got: {self.level!r}")
        if self.draws < 1:
            raise UsageError(f"draws must be 1 or more; got: {self.draws!r}")


def mde(std_error: Floats | float) -> Floats:
    """Return the minimum detectable effect, `MDE_FACTOR` times the standard error.

    Parameters
    ----------
    std_error
        In units of the outcome.
    """
    return MDE_FACTOR * np.asarray(std_error, dtype=float)


def covariance(influence: Floats, *, clusters: NDArray[np.int64] | None = None) -> Floats:
    """Return the covariance of estimates from their influence functions.

    ``sum over clusters of s s' / n^2``, s the sum of the influence in a cluster; no small-sample factor.

    Parameters
    ----------
    influence
        (n_units, n_estimates).
    clusters
        Cluster of each unit as 0, 1, ..., (n_units,); each unit its own when None.
    """
    sums = cluster_sums(influence, clusters=clusters)
    return sums.T @ sums / len(influence) ** 2


def standard_errors(influence: Floats, *, clusters: NDArray[np.int64] | None = None) -> Floats:
    """Return standard errors, missing where the influence is zero (a base year, zero by construction)."""
    sums = cluster_sums(influence, clusters=clusters)
    errors = np.sqrt((sums**2).sum(axis=0)) / max(len(influence), 1)
    return np.where(errors > 0, errors, np.nan)


def cluster_sums(influence: Floats, *, clusters: NDArray[np.int64] | None = None) -> Floats:
    """Return the influence summed within clusters, (n_clusters, n_estimates)."""
    if clusters is None:
        return influence
    sums = np.zeros((int(clusters.max(initial=-1)) + 1, influence.shape[1]))
    np.add.at(sums, clusters, influence)
    return sums


def bootstrap_draws(
    influence: Floats,
    *,
    clusters: NDArray[np.int64] | None = None,
    draws: int = DEFAULT_DRAWS,
    seed: int = DEFAULT_SEED,
    multiplier: Multiplier = "mammen",
) -> Floats:
    """Draw the estimation error by the multiplier bootstrap (Callaway and Sant'Anna 2021, algorithm 1).

    Parameters
    ----------
    influence
        (n_units, n_estimates).
    clusters
        One multiplier per cluster.
    draws, seed, multiplier
        Number of draws, seed, and the multiplier's two-point distribution.

    Returns
    -------
    ndarray
        (draws, n_estimates).
    """
    sums = (cluster_sums(influence, clusters=clusters) / len(influence)).astype(np.float32)
    return (_multipliers(draws, len(sums), seed, multiplier) @ sums).astype(np.float64)


@lru_cache(maxsize=2)
def _multipliers(draws: int, n_clusters: int, seed: int, multiplier: Multiplier) -> NDArray[np.float32]:
    """Multipliers (draws, n_clusters), kept because every table of a study asks for the same ones.

    Single precision: seven digits are far beyond the noise of the draws, and half the work.
    """
    uniform = np.random.default_rng(seed).random((draws, n_clusters), dtype=np.float32)
    if multiplier == "mammen":
        low, high = np.float32(MAMMEN_LOW), np.float32(1 - MAMMEN_LOW)
        multipliers = np.where(uniform < MAMMEN_PROBABILITY, low, high)
    else:
        multipliers = np.where(uniform < 0.5, np.float32(-1.0), np.float32(1.0))
    multipliers.flags.writeable = False
    return multipliers


def critical_value(
    influence: Floats, *, intervals: Intervals, clusters: NDArray[np.int64] | None = None
) -> float:
    """Return how many standard errors an interval extends.

    Parameters
    ----------
    influence
        (n_units, n_estimates).
    intervals
        The normal quantile for pointwise ones; for simultaneous ones the quantile of the largest absolute
        t statistic over the draws, and never less than the normal quantile, which it exceeds but for noise.
    clusters
        Cluster of each unit.
    """
    normal = float(ndtri(0.5 + intervals.level / 2))
    errors = standard_errors(influence, clusters=clusters)
    known = np.isfinite(errors)
    if intervals.band == "pointwise" or not known.any():
        return normal
    drawn = bootstrap_draws(
        influence[:, known],
        clusters=clusters,
        draws=intervals.draws,
        seed=intervals.seed,
        multiplier=intervals.multiplier,
    )
    largest = np.abs(drawn / errors[known]).max(axis=1)
    return max(normal, float(np.quantile(largest, intervals.level, method="inverted_cdf")))


def describe(
    estimate: Floats | Sequence[float],
    influence: Floats,
    *,
    intervals: Intervals,
    clusters: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Return estimates with standard error, interval, p-value and minimum detectable effect.

    Parameters
    ----------
    estimate
        (n_estimates,).
    influence
        (n_units, n_estimates).
    intervals
        How intervals are made.
    clusters
        Cluster of each unit.

    Returns
    -------
    dict
        Columns estimate, std_error, conf_low, conf_high, band, p_value (two-sided, normal, of the one
        estimate), mde; in units of the outcome.
    """
    values = np.asarray(estimate, dtype=float)
    errors = standard_errors(influence, clusters=clusters)
    reach = critical_value(influence, intervals=intervals, clusters=clusters) * errors
    return {
        "estimate": values,
        "std_error": errors,
        "conf_low": values - reach,
        "conf_high": values + reach,
        "band": np.full(len(values), intervals.band, dtype=object),
        # erfc(x / sqrt 2) is twice the normal tail.
        "p_value": erfc(np.abs(values / errors) / np.sqrt(2)),
        "mde": mde(errors),
    }
