"""Entropy weights: an indicator counts for more, the more unequally its total is spread over the units.

Belongs here: weights from Shannon's entropy. Does not belong here: weights that look at correlations (`critic`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.index.methods.inputs import check_complete


@dataclass(frozen=True)
class EntropyWeights:
    """Weights from entropy.

    Parameters
    ----------
    indicators
        k of them.
    entropy
        (k,), 0 when one unit has all, 1 when all units have the same.
    weights
        (k,), sum to one: 1 - entropy, as a share of the total.
    """

    indicators: tuple[str, ...]
    entropy: NDArray[np.float64]
    weights: NDArray[np.float64]

    def tidy(self) -> pd.DataFrame:
        """Return one row an indicator: indicator, entropy, diversification (1 - entropy), weight."""
        return pd.DataFrame(
            {
                "indicator": self.indicators,
                "entropy": self.entropy,
                "diversification": 1 - self.entropy,
                "weight": self.weights,
            }
        )


def entropy_weights(values: pd.DataFrame) -> EntropyWeights:
    """Return weights from the entropy of each indicator over the units.

    Parameters
    ----------
    values
        (n_units, k), zero or more, on a ratio scale (a shift of the origin changes the weights).

    Raises
    ------
    BadInputError
        With every indicator that has missing values, values below zero, or one value only.

    Notes
    -----
    e_j = -sum_i p_ij ln p_ij / ln n, p the share of a unit in the indicator's total; w_j = (1 - e_j) / sum(1 - e).

    References
    ----------
    Shannon (1948); Zeleny (1974) as given by Hwang and Yoon (1981), Multiple Attribute Decision Making,
    doi:10.1007/978-3-642-48318-9.
    """
    check_complete(values, method="entropy weights", non_negative=True, varying=True)
    numbers = values.to_numpy(dtype=float)
    shares = numbers / numbers.sum(axis=0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(axis=0) / np.log(len(numbers))
    spread = 1 - entropy
    return EntropyWeights(tuple(map(str, values.columns)), entropy, spread / spread.sum())
