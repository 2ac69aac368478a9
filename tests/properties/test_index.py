"""What must hold for any composite index, whatever the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import BadInputError
from evaluation.index import Element, IndexSpec, Level, Minimum, build_index
from evaluation.index.aggregate import weighted_mean
from evaluation.index.normalise import goalpost_scores

EXACT = 1e-9
"""Scores lie between 1 and 100; this is rounding of a few operations."""
UNITS = pd.Index(["1101", "1102", "1103"], name="unit")


def small_spec(*, mean: str = "geometric", share: float = 0.5) -> IndexSpec:
    return IndexSpec(
        elements=(
            Element("income", "welfare", "indicator", direction=1, goalposts=(0.0, 10.0)),
            Element("poverty", "welfare", "indicator", direction=-1, goalposts=(0.0, 40.0)),
            Element("school", "learning", "indicator", direction=1, goalposts=(0.0, 15.0)),
            Element("welfare", "economy", "dimension"),
            Element("learning", "economy", "dimension"),
            Element("economy", None, "pillar"),
        ),
        levels=(
            Level("dimension", mean="arithmetic", minimum=Minimum(share=share)),
            Level("pillar", mean=mean, minimum=Minimum(count=1)),  # type: ignore[arg-type]
        ),
    )


def values(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=UNITS)


def test_scores_by_hand() -> None:
    result = build_index(
        values(income=[5.0, 10.0, 0.0], poverty=[20.0, 0.0, 40.0], school=[7.5, 15.0, 0.0]), small_spec()
    )
    assert result.scores["welfare"].tolist() == pytest.approx([50.5, 100.0, 1.0], abs=EXACT)
    assert result.scores["economy"].tolist() == pytest.approx([50.5, 100.0, 1.0], abs=EXACT)
    assert result.composition["economy"].tolist() == ["welfare+learning"] * 3


def test_a_missing_dimension_is_left_out_and_said_never_imputed() -> None:
    result = build_index(
        values(income=[5.0, np.nan, np.nan], poverty=[20.0, 20.0, np.nan], school=[np.nan, 7.5, np.nan]),
        small_spec(),
    )
    assert result.composition["economy"].tolist() == ["welfare", "welfare+learning", ""]
    assert result.coverage["economy"].tolist() == [0.5, 1.0, 0.0]
    assert np.isnan(result.scores["economy"].iloc[2])
    assert result.n_indicators["economy"].tolist() == [2, 2, 0]


def test_an_aggregate_below_its_coverage_is_missing() -> None:
    data = values(income=[5.0] * 3, poverty=[np.nan] * 3, school=[7.5] * 3)
    assert build_index(data, small_spec(share=0.5)).scores["welfare"].notna().all()
    assert build_index(data, small_spec(share=0.6)).scores["welfare"].isna().all()


@given(st.floats(-1e6, 1e6), st.sampled_from([-1, 1]))
def test_scores_stay_within_their_range_and_say_when_capped(value: float, direction: int) -> None:
    score, capped = goalpost_scores(
        np.array([value]),
        goalposts=(5.0, 65.0),
        direction=direction,
        transform="linear",
        score_range=(1.0, 100.0),
    )
    assert 1.0 - EXACT <= score[0] <= 100.0 + EXACT
    assert capped[0] == (not 5.0 <= value <= 65.0)


@given(st.lists(st.floats(0.01, 63.0), min_size=2, max_size=30), st.sampled_from(["linear", "log", "log1p"]))
def test_more_of_a_good_thing_never_lowers_a_score(figures: list[float], transform: str) -> None:
    ordered = np.sort(np.array(figures))
    score, _ = goalpost_scores(
        ordered,
        goalposts=(0.01, 63.0),
        direction=1,
        transform=transform,  # type: ignore[arg-type]
        score_range=(1.0, 100.0),
    )
    assert (np.diff(score) >= -EXACT).all()


@given(st.lists(st.floats(1.0, 100.0), min_size=3, max_size=3), st.floats(0.1, 50.0))
def test_rescaling_all_weights_changes_nothing_and_geometric_never_exceeds_arithmetic(
    scores: list[float], factor: float
) -> None:
    row, weights = np.array([scores]), np.array([1.0, 2.0, 3.0])
    for mean in ("arithmetic", "geometric"):
        once = weighted_mean(row, weights, mean=mean)  # type: ignore[arg-type]
        again = weighted_mean(row, weights * factor, mean=mean)  # type: ignore[arg-type]
        assert once == pytest.approx(again)
    geometric = weighted_mean(row, weights, mean="geometric")
    assert geometric[0] <= weighted_mean(row, weights, mean="arithmetic")[0] + EXACT


def test_the_order_of_units_and_columns_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    data = pd.DataFrame(rng.uniform(0, 10, (20, 3)), columns=["income", "poverty", "school"])
    shuffled = data.sample(frac=1, random_state=1)[["school", "income", "poverty"]]
    straight = build_index(data, small_spec()).scores
    turned = build_index(shuffled, small_spec()).scores.loc[data.index]
    pd.testing.assert_frame_equal(straight, turned)


def test_a_geometric_mean_refuses_a_score_of_zero() -> None:
    with pytest.raises(BadInputError, match="zero or less"):
        weighted_mean(np.array([[0.0, 50.0]]), np.array([1.0, 1.0]), mean="geometric")


def test_every_fault_of_a_specification_is_told_at_once() -> None:
    with pytest.raises(BadInputError) as caught:
        IndexSpec(
            elements=(
                Element("a", "nowhere", "indicator", goalposts=(10.0, 1.0)),
                Element("b", "top", "indicator", weight=-1.0, goalposts=(0.0, 1.0), transform="log"),
                Element("top", None, "pillar"),
            ),
            levels=(Level("pillar", mean="arithmetic", minimum=Minimum()),),
        )
    message = str(caught.value)
    for part in ("nowhere", "below zero", "must rise", "log goalposts"):
        assert part in message


def test_an_indicator_without_a_column_is_refused() -> None:
    with pytest.raises(BadInputError, match="school"):
        build_index(values(income=[1.0] * 3, poverty=[1.0] * 3), small_spec())
