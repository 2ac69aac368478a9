"""Inference with few clusters, against R's fwildclusterboot and closed forms.

Reference values: ../shared/reference/impact/estimators.json: `fwcb_voters` with 99,999 draws, and
`base_stagg_10ids` with every one of the 2^10 sign patterns.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import ttest_ind

from evaluation.errors import BadInputError
from evaluation.impact import (
    ClusteredRegression,
    Design,
    aggregate,
    average_effect_clustered,
    cluster_jackknife,
    clustered_regression,
    cr2,
    estimate_effects,
    twfe_clustered,
    wild_cluster_bootstrap,
)

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "impact"

ALGEBRA = 1e-9

VOTERS_P_ERROR = 5 * np.sqrt(2 * 0.001 / 99_999)
"""Five Monte Carlo errors of the difference of two p-values near 0.001, each from 99,999 draws."""

VOTERS_END_ERROR = 4e-4
"""Ends of the interval, from the same draws: their density near 0.025 gives an error of about 1e-4 each."""

FWCB_INVERSION = 4e-4
"""fwildclusterboot finds an end by interpolating p-values on a grid, ours is the end itself."""


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    path = REFERENCE / "estimators.json"
    if not path.exists():
        pytest.skip(f"the reference results are not here: {path}")
    return json.loads(path.read_text())


def test_full_enumeration_equals_fwildclusterboot(reference: dict[str, Any]) -> None:
    expected = reference["base_stagg 10 ids|treat|full enumeration 2^10"]
    panel = pd.read_csv(REFERENCE / "data" / "base_stagg_10ids.csv")
    panel["cohort"] = panel["year_treated"].where(panel["year_treated"] <= 10)
    regression = twfe_clustered(panel, Design(outcome="y", unit="id", time="year", cohort="cohort"))
    result = wild_cluster_bootstrap(regression)
    assert result.enumerated
    assert result.draws == 2**10
    assert result.estimate == pytest.approx(reference["bs10"]["coef"], rel=ALGEBRA)
    assert result.p_value == expected["p"]
    assert_allclose([result.conf_low, result.conf_high], expected["ci"], atol=FWCB_INVERSION)
    # Its t counts the ten unit effects among the coefficients; fixest and we do not, they lie within clusters.
    counted = np.sqrt((100 - 20) / (100 - 11))
    assert result.statistic * counted == pytest.approx(expected["t"], rel=ALGEBRA)


@pytest.fixture(scope="module")
def voters(reference: dict[str, Any]) -> ClusteredRegression:
    return clustered_regression(
        pd.read_csv(REFERENCE / "data" / "fwcb_voters.csv"),
        outcome="proposition_vote",
        interest="treatment",
        others=["ideology1", "log_income"],
        clusters="group_id1",
    )


def test_many_draws_agree_with_fwildclusterboot(
    voters: ClusteredRegression, reference: dict[str, Any]
) -> None:
    expected = reference["voters lm|treatment|clustid group_id1 rademacher 99999"]
    result = wild_cluster_bootstrap(voters, draws=99_999)
    assert result.statistic == pytest.approx(expected["t"], rel=ALGEBRA)
    assert result.p_value == pytest.approx(expected["p"], abs=VOTERS_P_ERROR)
    assert_allclose([result.conf_low, result.conf_high], expected["ci"], atol=VOTERS_END_ERROR)


def make_regression(seed: int = 1, *, n_clusters: int = 7, null_effect: float = 0.0) -> ClusteredRegression:
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_clusters), rng.integers(3, 9, n_clusters))
    n = len(clusters)
    treated = (clusters < 3).astype(float)
    others = np.column_stack([np.ones(n), rng.normal(size=n)])
    outcome = (
        null_effect * treated + others[:, 1] + rng.normal(size=n) + rng.normal(size=n_clusters)[clusters]
    )
    return ClusteredRegression(outcome, treated, others, clusters)


def slow_wild_bootstrap(regression: ClusteredRegression, null: float) -> float:
    """Refit the whole regression for every pattern of signs, as the papers tell it."""
    columns = np.column_stack([regression.interest, regression.others])

    def statistic(outcome: np.ndarray) -> float:
        bread = np.linalg.inv(columns.T @ columns)
        beta = bread @ columns.T @ outcome
        residual = outcome - columns @ beta
        scores = np.array(
            [columns[regression.clusters == c].T @ residual[regression.clusters == c] for c in range(groups)]
        )
        variance = bread @ scores.T @ scores @ bread
        return float((beta[0] - null) / np.sqrt(regression.small_sample * variance[0, 0]))

    groups = regression.n_clusters
    held = regression.outcome - null * regression.interest
    beta = np.linalg.lstsq(regression.others, held, rcond=None)[0]
    fitted = regression.others @ beta + null * regression.interest
    residual = regression.outcome - fitted
    own = abs(statistic(regression.outcome))
    drawn = [
        abs(statistic(fitted + residual * np.array(signs)[regression.clusters]))
        for signs in product([-1.0, 1.0], repeat=groups)
    ]
    return float(np.mean(np.array(drawn) > own * (1 + 1e-9)))


@pytest.mark.parametrize("null", [0.0, 0.7, -1.5])
def test_scores_alone_give_what_refitting_gives(null: float) -> None:
    regression = make_regression()
    assert wild_cluster_bootstrap(regression, null=null).p_value == slow_wild_bootstrap(regression, null)


def test_the_interval_holds_exactly_the_values_that_are_not_rejected() -> None:
    regression = make_regression(2, null_effect=1.0)
    result = wild_cluster_bootstrap(regression, level=0.9)
    width = result.conf_high - result.conf_low
    for end, outwards in ((result.conf_low, -1), (result.conf_high, 1)):
        assert slow_wild_bootstrap(regression, end - outwards * 1e-6 * width) >= 0.1
        assert slow_wild_bootstrap(regression, end + outwards * 1e-6 * width) < 0.1


@pytest.mark.parametrize("null", [0.0, 0.3, -1.0])
@pytest.mark.parametrize("draws", [64, 9_999])
def test_the_test_alone_is_the_test_beside_the_interval(null: float, draws: int) -> None:
    regression = make_regression(5, n_clusters=9)
    both = wild_cluster_bootstrap(regression, null=null, draws=draws)
    alone = wild_cluster_bootstrap(regression, null=null, draws=draws, interval=False)
    assert alone.p_value == both.p_value
    assert alone.statistic == pytest.approx(both.statistic, rel=ALGEBRA)
    assert np.isnan([alone.conf_low, alone.conf_high]).all()
    assert both.conf_low < both.conf_high


def test_without_enumeration_draws_depend_on_the_seed_only() -> None:
    regression = make_regression(3, n_clusters=14)
    one, again = (wild_cluster_bootstrap(regression, draws=499, seed=5) for _ in range(2))
    other = wild_cluster_bootstrap(regression, draws=499, seed=6)
    assert not one.enumerated
    assert one == again
    assert one.conf_low != other.conf_low
    webb = wild_cluster_bootstrap(regression, draws=499, seed=5, signs="webb")
    assert webb.conf_low != one.conf_low


def test_bias_reduced_errors_of_single_observations_are_those_of_welch() -> None:
    """Imbens and Kolesar (2016), section II: two groups, every observation a cluster: HC2 = s1^2/n1 + s0^2/n0."""
    rng = np.random.default_rng(4)
    treated = np.repeat([1.0, 0.0], [5, 14])
    outcome = rng.normal(size=19) * np.where(treated, 3, 1) + treated
    regression = ClusteredRegression(outcome, treated, np.ones((19, 1)), np.arange(19))
    result = cr2(regression)
    one, other = outcome[treated == 1], outcome[treated == 0]
    variance = one.var(ddof=1) / 5 + other.var(ddof=1) / 14
    assert result.std_error == pytest.approx(np.sqrt(variance), rel=ALGEBRA)
    # Equal variances in the reference model: (1/5 + 1/14)^2 / (1/(25 x 4) + 1/(196 x 13)).
    assert result.df == pytest.approx((1 / 5 + 1 / 14) ** 2 / (1 / 100 + 1 / (196 * 13)), rel=ALGEBRA)


def test_with_two_groups_of_equal_size_the_degrees_of_freedom_are_pooled() -> None:
    rng = np.random.default_rng(5)
    treated = np.repeat([1.0, 0.0], 8)
    outcome = rng.normal(size=16) + treated
    result = cr2(ClusteredRegression(outcome, treated, np.ones((16, 1)), np.arange(16)))
    expected = ttest_ind(outcome[:8], outcome[8:], equal_var=True)
    assert result.df == pytest.approx(14.0)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-8)


def slow_cr2(columns: np.ndarray, outcome: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Bell and McCaffrey (2002) with every matrix written out: variance of the first coefficient, and df."""
    bread = np.linalg.inv(columns.T @ columns)
    hat = columns @ bread @ columns.T
    left = np.eye(len(outcome)) - hat
    residual = left @ outcome
    scores, directions = [], []
    for cluster in np.unique(clusters):
        rows = np.flatnonzero(clusters == cluster)
        values, vectors = np.linalg.eigh(left[np.ix_(rows, rows)])
        kept = values > 1e-9
        adjust = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
        weight = adjust @ columns[rows] @ bread[:, 0]
        scores.append(weight @ residual[rows])
        directions.append(left[:, rows] @ weight)
    omega = np.array(directions) @ np.array(directions).T
    return float(np.sum(np.square(scores))), float(np.trace(omega) ** 2 / np.sum(omega**2))


