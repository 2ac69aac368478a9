"""Weighted means over the children that are there, with the coverage they give."""

from __future__ import annotations

import numpy as np

from evaluation.errors import BadInputError, Fault
from evaluation.index.spec import Mean, Minimum


def weighted_mean(scores: np.ndarray, weights: np.ndarray, *, mean: Mean) -> np.ndarray:
    """Return the weighted mean of each row over the scores that are present.

    Parameters
    ----------
    scores
        (n_units, n_children), NaN where missing.
    weights
        (n_children,), 0 or more.
    mean
        ``arithmetic``: sum(w s) / sum(w). ``geometric``: exp(sum(w ln s) / sum(w)), for scores above zero.

    Raises
    ------
    BadInputError
        When a geometric mean meets a score of zero or less; it is never clipped.
    """
    if mean == "geometric":
        _refuse_non_positive(scores)
        return np.exp(weighted_mean(np.log(scores), weights, mean="arithmetic"))
    present = ~np.isnan(scores)
    total = present @ weights
    summed = np.where(present, scores, 0.0) @ weights
    return np.divide(summed, total, out=np.full(len(scores), np.nan), where=total > 0)


def coverage_of(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the share of the children's weight that is present in each row, 0 where there is no child."""
    if weights.sum() == 0:
        return np.zeros(len(scores))
    return (~np.isnan(scores)) @ weights / weights.sum()


def withhold(
    aggregate: np.ndarray, *, coverage: np.ndarray, count: np.ndarray, minimum: Minimum
) -> np.ndarray:
    """Return the aggregate, missing where coverage or the number of children is below the minimum."""
    enough = (coverage >= minimum.share - 1e-12) & (count >= minimum.count)
    return np.where(enough, aggregate, np.nan)


def _refuse_non_positive(scores: np.ndarray) -> None:
    wrong = int((scores <= 0).sum())
    if wrong:
        raise BadInputError(
            [
                Fault(
                    where="geometric mean",
                    what=f"{wrong} scores are zero or less (lowest {np.nanmin(scores):g})",
                    why="their logarithm does not exist, and clipping them would invent a score",
                    remedy="use a score range that starts above zero, or the arithmetic mean",
                )
            ]
        )
