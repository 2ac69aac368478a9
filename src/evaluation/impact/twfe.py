"""Plain two-way fixed effects: one coefficient, its event study, and the weights that explain them.

Belongs here: the regression for comparison only. Does not belong here: estimators that hold when effects
differ between cohorts and years (`evaluation.impact.saturated`, `evaluation.impact.did`).

The coefficient weighs the effects of treated unit-years, and some weights are negative when treatment is
staggered: a positive effect everywhere may then give a negative coefficient.

References
----------
de Chaisemartin and D'Haultfoeuille (2020), American Economic Review 110(9), doi:10.1257/aer.20181169, theorem
1 and corollary 1. Sun and Abraham (2021), J. Econometrics 225(2), section 3, on the event study.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.charts import Chart
from evaluation.impact.aggregate_result import AggregateResult, Kind, describe_parameters
from evaluation.impact.design import Design
from evaluation.impact.inference import Intervals
from evaluation.impact.observations import Observations, read_observations
from evaluation.impact.output import Tabular
from evaluation.impact.plots import value_forest
from evaluation.impact.saturated import covariate_columns
from evaluation.impact.within import Rows, WithinFit, fit_within, rows_of, small_sample_factor, year_dummies

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Regression:
    """A fitted regression with what inference needs.

    Parameters
    ----------
    rows, fit
        The unit-years and the fit.
    names
        Of the columns of interest, which come last.
    n_units
        Units of the panel.
    clusters
        Cluster of each present unit as 0, 1, ..., in the order of `rows.present`.
    factor
        Small-sample factor of the clustered variance.
    """

    rows: Rows
    fit: WithinFit
    names: tuple[int, ...]
    n_units: int
    clusters: NDArray[np.int64]
    factor: float

    @property
    def columns(self) -> NDArray[np.int64]:
        """Positions of the columns of interest among all columns."""
        return np.arange(len(self.fit.coefficient) - len(self.names), len(self.fit.coefficient))

    @property
    def influence(self) -> Floats:
        """Influence on the coefficients of interest, (n_units, n_names)."""
        return self.fit.influence(self.rows, self.n_units)[:, self.columns] * np.sqrt(self.factor)


@dataclass(frozen=True)
class TwfeWeights(Tabular):
    """Weights of treated unit-years in the two-way fixed effects coefficient, by cohort and year.

    Parameters
    ----------
    design
        What was asked.
    coefficient
        The coefficient.
    table
        See `tidy`.
    """

    design: Design
    coefficient: float
    table: pd.DataFrame

    @property
    def negative_share(self) -> float:
        """Sum of the absolute negative weights over the sum of all absolute weights, 0-1."""
        weights = self.table["weight"].to_numpy()
        return float(-weights[weights < 0].sum() / np.abs(weights).sum())

    @property
    def negative_sum(self) -> float:
        """Sum of the negative weights, when all weights sum to one."""
        weights = self.table["weight"].to_numpy()
        return float(weights[weights < 0].sum())

    @property
    def n_negative(self) -> int:
        """Cells with a negative weight."""
        return int((self.table["weight"] < 0).sum())

    @property
    def sigma(self) -> float:
        """Smallest standard deviation of effects at which the average effect may be zero (corollary 1).

        Small beside the effects that are plausible: the coefficient says little.
        """
        share = self.table["share"].to_numpy()
        relative = self.table["weight"].to_numpy() / share
        spread = np.sqrt(share @ (relative - 1) ** 2)
        return float(abs(self.coefficient) / spread) if spread > 0 else np.inf

    def tidy(self) -> pd.DataFrame:
        """Return cohort, year, n_treated, share (of treated unit-years), weight (sum one)."""
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: coefficient, negative_share, negative_sum, n_negative, n_cells, sigma."""
        row = {
            "coefficient": self.coefficient,
            "negative_share": self.negative_share,
            "negative_sum": self.negative_sum,
            "n_negative": self.n_negative,
            "n_cells": len(self.table),
            "sigma": self.sigma,
        }
        return pd.DataFrame([row])

    def plot(self, *, title: str = "Weights in the two-way fixed effects coefficient") -> Chart:
        """Draw the weight of each cohort and year.

        Parameters
        ----------
        title
            Of the chart.
        """
        values = {f"{row.cohort}: {row.year}": float(row.weight) for row in self.table.itertuples()}
        return value_forest(values, title=title, subtitle=self.design.label)


def twfe(observations: Observations, *, intervals: Intervals) -> dict[Kind, AggregateResult]:
    """Estimate the two-way fixed effects coefficient and event study.

    Parameters
    ----------
    observations
        The unit-years; years of anticipation are left out of the one coefficient.
    intervals
        How intervals are made.

    Returns
    -------
    dict
        ``"simple"``: the coefficient of being treated. ``"dynamic"``: coefficients by event time, the reference
        at event time -1 less anticipation; the row before them is the coefficient again.
    """
    static, dynamic = static_regression(observations), _event_regression(observations)
    one = _described(observations, static, "simple", intervals=intervals)
    many = _described(observations, dynamic, "dynamic", intervals=intervals, first=static)
    return {"simple": one, "dynamic": many}


