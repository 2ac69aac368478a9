"""What to look at before believing an estimate: trends before treatment, overlap, balance.

Belongs here: checks that read a finished result. Does not belong here: sensitivity to violations and placebo
designs, which estimate anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from evaluation.charts import Chart
from evaluation.errors import UsageError
from evaluation.impact.design import Estimator
from evaluation.impact.entropy_balance import fit_entropy_weights
from evaluation.impact.group_time import AttGtResult, Comparison
from evaluation.impact.notes import REASONS, NotEstimable, Reason
from evaluation.impact.output import Tabular
from evaluation.impact.plots import cell_forest, effects_by_event_time
from evaluation.impact.propensity import Propensity, fit_propensity
from evaluation.impact.two_by_two import control_weights

Floats = NDArray[np.float64]
PreWindow = Literal["before_cohort", "before_anticipation"]
PreTrendReason = Literal["", "no_cells", "singular_covariance"]

SINGULAR_RATIO = 1e-12
"""Smallest eigenvalue relative to the largest at which a correlation matrix still has an inverse."""


@dataclass(frozen=True)
class PreTrendTest(Tabular):
    """Joint test that no effect is seen before treatment.

    Parameters
    ----------
    statistic
        Wald statistic, missing when `reason` is given.
    df
        Number of cells tested.
    p_value
        From the chi-squared distribution.
    reason
        Why there is no statistic: ``"no_cells"`` or ``"singular_covariance"``; else empty.
    table
        The cells tested, as in `AttGtResult.tidy`; or by event time, from `lead_test`.
    """

    statistic: float
    df: int
    p_value: float
    reason: PreTrendReason
    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row: statistic, df, p_value, reason."""
        row = {"statistic": self.statistic, "df": self.df, "p_value": self.p_value, "reason": self.reason}
        return pd.DataFrame([row])

    def glance(self) -> pd.DataFrame:
        """Return the one row of `tidy`."""
        return self.tidy()

    def plot(self, *, title: str = "Before treatment") -> Chart:
        """Draw the estimates that are tested, each with its interval.

        Parameters
        ----------
        title
            Of the chart.
        """
        if "cohort" in self.table:
            return cell_forest(self.table, title=title)
        return effects_by_event_time(self.table, title=title)


def pre_trend_test(result: AttGtResult, *, window: PreWindow = "before_cohort") -> PreTrendTest:
    """Test jointly that all effects before treatment are zero.

    The Wald statistic of Callaway and Sant'Anna's package, ``a' V^-1 a`` over the cells with year < cohort,
    V their covariance. With a universal base the zero rows of base years stay out. A test that does not
    reject is no proof of parallel trends: see its power.

    Parameters
    ----------
    result
        Group-time effects.
    window
        ``"before_cohort"``: all years before the cohort, as R's did has it. ``"before_anticipation"``: only
        years in which no effect is possible, leaving out the `anticipation` years.

    Raises
    ------
    UsageError
        For a window that does not exist.
    """
    if window not in get_args(PreWindow):
        raise UsageError(f"window must be one of {', '.join(get_args(PreWindow))}; got: {window!r}")
    end = -result.design.anticipation if window == "before_anticipation" else 0
    table = result.table
    tested = np.flatnonzero((table["event_time"] < end) & (table["year"] != table["base_year"]))
    cells = table.iloc[tested].reset_index(drop=True)
    return wald_test(cells, result.vcov[np.ix_(tested, tested)])


def wald_test(cells: pd.DataFrame, variance: Floats) -> PreTrendTest:
    """Test jointly that all estimates of a table are zero.

    Parameters
    ----------
    cells
        One row per estimate, with its column ``estimate``.
    variance
        Their covariance, (n, n).
    """
    n = len(cells)
    if not n:
        return PreTrendTest(np.nan, 0, np.nan, "no_cells", cells)
    if _is_singular(variance):
        return PreTrendTest(np.nan, n, np.nan, "singular_covariance", cells)
    effects = cells["estimate"].to_numpy()
    statistic = float(effects @ np.linalg.solve(variance, effects))
    return PreTrendTest(statistic, n, float(chi2.sf(statistic, n)), "", cells)


def overlap(result: AttGtResult) -> pd.DataFrame:
    """Return how far treated units and controls share the propensity score, by comparison.

    Parameters
    ----------
    result
        Group-time effects, by any estimator: the score is that of the design's covariates.

    Returns
    -------
    DataFrame
        cohort, base_year, first_year, last_year (years served, from the cohort on), n_treated, n_control,
        n_trimmed (controls at or above `TRIM_LEVEL`), n_singled_out (controls with a trait that no treated
        unit has), treated_min, treated_median, treated_max, control_min, control_median, control_max,
        share_outside (treated units above the highest control, 0-1), effective_controls
        ((sum w)^2 / sum w^2 of the odds weights), reason (a code of `REASONS` when there is no score).
    """
    return pd.DataFrame([_overlap_row(comparison) for comparison in _after_treatment(result)])


