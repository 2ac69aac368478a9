"""Factors that mean nothing are refused before anything is drawn, with every fault and the nearest name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import BadInputError, UsageError
from evaluation.index import Element, Goalposts, IndexSpec, Level, Normalise
from evaluation.index.factor_reading import factors_from_mappings
from evaluation.index.factors import (
    Choice,
    Factor,
    FieldRange,
    GoalpostShift,
    LeaveOut,
    WeightDirichlet,
    WeightNoise,
    WeightSets,
)
from evaluation.index.fields import get_field, set_field
from evaluation.index.sensitivity import sensitivity
from evaluation.index.sobol import saltelli_sample
from evaluation.index.uncertainty import uncertainty

VALUES = pd.DataFrame(np.arange(20.0).reshape(5, 4), columns=["a", "b", "c", "d"], index=list("vwxyz"))


def spec() -> IndexSpec:
    leaves = [
        Element(code, "p" if code in "ab" else "q", "indicator", goalposts=Goalposts(0, 20))
        for code in "abcd"
    ]
    top = [Element("p", "all", "pillar"), Element("q", "all", "pillar"), Element("all", None, "index")]
    levels = (Level("pillar"), Level("index", "geometric"))
    return IndexSpec((*leaves, *top), levels, normalise=Normalise(method="goalposts"))


def told(*factors: Factor) -> str:
    with pytest.raises(BadInputError) as caught:
        uncertainty(VALUES, spec(), factors, n=10)
    return str(caught.value)


BAD: list[tuple[Factor, str]] = [
    (WeightNoise(spread=1.0), "spread must lie from 0 to below 1"),
    (WeightNoise(spread=0.1, levels=("pilar",)), "did you mean 'pillar'"),
    (WeightNoise(spread=0.1, levels=("index",)), "no element with a sibling"),
    (WeightDirichlet(concentration=0), "concentration must be above zero"),
    (WeightSets(sets=pd.DataFrame({"p": [1.0, -1.0]})), "below zero"),
    (WeightSets(sets=pd.DataFrame({"p": [0.0], "q": [0.0]})), "nothing any weight below 'all'"),
    (WeightSets(sets=pd.DataFrame({"pp": [1.0]})), "element 'pp' is unknown"),
    (LeaveOut(codes=("aa",)), "element 'aa' is unknown"),
    (LeaveOut(codes=("all",)), "no indicator is left"),
    (GoalpostShift(spread=0.5), "spread must lie from 0 to below 0.5"),
    (GoalpostShift(spread=0.1, codes=("p",)), "not normalised by goalposts"),
    (FieldRange(path="levels.pillar.minimum.shares", low=0, high=1), "did you mean 'share'"),
    (FieldRange(path="levels.pillar.minimum.share", low=0, high=2), "is not a share"),
    (FieldRange(path="levels.pillar.minimum.share", low=1, high=0), "bounds must rise"),
    (FieldRange(path="treat.skewness", low=1, high=2), "no treat"),
    (Choice(name="x", options={}), "no options"),
    (Choice(name="x", options={"y": {"normalise.methd": "rank"}}), "did you mean 'method'"),
    (Choice(name="x", options={"y": {"elements.e.weight": 1.0}}), "field 'e' is unknown"),
    (Choice(name="x", options={"y": {"normalise.method": "zscor"}}), "zscor"),
    (Choice(name="x", options={"y": {"impute": {"methd": "mean"}}}), "did you mean 'method'"),
    (Choice(name="x", options={"a": {}, "b": {}}, probabilities=(1.0,)), "1 probabilities for 2 options"),
    (Choice(name="x", options={"a": {}, "b": {}}, probabilities=(1.0, -1.0)), "must be 0 or more"),
]


@pytest.mark.parametrize(("factor", "words"), BAD, ids=[words for _, words in BAD])
def test_a_factor_without_meaning_is_refused_with_the_remedy(factor: Factor, words: str) -> None:
    assert words in told(factor)


def test_every_fault_of_every_factor_is_told_at_once() -> None:
    message = told(WeightNoise(spread=-1), LeaveOut(codes=("k", "l")), GoalpostShift(spread=3))
    for words in ("-1", "'k'", "'l'", "got: 3"):
        assert words in message


def test_an_impossible_combination_is_named_by_what_was_drawn() -> None:
    scale = Choice(name="scale", options={"as is": {}, "z": {"normalise": {"method": "zscore"}}})
    mean = Choice(
        name="mean", options={"geometric": {}, "arithmetic": {"levels.index.aggregation": "arithmetic"}}
    )
    with pytest.raises(BadInputError) as caught:
        uncertainty(VALUES, spec(), [scale, mean], n=50)
    assert "scale = z, mean = geometric" in str(caught.value)
    assert "arithmetic: " not in str(caught.value)


def test_a_mean_that_meets_scores_without_value_names_the_combination_or_says_why() -> None:
    z_score = {"normalise": {"method": "zscore"}, "levels.index.non_positive": "checked"}
    assert "zero or less" in told(Choice(name="scale", options={"z": z_score}))


def test_two_factors_that_set_the_same_thing_are_refused() -> None:
    message = told(
        WeightDirichlet(concentration=1), WeightSets(sets=pd.DataFrame({"p": [1.0]}), name="experts")
    )
    assert "the weight of p, which weights sets too" in message
    named = WeightSets(sets=pd.DataFrame({"p": [1.0, 2.0], "q": [1.0, 1.0]}), name="experts")
    weight = Choice(name="x", options={"as given": {}, "five": {"elements.p.weight": 5.0}})
    assert "the weight of p, which x sets too" in told(weight, named)
    step = Choice(name="x", options={"as given": {}, "equal": {"weight": {"method": "equal"}}})
    assert "the weight of q, which x sets too" in told(step, named)
    assert "2 factors have this name" in told(WeightNoise(spread=0.1), WeightDirichlet(concentration=3))
    assert "nothing varies" in told()


def test_draws_that_mean_nothing_are_refused() -> None:
    factors = [Choice(name="x", options={"a": {}, "b": {}}), WeightNoise(spread=0.1, levels=("pillar",))]
    draws = pd.DataFrame({"x": ["a", "c"], "weights:p": [1.0, np.inf]})
    with pytest.raises(BadInputError) as caught:
        uncertainty(VALUES, spec(), factors, draws=draws)
    for words in ("'c'", "inf", "'weights:q'"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"n": 0},
        {"codes": ("pp",)},
        {"codes": ()},
        {"rank_within": "year"},
        {"groups": "province"},
        {"interval": (0.9, 0.1)},
        {"block": 0},
    ],
)
def test_an_option_that_does_not_exist_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="got"):
        uncertainty(VALUES, spec(), [WeightNoise(spread=0.1)], **options)  # type: ignore[arg-type]


def test_a_sample_that_is_not_balanced_and_unknown_outcomes_are_refused() -> None:
    with pytest.raises(UsageError, match="power of two"):
        saltelli_sample(100, [1], seed=0)
    with pytest.raises(UsageError, match="outcomes"):
        sensitivity(VALUES, spec(), [WeightNoise(spread=0.1)], outcomes=("ranks",))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="first_order"):
        sensitivity(VALUES, spec(), [WeightNoise(spread=0.1)], first_order="homma")  # type: ignore[arg-type]


def test_fields_are_read_and_set_by_path_and_nothing_else_changes() -> None:
    before = spec()
    changed = set_field(before, "normalise.overrides.a.score_range", [1, 10])
    assert changed.normalise is not None
    assert changed.normalise.overrides["a"].score_range == (1, 10)
    assert changed.normalise.overrides["a"].method == "goalposts"
    assert get_field(set_field(before, "elements.b.goalposts.low", -5.0), "elements.b.goalposts.low") == -5.0
    assert get_field(set_field(before, "impute", {"method": "mean"}), "impute.method") == "mean"
    assert set_field(set_field(before, "impute", {"method": "mean"}), "impute", None) == before == spec()


def test_factors_are_read_from_plain_mappings() -> None:
    read = factors_from_mappings(
        [
            {"kind": "weight_noise", "spread": 0.25, "levels": ["pillar"]},
            {
                "kind": "choice",
                "name": "mean",
                "options": {"as is": {}, "other": {"levels.index.aggregation": "harmonic"}},
            },
            {"kind": "leave_out", "codes": ["a", "b"], "or_nothing": False},
            {"kind": "goalpost_shift", "spread": 0.1, "ends": "high"},
            {"kind": "range", "path": "levels.pillar.minimum.share", "low": 0, "high": 1},
            {"kind": "weight_sets", "name": "experts", "sets": {"x": {"a": 1, "b": 2}}},
        ]
    )
    assert read[:3] == (
        WeightNoise(spread=0.25, levels=("pillar",)),
        Choice(name="mean", options={"as is": {}, "other": {"levels.index.aggregation": "harmonic"}}),
        LeaveOut(codes=("a", "b"), or_nothing=False),
    )
    assert uncertainty(VALUES, spec(), read, n=20).n == 20


def test_every_fault_of_a_list_of_factors_is_told_at_once() -> None:
    with pytest.raises(BadInputError) as caught:
        factors_from_mappings(
            [
                {"kind": "weight_nose", "spread": 0.25},
                {"kind": "weight_noise", "spred": 0.25},
                {"kind": "choice", "options": ["a"]},
                {"kind": "weight_sets", "sets": {"x": {"a": "much"}}},
                {"kind": "goalpost_shift", "spread": 0.1, "ends": "hi"},
                "noise",
            ]
        )
    message = str(caught.value)
    for words in ("weight_noise", "'spread'", "'name'", "labels to paths", "much", "high", "'noise'"):
        assert words in message


def test_weights_under_which_a_unit_has_no_mean_are_refused() -> None:
    values = VALUES.astype(float)
    values.loc["w", "b"] = np.nan
    sets = WeightSets(sets=pd.DataFrame({"a": [1.0, 0.0], "b": [1.0, 1.0]}, index=["both", "b alone"]))
    with pytest.raises(BadInputError, match="1 units have only children whose weight is zero"):
        uncertainty(values, spec(), [sets], n=20)
    assert uncertainty(VALUES, spec(), [sets], n=20).tidy()["share_ranked"].eq(1).all()
