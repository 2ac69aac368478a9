"""Audits, comparisons and methods refuse what they cannot use, with all faults at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import BadInputError, UsageError
from evaluation.index import Element, IndexSpec, Level, build_index
from evaluation.index.audit import audit
from evaluation.index.compare import compare_results, explain_difference
from evaluation.index.contributions import contributions
from evaluation.index.correlation import correlation_matrix, group_correlations
from evaluation.index.effective_weights import importance
from evaluation.index.methods import (
    benefit_of_the_doubt,
    borda_count,
    entropy_weights,
    group_priorities,
    optimised_weights,
    pairwise_priorities,
)
from evaluation.index.neighbours import nearest_units
from evaluation.index.principal_components import principal_components
from evaluation.index.profile import strengths_and_weaknesses
from evaluation.index.removal import removal_effects
from evaluation.index.statistics import indicator_statistics
from evaluation.index.trends import trends

VALUES = pd.DataFrame({"a": [1.0, 5, 3, 2], "b": [4.0, 1, 2, 8]}, index=list("wxyz"))


def spec(aggregation: str = "arithmetic") -> IndexSpec:
    elements = (Element("a", "m", "indicator"), Element("b", "m", "indicator"), Element("m", None, "mean"))
    non_positive = "checked" if aggregation == "geometric" else "ruled_out"
    return IndexSpec(elements, (Level("mean", aggregation, non_positive=non_positive),))


def faults_of(error: pytest.ExceptionInfo[BadInputError]) -> list[str]:
    return [fault.where for fault in error.value.faults]


def test_columns_that_are_not_numbers_or_stand_twice_are_all_named() -> None:
    table = pd.DataFrame([[1.0, "x", 2.0, 3.0]], columns=["a", "b", "c", "c"])
    with pytest.raises(BadInputError) as error:
        indicator_statistics(table)
    assert faults_of(error) == ["values, column c", "values, column b"]


def test_indicators_without_a_column_are_all_named() -> None:
    with pytest.raises(BadInputError) as error:
        group_correlations(pd.DataFrame({"c": [1.0, 2.0]}), spec())
    assert [fault.what for fault in error.value.faults] == ["'a' has no column", "'b' has no column"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: correlation_matrix(VALUES, method="kendal"),
        lambda: group_correlations(VALUES, spec(), level="pillar"),
        lambda: nearest_units(VALUES, metric="cosine"),
        lambda: nearest_units(VALUES, count=0),
        lambda: strengths_and_weaknesses(VALUES, unit="q"),
        lambda: removal_effects(VALUES, spec(), level="mean"),
        lambda: removal_effects(VALUES, spec(), of="top"),
        lambda: importance(build_index(VALUES, spec()).scores, spec(), of="top"),
        lambda: audit(build_index(VALUES, spec()), time=2020),
        lambda: audit(build_index(VALUES, spec()), with_removal=False).plot("loadings"),
        lambda: audit(build_index(VALUES, spec()), with_removal=False).plot("components", code="a"),
        lambda: audit(build_index(VALUES, spec()), with_removal=False).tidy("ranks"),
        lambda: contributions(build_index(VALUES, spec()), build_index(VALUES, spec()), of="a"),
        lambda: contributions(build_index(VALUES, spec()), build_index(VALUES, spec()), time_before=1),
        lambda: compare_results(build_index(VALUES, spec()), build_index(VALUES, spec()), of="n"),
        lambda: explain_difference(VALUES, spec(), VALUES, spec()),
        lambda: benefit_of_the_doubt(VALUES, lower=0.6),
        lambda: benefit_of_the_doubt(VALUES, upper=0.4),
        lambda: borda_count(VALUES, weights={"c": 1}),
        lambda: borda_count(VALUES, weights={"a": -1}),
        lambda: optimised_weights(VALUES, target={"a": 1}),
        lambda: optimised_weights(VALUES, target={"a": 1, "b": 0}),
        lambda: group_priorities({}),
        lambda: trends(VALUES, level=95),
    ],
)
def test_options_that_do_not_exist_are_refused_and_named(call: object) -> None:
    with pytest.raises(UsageError, match=r"got|nothing to explain"):
        call()


def test_components_need_units_and_variation() -> None:
    with pytest.raises(BadInputError, match="2 units have all of them"):
        principal_components(VALUES.assign(b=[1.0, 2.0, np.nan, np.nan]))
    with pytest.raises(BadInputError, match="'b' has one value only"):
        principal_components(VALUES.assign(b=7.0))


def test_contributions_refuse_other_means_and_hierarchies_at_once() -> None:
    other = IndexSpec(
        (Element("b", "m", "indicator"), Element("m", None, "mean")),
        (Level("mean", "geometric", non_positive="checked"),),
    )
    with pytest.raises(BadInputError) as error:
        contributions(build_index(VALUES, spec()), build_index(VALUES, other))
    assert faults_of(error) == ["elements", "levels"]


def test_copelands_rule_has_no_contributions() -> None:
    result = build_index(VALUES, spec("copeland"))
    with pytest.raises(BadInputError, match="no decomposition"):
        contributions(result, result)


def test_a_trend_needs_numeric_times_that_stand_once() -> None:
    index = pd.MultiIndex.from_tuples([("a", "2020"), ("a", "2020")], names=["unit", "year"])
    with pytest.raises(BadInputError) as error:
        trends(pd.DataFrame({"x": [1.0, 2.0]}, index=index))
    assert len(error.value.faults) == 2


def test_methods_name_every_indicator_they_cannot_use() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan], "b": [-1.0, 2.0], "c": [3.0, 3.0]})
    with pytest.raises(BadInputError) as error:
        entropy_weights(table)
    assert faults_of(error) == [f"entropy weights, indicator {name}" for name in "abc"]


def test_judgements_that_do_not_agree_with_themselves_are_all_named() -> None:
    items = ["a", "b", "c"]
    matrix = pd.DataFrame([[1, 3, 2], [3, 1, -1], [0.5, 1, 1]], index=items, columns=items, dtype=float)
    with pytest.raises(BadInputError) as error:
        pairwise_priorities(matrix)
    assert faults_of(error) == ["judgements, a against b", "judgements, b against c"]
    good = pd.DataFrame([[1, 2], [0.5, 1]], index=["a", "b"], columns=["a", "b"], dtype=float)
    with pytest.raises(BadInputError) as error:
        group_priorities({"first": good, "second": good.loc[["b", "a"], ["b", "a"]], "third": good * 2})
    assert "judgements of second" in faults_of(error)
    assert "judgements of third, a against a" in faults_of(error)


def test_typed_thirds_are_reciprocals_enough() -> None:
    items = ["a", "b"]
    found = pairwise_priorities(pd.DataFrame([[1, 3], [0.3333, 1]], index=items, columns=items))
    assert found.weights.tolist() == pytest.approx([0.75, 0.25], abs=1e-4)