def test_bias_reduced_errors_agree_with_the_formula_written_out() -> None:
    regression = make_regression(6)
    columns = np.column_stack([regression.interest, regression.others])
    variance, df = slow_cr2(columns, regression.outcome, regression.clusters)
    result = cr2(regression)
    assert result.std_error == pytest.approx(np.sqrt(variance), rel=1e-8)
    assert result.df == pytest.approx(df, rel=1e-8)


def province_panel(seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n_units, years = 24, np.arange(2010, 2016)
    cohort = rng.choice([0, 2012, 2014], n_units)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n_units), len(years)),
            "year": np.tile(years, n_units),
            "cohort": np.repeat(cohort, len(years)),
            "province": np.repeat(np.arange(n_units) // 4, len(years)),
            "outcome": rng.normal(size=(n_units, len(years))).cumsum(axis=1).ravel(),
        }
    )


PROVINCES = Design(outcome="outcome", unit="unit", time="year", cohort="cohort", clusters="province")


def test_effects_swept_out_within_clusters_change_no_bias_reduced_error() -> None:
    """Pustejovsky and Tipton (2018), theorem 2: dummies of units nested in provinces may be swept out."""
    panel = province_panel()
    treated = ((panel["cohort"] > 0) & (panel["year"] >= panel["cohort"])).to_numpy(dtype=float)
    effects = [pd.get_dummies(panel["unit"]), pd.get_dummies(panel["year"], drop_first=True)]
    columns = np.column_stack([treated, *(one.to_numpy(dtype=float) for one in effects)])
    variance, df = slow_cr2(columns, panel["outcome"].to_numpy(), panel["province"].to_numpy())
    result = cr2(twfe_clustered(panel, PROVINCES))
    assert result.std_error == pytest.approx(np.sqrt(variance), rel=1e-7)
    assert result.df == pytest.approx(df, rel=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_average_of_extended_twfe_is_one_coefficient(weighted: bool) -> None:
    panel = province_panel().assign(people=lambda frame: 1.0 + frame["unit"] % 5)
    design = replace(PROVINCES, estimator="etwfe", weights="people" if weighted else None)
    overall = aggregate(estimate_effects(panel, design)).overall
    regression = average_effect_clustered(panel, design)
    assert regression.estimate == pytest.approx(overall["estimate"], rel=ALGEBRA)
    assert regression.std_error == pytest.approx(overall["std_error"], rel=ALGEBRA)


def test_bias_reduced_variance_is_unbiased_for_independent_errors_of_equal_variance() -> None:
    """Its expectation over the errors, which is a trace, is the true variance: nothing simulated."""
    regression = make_regression(8)
    columns = np.column_stack([regression.interest, regression.others])
    true_variance = np.linalg.inv(columns.T @ columns)[0, 0]
    mean = 0.0
    for row in range(len(regression.outcome)):
        one_error = np.zeros(len(regression.outcome))
        one_error[row] = 1.0
        unit = ClusteredRegression(one_error, regression.interest, regression.others, regression.clusters)
        mean += cr2(unit).std_error ** 2
    # E[v] = sum over i of v(e_i) since v is a quadratic form and errors are independent with variance one.
    assert mean == pytest.approx(true_variance, rel=1e-8)


def test_the_jackknife_refits_without_each_cluster() -> None:
    regression = make_regression(9)
    columns = np.column_stack([regression.interest, regression.others])
    estimates = []
    for cluster in range(regression.n_clusters):
        kept = regression.clusters != cluster
        estimates.append(np.linalg.lstsq(columns[kept], regression.outcome[kept], rcond=None)[0][0])
    groups = regression.n_clusters
    variance = (groups - 1) / groups * np.sum((np.array(estimates) - regression.estimate) ** 2)
    result = cluster_jackknife(regression)
    assert result.std_error == pytest.approx(np.sqrt(variance), rel=1e-8)
    assert result.df == groups - 1


def test_one_cluster_and_a_regressor_without_variation_are_refused() -> None:
    frame = pd.DataFrame({"y": [1.0, 2, 3, 4], "x": [1.0, 1, 1, 1], "g": [1, 1, 2, 2], "h": 1})
    with pytest.raises(BadInputError, match="does not vary"):
        clustered_regression(frame, outcome="y", interest="x", clusters="g")
    with pytest.raises(BadInputError, match="fewer than two clusters"):
        clustered_regression(frame.assign(x=[0.0, 1, 2, 5]), outcome="y", interest="x", clusters="h")