def static_regression(observations: Observations) -> Regression:
    """Regress the outcome on treatment, unit and year effects, and covariates.

    Parameters
    ----------
    observations
        The unit-years.
    """
    after = observations.treated & (observations.event_time() >= 0)
    chosen = observations.without(observations.treated & ~after)
    return _regress(chosen, after[..., None].astype(float), names=(0,))


def twfe_weights(panel: pd.DataFrame, design: Design) -> TwfeWeights:
    """Return how the two-way fixed effects coefficient weighs the effects of cohorts and years.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    """
    observations = read_observations(panel, design, with_always_treated=True)
    regression = static_regression(observations)
    rows, regressors = regression.rows, regression.fit.regressors
    # The treatment is the last column: what the others leave of it weighs the unit-years.
    others, treatment = regressors[:, :-1], regressors[:, -1]
    weighted = others * rows.weights[:, None]
    left = treatment - others @ np.linalg.solve(weighted.T @ others, weighted.T @ treatment)
    cohort = observations.wide.cohort[rows.unit]
    year = observations.wide.years[rows.year]
    treated = observations.treated[rows.unit, rows.year] & (year >= cohort)
    table = pd.DataFrame(
        {
            "cohort": cohort[treated].astype(np.int64),
            "year": year[treated],
            "n_treated": 1,
            "share": rows.weights[treated],
            "weight": (left * rows.weights)[treated],
        }
    )
    table = table.groupby(["cohort", "year"], as_index=False).sum()
    table["share"] /= table["share"].sum()
    table["weight"] /= table["weight"].sum()
    return TwfeWeights(design, float(regression.fit.coefficient[-1]), table)


def _event_regression(observations: Observations) -> Regression:
    reference = -1 - observations.design.anticipation
    event_time = np.where(observations.estimated[:, None], observations.event_time(), np.nan)
    present = np.unique(event_time[observations.used & np.isfinite(event_time)])
    names = [int(time) for time in present if time != reference]
    if not (observations.used & ~observations.estimated[:, None]).any() and names:
        # Without the never treated a second reference is needed: the earliest time.
        names = names[1:]
    dummies = (event_time[..., None] == np.array(names)).astype(float)
    return _regress(observations, dummies, names=tuple(names))


def _regress(observations: Observations, interest: Floats, *, names: tuple[int, ...]) -> Regression:
    wide = observations.wide
    rows = rows_of(observations.used, wide.weights)
    nuisance = np.hstack([year_dummies(rows), covariate_columns(observations, rows)])
    columns = np.hstack([nuisance, interest[rows.unit, rows.year]])
    fit = fit_within(rows, wide.outcome[rows.unit, rows.year], columns)
    present = rows.present if wide.clusters is None else wide.clusters[rows.present]
    clusters = np.unique(present, return_inverse=True)[1]
    factor = small_sample_factor(
        n_rows=len(rows.unit), n_clusters=int(clusters.max()) + 1, n_coefficients=len(fit.kept) + 1
    )
    return Regression(rows, fit, names, wide.n_units, clusters, factor)


def _described(
    observations: Observations,
    regression: Regression,
    kind: Kind,
    *,
    intervals: Intervals,
    first: Regression | None = None,
) -> AggregateResult:
    estimate = regression.fit.coefficient[regression.columns]
    influence = regression.influence
    keys = [] if first is None else list(regression.names)
    if first is not None:
        estimate = np.r_[first.fit.coefficient[first.columns], estimate]
        influence = np.hstack([first.influence, influence])
    counts = _counts(observations, len(estimate))
    return describe_parameters(
        observations.design,
        kind,
        keys=keys,
        estimate=estimate,
        influence=influence,
        clusters=observations.wide.clusters,
        counts=counts,
        intervals=intervals,
        units=observations.wide.units,
        treated_weights=_treated_weights(observations, n_rows=len(estimate)),
    )


def _treated_weights(observations: Observations, *, n_rows: int) -> Floats:
    """Each unit's part of the treated unit-years, the same for every row."""
    sizes = observations.treated.sum(axis=1) * observations.wide.weights
    return np.repeat((sizes / sizes.sum())[:, None], n_rows, axis=1)


def _counts(observations: Observations, n_rows: int) -> dict[str, object]:
    present = observations.used.any(axis=1)
    treated = int((present & observations.treated.any(axis=1)).sum())
    return {
        "n_units": np.full(n_rows, int(present.sum())),
        "n_treated": np.full(n_rows, treated),
        "n_control": np.full(n_rows, int(present.sum()) - treated),
        "base_year": pd.arrays.IntegerArray(np.zeros(n_rows, dtype=np.int64), np.ones(n_rows, dtype=bool)),
    }
