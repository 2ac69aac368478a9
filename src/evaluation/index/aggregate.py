"""Scores of one level from those of the level below, over the children that are there.

Array functions broadcast over leading axes, so that many replications are aggregated at once, and every row is summed
in the order of the children, so that its bits do not depend on the other rows.
"""

from __future__ import annotations

import numpy as np

from evaluation.errors import BadInputError, Fault
from evaluation.index.spec import Aggregation, Minimum

ROUNDING = 1e-12
"""Coverage and contests are sums of a few dozen weights; differences below this are rounding."""


def aggregate_scores(
    scores: np.ndarray, weights: np.ndarray, *, aggregation: Aggregation, power: float = 1.0
) -> np.ndarray:
    """Return the aggregate of each row over the scores that are present.

    Parameters
    ----------
    scores
        (..., n_units, n_children), NaN where missing.
    weights
        (..., n_children), 0 or more; they need not sum to one.
    aggregation, power
        As in `evaluation.index.spec.Level`. ``copeland`` compares the rows, so they must be of one time.

    Returns
    -------
    ndarray
        (..., n_units), NaN where no child with a weight is present.

    Raises
    ------
    BadInputError
        When a mean meets a score that it has no value at; it is never clipped. Geometric and harmonic means, and power
        means of a negative exponent, need scores above zero, other power means scores of zero or more.
    """
    if aggregation == "copeland":
        return copeland_scores(scores, weights)
    if aggregation == "arithmetic":
        return _weighted_mean(scores, weights)
    exponent = {"geometric": 0.0, "harmonic": -1.0}.get(aggregation, power)
    _refuse_out_of_domain(scores, aggregation, exponent)
    if aggregation == "geometric":
        return np.exp(_weighted_mean(np.log(scores), weights))
    powers = 1.0 / scores if exponent == -1.0 else scores**exponent
    return _weighted_mean(powers, weights) ** (1.0 / exponent)


def copeland_scores(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return contests won minus contests lost by each row against all others.

    Parameters
    ----------
    scores
        (..., n_units, n_children), NaN where missing: no contest on that child.
    weights
        (..., n_children). A contest between two rows is won by the one that is ahead on more of the weight.

    Notes
    -----
    Copeland (1951); Munda and Nardo (2009), doi:10.1080/00036840601019364, for the outranking matrix.
    """
    ahead = np.zeros((*scores.shape[:-1], scores.shape[-2]))
    for child in range(scores.shape[-1]):
        column = scores[..., child]
        lead = np.sign(column[..., :, None] - column[..., None, :])
        ahead += np.where(np.isnan(lead), 0.0, lead) * weights[..., child, None, None]
    threshold = ROUNDING * weights.sum(axis=-1)[..., None, None]
    won = (ahead > threshold).sum(axis=-1) - (ahead < -threshold).sum(axis=-1)
    weighed = ~np.isnan(scores) & (weights[..., None, :] > 0)
    return np.where(weighed.any(axis=-1), won.astype(float), np.nan)


def coverage_of(present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the share of the children's weight that is present in each row, 0 where there is no weight.

    Parameters
    ----------
    present
        (..., n_units, n_children): truth values, or shares of each child that are present.
    weights
        (..., n_children).
    """
    total = np.asarray(weights.sum(axis=-1))[..., None]
    covered = _weighted_sum(present, weights)
    return np.divide(
        covered, total, out=np.zeros_like(covered), where=np.broadcast_to(total > 0, covered.shape)
    )


def withhold(
    aggregate: np.ndarray, *, coverage: np.ndarray, count: np.ndarray, minimum: Minimum
) -> np.ndarray:
    """Return the aggregate, missing where coverage or the number of children is below the minimum."""
    enough = (coverage >= minimum.share - ROUNDING) & (count >= minimum.count)
    return np.where(enough, aggregate, np.nan)


def _weighted_mean(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    present = ~np.isnan(scores)
    total = _weighted_sum(present, weights)
    summed = _weighted_sum(np.where(present, scores, 0.0), weights)
    return np.divide(summed, total, out=np.full(summed.shape, np.nan), where=total > 0)


def _weighted_sum(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    summed = np.zeros(np.broadcast_shapes(values.shape[:-1], (*weights.shape[:-1], 1)))
    for child in range(values.shape[-1]):
        summed += values[..., child] * weights[..., child, None]
    return summed


def _refuse_out_of_domain(scores: np.ndarray, aggregation: Aggregation, exponent: float) -> None:
    """Refuse scores below zero, and scores of zero where the exponent of the mean is not positive."""
    wrong = int(((scores < 0) if exponent > 0 else (scores <= 0)).sum())
    if wrong:
        raise BadInputError(
            [
                Fault(
                    where=f"{aggregation} mean",
                    what=f"{wrong} scores are {'below zero' if exponent > 0 else 'zero or less'} "
                    f"(lowest {np.nanmin(scores):g})",
                    why="it has no value there, and clipping them would invent a score",
                    remedy="use a score range that starts above zero, or the arithmetic mean",
                )
            ]
        )
