"""Peers by statistics: the units whose indicators resemble a unit's most.

Belongs here: distances between units. Does not belong here: peers by rule (type, size), which are the caller's.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.index.statistics import check_numeric, check_option

Metric = Literal["euclidean", "mahalanobis"]
Floats = NDArray[np.float64]

LEAST_EIGENVALUE = 1e-10
"""Smallest eigenvalue of the correlation matrix, relative to the largest, whose direction counts as variation."""

TIE_DIGITS = 12
"""Significant digits by which distances are told apart; closer ones are ties, which the order of the rows settles."""


def nearest_units(
    values: pd.DataFrame, *, count: int = 10, metric: Metric = "euclidean", least_shared: float = 0.5
) -> pd.DataFrame:
    """Return the nearest other units of each unit, each indicator standardised first.

    Parameters
    ----------
    values
        (n_units, n_indicators), NaN where missing; directions do not matter.
    count
        How many neighbours of each unit.
    metric
        ``euclidean``: root mean square of the differences in standard deviations, over the indicators that both units
        have. ``mahalanobis``: differences in the directions of the principal components, each by its own standard
        deviation, so that correlated indicators do not count twice, divided by the square root of their number; over units
        with all indicators.
    least_shared
        Least share of the indicators that two units must have in common (``euclidean``), 0-1.

    Returns
    -------
    DataFrame
        unit, neighbour, place (1 is nearest), distance (0 for units alike; about 1.4 for two units drawn at random),
        n_shared (indicators). Equal distances in the order of the rows. Units that can be compared with nobody have no row.

    Raises
    ------
    UsageError
        For a metric that does not exist, or fewer than one neighbour.

    References
    ----------
    Mahalanobis (1936), Proceedings of the National Institute of Sciences of India 2(1), 49-55. The root mean square over
    shared indicators is the treatment of missing values of Gower (1971), Biometrics 27(4), doi:10.2307/2528823.
    """
    check_option(metric, get_args(Metric), name="metric")
    check_numeric(values)
    if count < 1:
        raise UsageError(f"count must be 1 or more; got: {count}")
    numbers = _standardised(values.to_numpy(dtype=float))
    if metric == "euclidean":
        distance, shared = _euclidean(numbers, least_shared=least_shared)
    else:
        distance, shared = _mahalanobis(numbers)
    np.fill_diagonal(distance, np.nan)
    return _nearest(distance, shared, units=values.index, count=count)


def _standardised(numbers: Floats) -> Floats:
    present = ~np.isnan(numbers)
    count = present.sum(axis=0)
    mean = np.where(present, numbers, 0.0).sum(axis=0) / np.maximum(count, 1)
    centred = numbers - mean
    spread = np.sqrt((np.where(present, centred, 0.0) ** 2).sum(axis=0) / np.maximum(count - 1, 1))
    return centred[:, spread > 0] / spread[spread > 0]


def _euclidean(numbers: Floats, *, least_shared: float) -> tuple[Floats, NDArray[np.int_]]:
    present = ~np.isnan(numbers)
    filled = np.where(present, numbers, 0.0)
    mask = present.astype(float)
    squares = filled**2 @ mask.T
    total = squares + squares.T - 2 * filled @ filled.T
    shared = (mask @ mask.T).astype(int)
    enough = (shared > 0) & (shared >= least_shared * numbers.shape[1])
    mean = np.clip(total, 0.0, None) / np.maximum(shared, 1)
    return np.where(enough, np.sqrt(mean), np.nan), shared


def _mahalanobis(numbers: Floats) -> tuple[Floats, NDArray[np.int_]]:
    complete = ~np.isnan(numbers).any(axis=1)
    distance = np.full((len(numbers), len(numbers)), np.nan)
    shared = np.full(distance.shape, numbers.shape[1])
    if complete.sum() < 2:
        return distance, shared
    used = numbers[complete]
    eigenvalues, vectors = np.linalg.eigh(np.atleast_2d(np.cov(used, rowvar=False)))
    kept = eigenvalues > LEAST_EIGENVALUE * eigenvalues[-1]
    whitened = used @ vectors[:, kept] / np.sqrt(eigenvalues[kept])
    inner, _ = _euclidean(whitened, least_shared=0.0)
    distance[np.ix_(complete, complete)] = inner
    return distance, shared


def _nearest(distance: Floats, shared: NDArray[np.int_], *, units: pd.Index, count: int) -> pd.DataFrame:
    # The matrix product leaves an error near the last digit, which must not decide between equal distances.
    scale = 10.0 ** (TIE_DIGITS - 1 - np.floor(np.log10(np.nanmax(distance, initial=1e-300))))
    rounded = np.where(np.isnan(distance), np.inf, np.round(distance * scale) / scale)
    order = np.argsort(rounded, axis=1, kind="stable")[:, :count]
    rows = np.repeat(np.arange(len(order)), order.shape[1])
    columns = order.ravel()
    table = pd.DataFrame(
        {
            "unit": units[rows],
            "neighbour": units[columns],
            "place": np.tile(np.arange(1, order.shape[1] + 1), len(order)),
            "distance": distance[rows, columns],
            "n_shared": shared[rows, columns],
        }
    )
    return table[table["distance"].notna()].reset_index(drop=True)