def balance(result: AttGtResult) -> pd.DataFrame:
    """Return standardised differences of the covariates before and after weighting, by cohort.

    Parameters
    ----------
    result
        Group-time effects with covariates, by any estimator: controls are weighted by their odds of
        treatment, as the doubly robust and the weighting estimator do.

    Returns
    -------
    DataFrame
        cohort, base_year, first_year, last_year, covariate, mean_treated, mean_control,
        mean_control_weighted (by odds, or by entropy balancing where that is the estimator; in the covariate's
        unit), difference_before, difference_after (in standard deviations, the square root of the mean of both
        groups' variances before weighting; missing where neither group varies).
    """
    rows = [row for comparison in _after_treatment(result) for row in _balance_rows(comparison, result)]
    columns = ["cohort", "base_year", "first_year", "last_year", "covariate", "mean_treated", "mean_control"]
    columns += ["mean_control_weighted", "difference_before", "difference_after"]
    return pd.DataFrame(rows, columns=columns)


def _is_singular(variance: Floats) -> bool:
    scale = np.sqrt(np.diag(variance))
    if (scale == 0).any():
        return True
    eigenvalues = np.linalg.eigvalsh(variance / np.outer(scale, scale))
    return bool(eigenvalues[0] <= SINGULAR_RATIO * eigenvalues[-1])


def _after_treatment(result: AttGtResult) -> list[Comparison]:
    served = [c for c in result.comparisons if max(c.years) >= c.cohort]
    return sorted(served, key=lambda comparison: (comparison.cohort, min(_years_after(comparison))))


def _years_after(comparison: Comparison) -> list[int]:
    return [year for year in comparison.years if year >= comparison.cohort]


def _where(comparison: Comparison) -> dict[str, object]:
    years = _years_after(comparison)
    return {
        "cohort": comparison.cohort,
        "base_year": comparison.base_year,
        "first_year": min(years),
        "last_year": max(years),
    }


def _fit(comparison: Comparison) -> tuple[Propensity, Floats, int] | Reason:
    sample = comparison.sample
    try:
        propensity = fit_propensity(
            treated=sample.treated, covariates=sample.covariates, weights=sample.weights
        )
        odds, n_trimmed = control_weights(sample, propensity)
    except NotEstimable as answer:
        return answer.reason
    return propensity, odds, n_trimmed


def _overlap_row(comparison: Comparison) -> dict[str, object]:
    treated = comparison.sample.treated
    counts = {"n_treated": int(treated.sum()), "n_control": int((~treated).sum())}
    fit = _fit(comparison)
    if isinstance(fit, str):
        return {**_where(comparison), **counts, "reason": fit, "detail": REASONS[fit]}
    propensity, odds, n_trimmed = fit
    score = propensity.probability
    return {
        **_where(comparison),
        **counts,
        "n_trimmed": n_trimmed,
        "n_singled_out": propensity.n_singled_out,
        **_spread("treated", score[treated]),
        **_spread("control", score[~treated]),
        "share_outside": float((score[treated] > score[~treated].max()).mean()),
        "effective_controls": float(odds.sum() ** 2 / (odds**2).sum()),
        "reason": "",
        "detail": "",
    }


def _spread(name: str, score: Floats) -> dict[str, float]:
    return {
        f"{name}_min": float(score.min()),
        f"{name}_median": float(np.median(score)),
        f"{name}_max": float(score.max()),
    }


def _control_weights(comparison: Comparison, estimator: Estimator) -> Floats:
    """Weights that the estimator gives the controls, missing where there are none."""
    sample = comparison.sample
    if estimator == "entropy":
        try:
            return fit_entropy_weights(
                treated=sample.treated, covariates=sample.covariates, weights=sample.weights
            ).weights
        except NotEstimable:
            return np.full(len(sample.treated), np.nan)
    fit = _fit(comparison)
    return np.full(len(sample.treated), np.nan) if isinstance(fit, str) else fit[1]


def _balance_rows(comparison: Comparison, result: AttGtResult) -> list[dict[str, object]]:
    sample = comparison.sample
    treated, weights = sample.treated, sample.weights
    odds = _control_weights(comparison, result.design.estimator)
    rows = []
    for name, values in zip(result.covariate_names, comparison.covariates.T, strict=True):
        mean_treated = float(np.average(values[treated], weights=weights[treated]))
        mean_control = float(np.average(values[~treated], weights=weights[~treated]))
        weighted = float(odds[~treated] @ values[~treated] / odds[~treated].sum())
        spread = np.sqrt((values[treated].var(ddof=1) + values[~treated].var(ddof=1)) / 2) or np.nan
        rows.append(
            {
                **_where(comparison),
                "covariate": name,
                "mean_treated": mean_treated,
                "mean_control": mean_control,
                "mean_control_weighted": weighted,
                "difference_before": (mean_treated - mean_control) / spread,
                "difference_after": (mean_treated - weighted) / spread,
            }
        )
    return rows
