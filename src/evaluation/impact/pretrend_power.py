"""What a test of trends before treatment could have found, and what passing it does to the estimate.

Belongs here: power against a stated slope, and Roth's quantities of pre-testing. Does not belong here: the
joint test itself (`evaluation.impact.diagnostics`).

If trends really differ by a slope, estimates are normal around that line. A study that is believed only when
no estimate before treatment is significant is then believed with probability one less the power, and its
effect is off by the line and, besides, by what selecting quiet years does to estimates that move together.

References
----------
Roth (2022), Pretest with caution: event-study estimates after testing for parallel trends, American Economic
Review: Insights 4(3), doi:10.1257/aeri.20210236: sections I and II.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import chi2, ncx2

from evaluation.charts import Chart
from evaluation.errors import UsageError
from evaluation.impact.aggregate_result import AggregateResult
from evaluation.impact.event_study import EventStudy, event_study_of
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.output import Tabular
from evaluation.impact.plots import format_number, value_forest

Floats = NDArray[np.float64]

POWER_DRAWS = 100_000
"""Normal draws: a power of one half has a Monte Carlo error of 0.0016."""

BISECTIONS = 60


@dataclass(frozen=True)
class PretrendPower(Tabular):
    """Power against one slope, and the consequence of passing.

    Parameters
    ----------
    slope
        Difference in trends per year, in units of the outcome.
    individual_power
        Probability that some estimate before treatment is significant by itself.
    joint_power
        Probability that the joint Wald test rejects.
    bias
        Of the average effect from event time 0 on, under the slope.
    bias_after_pass
        The same in studies where no estimate before treatment is significant.
    bayes_factor
        How many times likelier passing is without than with the slope.
    likelihood_ratio
        Density of the estimates before treatment under the slope, over that under parallel trends.
    """

    slope: float
    individual_power: float
    joint_power: float
    bias: float
    bias_after_pass: float
    bayes_factor: float
    likelihood_ratio: float

    def tidy(self) -> pd.DataFrame:
        """Return one row with every field."""
        return pd.DataFrame([self.__dict__])

    def glance(self) -> pd.DataFrame:
        """Return the one row of `tidy`."""
        return self.tidy()

    def plot(self, *, title: str = "How often the slope would be seen before treatment") -> Chart:
        """Draw the two probabilities, 0-1.

        Parameters
        ----------
        title
            Of the chart.
        """
        shown = {"one by one": self.individual_power, "jointly": self.joint_power}
        return value_forest(shown, title=title, subtitle=f"slope {format_number(self.slope)} a year")


def pretrend_power(
    study: EventStudy | AggregateResult,
    *,
    slope: float,
    level: float = CONFIDENCE,
    draws: int = POWER_DRAWS,
    seed: int = DEFAULT_SEED,
) -> PretrendPower:
    """Return the power of tests before treatment against a linear difference in trends.

    Parameters
    ----------
    study
        An event study with full covariance and one base, or a dynamic average with a universal base.
    slope
        Difference in trends per year, in units of the outcome.
    level
        One less the size of the tests.
    draws, seed
        Of the simulation behind individual power and the bias after passing; joint power is exact.
    """
    events = event_study_of(study)
    line = (slope * (events.event_time - events.base)).astype(float)
    before = _tested(events)
    noise = _noise(events, draws, seed)
    passed = _passes(events, line, noise, level)
    effect = np.where(events.event_time >= 0, 1.0, 0.0)
    effect /= effect.sum()
    after = (line + noise[passed]) @ effect if passed.any() else np.array([np.nan])
    without = _passes(events, np.zeros(len(line)), noise, level)
    part = events.vcov[np.ix_(before, before)]
    distance = float(line[before] @ np.linalg.solve(part, line[before]))
    return PretrendPower(
        slope=slope,
        individual_power=float(1 - passed.mean()),
        joint_power=float(ncx2.sf(chi2.ppf(level, before.sum()), before.sum(), distance)),
        bias=float(line @ effect),
        bias_after_pass=float(after.mean()),
        bayes_factor=float(without.mean() / passed.mean()) if passed.any() else np.inf,
        likelihood_ratio=_likelihood_ratio(events.estimate[before], line[before], part),
    )


def slope_for_power(
    study: EventStudy | AggregateResult,
    *,
    power: float,
    level: float = CONFIDENCE,
    draws: int = POWER_DRAWS,
    seed: int = DEFAULT_SEED,
) -> float:
    """Return the smallest slope that some estimate before treatment shows with a given probability.

    Parameters
    ----------
    study
        As in `pretrend_power`.
    power
        Between the size of the test and 1; Roth reports 0.5 and 0.8.
    level, draws, seed
        As in `pretrend_power`.

    Raises
    ------
    UsageError
        For a power that the test has without any slope, or that is not below 1.
    """
    events = event_study_of(study)
    noise = _noise(events, draws, seed)
    distance = (events.event_time - events.base).astype(float)

    def found(slope: float) -> float:
        return float(1 - _passes(events, slope * distance, noise, level).mean())

    if not found(0.0) < power < 1:
        raise UsageError(
            f"power must lie between the size of the test, {found(0.0):.3f}, and 1; got: {power}"
        )
    low, high = 0.0, float(np.sqrt(np.diag(events.vcov)).max())
    while found(high) < power:
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if found(middle) < power else (low, middle)
    return high


def _tested(events: EventStudy) -> NDArray[np.bool_]:
    before: NDArray[np.bool_] = events.event_time < events.base
    return before


def _noise(events: EventStudy, draws: int, seed: int) -> Floats:
    values, vectors = np.linalg.eigh(events.vcov)
    normal = np.random.default_rng(seed).standard_normal((draws, len(values)))
    return normal @ (vectors * np.sqrt(np.maximum(values, 0.0))).T


def _passes(events: EventStudy, line: Floats, noise: Floats, level: float) -> NDArray[np.bool_]:
    before = _tested(events)
    limit = float(ndtri(0.5 + level / 2)) * np.sqrt(np.diag(events.vcov))[before]
    quiet: NDArray[np.bool_] = np.logical_and.reduce(np.abs(line[before] + noise[:, before]) <= limit, axis=1)
    return quiet


def _likelihood_ratio(estimate: Floats, line: Floats, vcov: Floats) -> float:
    inverse = np.linalg.inv(vcov)
    with_slope = (estimate - line) @ inverse @ (estimate - line)
    return float(np.exp((estimate @ inverse @ estimate - with_slope) / 2))
