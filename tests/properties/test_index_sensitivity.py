"""What must hold for Sobol' indices of any function, and of the ranks of an index."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.index import Element, Goalposts, IndexSpec, Level, Normalise
from evaluation.index.factors import Choice, Factor, LeaveOut, WeightNoise
from evaluation.index.sensitivity import SensitivityResult, mean_rank_shift, sensitivity
from evaluation.index.sobol import SobolIndices, saltelli_sample, sobol_indices

SAMPLED = 0.02
"""Error of 2^12 scrambled points in the indices of a linear function. Found: below 0.005."""

NOMINAL, TOLERATED = 0.95, 0.06
"""Coverage of a 95% interval in 200 samples of 128 independent points: three standard errors are 0.046, and percentile
intervals of so few points are a little narrow."""

EXACT = 1e-12
"""Rounding."""


def indices(outcomes: np.ndarray, **options: object) -> SobolIndices:
    return sobol_indices(outcomes[..., None], **options)  # type: ignore[arg-type]


def test_a_linear_function_owes_its_variance_to_each_variable_alone() -> None:
    slopes = np.array([1.0, 2.0, 3.0])
    found = indices(saltelli_sample(2**12, [1, 1, 1], seed=4) @ slopes, bootstrap=0)
    np.testing.assert_allclose(found.first[:, 0], slopes**2 / 14, atol=SAMPLED)
    np.testing.assert_allclose(found.total[:, 0], slopes**2 / 14, atol=SAMPLED)


def test_variables_of_one_factor_count_together() -> None:
    slopes = np.array([1.0, 2.0, 3.0])
    sample = saltelli_sample(2**12, [2, 1], seed=4)
    assert sample.shape == (4, 2**12, 3)
    found = indices(sample @ slopes, bootstrap=0)
    np.testing.assert_allclose(found.first[:, 0], [5 / 14, 9 / 14], atol=SAMPLED)


def test_a_product_owes_its_variance_to_both_together() -> None:
    found = indices(np.prod(saltelli_sample(2**12, [1, 1], seed=4) - 0.5, axis=-1), bootstrap=0)
    np.testing.assert_allclose(found.first[:, 0], 0.0, atol=SAMPLED)
    np.testing.assert_allclose(found.total[:, 0], 1.0, atol=SAMPLED)


def test_an_outcome_that_never_varies_has_no_indices_and_no_intervals() -> None:
    found = indices(np.full((4, 8), 7.0), bootstrap=20)
    for part in (found.first, found.total, found.first_low, found.total_high):
        assert np.isnan(part).all()


def test_each_factor_changes_only_its_own_columns() -> None:
    sample = saltelli_sample(16, [1, 2], seed=0)
    a, first, second, b = sample
    assert (first[:, 0] == b[:, 0]).all()
    assert (first[:, 1:] == a[:, 1:]).all()
    assert (second[:, 0] == a[:, 0]).all()
    assert (second[:, 1:] == b[:, 1:]).all()
    assert not (a == b).any()


@pytest.mark.parametrize("first_order", ["saltelli", "jansen"])
def test_intervals_hold_the_true_indices_about_as_often_as_they_say(first_order: str) -> None:
    slopes = np.array([1.0, 2.0])
    truth = slopes**2 / 5
    hits = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        a, b = rng.random((2, 128, 2))
        sample = np.stack([a, np.column_stack([b[:, 0], a[:, 1]]), np.column_stack([a[:, 0], b[:, 1]]), b])
        found = indices(sample @ slopes, first_order=first_order, bootstrap=150, seed=seed)
        hits.append((found.first_low[:, 0] <= truth) & (truth <= found.first_high[:, 0]))
        hits.append((found.total_low[:, 0] <= truth) & (truth <= found.total_high[:, 0]))
    assert np.mean(hits) == pytest.approx(NOMINAL, abs=TOLERATED)


def spec() -> IndexSpec:
    leaves = [
        Element(code, "p" if code in "ab" else "q", "indicator", goalposts=Goalposts(0, 100))
        for code in "abcd"
    ]
    top = [Element("p", "all", "pillar"), Element("q", "all", "pillar"), Element("all", None, "index")]
    levels = (Level("pillar"), Level("index"))
    return IndexSpec((*leaves, *top), levels, normalise=Normalise(method="goalposts"))


def values(n: int = 25) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).uniform(1, 99, (n, 4)), columns=list("abcd"))


IDLE = Choice(name="idle", options={"one": {}, "same": {"normalise.capped": True}})
MEAN = Choice(name="mean", options={"arithmetic": {}, "geometric": {"levels.index.aggregation": "geometric"}})


def run(*factors: Factor, **options: object) -> SensitivityResult:
    return sensitivity(values(), spec(), factors, **{"n": 128, "seed": 2, **options})  # type: ignore[arg-type]


def test_a_factor_without_effect_has_total_index_zero_and_the_only_other_one_has_all() -> None:
    table = run(IDLE, MEAN, n=256).tidy().dropna(subset=["estimate"])
    totals = table[table["order"] == "total"].groupby("factor")["estimate"]
    assert totals.max()["idle"] == 0
    np.testing.assert_allclose(totals.max()["mean"], 1.0, atol=0.15)
    np.testing.assert_allclose(totals.min()["mean"], 1.0, atol=0.15)
    assert len(table) > 4


def test_rows_stand_for_each_outcome_unit_factor_and_order() -> None:
    table = run(MEAN, LeaveOut(), WeightNoise(spread=0.5), codes=("all", "p")).tidy()
    key = ["code", "outcome", "unit", "factor", "order"]
    assert not table.duplicated(key).any()
    assert len(table) == 2 * (1 + 2 * 25) * 3 * 2
    inside = table.dropna(subset=["estimate"])
    assert (inside["conf_low"] <= inside["conf_high"]).all()
    # The mean of pillars does not reach into a pillar: its rows owe nothing to it.
    below = inside[(inside["code"] == "p") & (inside["factor"] == "mean") & (inside["order"] == "total")]
    assert len(below)
    assert (below["estimate"] == 0).all()


def test_the_same_seed_gives_the_same_table_and_another_seed_another() -> None:
    first, again, other = (run(MEAN, WeightNoise(spread=0.5), seed=seed).tidy() for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first["estimate"].equals(other["estimate"])


def test_an_outcome_that_is_missing_in_some_replication_has_no_indices() -> None:
    table = run(LeaveOut(codes=("p",)), MEAN, codes=("p",), outcomes=("rank", "score")).tidy()
    assert table["estimate"].isna().all()


def test_mean_rank_shift_by_hand() -> None:
    ranks = np.array([[1, 2, 3, 0], [3, 2, 1, 4], [0, 0, 0, 0]], dtype=np.int16)
    shift = mean_rank_shift(ranks, np.array([1, 3, 2, 0], dtype=np.int16))
    np.testing.assert_allclose(shift, [2 / 3, 4 / 3, np.nan], rtol=EXACT)


def test_the_chart_shows_both_indices_of_each_factor() -> None:
    result = run(MEAN, WeightNoise(spread=0.5))
    chart = result.plot(names={"mean": "Mean of pillars"})
    assert "Mean of pillars" in chart.html
    overall = result.overall()
    leading = overall[overall["order"] == "total"].sort_values("estimate")["factor"].iloc[-1]
    assert {"mean": "Mean of pillars"}.get(leading, leading) in chart.alt
    for estimate in overall["estimate"]:
        assert f">{estimate:.2f}<" in chart.html


def test_an_outcome_that_varies_at_one_point_has_no_absurd_interval() -> None:
    outcomes = np.zeros((4, 64, 1))
    outcomes[0, 5, 0] = outcomes[1, 5, 0] = 1.0
    found = sobol_indices(outcomes, bootstrap=200, seed=1)
    ends = np.concatenate([found.first_low, found.first_high, found.total_low, found.total_high])
    assert np.nanmax(np.abs(ends)) < 100
