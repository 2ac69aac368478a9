"""Competition ranks: 1 for the highest score, equal scores share the better place ("1224")."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from evaluation.index.scopes import by_time

TIE_DECIMALS = 10
"""Decimals to which scores are told apart when they are ranked: the same sum in another order differs in the fourteenth."""


def ascending_ranks(values: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """Return competition ranks along an axis, 1 for the lowest, NaN where the value is missing."""
    ranks = rankdata(np.where(np.isnan(values), np.inf, values), method="min", axis=axis).astype(float)
    return np.where(np.isnan(values), np.nan, ranks)


def competition_ranks(scores: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """Return competition ranks along an axis, 1 for the highest, NaN where the score is missing."""
    return ascending_ranks(-scores, axis=axis)


def score_ranks(scores: np.ndarray) -> np.ndarray:
    """Return competition ranks of scores along the first axis; scores equal to `TIE_DECIMALS` are tied."""
    return competition_ranks(np.round(scores, TIE_DECIMALS), axis=0)


def ranks_within(scores: pd.DataFrame, groups: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the rank of each row within its time, and within its group where groups are given by column.

    Parameters
    ----------
    scores
        (n_rows, n_elements), index units or units and times.
    groups
        Of the same shape: only rows with equal entries are ranked together.
    """
    ranks = np.full(scores.shape, np.nan)
    values = scores.to_numpy(dtype=float)
    for rows in by_time(scores.index):
        if groups is None:
            ranks[rows] = score_ranks(values[rows])
            continue
        for position in range(scores.shape[1]):
            labels = groups.iloc[:, position].to_numpy(dtype=object)
            ranks[rows, position] = _grouped_ranks(values[rows, position], labels[rows])
    return pd.DataFrame(ranks, index=scores.index, columns=scores.columns)


def _grouped_ranks(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    ranks = np.full(len(values), np.nan)
    codes = pd.factorize(labels)[0]
    for code in range(codes.max(initial=-1) + 1):
        ranks[codes == code] = score_ranks(values[codes == code])
    return ranks
