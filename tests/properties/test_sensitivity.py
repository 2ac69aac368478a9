"""Sensitivity to violations of parallel trends, power before treatment: what must hold whatever the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import linprog, minimize_scalar
from scipy.stats import chi2, foldnorm, multivariate_normal, norm

from evaluation.errors import BadInputError, UsageError
from evaluation.impact import (
    Design,
    EventStudy,
    aggregate,
    att_gt,
    event_study,
    honest,
    pretrend_power,
    slope_for_power,
)
from evaluation.impact.conditional_test import Target, conditional_test
from evaluation.impact.fixed_length import fixed_length_interval, folded_normal_quantile
from evaluation.impact.restrictions import Timeline, violations

SEEDS = st.integers(0, 500)
FEW = settings(max_examples=8, deadline=None)
BISECTION = 1e-6


def random_study(seed: int, *, n_pre: int = 3, n_post: int = 3, times: list[int] | None = None) -> EventStudy:
    rng = np.random.default_rng(seed)
    event_time = times or [*range(-n_pre - 1, -1), *range(n_post)]
    root = rng.normal(size=(len(event_time), 2 * len(event_time)))
    vcov = root @ root.T / 100
    return event_study(event_time=event_time, estimate=rng.normal(size=len(event_time)), vcov=vcov)


def target_of(study: EventStudy, weights: list[float]) -> Target:
    return Target(study.estimate, study.vcov, study.timeline, np.array(weights))


def statistic_by_linear_programme(
    target: Target, theta: float, matrix: np.ndarray, limit: np.ndarray
) -> float:
    """min eta so that A (b - effects) - limit <= eta sd for some effects with the weighted sum theta."""
    spread = np.sqrt(np.diag(matrix @ target.vcov @ matrix.T))
    after = matrix[:, target.timeline.is_post]
    slack = matrix @ target.estimate - limit
    n_post = after.shape[1]
    solved = linprog(
        np.r_[1.0, np.zeros(n_post)],
        A_ub=-np.column_stack([spread, after]),
        b_ub=-slack,
        A_eq=np.r_[0.0, target.weights][None, :],
        b_eq=[theta],
        bounds=(None, None),
    )
    return float(solved.fun)


@pytest.mark.parametrize("restriction", ["smoothness", "relative_magnitudes"])
@pytest.mark.parametrize("bias_sign", ["any", "positive"])
def test_listed_vertices_give_what_a_linear_programme_gives(restriction: str, bias_sign: str) -> None:
    study = random_study(1, n_pre=2, n_post=4)
    target = target_of(study, [0.1, 0.4, 0.2, 0.3])
    for one in violations(study.timeline, restriction=restriction, bound=0.7, bias_sign=bias_sign):
        later = (one.matrix[:, study.is_post] != 0).any(axis=1)
        test = conditional_test(
            target, one, level=0.95, hybrid="none", normal_draws=np.empty((0, len(study.estimate)))
        )
        for theta in (-2.0, 0.0, 0.3, 5.0):
            lines = test.intercept - test.slope * theta
            expected = statistic_by_linear_programme(target, theta, one.matrix[later], one.limit[later])
            assert lines.max() == pytest.approx(expected, rel=1e-7)


@settings(max_examples=3, deadline=None)
@given(SEEDS)
def test_intervals_grow_with_the_bound_and_scale_with_the_outcome(seed: int) -> None:
    base = random_study(seed)
    # Quiet years before the base: where they contradict a small bound, intervals need not grow.
    quiet = np.where(base.is_post, base.estimate, 0.0)
    study = event_study(event_time=base.event_time, estimate=quiet, vcov=base.vcov)
    for restriction in ("smoothness", "relative_magnitudes"):
        table = honest(study, restriction=restriction, bounds=[0.0, 0.5, 1.0], draws=500).tidy().iloc[1:]
        assert (np.diff(table["conf_low"]) <= 1e-6).all()
        assert (np.diff(table["conf_high"]) >= -1e-6).all()
    larger = event_study(event_time=study.event_time, estimate=10 * study.estimate, vcov=100 * study.vcov)
    one = honest(study, bounds=[1.0], draws=500).tidy().iloc[1]
    other = honest(larger, bounds=[1.0], draws=500).tidy().iloc[1]
    assert_allclose(
        [other["conf_high"], other["conf_low"]], [10 * one["conf_high"], 10 * one["conf_low"]], rtol=1e-6
    )


def test_the_breakdown_value_is_where_zero_enters() -> None:
    base = random_study(3)
    study = event_study(
        event_time=base.event_time, estimate=np.where(base.is_post, 3.0, 0.05), vcov=base.vcov / 20
    )
    for options in (
        {"restriction": "smoothness"},
        {"restriction": "smoothness", "method": "conditional"},
        {"restriction": "relative_magnitudes"},
    ):
        value = honest(study, draws=500, **options).breakdown
        assert np.isfinite(value)
        table = honest(study, bounds=[value * 0.999, value * 1.001], draws=500, **options).tidy()
        assert table["excludes_zero"].tolist() == [True, True, False]


def test_a_sign_of_the_bias_moves_one_end_only_towards_zero_bias() -> None:
    study = random_study(4)
    options = {"restriction": "smoothness", "method": "hybrid", "bounds": [1.0], "effect": "first"}
    free, upward = (honest(study, bias_sign=sign, **options).tidy().iloc[1] for sign in ("any", "positive"))
    assert upward["conf_high"] < free["conf_high"] - 0.3
    assert upward["conf_low"] == pytest.approx(free["conf_low"], abs=0.2)


def test_missing_years_keep_their_distance() -> None:
    """An exactly linear difference stays within smoothness 0, whichever years are observed."""
    times = [-6, -4, -3, 0, 2]
    study = random_study(5, times=times)
    line = event_study(event_time=times, estimate=0.3 * (np.array(times) + 1), vcov=study.vcov / 1e4)
    for method in ("fixed_length", "hybrid", "conditional"):
        row = honest(line, restriction="smoothness", bounds=[0.0], method=method).tidy().iloc[1]
        assert row["conf_low"] < 0 < row["conf_high"]
        assert row["conf_high"] - row["conf_low"] < 0.1
    ratio = honest(line, restriction="relative_magnitudes", bounds=[1.05]).tidy().iloc[1]
    assert ratio["conf_low"] < 0 < ratio["conf_high"]


def test_unit_spacing_gives_the_matrices_of_the_paper() -> None:
    """Rambachan and Roth (2023), section 2.4: second differences, and d(1) - d(0) against d(0) - d(-1)."""
    timeline = Timeline(np.array([-2, 0, 1]), -1)
    smooth = violations(timeline, restriction="smoothness", bound=0.5)[0]
    assert_allclose(smooth.matrix[:2], [[1, 1, 0], [0, -2, 1]])
    assert_allclose(smooth.limit, 0.5)
    upward = violations(timeline, restriction="relative_magnitudes", bound=2.0)[0]
    # The move before the base is -d(-2); |d(0)| <= 2 x that, |d(1) - d(0)| <= 2 x that, and it is positive.
    rows = {tuple(row) for row in np.round(upward.matrix, 12).tolist()}
    assert rows == {(2.0, 1.0, 0.0), (2.0, -1.0, 0.0), (2.0, -1.0, 1.0), (2.0, 1.0, -1.0), (2.0, 0.0, 0.0)}


@FEW
@given(SEEDS, st.floats(0.01, 2.0))
def test_the_affine_estimator_is_the_shortest(seed: int, bound: float) -> None:
    """No direction from its weights shortens the interval; with one year before there is nothing to choose."""
    study = random_study(seed)
    target = target_of(study, [1 / 3] * 3)
    found = fixed_length_interval(target, bound=bound, level=0.95)
    before = ~study.is_post
    distance = (study.event_time - study.base)[before].astype(float)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        step = rng.normal(size=before.sum())
        step -= distance * (step @ distance) / (distance @ distance)

        def half_length(length: float, step: np.ndarray = step) -> float:
            weights = found.weights.copy()
            weights[before] += length * step
            spread = np.sqrt(weights @ study.vcov @ weights)
            changes = np.linalg.lstsq(second_differences(study.timeline).T, weights, rcond=None)[0]
            return spread * folded_normal_quantile(bound * np.abs(changes).sum() / spread, level=0.95)

        assert half_length(0.0) == pytest.approx(found.half_length, rel=1e-8)
        best = minimize_scalar(half_length, bracket=(-0.1, 0.1)).fun
        assert best >= found.half_length * (1 - 1e-5)


def second_differences(timeline: Timeline) -> np.ndarray:
    return violations(timeline, restriction="smoothness", bound=1.0)[0].matrix[: len(timeline.event_time) - 1]


@FEW
@given(st.floats(0, 30))
def test_the_folded_normal_quantile_is_scipys(shift: float) -> None:
    assert folded_normal_quantile(shift, level=0.95) == pytest.approx(foldnorm.ppf(0.95, shift), rel=1e-7)


def coverage(method: str, restriction: str, bound: float, path: np.ndarray, n_trials: int = 150) -> float:
    """Share of intervals that hold the true effect of the first year when trends differ by `path`."""
    base = random_study(7)
    root = np.linalg.cholesky(base.vcov)
    rng = np.random.default_rng(11)
    effects = np.where(base.is_post, 1.0, 0.0)
    covered = 0
    for _ in range(n_trials):
        estimate = effects + path + root @ rng.normal(size=len(path))
        study = event_study(event_time=base.event_time, estimate=estimate, vcov=base.vcov)
        row = honest(
            study, restriction=restriction, bounds=[bound], method=method, effect="first", draws=500
        ).tidy()
        covered += row["conf_low"].iloc[1] <= 1.0 <= row["conf_high"].iloc[1]
    return covered / n_trials


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "restriction", "bound"),
    [
        ("fixed_length", "smoothness", 0.2),
        ("hybrid", "smoothness", 0.2),
        ("conditional", "relative_magnitudes", 1.0),
        ("hybrid", "relative_magnitudes", 1.0),
    ],
)
def test_intervals_cover_at_the_edge_of_the_set(method: str, restriction: str, bound: float) -> None:
    times = np.array([-4, -3, -2, 0, 1, 2])
    path = 0.1 * (times + 1) ** 2 if restriction == "smoothness" else 0.5 * (times + 1)
    found = coverage(method, restriction, bound, path.astype(float))
    assert found >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 150)


def test_power_before_treatment_is_the_probability_of_a_box() -> None:
    study = random_study(8, n_pre=2)
    before = ~study.is_post
    line = 0.4 * (study.event_time - study.base)[before]
    part = study.vcov[np.ix_(before, before)]
    limit = norm.ppf(0.975) * np.sqrt(np.diag(part))
    box = multivariate_normal(line, part).cdf(limit, lower_limit=-limit)
    found = pretrend_power(study, slope=0.4)
    assert found.individual_power == pytest.approx(1 - box, abs=4 * 0.0016)
    distance = line @ np.linalg.solve(part, line)
    draws = np.random.default_rng(1).multivariate_normal(line, part, size=40_000)
    wald = np.einsum("ij,jk,ik->i", draws, np.linalg.inv(part), draws) > chi2.ppf(0.95, 2)
    assert found.joint_power == pytest.approx(wald.mean(), abs=4 * 0.0025)
    assert distance > 0
    # Event times 0, 1 and 2 lie one to three years from the base.
    assert found.bias == pytest.approx(0.4 * 2)
    expected = multivariate_normal(line, part).logpdf(study.estimate[before])
    expected -= multivariate_normal(np.zeros(2), part).logpdf(study.estimate[before])
    assert found.likelihood_ratio == pytest.approx(np.exp(expected), rel=1e-8)


def test_estimates_that_move_together_are_worse_after_passing() -> None:
    """Roth (2022), proposition 1: equal variances and covariances, a rising line: passing adds to the bias."""
    times = [-4, -3, -2, 0, 1]
    study = event_study(event_time=times, estimate=np.zeros(5), vcov=0.5 * (np.eye(5) + 1))
    found = pretrend_power(study, slope=0.4)
    assert found.bias_after_pass > found.bias > 0
    alone = event_study(event_time=times, estimate=np.zeros(5), vcov=np.eye(5))
    assert pretrend_power(alone, slope=0.4).bias_after_pass == pytest.approx(0.4 * 1.5, abs=0.02)


def test_the_slope_for_a_power_has_that_power() -> None:
    study = random_study(9)
    for power in (0.5, 0.8):
        slope = slope_for_power(study, power=power)
        assert pretrend_power(study, slope=slope).individual_power == pytest.approx(power, abs=1e-4)
    with pytest.raises(UsageError, match="power must lie"):
        slope_for_power(study, power=0.01)


DYNAMIC = Design(
    outcome="outcome", unit="region", time="year", cohort="cohort", base_period="universal", anticipation=1
)


def panel_with_anticipation() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    years, cohort = np.arange(2010, 2018), rng.choice([0, 2014, 2015], 60)
    return pd.DataFrame(
        {
            "region": np.repeat(np.arange(60), 8),
            "year": np.tile(years, 60),
            "cohort": np.repeat(cohort, 8),
            "outcome": rng.normal(size=(60, 8)).cumsum(axis=1).ravel(),
        }
    )


def test_years_of_anticipation_are_free_and_carry_no_effect() -> None:
    panel = panel_with_anticipation()
    dynamic = aggregate(att_gt(panel, DYNAMIC), "dynamic")
    result = honest(dynamic, bounds=[1.0])
    assert result.study.base == -2
    after = result.study.event_time[result.study.is_post]
    assert after[0] == -1
    assert_allclose(result.weights, np.where(after >= 0, 1 / (after >= 0).sum(), 0.0))


def test_a_varying_base_and_cohorts_with_different_bases_are_refused() -> None:
    panel = panel_with_anticipation()
    varying = aggregate(att_gt(panel, replace(DYNAMIC, base_period="varying")), "dynamic")
    with pytest.raises(UsageError, match="universal"):
        honest(varying)
    gap = panel[panel["year"] != 2012]
    with pytest.raises(UsageError, match="different event times"):
        honest(aggregate(att_gt(gap, DYNAMIC), "dynamic"))


def test_every_fault_of_an_event_study_is_told_at_once() -> None:
    with pytest.raises(BadInputError) as caught:
        event_study(event_time=[0, 1, 1], estimate=[1.0, np.nan, 2.0], vcov=-np.eye(3))
    told = " ".join(fault.what for fault in caught.value.faults)
    for part in ("repeated", "missing or infinite", "positive variances", "before the base"):
        assert part in told
    with pytest.raises(BadInputError, match="instead of 3 x 3"):
        event_study(event_time=[-2, 0, 1], estimate=[0.1, 1.0, 2.0], vcov=np.eye(2))
    with pytest.raises(BadInputError, match="zero by construction"):
        event_study(event_time=[-2, -1, 0], estimate=[0.1, 1.0, 2.0], vcov=np.eye(3))


def test_options_that_do_not_go_together_are_refused_at_once() -> None:
    study = random_study(1)
    with pytest.raises(UsageError) as caught:
        honest(study, restriction="relative_magnitudes", method="fixed_length", bounds=[-1.0], level=2.0)
    for part in ("far too long", "zero or more", "between 0 and 1"):
        assert part in str(caught.value)
    with pytest.raises(UsageError, match="one finite weight"):
        honest(study, effect=[1.0])


def test_same_seed_same_interval() -> None:
    study = random_study(2)
    one, again, other = (honest(study, bounds=[1.0], seed=seed).tidy() for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert one["conf_low"].iloc[1] != other["conf_low"].iloc[1]
