"""Randomisation inference: how often chance alone, with the same numbers of joiners, gives as large an effect.

Belongs here: permuting who joined when, within strata. Does not belong here: any standard error.

The hypothesis is sharp: no unit has any effect. It is exact when joining was as if by lot within strata; the
permuted statistic is studentised, so that the test is also valid in large samples for the weaker hypothesis
of no average effect.

References
----------
Fisher (1935), The Design of Experiments, chapter 2. Young (2019), Quarterly J. Economics 134(2),
doi:10.1093/qje/qjy029. Wu and Ding (2021), J. American Statistical Association 116(536),
doi:10.1080/01621459.2020.1750415, on studentised statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart
from evaluation.errors import EvaluationError, UsageError
from evaluation.impact.aggregate import aggregate
from evaluation.impact.design import GROUP_TIME_ESTIMATORS, Design
from evaluation.impact.did import effects_after
from evaluation.impact.estimators import effects_of
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED, Intervals, standard_errors
from evaluation.impact.output import Tabular
from evaluation.impact.panel import WidePanel, read_panel, unit_column
from evaluation.impact.permuted import BATCHED, overall_effects
from evaluation.impact.plots import interval_forest

Floats = NDArray[np.float64]
Statistic = Literal["t", "estimate"]

PERMUTATIONS = 999
"""Permutations: with 999 a p-value of 0.05 has a Monte Carlo error of 0.007."""


@dataclass(frozen=True)
class RandomisationResult(Tabular):
    """A randomisation test of the overall effect.

    Parameters
    ----------
    design
        What was asked.
    estimate, statistic
        Of the data.
    p_value
        (1 + permutations at least as extreme) / (1 + permutations with an estimate).
    draws
        Statistics of the permutations, (n_permutations,), missing where one gives no estimate.
    n_strata, n_free
        Strata, and units in strata where something can be permuted.
    """

    design: Design
    estimate: float
    statistic: float
    p_value: float
    draws: Floats
    n_strata: int
    n_free: int

    def tidy(self) -> pd.DataFrame:
        """Return one row: estimate, statistic, p_value, n_permutations, n_failed, n_strata, n_free."""
        failed = int(np.isnan(self.draws).sum())
        row = {
            "estimate": self.estimate,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "n_permutations": len(self.draws) - failed,
            "n_failed": failed,
            "n_strata": self.n_strata,
            "n_free": self.n_free,
        }
        return pd.DataFrame([row])

    def glance(self) -> pd.DataFrame:
        """Return the one row of `tidy`."""
        return self.tidy()

    def plot(self, *, title: str = "What chance alone gives", level: float = CONFIDENCE) -> Chart:
        """Draw the statistic of the data beside the middle range of the permutations.

        Parameters
        ----------
        title
            Of the chart.
        level
            Share of the permutations in the range.
        """
        known = self.draws[np.isfinite(self.draws)]
        ends = np.quantile(known, [0.5, 0.5 - level / 2, 0.5 + level / 2]) if len(known) else [np.nan] * 3
        table = pd.DataFrame(
            {
                "label": ["data", "permutations"],
                "estimate": [self.statistic, ends[0]],
                "conf_low": [np.nan, ends[1]],
                "conf_high": [np.nan, ends[2]],
            }
        )
        return interval_forest(table, title=title, subtitle=self.design.label)


def randomisation_test(
    panel: pd.DataFrame,
    design: Design,
    *,
    strata: Sequence[str] = (),
    permutations: int = PERMUTATIONS,
    seed: int = DEFAULT_SEED,
    statistic: Statistic = "t",
) -> RandomisationResult:
    """Test the overall effect by permuting cohorts among the units of each stratum.

    A unit's cohort and whether it may be a control are permuted together, so that every permutation has as
    many joiners of each cohort, and as many controls, in each stratum.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.
    strata
        Columns, one value per unit, within whose combinations cohorts are permuted.
    permutations, seed
        Number of permutations, and seed.
    statistic
        ``"t"`` (estimate over standard error) or ``"estimate"``.

    Raises
    ------
    UsageError
        For options that do not exist.
    """
    if statistic not in get_args(Statistic) or permutations < 1:
        raise UsageError(
            f"statistic must be one of {', '.join(get_args(Statistic))} and permutations 1 or more; "
            f"got: {statistic!r}, {permutations!r}"
        )
    wide = read_panel(panel, design)
    stratum = _strata(panel, design, wide, strata)
    # The data go through every check of an estimate once; permutations only through the arithmetic.
    aggregate(effects_of(wide, design, intervals=Intervals()))
    estimate, own = _overall(wide, design, statistic)
    rng = np.random.default_rng(seed)
    orders = np.array([_within(stratum, rng) for _ in range(permutations)])
    draws = _statistics(wide, design, orders, statistic)
    known = draws[np.isfinite(draws)]
    extreme = int((np.abs(known) >= abs(own) * (1 - 1e-10)).sum())
    return RandomisationResult(
        design=design,
        estimate=estimate,
        statistic=own,
        p_value=(1 + extreme) / (1 + len(known)),
        draws=draws,
        n_strata=int(stratum.max()) + 1,
        n_free=_n_free(stratum, wide.cohort),
    )


def _strata(panel: pd.DataFrame, design: Design, wide: WidePanel, names: Sequence[str]) -> NDArray[np.int64]:
    if not names:
        return np.zeros(wide.n_units, dtype=np.int64)
    columns = [unit_column(panel, design, wide, name).astype(str) for name in names]
    keys = ["\x1f".join(values) for values in zip(*columns, strict=True)]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def _within(stratum: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Permute the units within strata."""
    grouped = np.argsort(stratum, kind="stable")
    shuffled = np.lexsort((rng.random(len(stratum)), stratum))
    order = np.empty(len(stratum), dtype=np.int64)
    order[grouped] = shuffled
    return order


