"""Borda's count: points for the place on each indicator, added up.

Belongs here: Borda's rule. Does not belong here: Copeland's, which counts contests won (`aggregate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from evaluation.errors import UsageError
from evaluation.index.methods.inputs import check_complete
from evaluation.index.ranking import competition_ranks


@dataclass(frozen=True)
class BordaCount:
    """Points and places of all units.

    Parameters
    ----------
    table
        One row a unit, in the order given: unit, points, rank (1 is best; equal points share the better place).
    frequency
        (n_units places, n_units): weight of the indicators that put each unit (columns) in each place (rows, from 1); ties
        count as the better place.
    """

    table: pd.DataFrame
    frequency: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit, see `table`."""
        return self.table


def borda_count(scores: pd.DataFrame, *, weights: Mapping[str, float] | None = None) -> BordaCount:
    """Return Borda's count of each unit.

    Parameters
    ----------
    scores
        (n_units, n_indicators), more is better.
    weights
        Weight of each indicator, zero or more; one where not given.

    Raises
    ------
    BadInputError
        With every indicator that has missing values.
    UsageError
        When a weight is negative or of an indicator that does not exist.

    Notes
    -----
    On each indicator a unit gets a point for every unit below it and half a point for every other unit beside it. The
    count depends on which units take part: leaving out the last may turn round the first two.

    References
    ----------
    Borda (1784); OECD/JRC (2008), Handbook on Constructing Composite Indicators, section 6.12, tables 25-33.
    """
    check_complete(scores, method="Borda count")
    factors = _factors(scores, weights or {})
    numbers = scores.to_numpy(dtype=float)
    points = (rankdata(numbers, axis=0) - 1) @ factors
    places = competition_ranks(numbers, axis=0)
    positions = np.arange(1, len(scores) + 1)
    frequency = (places[None, :, :] == positions[:, None, None]) @ factors
    return BordaCount(
        table=pd.DataFrame({"unit": scores.index, "points": points, "rank": competition_ranks(points)}),
        frequency=pd.DataFrame(frequency, index=pd.Index(positions, name="place"), columns=scores.index),
    )


def _factors(scores: pd.DataFrame, weights: Mapping[str, float]) -> np.ndarray:
    unknown = [code for code in weights if code not in scores.columns]
    negative = [code for code, weight in weights.items() if not weight >= 0]
    if unknown or negative:
        raise UsageError(
            "weights must be zero or more, for indicators that the scores have; "
            f"got: {', '.join(f'{code}={weights[code]}' for code in [*unknown, *negative])}"
        )
    return np.array([weights.get(code, 1.0) for code in scores.columns], dtype=float)
