"""CRITIC weights: an indicator counts for more, the more it varies and the less it agrees with the others.

Belongs here: criteria importance through intercriteria correlation. Does not belong here: weights from entropy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.index.methods.inputs import check_complete

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CriticWeights:
    """Weights from contrast and conflict.

    Parameters
    ----------
    indicators
        k of them.
    contrast
        (k,), standard deviation (n - 1) after min-max.
    conflict
        (k,), sum over the other indicators of 1 - correlation.
    weights
        (k,), sum to one: contrast times conflict, as a share of the total.
    """

    indicators: tuple[str, ...]
    contrast: Floats
    conflict: Floats
    weights: Floats

    def tidy(self) -> pd.DataFrame:
        """Return one row an indicator: indicator, contrast, conflict, information (their product), weight."""
        return pd.DataFrame(
            {
                "indicator": self.indicators,
                "contrast": self.contrast,
                "conflict": self.conflict,
                "information": self.contrast * self.conflict,
                "weight": self.weights,
            }
        )


def critic_weights(values: pd.DataFrame, *, directions: Mapping[str, int] | None = None) -> CriticWeights:
    """Return weights from the contrast of each indicator and its conflict with the others.

    Parameters
    ----------
    values
        (n_units, k).
    directions
        +1 when more is better, -1 when less is better, by indicator; +1 where not given.

    Raises
    ------
    BadInputError
        With every indicator that has missing values or one value only.

    References
    ----------
    Diakoulaki, Mavrotas and Papayannakis (1995), Computers & Operations Research 22(7), 763-770,
    doi:10.1016/0305-0548(94)00059-H.
    """
    check_complete(values, method="CRITIC weights", varying=True)
    signs = np.array([(directions or {}).get(str(code), 1) for code in values.columns])
    numbers = values.to_numpy(dtype=float) * signs
    scores = (numbers - numbers.min(axis=0)) / np.ptp(numbers, axis=0)
    contrast = scores.std(axis=0, ddof=1)
    conflict = (1 - np.corrcoef(scores, rowvar=False)).sum(axis=0)
    information = contrast * conflict
    return CriticWeights(tuple(map(str, values.columns)), contrast, conflict, information / information.sum())
