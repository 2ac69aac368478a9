"""Shrinkage, its robust intervals and ranks of effects: limits, invariances, and an independent solution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import linprog, minimize_scalar
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal, studentized_range

from evaluation.errors import BadInputError, UsageError
from evaluation.impact.rank_of_effects import rank_effects
from evaluation.impact.robust_shrinkage import critical_values, robust_variance, worst_noncoverage
from evaluation.impact.shrinkage import shrink, spread_interval, spread_variance

ROUNDING = 1e-9
GRID_STEP = 2e-5
"""Non-coverage that a grid of squared biases, with steps of 0.02, may miss."""

DRAWS_ERROR = 0.06
"""Monte Carlo error of a 95% quantile from 4,000 draws of a largest difference, four standard errors."""

NUMERIC = 1e-5
"""A numerical maximum of a flat likelihood."""


def effects(seed: int, n: int = 40, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    errors = rng.uniform(0.2, 1.5, n)
    return 0.5 + spread * rng.standard_normal(n) + errors * rng.standard_normal(n), errors


def test_restricted_likelihood_is_the_highest_point() -> None:
    for seed in range(5):
        y, s = effects(seed)

        def minus_likelihood(a: float, y: np.ndarray = y, s: np.ndarray = s) -> float:
            """Residuals of any contrast matrix that takes the mean off: here differences."""
            contrast = np.eye(len(y))[1:] - np.eye(len(y))[:-1]
            covariance = contrast @ np.diag(s**2 + a) @ contrast.T
            return -multivariate_normal.logpdf(contrast @ y, np.zeros(len(y) - 1), covariance)

        best = minimize_scalar(minus_likelihood, bounds=(0, 10), method="bounded", options={"xatol": 1e-10})
        assert spread_variance(y, s**2, method="reml") == pytest.approx(best.x, abs=NUMERIC)


def test_a_spread_of_zero_is_found_at_the_boundary() -> None:
    y, s = np.array([0.1, 0.0, -0.1, 0.05, 0.02]), np.ones(5)
    for method in ("reml", "moment", "paule_mandel"):
        found = shrink(y, s, method=method)
        assert found.spread == 0
        assert found.spread_low == 0
    assert shrink(y, s, method="robust").spread > 0


def test_morris_equals_james_and_stein_when_errors_are_equal() -> None:
    """Equal errors, moments: B = (k - 3) s^2 / sum (y - mean)^2, the positive-part estimator towards the mean."""
    y, _ = effects(6)
    s = np.full(len(y), 0.7)
    rows = shrink(y, s, method="moment").table
    expected = (len(y) - 3) * 0.7**2 / ((y - y.mean()) ** 2).sum()
    np.testing.assert_allclose(rows["shrinkage"], expected)
    np.testing.assert_allclose(rows["shrunken"], y.mean() + (1 - expected) * (y - y.mean()))


def test_the_variance_counts_mean_and_spread_as_morris_writes_it() -> None:
    """Equal errors: V (1 - (1 - 1/k) B) + 2 / (k - 3) B^2 (y - mean)^2 (Morris 1983)."""
    y, k, v = np.array([1.0, 2.5, -1.0, 0.3, 4.0, 2.0]), 6, 0.8
    rows = shrink(y, np.full(k, np.sqrt(v)), method="moment", level=0.9).table
    b = rows["shrinkage"]
    expected = v * (1 - (1 - 1 / k) * b) + 2 / (k - 3) * b**2 * (y - y.mean()) ** 2
    half = (rows["conf_high"] - rows["conf_low"]) / 2
    np.testing.assert_allclose(half, ndtri(0.95) * np.sqrt(expected))


def test_errors_of_nothing_leave_effects_alone_and_large_ones_take_all() -> None:
    y, s = effects(7)
    exact = shrink(y, 1e-6 * s).table
    np.testing.assert_allclose(exact["shrunken"], y, atol=1e-9)
    pulled = shrink(y, 100 * s).table
    assert np.ptp(pulled["shrunken"]) < 0.2 * np.ptp(y)


@pytest.mark.parametrize("method", ["reml", "moment", "paule_mandel", "robust"])
def test_shift_scale_and_order_change_nothing_else(method: str) -> None:
    y, s = effects(8)
    base = shrink(y, s, method=method)
    moved = shrink(10 + 3 * y, 3 * s, method=method)
    for name in ("shrunken", "conf_low", "conf_high"):
        np.testing.assert_allclose(moved.table[name], 10 + 3 * base.table[name], rtol=1e-7)
    assert moved.spread == pytest.approx(3 * base.spread, rel=1e-7)
    order = np.random.default_rng(9).permutation(len(y))
    again = shrink(y[order], s[order], units=order, method=method).table.sort_values("unit")
    np.testing.assert_allclose(again["shrunken"], base.table["shrunken"], rtol=1e-9)


def test_missing_effects_stay_missing_and_do_not_count() -> None:
    y, s = effects(10)
    gone = y.copy()
    gone[3] = np.nan
    found, expected = shrink(gone, s).table, shrink(np.delete(y, 3), np.delete(s, 3)).table
    assert found.loc[3, ["shrunken", "conf_low", "probability_positive"]].isna().all()
    np.testing.assert_array_equal(np.delete(found["shrunken"].to_numpy(), 3), expected["shrunken"])


def test_the_interval_of_the_spread_covers() -> None:
    rng = np.random.default_rng(11)
    s2 = rng.uniform(0.2, 1.5, 30) ** 2
    inside = 0
    for _ in range(400):
        y = 0.8 * rng.standard_normal(30) + np.sqrt(s2) * rng.standard_normal(30)
        low, high = spread_interval(y, s2)
        inside += low <= 0.64 <= high
    assert inside / 400 == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize("moment", [0.01, 0.3, 1.0, 4.0, 30.0])
def test_robust_critical_values_are_those_of_a_linear_programme(moment: float) -> None:
    """The worst distribution of the squared bias on a fine grid, its mean given."""
    critical = critical_values(np.array([moment]), level=0.95)[0]
    squared = np.concatenate([np.arange(0, 40, 0.02), np.arange(40, 600, 0.2), [moment]])
    bias = np.sqrt(squared)
    noncoverage = ndtr(-critical - bias) + ndtr(-critical + bias)
    worst = -linprog(-noncoverage, A_eq=[np.ones_like(squared), squared], b_eq=[1, moment]).fun
    assert worst == pytest.approx(0.05, abs=GRID_STEP)
    assert worst_noncoverage(moment, critical) == pytest.approx(0.05, abs=ROUNDING)


def test_without_bias_the_robust_critical_value_is_the_normal_quantile() -> None:
    assert critical_values(np.array([0.0]), level=0.9)[0] == pytest.approx(ndtri(0.95))
    values = critical_values(np.array([0.1, 0.5, 2.0, 9.0]), level=0.95)
    assert (np.diff(values) > 0).all()


def test_robust_intervals_cover_where_most_effects_are_zero_and_few_are_large() -> None:
    """The distribution that undoes normal shrinkage: one effect in twenty is five errors large."""
    rng = np.random.default_rng(12)
    covered = {"reml": [], "robust": []}
    for _ in range(60):
        truth = np.where(rng.random(200) < 0.05, 5.0, 0.0)
        y = truth + rng.standard_normal(200)
        for method, values in covered.items():
            rows = shrink(y, np.ones(200), method=method).table
            values.append(((rows["conf_low"] <= truth) & (truth <= rows["conf_high"])).mean())
    assert np.mean(covered["robust"]) > 0.95
    assert np.mean(covered["robust"]) > np.mean(covered["reml"])


def test_the_moments_floor_is_positive() -> None:
    y, s2 = np.zeros(10), np.full(10, 4.0)
    # Equal errors: 2 s^2 / n.
    assert robust_variance(y, s2) == pytest.approx(2 * 4.0 / 10)


def test_the_probability_of_a_positive_effect_is_that_of_the_interval() -> None:
    y, s = effects(13)
    row = shrink(y, s).table.iloc[0]
    sd = (row["conf_high"] - row["conf_low"]) / (2 * ndtri(0.975))
    density, _ = quad(
        lambda x: np.exp(-(((x - row["shrunken"]) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi)), 0, np.inf
    )
    assert row["probability_positive"] == pytest.approx(density, abs=1e-6)


def test_faults_come_all_at_once() -> None:
    with pytest.raises(BadInputError) as error:
        shrink([1.0, 2.0, np.nan], [0.0, np.nan, 1.0])
    assert len(error.value.faults) == 3
    with pytest.raises(BadInputError):
        rank_effects([1.0], [1.0])
    with pytest.raises(UsageError, match="method must be one of"):
        shrink([1.0] * 5, [1.0] * 5, method="bayes")


def test_simultaneous_ranks_use_the_studentized_range_when_errors_are_equal() -> None:
    """Two effects apart by just more, and just less, than the range's quantile of ten."""
    quantile = studentized_range.ppf(0.95, 10, np.inf)
    rest = np.linspace(-1, 1, 9) * 0.01
    for factor, surely in ((1 + DRAWS_ERROR, True), (1 - DRAWS_ERROR, False)):
        y = np.append(rest, rest.max() + factor * quantile)
        rows = rank_effects(y, np.ones(10), draws=4_000).table
        assert (rows["rank_high_all"][9] < 10) == surely


