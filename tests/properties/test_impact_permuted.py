"""Many assignments at once give what one at a time gives, or nothing where one at a time is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from evaluation.impact import Design, randomisation_test
from evaluation.impact import randomisation as one_by_one
from evaluation.impact.panel import WidePanel, read_panel
from evaluation.impact.permuted import BATCHED, overall_effects

SAME_FORMULA = 1e-9
"""Both solve the same equations; their sums run in another order and their logits stop within 1e-9 of a root."""

DESIGN = Design(
    outcome="outcome",
    unit="region",
    time="year",
    cohort="cohort",
    eligible_control="clean",
    covariates=("wealth", "island"),
)


def make_panel(seed: int, *, islands: int = 3, gaps: float = 0.05) -> pd.DataFrame:
    """Ninety regions, three cohorts (one after the data), gaps, controls that may not serve."""
    rng = np.random.default_rng(seed)
    n, years = 90, np.arange(2012, 2019)
    frame = pd.DataFrame(
        {
            "region": np.repeat(np.arange(n), len(years)),
            "year": np.tile(years, n),
            "cohort": np.repeat(rng.choice([0, 2015, 2017, 2020], n, p=[0.4, 0.25, 0.2, 0.15]), len(years)),
            "clean": np.repeat(rng.random(n) < 0.9, len(years)),
            "wealth": np.repeat(rng.normal(size=n), len(years)),
            "island": np.repeat([f"island {number % islands}" for number in range(n)], len(years)),
            "size": np.repeat(rng.uniform(0.5, 2.0, n), len(years)),
            "province": np.repeat(rng.integers(14, size=n), len(years)),
        }
    )
    frame["outcome"] = frame["wealth"] * (frame["year"] - 2012) / 5 + rng.normal(size=len(frame))
    return frame[rng.random(len(frame)) >= gaps]


def orders_of(wide: WidePanel, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(wide.n_units) for _ in range(count)])


def both_ways(panel: pd.DataFrame, design: Design, *, count: int = 70) -> tuple[np.ndarray, np.ndarray]:
    """The t statistics of permutations: at once (in more than one chunk), and one by one."""
    wide = read_panel(panel, design)
    orders = orders_of(wide, count, seed=1)
    estimate, error = overall_effects(
        wide, design, cohort=wide.cohort[orders], may_control=wide.may_control[orders]
    )
    slow = np.array([one_by_one._permuted(wide, design, order, "t") for order in orders])
    return estimate / error, slow


@pytest.mark.parametrize("estimator", BATCHED)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"covariates": ()},
        {"control_group": "never_treated", "base_period": "universal"},
        {"weights": "size", "clusters": "province"},
        {"anticipation": 1, "cohorts": (2015,), "end_year": 2017},
    ],
    ids=["plain", "unconditional", "never_treated", "weighted_clustered", "anticipation"],
)
def test_all_at_once_is_one_by_one(estimator: str, changes: dict[str, object]) -> None:
    fast, slow = both_ways(make_panel(2), replace(DESIGN, estimator=estimator, **changes))
    assert np.isfinite(fast).all()
    assert_allclose(fast, slow, rtol=SAME_FORMULA, atol=SAME_FORMULA)


@pytest.mark.parametrize("estimator", BATCHED)
def test_what_is_not_plain_is_left_to_the_careful_way(estimator: str) -> None:
    """Many small islands: traits that no treated region has, and covariates that are collinear among controls."""
    panel = make_panel(3, islands=24)
    fast, slow = both_ways(panel, replace(DESIGN, estimator=estimator, cohorts=(2017,)))
    known = np.isfinite(fast)
    assert_allclose(fast[known], slow[known], rtol=SAME_FORMULA, atol=SAME_FORMULA)
    assert known.any()


def test_a_trait_that_no_treated_region_has_is_still_plain() -> None:
    """Its controls are set aside in the score and stay in the regression, as in every estimate."""
    panel = make_panel(4, islands=2)
    rng = np.random.default_rng(5)
    treated = panel["cohort"].isin([2015, 2017])
    panel["island"] = np.where(~treated & (panel["region"] % 3 == 0), "far", panel["island"])
    wide = read_panel(panel, DESIGN)
    place = wide.covariate_names.index("island=island 0")
    far = wide.covariates[:, 0, :][:, [place, place + 1]].sum(axis=1) == 0
    inside = np.flatnonzero(~far)
    orders = np.tile(np.arange(wide.n_units), (40, 1))
    for order in orders:
        order[inside] = rng.permutation(inside)
    estimate, error = overall_effects(
        wide, DESIGN, cohort=wide.cohort[orders], may_control=wide.may_control[orders]
    )
    slow = [one_by_one._permuted(wide, DESIGN, order, "t") for order in orders]
    assert np.isfinite(estimate).mean() > 0.9
    known = np.isfinite(estimate)
    assert_allclose((estimate / error)[known], np.array(slow)[known], rtol=SAME_FORMULA)


@pytest.mark.parametrize("estimator", ["dr", "entropy", "imputation"])
def test_a_test_has_a_statistic_for_every_permutation(estimator: str) -> None:
    panel = make_panel(6)
    result = randomisation_test(panel, replace(DESIGN, estimator=estimator), permutations=9, seed=3)
    wide = read_panel(panel, result.design)
    rng = np.random.default_rng(3)
    stratum = np.zeros(wide.n_units, dtype=int)
    orders = [one_by_one._within(stratum, rng) for _ in range(9)]
    slow = [one_by_one._permuted(wide, result.design, order, "t") for order in orders]
    assert_allclose(result.draws, slow, rtol=SAME_FORMULA)
    again = randomisation_test(panel, replace(DESIGN, estimator=estimator), permutations=9, seed=3)
    assert_array_equal(again.draws, result.draws)
