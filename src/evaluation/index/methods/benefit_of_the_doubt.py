"""Benefit of the doubt: each unit is scored with the weights that suit it best, within bounds.

Belongs here: the linear programme, one a unit. Does not belong here: one set of weights for all (`optimised`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog

from evaluation.errors import EvaluationError, UsageError
from evaluation.index.methods.inputs import check_complete
from evaluation.index.ranking import competition_ranks
from evaluation.index.statistics import check_option

Floats = NDArray[np.float64]
Bounded = Literal["weights", "contributions"]

BINDING = 1e-9
"""Distance of a unit's score from one, under another's weights, at which it sets that unit's limit."""


@dataclass(frozen=True)
class BenefitOfTheDoubt:
    """Scores of all units, each with its own weights.

    Parameters
    ----------
    table
        One row a unit: unit, score (0-1), rank (1 is best; equal scores share the better place), benchmarks (units that
        reach one under its weights, joined by ``+``).
    weights
        (n_units, n_indicators), weights on the scores as given; not unique for units at one.
    contributions
        (n_units, n_indicators), weight times score: a row sums to the unit's score.
    """

    table: pd.DataFrame
    weights: pd.DataFrame
    contributions: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit, see `table`."""
        return self.table


def benefit_of_the_doubt(
    scores: pd.DataFrame, *, lower: float = 0.0, upper: float = 1.0, bounded: Bounded = "contributions"
) -> BenefitOfTheDoubt:
    """Score each unit with the weights under which it does best.

    Parameters
    ----------
    scores
        (n_units, k), zero or more, more is better.
    lower, upper
        Bounds on the share of each indicator, 0-1, with lower * k <= 1 <= upper * k.
    bounded
        What the bounds are on: ``contributions``, the share of weight times score in the unit's own score, which does not
        depend on units of measurement; or ``weights``, the share in the sum of weights, for scores on one scale.

    Raises
    ------
    BadInputError
        With every indicator that has missing values or values below zero.
    UsageError
        When the bounds leave nothing.

    Notes
    -----
    max_w sum_q w_q I_cq subject to sum_q w_q I_kq <= 1 for all units k, w >= 0, and the bounds. With a lower bound on
    contributions, a unit with a zero scores zero.

    References
    ----------
    Melyn and Moesen (1991); Cherchye, Moesen, Rogge and Van Puyenbroeck (2007), Social Indicators Research 82, 111-145,
    doi:10.1007/s11205-006-9029-7; OECD/JRC (2008), section 6.3.
    """
    check_option(bounded, get_args(Bounded), name="bounded")
    check_complete(scores, method="benefit of the doubt", non_negative=True)
    count = scores.shape[1]
    if not (0 <= lower <= upper <= 1 and lower * count <= 1 + BINDING and upper * count >= 1 - BINDING):
        raise UsageError(
            f"lower and upper must leave shares of {count} indicators that sum to one; got: {lower} and {upper}"
        )
    numbers = scores.to_numpy(dtype=float)
    weights = np.array([_best_weights(numbers, row, lower, upper, bounded) for row in range(len(numbers))])
    contributions = weights * numbers
    found = contributions.sum(axis=1)
    reached = weights @ numbers.T >= 1 - BINDING
    table = pd.DataFrame(
        {
            "unit": scores.index,
            "score": found,
            "rank": competition_ranks(np.round(found, 9)),
            "benchmarks": ["+".join(map(str, scores.index[row])) for row in reached],
        }
    )
    frame = {"index": scores.index, "columns": scores.columns}
    return BenefitOfTheDoubt(table, pd.DataFrame(weights, **frame), pd.DataFrame(contributions, **frame))


def _best_weights(numbers: Floats, row: int, lower: float, upper: float, bounded: Bounded) -> Floats:
    count = numbers.shape[1]
    own = np.diag(numbers[row]) if bounded == "contributions" else np.eye(count)
    total = np.tile(own.sum(axis=0), (count, 1))
    limits = [numbers, lower * total - own, own - upper * total]
    answer = linprog(
        -numbers[row],
        A_ub=np.vstack(limits),
        b_ub=np.concatenate([np.ones(len(numbers)), np.zeros(2 * count)]),
        bounds=(0, None),
        method="highs",
    )
    if answer.x is None:
        raise EvaluationError(f"The linear programme of row {row} was not solved: {answer.message}")
    return np.asarray(answer.x, dtype=float)
