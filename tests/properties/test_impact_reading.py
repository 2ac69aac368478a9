"""Fast readings against slow ones: columns by distinct value, propensity scores by traits and from memory; and the
logit against statsmodels where Newton's steps must be shortened."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from evaluation.impact import propensity
from evaluation.impact.columns import to_numbers
from evaluation.impact.levels import TRUTH, levels_of
from evaluation.impact.notes import NotEstimable

LOGIT_STOPS = 1e-8
"""statsmodels stops at a relative change of deviance of 1e-14, about 1e-7 of a log-odds."""

WRITTEN = st.lists(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.floats(allow_nan=True, allow_infinity=True, width=16),
        st.sampled_from(["", "  ", "1", " 1.0", "1e3", "TRUE ", "false", "kota", "inf", "nan", "0", "-0"]),
    ),
    max_size=30,
)
"""What a column of a file or a frame may hold."""


def one_number(value: object) -> tuple[float, bool]:
    """Read one entry by itself: its number, and whether it is none although written."""
    number = float(pd.to_numeric(pd.Series([value], dtype=object), errors="coerce").iloc[0])
    blank = pd.isna(value) or not str(value).strip()
    return number, bool(np.isnan(number) and not blank)


@settings(max_examples=150, deadline=None)
@given(WRITTEN)
def test_numbers_are_read_as_if_entry_by_entry(written: list[object]) -> None:
    numbers, unreadable = to_numbers(pd.Series(written, dtype=object))
    expected = [one_number(value) for value in written]
    assert_array_equal(numbers, [number for number, _ in expected])
    assert_array_equal(unreadable, [wrong for _, wrong in expected])


@settings(max_examples=150, deadline=None)
@given(WRITTEN)
def test_truth_values_are_read_as_if_entry_by_entry(written: list[object]) -> None:
    column = pd.Series(written, dtype=object)
    truths, known = levels_of(column).truths()
    for value, truth, is_known in zip(written, truths, known, strict=True):
        # 1, 1.0 and True are one value in a frame, and are written alike as truth values.
        expected = None if pd.isna(value) else TRUTH.get(str(value).strip().lower())
        assert is_known == (expected is not None)
        assert not is_known or truth == expected


def units(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Treated units, covariates with traits that few or no treated units have, weights."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 70))
    treated = rng.random(n) < 0.4
    treated[:2], treated[2:4] = True, False
    traits = (rng.random((n, 3)) < rng.uniform(0.05, 0.4, 3)).astype(float)
    traits[:, 0] *= ~treated  # a trait of controls alone
    wealth = rng.normal(size=n) + 0.7 * treated
    columns = np.column_stack([np.ones(n), wealth, traits[:, traits.any(axis=0)]])
    return treated, columns, rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize("seed", range(40))
def test_lone_traits_and_planes_set_the_same_units_aside(seed: int) -> None:
    """The shortcut ends where the linear programmes end that begin with everybody."""
    treated, columns, _ = units(seed)
    everybody = np.ones(len(treated), dtype=bool)

    def units_left(start: np.ndarray) -> np.ndarray | str:
        try:
            return propensity._without_separated(treated, columns, start)
        except NotEstimable as answer:
            return answer.reason

    traits = propensity._without_lone_traits(treated, columns)
    assert_array_equal(units_left(traits), units_left(everybody))
    plane = propensity._without_lone_plane(treated, columns, traits)
    assert_array_equal(units_left(plane), units_left(everybody))


@pytest.mark.parametrize("seed", range(20))
def test_a_category_without_an_indicator_is_set_aside_without_a_linear_programme(seed: int) -> None:
    """Treated units have the categories 1 and 2 only; the controls of category 0 lie off their plane."""
    rng = np.random.default_rng(seed)
    treated = np.arange(40) < 15
    category = np.where(treated, rng.integers(1, 3, 40), rng.integers(0, 3, 40))
    columns = np.column_stack([np.ones(40), rng.normal(size=40), category == 1, category == 2]).astype(float)
    everybody = np.ones(40, dtype=bool)
    left = propensity._without_lone_plane(treated, columns, everybody)
    assert_array_equal(left, category != 0)
    assert_array_equal(propensity._without_separated(treated, columns, left), left)
    assert_array_equal(propensity._without_separated(treated, columns, everybody), left)


def overshooting(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """One control among fifteen treated units of an island, and wealth that tells most treated from controls."""
    rng = np.random.default_rng(seed)
    treated, island = np.arange(260) < 26, np.zeros(260)
    island[:15], island[200] = 1.0, 1.0
    wealth = rng.normal(size=260) + 4.5 * treated - 3 * island
    wealth[200] = wealth[:15].mean()
    return treated, np.column_stack([np.ones(260), island, wealth])


@pytest.mark.parametrize("seed", range(15))
def test_a_logit_that_exists_is_found_where_full_newton_steps_overshoot(seed: int) -> None:
    treated, columns = overshooting(seed)
    assert propensity._without_separated(treated, columns, np.ones(260, dtype=bool)).all()
    found = propensity.fit_propensity(treated=treated, covariates=columns, weights=np.ones(260))
    expected = GLM(treated.astype(float), columns, family=Binomial()).fit(maxiter=200, tol=1e-14).predict()
    assert_allclose(found.probability, np.minimum(expected, propensity.MAX_PROBABILITY), atol=LOGIT_STOPS)


def test_full_newton_steps_do_overshoot_there() -> None:
    """So that the test above could fail."""
    fits = [propensity._newton(*overshooting(seed), np.ones(260), damped=False) for seed in range(15)]
    assert any(fit is None for fit in fits)


def test_controls_that_all_lie_beyond_the_treated_are_not_comparable() -> None:
    treated = np.arange(10) < 5
    columns = np.column_stack([np.ones(10), np.where(treated, 1.0, np.linspace(2, 3, 10))])
    with pytest.raises(NotEstimable) as caught:
        propensity.fit_propensity(treated=treated, covariates=columns, weights=np.ones(10))
    assert caught.value.reason == "no_comparable_control"


@pytest.mark.parametrize("seed", range(5))
def test_a_fit_from_memory_is_the_fit(seed: int) -> None:
    treated, columns, weights = units(100 + seed)
    columns = columns[:, :3]  # without the traits that may single out treated units

    def fit() -> propensity.Propensity:
        return propensity.fit_propensity(
            treated=treated.copy(), covariates=columns.copy(), weights=weights.copy()
        )

    propensity._remembered_fit.cache_clear()
    first = fit()
    assert fit() is first
    propensity._remembered_fit.cache_clear()
    again = fit()
    assert_array_equal(again.probability, first.probability)
    assert_array_equal(again.expansion, first.expansion)
    with pytest.raises(ValueError, match="read-only"):
        first.probability[0] = 0.5


def test_one_unit_or_weight_more_is_another_fit() -> None:
    treated, columns, weights = units(7)
    columns = columns[:, :3]
    fits = [
        propensity.fit_propensity(treated=treated, covariates=columns, weights=one)
        for one in (weights, weights * np.where(np.arange(len(weights)) == 3, 2.0, 1.0))
    ]
    assert fits[0] is not fits[1]
    assert (fits[0].probability != fits[1].probability).any()


def test_a_fit_that_does_not_exist_is_remembered_with_its_reason() -> None:
    treated = np.arange(12) < 6
    columns = np.column_stack([np.ones(12), treated + np.linspace(0, 0.5, 12)])
    for _ in range(2):
        with pytest.raises(NotEstimable) as caught:
            propensity.fit_propensity(treated=treated, covariates=columns, weights=np.ones(12))
        assert caught.value.reason == "no_comparable_control"
