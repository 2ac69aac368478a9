"""What must hold for any composite index, whatever the numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import BadInputError
from evaluation.index import (
    Element,
    Goalposts,
    IndexSpec,
    Level,
    Minimum,
    Normalise,
    Screen,
    build_index,
)
from evaluation.index.aggregate import aggregate_scores
from evaluation.index.normalise import goalpost_scores
from evaluation.index.ranking import ranks_within

EXACT = 1e-9
"""Scores lie between 1 and 100; this is rounding of a few operations."""
UNITS = pd.Index(["1101", "1102", "1103"], name="unit")


def small_spec(*, aggregation: str = "geometric", share: float = 0.5) -> IndexSpec:
    return IndexSpec(
        elements=(
            Element("income", "welfare", "indicator", direction=1, goalposts=Goalposts(0.0, 10.0)),
            Element("poverty", "welfare", "indicator", direction=-1, goalposts=Goalposts(0.0, 40.0)),
            Element("school", "learning", "indicator", direction=1, goalposts=Goalposts(0.0, 15.0)),
            Element("welfare", "economy", "dimension"),
            Element("learning", "economy", "dimension"),
            Element("economy", None, "pillar"),
        ),
        levels=(
            Level("dimension", minimum=Minimum(share=share)),
            Level("pillar", aggregation=aggregation, minimum=Minimum(count=1)),  # type: ignore[arg-type]
        ),
        normalise=Normalise(),
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


AGGREGATIONS = ("arithmetic", "geometric", "harmonic", "power", "copeland")


@given(st.lists(st.floats(1.0, 100.0), min_size=3, max_size=3), st.floats(0.1, 50.0))
def test_rescaling_all_weights_changes_nothing_and_means_keep_their_order(
    scores: list[float], factor: float
) -> None:
    row, weights = np.array([scores]), np.array([1.0, 2.0, 3.0])
    means = {}
    for name, power in (("harmonic", 1.0), ("geometric", 1.0), ("arithmetic", 1.0), ("power", 2.0)):
        means[name] = aggregate_scores(row, weights, aggregation=name, power=power)[0]  # type: ignore[arg-type]
        again = aggregate_scores(row, weights * factor, aggregation=name, power=power)  # type: ignore[arg-type]
        assert again == pytest.approx(means[name])
    ordered = list(means.values())
    assert all(low <= high + EXACT for low, high in pairwise(ordered))
    assert min(scores) - EXACT <= ordered[0]
    assert ordered[-1] <= max(scores) + EXACT


def test_power_means_by_hand() -> None:
    row, weights = np.array([[1.0, 2.0, 4.0]]), np.array([1.0, 1.0, 2.0])

    def power_mean(power: float) -> float:
        return float(aggregate_scores(row, weights, aggregation="power", power=power)[0])

    assert power_mean(2.0) == pytest.approx(np.sqrt(37 / 4))
    assert power_mean(1.0) == pytest.approx(11 / 4)
    assert power_mean(-1.0) == pytest.approx(2.0)
    assert aggregate_scores(row, weights, aggregation="harmonic")[0] == pytest.approx(2.0)
    assert aggregate_scores(row, weights, aggregation="geometric")[0] == pytest.approx(32 ** (1 / 4))


def test_copeland_by_hand() -> None:
    """Against b, a is ahead on weight 3 of 5; c has no value on the second child and meets the others on two."""
    scores = np.array([[3.0, 1.0, 2.0], [2.0, 2.0, 2.0], [1.0, np.nan, 4.0], [np.nan] * 3])
    contests = aggregate_scores(scores, np.array([3.0, 2.0, 1.0]), aggregation="copeland")
    assert contests[:3].tolist() == [2.0, 0.0, -2.0]
    assert np.isnan(contests[3])
    tied = aggregate_scores(
        np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([0.1 + 0.2, 0.3]), aggregation="copeland"
    )
    assert tied.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_many_replications_at_once_give_the_bits_of_one_after_the_other(aggregation: str) -> None:
    rng = np.random.default_rng(3)
    scores = rng.uniform(1, 100, (6, 40, 9))
    scores[rng.random(scores.shape) < 0.1] = np.nan
    weights = rng.uniform(0.1, 1, (6, 9))
    at_once = aggregate_scores(scores, weights, aggregation=aggregation, power=0.5)  # type: ignore[arg-type]
    one_by_one = [
        aggregate_scores(one, own, aggregation=aggregation, power=0.5)  # type: ignore[arg-type]
        for one, own in zip(scores, weights, strict=True)
    ]
    np.testing.assert_array_equal(at_once, np.stack(one_by_one))
    shared = aggregate_scores(scores, weights[0], aggregation=aggregation, power=0.5)  # type: ignore[arg-type]
    np.testing.assert_array_equal(shared[0], one_by_one[0])


def test_the_order_of_units_and_columns_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    data = pd.DataFrame(rng.uniform(0, 10, (203, 3)), columns=["income", "poverty", "school"])
    shuffled = data.sample(frac=1, random_state=1)[["school", "income", "poverty"]]
    straight = build_index(data, small_spec())
    turned = build_index(shuffled, small_spec())
    pd.testing.assert_frame_equal(straight.scores, turned.scores.loc[data.index], check_exact=True)
    pd.testing.assert_frame_equal(straight.ranks, turned.ranks.loc[data.index], check_exact=True)


def test_rescaling_an_indicator_together_with_its_goalposts_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    data = pd.DataFrame(rng.uniform(0, 10, (50, 3)), columns=["income", "poverty", "school"])
    spec = small_spec()
    rescaled = IndexSpec(
        elements=(
            Element("income", "welfare", "indicator", goalposts=Goalposts(0.0, 40.0)),
            *spec.elements[1:],
        ),
        levels=spec.levels,
        normalise=spec.normalise,
    )
    again = build_index(data.assign(income=data["income"] * 4), rescaled)
    pd.testing.assert_frame_equal(build_index(data, spec).scores, again.scores, check_exact=True)


def panel(years: int, *, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.MultiIndex.from_product([range(2019, 2019 + years), range(60)], names=["year", "unit"])
    data = pd.DataFrame(
        rng.uniform(0, 12, (len(rows), 3)), index=rows, columns=["income", "poverty", "school"]
    )
    growth = 1 + 0.1 * (data.index.get_level_values("year") - 2019)
    return data.mul(growth, axis=0).swaplevel()


@pytest.mark.parametrize(("method", "same"), [("goalposts", True), ("minmax", False)])
def test_adding_a_year_leaves_goalpost_scores_and_ranks_of_earlier_years(method: str, same: bool) -> None:
    long = panel(4)
    short = long[long.index.get_level_values("year") < 2022]
    spec = small_spec(share=0.0)
    chosen = IndexSpec(
        elements=spec.elements,
        levels=spec.levels,
        normalise=Normalise(method=method),  # type: ignore[arg-type]
    )
    before, after = build_index(short, chosen), build_index(long, chosen)
    assert after.scores.loc[short.index].equals(before.scores) is same
    assert not same or after.ranks.loc[short.index].equals(before.ranks)
    assert set(after.logs["normalisation"]["scope"]) == {"fixed" if same else "pooled"}


def test_ranks_are_taken_within_each_time() -> None:
    result = build_index(panel(3), small_spec())
    own = result.scores["economy"].groupby(level="year").rank(method="min", ascending=False)
    assert (result.ranks["economy"] == own).all()
    tidy = result.tidy()
    assert tidy.columns[:4].tolist() == ["unit", "time", "level", "code"]
    assert tidy.groupby(["time", "code"])["rank"].max().eq(60).all()


def test_copeland_meets_only_units_of_the_same_time() -> None:
    long = panel(3)
    spec = small_spec()
    spec = IndexSpec(
        elements=spec.elements,
        levels=(Level("dimension"), Level("pillar", aggregation="copeland")),
        normalise=spec.normalise,
    )
    together = build_index(long, spec).scores["economy"]
    for year, one in long.groupby(level="year"):
        alone = build_index(one, spec).scores["economy"]
        pd.testing.assert_series_equal(together.xs(year, level="year"), alone.droplevel("year"))
        assert alone.sum() == 0


def test_an_indicator_removed_equals_one_never_present() -> None:
    rng = np.random.default_rng(9)
    data = pd.DataFrame(rng.uniform(0, 10, (30, 3)), columns=["income", "poverty", "school"])
    never = IndexSpec(
        elements=tuple(one for one in small_spec().elements if one.code not in ("school", "learning")),
        levels=small_spec().levels,
        normalise=Normalise(),
    )
    assert small_spec().without(["school"]) == never
    said = replace(small_spec(), empty_aggregates="missing").without(["school"])
    assert [one.code for one in said.elements] == ["income", "poverty", "welfare", "learning", "economy"]
    gone = data.assign(school=[5.0] + [np.nan] * 29)
    screened = IndexSpec(
        elements=small_spec().elements,
        levels=small_spec().levels,
        normalise=Normalise(),
        screen=Screen(indicator_min_availability=0.5),
    )
    result = build_index(gone, screened)
    assert result.logs["screened_indicators"].query("not included")["code"].tolist() == ["school"]
    expected = build_index(data.drop(columns="school"), never)
    pd.testing.assert_frame_equal(result.scores, expected.scores, check_exact=True)


def test_ranks_among_units_of_like_composition() -> None:
    data = values(income=[5.0, 4.0, np.nan], poverty=[20.0, 20.0, np.nan], school=[np.nan, np.nan, 1.0])
    result = build_index(data, small_spec())
    assert result.ranks["economy"].tolist() == [1.0, 2.0, 3.0]
    assert result.ranks_alike["economy"].tolist() == [1.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("aggregation", "power", "score"),
    [("geometric", 1.0, 0.0), ("harmonic", 1.0, 0.0), ("power", -2.0, 0.0), ("power", 2.0, -1.0)],
)
def test_a_mean_refuses_a_score_that_it_has_no_value_at(aggregation: str, power: float, score: float) -> None:
    scores = np.array([[50.0, score], [1.0, np.nan]])
    with pytest.raises(BadInputError, match=r"1 scores are (zero or less|below zero)"):
        aggregate_scores(scores, np.ones(2), aggregation=aggregation, power=power)  # type: ignore[arg-type]


def test_a_power_mean_of_a_positive_exponent_takes_zero() -> None:
    assert aggregate_scores(np.array([[0.0, 2.0]]), np.ones(2), aggregation="power", power=2.0) == np.sqrt(2)


def test_an_indicator_without_a_column_is_refused() -> None:
    with pytest.raises(BadInputError, match="school"):
        build_index(values(income=[1.0] * 3, poverty=[1.0] * 3), small_spec())


def test_a_unit_that_stands_twice_is_refused_with_all_other_faults() -> None:
    data = pd.DataFrame({"income": [1.0, np.inf], "poverty": ["a", "b"], "school": 1.0}, index=["x", "x"])
    with pytest.raises(BadInputError) as caught:
        build_index(data, small_spec())
    for part in ("'x' stands more than once", "infinite", "'poverty' holds"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (pd.MultiIndex.from_tuples([(1, 2, 3)]), "more than two parts"),
        (pd.MultiIndex.from_tuples([("x", np.nan)]), "no time"),
        (pd.MultiIndex.from_tuples([(2019, "x")], names=["year", "unit"]), "starts with the time"),
        (pd.Index([np.nan]), "no unit"),
    ],
)
def test_rows_that_are_not_units_and_times_are_refused(index: pd.Index, message: str) -> None:
    data = pd.DataFrame({"income": [1.0], "poverty": [1.0], "school": [1.0]}, index=index)
    with pytest.raises(BadInputError, match=message):
        build_index(data, replace(small_spec(), time_column="year"))


def test_a_column_that_stands_twice_is_refused() -> None:
    data = values(income=[1.0] * 3, poverty=[1.0] * 3, school=[1.0] * 3)
    with pytest.raises(BadInputError, match="'income' stands more than once"):
        build_index(pd.concat([data, data[["income"]]], axis=1), small_spec())


def test_nullable_numbers_are_read_as_numbers() -> None:
    data = values(income=[1.0, 2.0, np.nan], poverty=[1.0] * 3, school=[1.0] * 3)
    nullable = data.astype({"income": "Int64"})
    pd.testing.assert_frame_equal(
        build_index(nullable, small_spec()).scores, build_index(data, small_spec()).scores
    )


def test_the_callers_frame_stays_as_it_was() -> None:
    data = panel(2)
    before = data.copy()
    build_index(data, small_spec())
    pd.testing.assert_frame_equal(data, before)


def test_every_step_is_a_table_and_comes_in_the_order_taken() -> None:
    result = build_index(panel(2), small_spec())
    names = list(result.tables())
    assert names == ["00_raw", "01_normalised", "02_normalisation", "03_weights", "04_aggregated", "05_ranks"]
    assert result.tables()["04_aggregated"].columns[:2].tolist() == ["unit", "time"]
    assert result.weights.set_index("code")["share"].to_dict() == {
        "income": 0.5,
        "poverty": 0.5,
        "school": 1.0,
        "welfare": 0.5,
        "learning": 0.5,
    }


def test_copeland_gives_no_score_to_a_unit_that_has_only_children_without_weight() -> None:
    scores = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 6.0]])
    found = aggregate_scores(scores, np.array([0.0, 1.0]), aggregation="copeland")
    assert np.isnan(found[0])
    assert found[1:].tolist() == [-1.0, 1.0]


def test_scores_that_differ_by_rounding_only_share_a_rank() -> None:
    given = pd.DataFrame({"top": [50.0, 50.0 + 1e-12, 49.0]})
    assert ranks_within(given)["top"].tolist() == [1.0, 1.0, 3.0]
    apart = pd.DataFrame({"top": [50.0, 50.0 + 1e-9, 49.0]})
    assert ranks_within(apart)["top"].tolist() == [2.0, 1.0, 3.0]