def test_two_effects_are_told_apart_by_the_normal_quantile() -> None:
    for factor, surely in ((1 + DRAWS_ERROR, True), (1 - DRAWS_ERROR, False)):
        distance = factor * ndtri(0.975) * np.hypot(0.3, 0.4)
        rows = rank_effects([0.0, distance], [0.3, 0.4], draws=8_000).table
        assert (rows["rank_low"][0] == 2) == surely


def test_ranks_are_certain_without_error_and_unknown_with_much() -> None:
    y = np.array([3.0, 1.0, 2.0, np.nan])
    exact = rank_effects(y, np.full(4, 1e-6)).table
    assert exact["rank"].tolist()[:3] == [1, 3, 2]
    assert exact["rank_low"].tolist()[:3] == exact["rank_high"].tolist()[:3] == [1, 3, 2]
    assert np.isnan(exact["rank_low"][3])
    vague = rank_effects(y, np.full(4, 100.0)).table
    assert vague["rank_low"].tolist()[:3] == [1, 1, 1]
    assert vague["rank_high"].tolist()[:3] == [3, 3, 3]
    assert not vague["surely_in_top"].any()


def test_marginal_intervals_lie_within_simultaneous_ones_and_repeat() -> None:
    y, s = effects(14)
    rows = rank_effects(y, s, draws=499).table
    assert (rows["rank_low_all"] <= rows["rank_low"]).all()
    assert (rows["rank_high"] <= rows["rank_high_all"]).all()
    assert (rows["rank_low"] <= rows["rank"]).all()
    again = rank_effects(y, s, draws=499).table
    assert rows.equals(again)
    mean_width = (rows["rank_high"] - rows["rank_low"]).mean()
    closer = rank_effects(y, 0.1 * s, draws=499).table
    assert (closer["rank_high"] - closer["rank_low"]).mean() < 0.5 * mean_width