def _statistics(wide: WidePanel, design: Design, orders: NDArray[np.int64], statistic: Statistic) -> Floats:
    """Return the statistic of each permutation, missing where one gives no estimate."""
    draws = np.full(len(orders), np.nan)
    if design.estimator in BATCHED:
        cohort, may_control = wide.cohort[orders], wide.may_control[orders]
        estimate, error = overall_effects(wide, design, cohort=cohort, may_control=may_control)
        draws = estimate / error if statistic == "t" else estimate
    for place in np.flatnonzero(~np.isfinite(draws)):
        draws[place] = _permuted(wide, design, orders[place], statistic)
    return draws


def _permuted(wide: WidePanel, design: Design, order: NDArray[np.int64], statistic: Statistic) -> float:
    moved = replace(wide, cohort=wide.cohort[order], may_control=wide.may_control[order])
    try:
        return _overall(moved, design, statistic)[1]
    except EvaluationError:
        return np.nan


def _overall(wide: WidePanel, design: Design, statistic: Statistic) -> tuple[float, float]:
    """Return the simple average and the statistic, missing where nothing is estimable."""
    if design.estimator not in GROUP_TIME_ESTIMATORS:
        overall = aggregate(effects_of(wide, design, intervals=Intervals())).overall
        estimate, error = float(overall["estimate"]), float(overall["std_error"])
    else:
        estimate, error = _simple_average(wide, design)
    return estimate, estimate / error if statistic == "t" else estimate


def _simple_average(wide: WidePanel, design: Design) -> tuple[float, float]:
    """Estimate and standard error of `aggregate(..., "simple")`, table-free."""
    cohort, effects, influence = effects_after(wide, design)
    if not len(effects):
        return np.nan, np.nan
    inside = wide.weights[:, None] * (wide.cohort[:, None] == cohort)
    share = inside.mean(axis=0)
    estimate = float(share @ effects / share.sum())
    moved = (influence @ share + (inside - share) @ (effects - estimate)) / share.sum()
    error = float(standard_errors(moved[:, None], clusters=wide.clusters)[0])
    return estimate, error


def _n_free(stratum: NDArray[np.int64], cohort: Floats) -> int:
    """Units in strata with more than one cohort."""
    frame = pd.DataFrame({"stratum": stratum, "cohort": cohort})
    mixed = frame.groupby("stratum")["cohort"].transform("nunique") > 1
    return int(mixed.sum())
