"""Whether an effect is smaller than what matters, and what effect could have been seen.

Belongs here: two one-sided tests against a margin, and what interval and margin say together. Does not belong
here: the margin, which is fixed before any estimate.

References
----------
Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15(6), doi:10.1007/BF01068419. Hartman and Hidalgo
(2018), American J. Political Science 62(4), doi:10.1111/ajps.12387, on equivalence as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from evaluation.errors import UsageError
from evaluation.impact.inference import CONFIDENCE
from evaluation.impact.output import OneEstimate

Verdict = Literal["effect", "effect_below_margin", "no_relevant_effect", "inconclusive"]


@dataclass(frozen=True)
class EquivalenceResult(OneEstimate):
    """Two one-sided tests.

    Parameters
    ----------
    estimate, std_error, margin
        In units of the outcome.
    p_value
        Of the hypothesis that the effect is at least as large as the margin, in either direction.
    conf_low, conf_high
        Interval of coverage 1 - 2 alpha (90% with level 0.95): inside the margin when p_value < alpha.
    smallest_margin
        The margin at which the test would just reject: what the data can exclude.
    verdict
        ``"effect"``: the usual interval leaves out zero and the effect may reach the margin;
        ``"effect_below_margin"``: it leaves out zero, and the effect is smaller than the margin;
        ``"no_relevant_effect"``: it contains zero, and the effect is smaller than the margin;
        ``"inconclusive"``: it contains zero, and the effect may reach the margin.
    """

    estimate: float
    std_error: float
    margin: float
    p_value: float
    conf_low: float
    conf_high: float
    smallest_margin: float
    verdict: Verdict

    def tidy(self) -> pd.DataFrame:
        """Return one row with every field."""
        return pd.DataFrame([self.__dict__])


def equivalence_test(
    *, estimate: float, std_error: float, margin: float, df: float = np.inf, level: float = CONFIDENCE
) -> EquivalenceResult:
    """Test that an effect lies within a margin around zero.

    Parameters
    ----------
    estimate, std_error
        Of the effect.
    margin
        Smallest effect that matters, positive, in units of the outcome.
    df
        Degrees of freedom of a t distribution; the normal when infinite.
    level
        One less the size of each one-sided test.

    Raises
    ------
    UsageError
        For a margin or standard error that is not positive.
    """
    if not (margin > 0 and std_error > 0 and np.isfinite(estimate)):
        raise UsageError(
            "An equivalence test needs a finite estimate, a positive standard error and a positive margin; "
            f"got: {estimate!r}, {std_error!r}, {margin!r}"
        )
    one_sided, two_sided = _quantile(level, df), _quantile(0.5 + level / 2, df)
    p_value = _tail((margin - abs(estimate)) / std_error, df)
    within, nonzero = p_value < 1 - level, abs(estimate) > two_sided * std_error
    verdicts: dict[tuple[bool, bool], Verdict] = {
        (True, True): "effect_below_margin",
        (True, False): "no_relevant_effect",
        (False, True): "effect",
        (False, False): "inconclusive",
    }
    return EquivalenceResult(
        estimate=estimate,
        std_error=std_error,
        margin=margin,
        p_value=p_value,
        conf_low=estimate - one_sided * std_error,
        conf_high=estimate + one_sided * std_error,
        smallest_margin=abs(estimate) + one_sided * std_error,
        verdict=verdicts[bool(within), bool(nonzero)],
    )


def _quantile(probability: float, df: float) -> float:
    return float(ndtri(probability) if np.isinf(df) else stdtrit(df, probability))


def _tail(statistic: float, df: float) -> float:
    return float(ndtr(-statistic) if np.isinf(df) else stdtr(df, -statistic))
