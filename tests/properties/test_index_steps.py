"""What each step before aggregation promises: imputing, treating, normalising, screening, on one year and on panels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import BadInputError
from evaluation.index import (
    Denominate,
    Element,
    Goalposts,
    Impute,
    IndexSpec,
    Level,
    Minimum,
    Normalise,
    Screen,
    Treat,
    Weight,
    build_index,
)
from evaluation.index.denominate import denominate
from evaluation.index.impute import impute
from evaluation.index.normal import fit_normal
from evaluation.index.normalise import normalise
from evaluation.index.outliers import box_cox, log_transform, shape_of, winsorise
from evaluation.index.screen import screen
from evaluation.index.treat import treat

CONVERGED = 1e-7
"""The iteration stops at a change of 1e-10 of standardised moments; what remains is some hundred times that."""

CODES = ("a", "b", "c")


def spec(**steps: Any) -> IndexSpec:
    """Return a specification of three indicators in two dimensions; b is worse when higher."""
    steps.setdefault("normalise", Normalise(method="minmax"))
    elements = steps.pop("elements", None) or (
        Element("a", "first", "indicator"),
        Element("b", "first", "indicator", direction=-1),
        Element("c", "second", "indicator"),
        Element("first", "index", "dimension"),
        Element("second", "index", "dimension"),
        Element("index", None, "index"),
    )
    levels = steps.pop("levels", (Level("dimension"), Level("index")))
    return IndexSpec(elements=elements, levels=levels, **steps)


def panel(*, seed: int = 0, years: int = 5, units: int = 40, missing: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([range(units), range(2015, 2015 + years)], names=["unit", "year"])
    common = rng.normal(size=(len(index), 1))
    data = pd.DataFrame(common + rng.normal(size=(len(index), 3)) + 10, index=index, columns=list(CODES))
    return data.mask(rng.random(data.shape) < missing).assign(island=rng.choice(["x", "y"], len(index)))


def series(**values: list[float]) -> pd.DataFrame:
    """Return rows of one unit in the years 2015, 2016, ..., with indicators that are not given complete."""
    length = len(next(iter(values.values())))
    index = pd.MultiIndex.from_product([["u"], range(2015, 2015 + length)], names=["unit", "year"])
    return pd.DataFrame({code: values.get(code, [1.0] * length) for code in CODES}, index=index)


METHODS = [
    Impute(method="mean"),
    Impute(method="median"),
    Impute(method="group_mean", group="island"),
    Impute(method="row_mean"),
    Impute(method="row_median", within="index"),
    Impute(method="em"),
    Impute(method="last"),
    Impute(method="linear"),
]


@pytest.mark.parametrize("step", METHODS, ids=lambda step: step.method)
def test_by_default_a_later_year_never_changes_what_is_imputed_earlier(step: Impute) -> None:
    long = panel()
    early = long.index.get_level_values("year") < 2018
    made = spec(impute=step)
    both = impute(long, made, groups=long).data[early]
    alone = impute(long[early], made, groups=long[early]).data
    pd.testing.assert_frame_equal(both, alone, check_exact=True)
    assert alone.notna().sum().sum() > long.loc[early, list(CODES)].notna().sum().sum()


@pytest.mark.parametrize("step", METHODS, ids=lambda step: step.method)
def test_observed_values_stay_and_every_filled_cell_is_flagged(step: Impute) -> None:
    data = panel(seed=1)
    made = impute(data, spec(impute=step), groups=data)
    given = data[list(CODES)]
    assert made.data.where(given.notna()).equals(given)
    assert made.flags.equals(given.isna() & made.data.notna())
    assert made.table["filled"].sum() == made.flags.sum().sum()
    assert len(made.table) == given.isna().sum().sum()
    assert set(made.table["method"]) == {step.method}


def test_pooled_means_use_all_years_and_reference_means_those_named() -> None:
    data = series(a=[1.0, 3.0, np.nan, 8.0])
    assert impute(data, spec(impute=Impute(method="mean", scope="pooled"))).data["a"].iloc[2] == 4.0
    step = Impute(method="mean", scope="reference", reference=(2015, 2016))
    assert impute(data, spec(impute=step)).data["a"].iloc[2] == 2.0


def test_a_group_without_a_value_is_not_filled_from_another() -> None:
    data = pd.DataFrame({"a": [1.0, 3.0, np.nan], "b": 1.0, "c": 1.0, "island": ["x", "x", "y"]})
    made = impute(data, spec(impute=Impute(method="group_mean", group="island")), groups=data)
    assert np.isnan(made.data["a"].iloc[2])
    assert made.table["filled"].tolist() == [False]


def test_the_latest_value_is_carried_forward_up_to_its_limit_in_years() -> None:
    data = series(a=[np.nan, 2.0, np.nan, np.nan, np.nan]).drop(("u", 2018))
    filled = impute(data, spec(impute=Impute(method="last", limit=2))).data["a"]
    np.testing.assert_array_equal(filled, [np.nan, 2.0, 2.0, np.nan])
    exactly = impute(data, spec(impute=Impute(method="last", limit=3))).data["a"]
    np.testing.assert_array_equal(exactly, [np.nan, 2.0, 2.0, 2.0])
    without_limit = impute(data, spec(impute=Impute(method="last"))).data["a"]
    np.testing.assert_array_equal(without_limit, [np.nan, 2.0, 2.0, 2.0])


def test_a_line_through_the_two_latest_earlier_values_or_between_neighbours() -> None:
    data = series(a=[1.0, np.nan, 2.0, np.nan, 8.0, np.nan])
    before = impute(data, spec(impute=Impute(method="linear"))).data["a"]
    np.testing.assert_array_equal(before, [1.0, np.nan, 2.0, 2.5, 8.0, 11.0])
    between = impute(data, spec(impute=Impute(method="linear", use_later=True))).data["a"]
    np.testing.assert_array_equal(between, [1.0, 1.5, 2.0, 5.0, 8.0, np.nan])


def test_one_unit_never_fills_another() -> None:
    data = pd.concat([series(a=[1.0, 2.0]), series(a=[np.nan, np.nan]).rename(index={"u": "v"})])
    for method in ("last", "linear"):
        made = impute(data, spec(impute=Impute(method=method)))  # type: ignore[arg-type]
        assert made.data.loc["v", "a"].isna().all()


def test_a_row_is_filled_at_the_mean_position_of_its_other_indicators() -> None:
    """The row is best on a (0 to 10) and worst on b (0 to 4, less is better): c (0 to 8) is filled half-way."""
    data = pd.DataFrame({"a": [0.0, 10.0], "b": [0.0, 4.0], "c": [0.0, 8.0]})
    data.loc[2] = [10.0, 4.0, np.nan]
    assert impute(data, spec(impute=Impute(method="row_mean"))).data["c"].iloc[2] == 4.0
    worse = pd.DataFrame({"a": [0.0, 10.0, 5.0], "b": [0.0, 4.0, np.nan], "c": [0.0, 8.0, 2.0]})
    assert impute(worse, spec(impute=Impute(method="row_mean"))).data["b"].iloc[2] == 2.5


def test_within_a_level_only_the_indicators_of_the_same_element_count() -> None:
    data = pd.DataFrame({"a": [0.0, 10.0, np.nan], "b": [0.0, 4.0, 1.0], "c": [0.0, 8.0, 8.0]})
    made = impute(data, spec(impute=Impute(method="row_mean", within="dimension")))
    assert made.data["a"].iloc[2] == 7.5


def test_expectation_maximisation_reaches_the_maximum_that_has_a_formula() -> None:
    """With x always there and y missing for some, the likelihood factors (Anderson 1957, doi:10.1080/01621459.1957.10501379)."""
    rng = np.random.default_rng(4)
    x = rng.normal(3, 2, 80)
    y = 1 + 0.5 * x + rng.normal(size=80)
    y[rng.random(80) < 0.4] = np.nan
    known = ~np.isnan(y)
    slope, intercept = np.polyfit(x[known], y[known], 1)
    residual = (y[known] - intercept - slope * x[known]).var()
    mean, covariance = fit_normal(np.column_stack([x, y]), where="here", codes=("x", "y"))
    assert mean == pytest.approx([x.mean(), intercept + slope * x.mean()], abs=CONVERGED)
    assert covariance[0] == pytest.approx([x.var(), slope * x.var()], abs=CONVERGED)
    assert covariance[1, 1] == pytest.approx(residual + slope**2 * x.var(), abs=CONVERGED)
    data = pd.DataFrame({"a": x, "b": y, "c": rng.normal(size=80)})
    made = impute(data, spec(impute=Impute(method="em", within="dimension")))
    assert made.data["b"][~known].to_list() == pytest.approx(
        (intercept + slope * x[~known]).tolist(), abs=CONVERGED
    )
    assert (made.flags["b"] == ~known).all()


def test_a_normal_of_too_few_rows_or_dependent_indicators_is_refused() -> None:
    few = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [1.0, 2.0, 2.0], "c": [3.0, 1.0, 2.0]})
    with pytest.raises(BadInputError, match="too few"):
        impute(few, spec(impute=Impute(method="em")))
    x = np.arange(20.0)
    dependent = pd.DataFrame({"a": x, "b": 2 * x, "c": np.where(x == 3, np.nan, x % 3)})
    with pytest.raises(BadInputError, match="combinations"):
        impute(dependent, spec(impute=Impute(method="em")))


def test_imputed_values_lower_coverage_on_every_level_and_may_be_kept_from_counting() -> None:
    data = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [3.0, 1.0, 2.0], "c": [1.0, np.nan, 3.0]})
    result = build_index(data, spec(impute=Impute(method="mean")))
    assert result.scores.notna().all(axis=None)
    assert result.coverage["a"].tolist() == [1.0, 1.0, 0.0]
    assert result.coverage["first"].tolist() == [1.0, 1.0, 0.5]
    assert result.coverage["index"].tolist() == [1.0, 0.5, 0.75]
    assert result.n_imputed["index"].tolist() == [0, 1, 1]
    assert result.n_indicators["index"].tolist() == [3, 3, 3]
    strict = Level("index", minimum=Minimum(share=0.6, counts_imputed=False))
    kept = build_index(data, spec(impute=Impute(method="mean"), levels=(Level("dimension"), strict)))
    assert kept.scores["index"].notna().tolist() == [True, False, True]


def test_overrides_hold_for_an_indicator_or_all_below_an_aggregate_the_nearest_first() -> None:
    data = pd.DataFrame(
        {"a": [0.0, 1.0, 5.0, np.nan], "b": [0.0, 1.0, 5.0, np.nan], "c": [0.0, 1.0, 5.0, np.nan]}
    )
    step = Impute(method="none", overrides={"first": Impute(method="mean"), "b": Impute(method="median")})
    filled = impute(data, spec(impute=step)).data.iloc[3]
    np.testing.assert_array_equal(filled, [2.0, 1.0, np.nan])


OUTLYING = np.concatenate([np.linspace(0.0, 1.0, 40), [20.0, 30.0]])


def test_winsorising_stops_as_soon_as_the_shape_allows_and_keeps_the_order() -> None:
    bounds = winsorise(OUTLYING, skewness=2.0, kurtosis=3.5, max_points=5)
    drawn = np.clip(OUTLYING, bounds.low, bounds.high)
    assert (bounds.n_points, bounds.low) == (2, -np.inf)
    assert bounds.high == 1.0
    assert shape_of(drawn).within(skewness=2.0, kurtosis=3.5)
    assert not shape_of(np.clip(OUTLYING, -np.inf, 20.0)).within(skewness=2.0, kurtosis=3.5)
    mirrored = winsorise(-OUTLYING, skewness=2.0, kurtosis=3.5, max_points=5)
    assert (mirrored.low, mirrored.high, mirrored.n_points) == (-bounds.high, np.inf, 2)


def test_where_winsorising_does_not_suffice_the_fallback_takes_the_values_as_they_were() -> None:
    data = pd.DataFrame({"a": OUTLYING, "b": 1.0, "c": np.arange(42.0)})
    made = treat(data, spec(treat=Treat(max_points=1)))
    expected = log_transform(OUTLYING, smallest=0.0, largest=30.0, form="shifted")
    np.testing.assert_array_equal(made.data["a"], expected)
    assert expected[0] == pytest.approx(np.log(0.3))
    assert (made.points["a"] == "log").all()
    row = made.table.set_index("code").loc["a"]
    assert (row["transform"], row["n_points"], bool(row["passed"])) == ("log", 0, False)
    kept = treat(data, spec(treat=Treat(max_points=1, fallback="none")))
    assert kept.points["a"].tolist() == [""] * 41 + ["high"]
    assert not kept.table.set_index("code").loc["a", "passed_treated"]


def test_one_threshold_exceeded_alone_is_no_outlier() -> None:
    assert shape_of(OUTLYING).within(skewness=100.0, kurtosis=3.5)
    assert shape_of(OUTLYING).within(skewness=2.0, kurtosis=100.0)
    assert not shape_of(OUTLYING).within(skewness=2.0, kurtosis=3.5)


def test_skewness_and_kurtosis_are_the_bias_corrected_ones() -> None:
    """Joanes and Gill (1998): G1 and G2, as pandas has them."""
    shape = shape_of(np.append(OUTLYING, np.nan))
    assert shape.skewness == pytest.approx(pd.Series(OUTLYING).skew(), rel=1e-12)
    assert shape.kurtosis == pytest.approx(pd.Series(OUTLYING).kurt(), rel=1e-12)
    assert np.isnan(shape_of(np.ones(10)).skewness)


def test_box_cox_with_a_given_exponent_and_by_likelihood() -> None:
    assert box_cox(np.array([2.0, 5.0]), smallest=2.0, exponent=0.5).tolist() == [0.0, 2.0]
    assert box_cox(np.array([2.0, 5.0]), smallest=2.0, exponent=0.0).tolist() == [0.0, np.log(4.0)]
    rng = np.random.default_rng(6)
    data = pd.DataFrame({"a": np.exp(rng.normal(0, 1.2, 400)), "b": 1.0, "c": 1.0})
    made = treat(data, spec(treat=Treat(method="box_cox")))
    row = made.table.set_index("code").loc["a"]
    assert -2.0 < row["parameter"] < 0.0
    assert abs(row["skewness_treated"]) < 0.3 < row["skewness"]


def test_bounds_and_a_function_of_ones_own() -> None:
    data = pd.DataFrame({"a": [1.0, 5.0, np.nan, 9.0], "b": [1.0, 2.0, 3.0, 4.0], "c": 1.0})
    bounds = Treat(method="bounds", bounds=(2.0, None))
    halved = Treat(method="custom", function="halve")
    step = Treat(method="none", overrides={"a": bounds, "b": halved})
    made = treat(data, spec(treat=step), functions={"halve": lambda values, fitted: values / len(fitted)})
    np.testing.assert_array_equal(made.data["a"], [2.0, 5.0, np.nan, 9.0])
    assert made.points["a"].tolist() == ["low", "", "", ""]
    assert made.data["b"].tolist() == [0.25, 0.5, 0.75, 1.0]
    with pytest.raises(BadInputError, match="halve"):
        treat(data, spec(treat=step))


def test_thresholds_of_a_reference_hold_for_all_years_and_later_years_change_nothing() -> None:
    rng = np.random.default_rng(2)
    index = pd.MultiIndex.from_product([range(42), [2019, 2020]], names=["unit", "year"])
    data = pd.DataFrame({"a": 0.0, "b": 1.0, "c": rng.random(84)}, index=index)
    first = index.get_level_values("year") == 2019
    data.loc[first, "a"] = OUTLYING
    data.loc[~first, "a"] = OUTLYING + 0.5
    step = Treat(scope="reference", reference=(2019,))
    made = treat(data, spec(treat=step)).data
    np.testing.assert_array_equal(made.loc[first, "a"], np.minimum(OUTLYING, 1.0))
    np.testing.assert_array_equal(made.loc[~first, "a"], np.minimum(OUTLYING + 0.5, 1.0))
    again = treat(data[first], spec(treat=step)).data
    pd.testing.assert_frame_equal(made[first], again, check_exact=True)


def test_a_value_below_the_reference_is_held_before_a_logarithm() -> None:
    index = pd.MultiIndex.from_product([range(42), [2019, 2020]], names=["unit", "year"])
    first = index.get_level_values("year") == 2019
    data = pd.DataFrame({"a": np.repeat(OUTLYING, 2), "b": 1.0, "c": 1.0}, index=index)
    data.loc[~first, "a"] -= 5.0
    made = treat(data, spec(treat=Treat(method="log", scope="reference", reference=(2019,))))
    held = data["a"] < 0
    assert made.data.loc[held, "a"].eq(made.data["a"].min()).all()
    assert made.points.loc[held, "a"].eq("low").all()
    assert made.data.notna().all(axis=None)


def scores_of(values: list[float], method: Normalise, **field: Any) -> np.ndarray:
    elements = (Element("a", "index", "indicator", **field), Element("index", None, "index"))
    made = IndexSpec(elements=elements, levels=(Level("index"),), normalise=method)
    return (
        normalise(pd.DataFrame({"a": values}, index=list("pqrs")[: len(values)]), made).data["a"].to_numpy()
    )


@pytest.mark.parametrize(
    ("method", "field", "expected"),
    [
        (Normalise(method="minmax", score_range=(0, 10)), {}, [0.0, 2.5, 10.0]),
        (Normalise(method="minmax", score_range=(0, 10)), {"direction": -1}, [10.0, 7.5, 0.0]),
        (Normalise(method="rank"), {"direction": -1}, [3.0, 2.0, 1.0]),
        (Normalise(method="percentile_rank"), {}, [0.0, 0.5, 1.0]),
        (Normalise(method="distance_to_maximum"), {}, [0.0, 0.25, 1.0]),
        (Normalise(method="distance_to_target"), {"target": 4.0}, [0.0, 1 / 3, 1.0]),
        (Normalise(method="distance_to_target", capped=False), {"target": 4.0}, [0.0, 1 / 3, 4 / 3]),
        (Normalise(method="distance_to_target"), {"target": 2.0, "direction": -1}, [1.0, 1.0, 0.0]),
        (Normalise(method="distance_to_reference", reference_unit="q", capped=False), {}, [0.0, 1.0, 4.0]),
        (Normalise(method="scaled", scale=(0, 20), score_range=(0, 100)), {}, [5.0, 10.0, 25.0]),
        (
            Normalise(method="scaled", scale=(0, 20), score_range=(0, 100)),
            {"direction": -1},
            [95.0, 90.0, 75.0],
        ),
        (Normalise(method="none"), {"direction": -1}, [-1.0, -2.0, -5.0]),
        (Normalise(score_range=(0, 1)), {"goalposts": Goalposts(2, 4)}, [0.0, 0.0, 1.0]),
        (Normalise(score_range=(0, 1), capped=False), {"goalposts": Goalposts(2, 4)}, [-0.5, 0.0, 1.5]),
        (
            Normalise(score_range=(0, 1)),
            {"goalposts": Goalposts(1, 25), "transform": "log"},
            [0.0, np.log(2) / np.log(25), 0.5],
        ),
        (
            Normalise(method="minmax", score_range=(0, 1)),
            {"transform": "log"},
            [0.0, np.log(2) / np.log(5), 1.0],
        ),
    ],
    ids=lambda value: getattr(value, "method", None),
)
def test_normalising_by_hand(method: Normalise, field: dict[str, Any], expected: list[float]) -> None:
    assert scores_of([1.0, 2.0, 5.0], method, **field).tolist() == pytest.approx(expected)


def test_z_scores_have_the_mean_and_the_sample_standard_deviation_asked_for() -> None:
    scores = scores_of(
        [1.0, 2.0, 5.0, np.nan], Normalise(method="zscore", centre=50, spread=10), direction=-1
    )
    assert np.nanmean(scores) == pytest.approx(50)
    assert np.nanstd(scores, ddof=1) == pytest.approx(10)
    assert scores[0] > scores[1] > scores[2]


def test_equal_values_share_the_lower_rank() -> None:
    assert scores_of([1.0, 1.0, 3.0, 3.0], Normalise(method="rank")).tolist() == [1.0, 1.0, 3.0, 3.0]
    assert scores_of([1.0, 1.0, 4.0], Normalise(method="percentile_rank")).tolist() == [0.0, 0.0, 1.0]


def test_per_time_pooled_and_reference_scales_say_what_they_are() -> None:
    data = series(a=[0.0, 10.0, 20.0]).rename(index={"u": "v"})
    data = pd.concat([data, series(a=[10.0, 20.0, 40.0])]).drop(columns=["b", "c"])
    elements = (Element("a", "index", "indicator"), Element("index", None, "index"))

    def scaled(**scope: Any) -> tuple[list[float], set[str], list[str]]:
        step = Normalise(method="minmax", score_range=(0, 1), **scope)
        made = normalise(data, IndexSpec(elements=elements, levels=(Level("index"),), normalise=step))
        return made.data["a"].tolist(), set(made.table["scope"]), made.table["times"].tolist()

    assert scaled() == ([0.0, 0.25, 0.5, 0.25, 0.5, 1.0], {"pooled"}, ["all"])
    assert scaled(scope="per_time") == ([0, 0, 0, 1, 1, 1], {"per_time"}, ["2015", "2016", "2017"])
    by_reference = scaled(scope="reference", reference=(2015, 2016))
    assert by_reference == ([0.0, 0.5, 1.0, 0.5, 1.0, 2.0], {"reference"}, ["2015, 2016"])
    with pytest.raises(BadInputError, match="2030"):
        scaled(scope="reference", reference=(2030,))


@pytest.mark.parametrize(
    ("values", "method", "field", "message"),
    [
        ([2.0, 2.0], Normalise(method="minmax"), {}, "equal"),
        ([2.0, 2.0], Normalise(method="zscore"), {}, "equal"),
        ([0.0, 2.0], Normalise(method="minmax"), {"transform": "log"}, "no log"),
        (
            [-1.0, 2.0],
            Normalise(method="goalposts", capped=False),
            {"transform": "log", "goalposts": Goalposts(1, 10)},
            "no log",
        ),
        ([2.0, 3.0], Normalise(method="distance_to_target"), {"target": 1.0}, "near side"),
        ([2.0, 3.0], Normalise(method="distance_to_reference", reference_unit="z"), {}, "'z'"),
    ],
)
def test_a_scale_that_does_not_exist_is_refused(
    values: list[float], method: Normalise, field: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        scores_of(values, method, **field)


def test_an_indicator_without_any_value_stays_missing() -> None:
    assert np.isnan(scores_of([np.nan, np.nan], Normalise(method="minmax"))).all()


def test_denominated_values_and_what_cannot_be() -> None:
    elements = (
        Element("a", "index", "indicator", denominator="people"),
        Element("index", None, "index"),
    )
    made = spec(elements=elements, levels=(Level("index"),), denominate=Denominate(scale=1000.0))
    data = pd.DataFrame({"a": [1.0, 2.0, 3.0], "people": [100.0, np.nan, 400.0]})
    ours = denominate(data, made)
    np.testing.assert_array_equal(ours.data["a"], [10.0, np.nan, 7.5])
    assert ours.table[["denominator", "scale", "n_without"]].to_numpy().tolist() == [["people", 1000.0, 1]]
    with pytest.raises(BadInputError, match="zero in 1 rows"):
        denominate(data.assign(people=[0.0, 1.0, 1.0]), made)
    with pytest.raises(BadInputError, match="no column"):
        build_index(data[["a"]], made)


def test_screened_by_missing_values_by_zeros_or_by_both() -> None:
    data = pd.DataFrame(
        {"a": [1.0, np.nan, 0.0, np.nan], "b": [1.0, np.nan, 0.0, 0.0], "c": [1.0, 2.0, 3.0, 0.0]},
        index=["good", "absent", "zeros", "neither"],
    )

    def kept(**shares: Any) -> list[str]:
        return screen(data, spec(screen=Screen(**shares))).data.index.tolist()

    assert kept(min_availability=0.6) == ["good", "zeros", "neither"]
    assert kept(by="zeros", min_nonzero=0.5) == ["good", "absent"]
    both = screen(data, spec(screen=Screen(by="both", min_availability=0.7, min_nonzero=0.5)))
    assert both.data.index.tolist() == ["good"]
    reasons = ["", "low_availability", "many_zeros", "low_availability+many_zeros"]
    assert both.units["reason"].tolist() == reasons
    with pytest.raises(BadInputError, match="0 rows are left"):
        screen(data.iloc[1:], spec(screen=Screen(min_availability=1.0, by="both", min_nonzero=1.0)))


def test_units_screened_out_do_not_set_the_scale_of_the_others() -> None:
    data = pd.DataFrame({"a": [1.0, 2.0, 99.0], "b": [1.0, 2.0, np.nan], "c": [1.0, 2.0, np.nan]})
    result = build_index(data, spec(screen=Screen(min_availability=0.5)))
    assert result.units.tolist() == [0, 1]
    assert result.scores["a"].tolist() == [1.0, 100.0]
    assert result.logs["screened_units"]["reason"].tolist() == ["", "", "low_availability"]
    names = [name.split("_", 1)[1] for name in result.tables()]
    assert names[:4] == ["raw", "screened", "screened_units", "screened_indicators"]


def test_equal_weights_of_one_level_and_given_ones_of_another() -> None:
    elements = (
        Element("a", "first", "indicator", weight=5.0),
        Element("b", "first", "indicator"),
        Element("c", "second", "indicator"),
        Element("first", "index", "dimension", weight=3.0),
        Element("second", "index", "dimension"),
        Element("index", None, "index"),
    )
    data = pd.DataFrame({"a": [0.0, 1.0, 0.5], "b": [1.0, 0.0, 0.2], "c": [0.3, 0.0, 1.0]})
    step = Weight(method="manual", levels={"indicator": "equal"})
    shares = build_index(data, spec(elements=elements, weight=step)).weights.set_index("code")["share"]
    assert shares.to_dict() == {"a": 0.5, "b": 0.5, "c": 1.0, "first": 0.75, "second": 0.25}


def test_component_rules_that_keep_too_little_are_refused() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(200, 3)), columns=list(CODES))
    elements = (*(Element(code, "index", "indicator") for code in CODES), Element("index", None, "index"))
    step = Weight(method="pca", min_eigenvalue=1.2)
    with pytest.raises(BadInputError, match="explain"):
        build_index(data, spec(elements=elements, levels=(Level("index"),), weight=step))


@pytest.mark.parametrize("value", [-5.0, 0.0])
def test_goalposts_that_hold_values_take_those_that_have_no_logarithm(value: float) -> None:
    scores = scores_of(
        [value, 10.0], Normalise(method="goalposts"), transform="log", goalposts=Goalposts(1, 10)
    )
    assert scores.tolist() == [1.0, 100.0]


def test_an_infinite_denominator_is_refused() -> None:
    elements = (Element("a", "index", "indicator", denominator="people"), Element("index", None, "index"))
    given = spec(elements=elements, levels=(Level("index"),), denominate=Denominate())
    with pytest.raises(BadInputError, match="infinite"):
        denominate(pd.DataFrame({"a": [1.0, 2.0], "people": [np.inf, 1.0]}), given)


def test_a_panel_in_any_order_of_rows_is_filled_alike() -> None:
    given = panel()
    shuffled = given.sample(frac=1, random_state=1)
    for step in (Impute(method="last"), Impute(method="linear"), Impute(method="linear", use_later=True)):
        filled = impute(given, spec(impute=step)).data
        pd.testing.assert_frame_equal(impute(shuffled, spec(impute=step)).data.loc[given.index], filled)


def test_a_child_that_is_wholly_imputed_counts_only_where_imputed_ones_count() -> None:
    data = pd.DataFrame(
        {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [1.0, np.nan, 3.0]}, index=list("xyz")
    )
    for counts, given in ((True, True), (False, False)):
        levels = (Level("dimension"), Level("index", minimum=Minimum(count=2, counts_imputed=counts)))
        result = build_index(data, spec(impute=Impute(method="mean"), levels=levels))
        assert pd.notna(result.scores.loc["y", "index"]) is given
        assert result.scores["second"].notna().all()


def test_what_is_imputed_in_a_withheld_dimension_is_not_behind_the_index() -> None:
    data = pd.DataFrame(
        {"a": [1.0, np.nan, 3.0], "b": [1.0, 2.0, 3.0], "c": [1.0, 2.0, 3.0]}, index=list("xyz")
    )
    levels = (Level("dimension", minimum=Minimum(share=0.9, counts_imputed=False)), Level("index"))
    result = build_index(data, spec(impute=Impute(method="mean"), levels=levels))
    assert pd.isna(result.scores.loc["y", "first"])
    assert (result.n_indicators.loc["y", "index"], result.n_imputed.loc["y", "index"]) == (1, 0)
    assert result.capped.loc["y", "index"] == 0


def test_values_held_in_a_withheld_dimension_are_not_behind_the_index() -> None:
    elements = tuple(
        Element(code, parent, "indicator", goalposts=Goalposts(0, 1))
        for code, parent in (("a", "first"), ("b", "first"), ("c", "second"))
    ) + tuple(Element(code, "index", "dimension") for code in ("first", "second"))
    data = pd.DataFrame({"a": [9.0], "b": [np.nan], "c": [0.5]}, index=["x"])
    made = spec(
        elements=(*elements, Element("index", None, "index")),
        levels=(Level("dimension", minimum=Minimum(share=0.9)), Level("index")),
        normalise=Normalise(),
    )
    result = build_index(data, made)
    assert result.capped.loc["x"].to_dict() == {
        "a": 1, "b": 0, "c": 0, "first": 1, "second": 0, "index": 0,
    }  # fmt: skip


def test_whether_anything_is_treated_is_decided_on_the_reference_alone() -> None:
    index = pd.MultiIndex.from_product([range(42), [2019, 2020]], names=["unit", "year"])
    first = index.get_level_values("year") == 2019
    data = pd.DataFrame({"a": np.repeat(np.linspace(0.0, 1.0, 42), 2), "b": 1.0, "c": 1.0}, index=index)
    data.loc[~first, "a"] = OUTLYING
    made = treat(data, spec(treat=Treat(scope="reference", reference=(2019,))))
    pd.testing.assert_frame_equal(made.data, data[list(CODES)])
    row = made.table.set_index("code").loc["a"]
    assert row["passed"]
    assert row["skewness"] == pytest.approx(0.0, abs=1e-9)


def test_a_reference_unit_of_several_years_counts_by_its_mean() -> None:
    index = pd.MultiIndex.from_product([["u", "v"], [2019, 2020]], names=["unit", "year"])
    data = pd.DataFrame({"a": [4.0, 6.0, 0.0, 10.0], "b": 1.0, "c": 1.0}, index=index)
    step = Normalise(method="distance_to_reference", reference_unit="u", capped=False)
    elements = (Element("a", "index", "indicator"), Element("index", None, "index"))
    made = normalise(data, spec(elements=elements, levels=(Level("index"),), normalise=step))
    np.testing.assert_allclose(made.data["a"], [0.8, 1.2, 0.0, 2.0])
