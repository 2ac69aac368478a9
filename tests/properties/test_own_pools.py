"""Targets with pools of their own: the same answers as one study for each, whatever else is in the batch."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from evaluation.impact.synthetic import SyntheticDesign, SyntheticPanel, synthetic_effects
from evaluation.impact.synthetic.own_pools import PoolEstimator, PoolFits, fit_own_pools

N_UNITS, N_YEARS, N_PRE = 24, 12, 8
PRE = np.arange(N_YEARS) < N_PRE
POST = np.arange(N_YEARS) > N_PRE
SAME = 1e-9
"""Two ways to the same certified optimum; outcomes are of order one."""
ESTIMATORS: tuple[PoolEstimator, ...] = ("sdid", "demeaned", "ridge", "sc")


@pytest.fixture(scope="module")
def outcome() -> np.ndarray:
    rng = np.random.default_rng(8)
    factors = rng.normal(size=(3, N_YEARS)).cumsum(axis=1)
    return rng.normal(size=(N_UNITS, 3)) @ factors + rng.normal(scale=0.3, size=(N_UNITS, N_YEARS))


@pytest.fixture(scope="module")
def allowed() -> np.ndarray:
    """Three targets, each with its own donors among the others."""
    rng = np.random.default_rng(9)
    own = rng.random((3, N_UNITS)) < 0.7
    own[:, :3] = False
    return own


def fits(outcome: np.ndarray, allowed: np.ndarray, estimator: PoolEstimator) -> PoolFits:
    return fit_own_pools(
        outcome, pre=PRE, post=POST, targets=np.arange(len(allowed)), allowed=allowed, estimator=estimator
    )


@pytest.mark.parametrize("estimator", ["sc", "ridge"])
def test_one_batch_gives_what_a_study_with_pools_gives(
    outcome: np.ndarray, allowed: np.ndarray, estimator: PoolEstimator
) -> None:
    units = np.array([f"u{number:02}" for number in range(N_UNITS)], dtype=object)
    years = np.arange(2010, 2010 + N_YEARS)
    design = SyntheticDesign(
        outcome="y",
        unit="unit",
        time="year",
        treated={f"u{target:02}": 2010 + N_PRE + 1 for target in range(3)},
        pools={f"u{target:02}": units[allowed[target]] for target in range(3)},
        anticipation=1,
        estimator=estimator,
    )
    study = synthetic_effects(SyntheticPanel(units=units, years=years, outcome=outcome), design)
    found = fits(outcome, allowed, estimator)
    assert_allclose(found.estimate, study.effects["estimate"], atol=SAME)
    assert_allclose(found.gaps, study.gap_matrix, atol=SAME)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_with_one_pool_for_all_the_batch_is_the_study(outcome: np.ndarray, estimator: PoolEstimator) -> None:
    units = np.arange(N_UNITS).astype(str).astype(object)
    design = SyntheticDesign(
        outcome="y", unit="u", time="t", treated={"0": N_PRE, "1": N_PRE}, estimator=estimator
    )
    study = synthetic_effects(SyntheticPanel(units=units, years=np.arange(N_YEARS), outcome=outcome), design)
    everyone = np.tile(np.arange(N_UNITS) > 1, (2, 1))
    found = fit_own_pools(outcome, pre=PRE, post=~PRE, targets=[0, 1], allowed=everyone, estimator=estimator)
    assert_allclose(found.estimate, study.effects["estimate"], atol=SAME)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_target_does_not_depend_on_the_other_pools(
    outcome: np.ndarray, allowed: np.ndarray, estimator: PoolEstimator
) -> None:
    # the last target may use every donor, so that regularisation is the same alone and together
    allowed = allowed.copy()
    allowed[2, 3:] = True
    together = fits(outcome, allowed, estimator)
    reversed_order = fit_own_pools(
        outcome, pre=PRE, post=POST, targets=[2, 1, 0], allowed=allowed[::-1], estimator=estimator
    )
    assert_allclose(together.estimate, reversed_order.estimate[::-1], atol=SAME)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weight_stays_in_the_pool_and_sums_to_one(
    outcome: np.ndarray, allowed: np.ndarray, estimator: PoolEstimator
) -> None:
    found = fits(outcome, allowed, estimator)
    assert (found.weights[~allowed] == 0).all()
    assert_allclose(found.weights.sum(axis=1), 1.0, atol=SAME)
    assert found.converged.all()


@pytest.mark.parametrize("estimator", ["sdid", "demeaned"])
def test_levels_of_units_do_not_matter_where_they_are_taken_off(
    outcome: np.ndarray, allowed: np.ndarray, estimator: PoolEstimator
) -> None:
    shifted = outcome + np.arange(N_UNITS)[:, None] * 10.0
    assert_allclose(
        fits(outcome, allowed, estimator).estimate, fits(shifted, allowed, estimator).estimate, atol=1e-7
    )


def test_an_effect_added_after_treatment_is_found_whole(outcome: np.ndarray, allowed: np.ndarray) -> None:
    treated = outcome.copy()
    treated[0, POST] += 2.5
    for estimator in ESTIMATORS:
        change = fits(treated, allowed, estimator).estimate - fits(outcome, allowed, estimator).estimate
        assert_allclose(change, [2.5, 0.0, 0.0], atol=SAME)
