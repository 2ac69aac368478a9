"""What must hold of an audit, of contributions, comparisons, neighbours, trends and methods, whatever the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import linregress

from evaluation.index import (
    Element,
    IndexResult,
    IndexSpec,
    Level,
    Normalise,
    Screen,
    Treat,
    build_index,
)
from evaluation.index.audit import FLAGS, SUBJECTS, audit
from evaluation.index.compare import compare_results, compare_specs, explain_difference
from evaluation.index.contributions import contributions
from evaluation.index.correlation import ancestor_correlations, group_correlations
from evaluation.index.effective_weights import correlation_ratio, importance, nominal_weights
from evaluation.index.methods import (
    benefit_of_the_doubt,
    borda_count,
    critic_weights,
    group_priorities,
    optimised_weights,
    pairwise_priorities,
)
from evaluation.index.neighbours import nearest_units
from evaluation.index.principal_components import (
    bartlett_sphericity,
    components_of,
    kaiser_meyer_olkin,
    principal_components,
    varimax,
)
from evaluation.index.profile import strengths_and_weaknesses
from evaluation.index.reliability import alpha_if_dropped, cronbach_alpha
from evaluation.index.removal import removal_effects
from evaluation.index.statistics import indicator_statistics
from evaluation.index.trends import trends

SUM_TOLERANCE = 1e-9
"""Points of a score from 1 to 100: parts are products of a few dozen roundings."""

ROUNDING = 1e-10
"""Relative, for quantities of order one computed in two ways."""

MEANS = ("arithmetic", "geometric", "harmonic", "power")
SCORES = (1.0, 100.0)


def hierarchy(
    means: tuple[str, str, str] = ("arithmetic", "geometric", "geometric"),
    *,
    power: float = 2.5,
    weights: tuple[float, ...] = (1.0, 2.0, 1.0, 3.0, 1.0, 0.5, 2.0),
) -> IndexSpec:
    """Return seven indicators in four dimensions, two pillars and an index; values are scores."""
    parents = ("d1", "d1", "d2", "d2", "d3", "d4", "d4")
    indicators = tuple(
        Element(code=f"i{n}", parent=parent, level="indicator", weight=weight)
        for n, (parent, weight) in enumerate(zip(parents, weights, strict=True))
    )
    dimensions = tuple(
        Element(code=code, parent=parent, level="dimension")
        for code, parent in (("d1", "p1"), ("d2", "p1"), ("d3", "p2"), ("d4", "p2"))
    )
    pillars = (Element("p1", "top", "pillar", weight=2.0), Element("p2", "top", "pillar"))
    levels = tuple(
        Level(name=name, aggregation=mean, power=power, non_positive="checked")
        if mean == "power"
        else Level(
            name=name, aggregation=mean, non_positive="checked" if mean != "arithmetic" else "ruled_out"
        )
        for name, mean in zip(("dimension", "pillar", "index"), means, strict=True)
    )
    return IndexSpec(
        elements=(*indicators, *dimensions, *pillars, Element("top", None, "index")), levels=levels
    )


def random_scores(seed: int, *, n_units: int = 30, missing: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n_units, 1))
    values = np.clip(50 + 15 * (0.6 * common + 0.8 * rng.normal(size=(n_units, 7))), *SCORES)
    values[rng.random(values.shape) < missing] = np.nan
    index = pd.Index([f"u{n:02d}" for n in range(n_units)], name="unit")
    return pd.DataFrame(values, index=index, columns=[f"i{n}" for n in range(7)])


def build(seed: int, spec: IndexSpec | None = None, **options: float) -> IndexResult:
    return build_index(random_scores(seed, **options), spec or hierarchy())


# Contributions


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    means=st.tuples(*[st.sampled_from(MEANS)] * 3),
    power=st.sampled_from([-2.0, 0.5, 2.5]),
    missing=st.sampled_from([0.0, 0.25]),
)
def test_contributions_add_up_to_the_change(
    seed: int, means: tuple[str, str, str], power: float, missing: float
) -> None:
    spec = hierarchy(means, power=power)
    other = hierarchy(means, power=power, weights=(2.0, 2.0, 1.0, 1.0, 3.0, 1.0, 1.0))
    before, after = build(seed, spec, missing=missing), build(seed + 1, other, missing=missing)
    found = contributions(before, after)
    sums = found.tidy().groupby("unit")["contribution"].sum()
    totals = found.totals.set_index("unit")["change"].dropna()
    expected = after.scores["top"] - before.scores["top"]
    pd.testing.assert_series_equal(totals, expected.dropna(), check_names=False)
    np.testing.assert_allclose(sums.reindex(totals.index, fill_value=0.0), totals, atol=SUM_TOLERANCE)
    pillars = found.by_level("pillar").groupby("unit")["contribution"].sum()
    np.testing.assert_allclose(pillars, sums[pillars.index], atol=SUM_TOLERANCE)


def test_contributions_of_an_arithmetic_index_are_weights_times_changes() -> None:
    spec = hierarchy(("arithmetic", "arithmetic", "arithmetic"))
    before, after = build(1, spec), build(2, spec)
    shares = nominal_weights(spec).set_index("code")["share"]
    found = contributions(before, after).tidy()
    assert set(found["part"]) == {"value"}
    expected = shares[found["code"]].to_numpy() * (found["score_after"] - found["score_before"])
    np.testing.assert_allclose(found["contribution"], expected, rtol=ROUNDING)


def test_contributions_of_a_geometric_mean_are_those_of_the_logarithmic_mean_divisia_index() -> None:
    """L(M1, M0) w ln(s1 / s0), with the logarithmic mean L (Ang 2004, equation for LMDI I)."""
    elements = (
        Element("a", "m", "indicator", 3.0),
        Element("b", "m", "indicator"),
        Element("m", None, "mean"),
    )
    spec = IndexSpec(elements, (Level("mean", "geometric", non_positive="checked"),))
    first, second = (
        build_index(pd.DataFrame([row], columns=["a", "b"], index=["x"]), spec)
        for row in ([20.0, 60.0], [45.0, 30.0])
    )
    found = contributions(first, second).tidy().set_index("code")["contribution"]
    before, after = 20**0.75 * 60**0.25, 45**0.75 * 30**0.25
    mean = (after - before) / np.log(after / before)
    assert found["a"] == pytest.approx(mean * 0.75 * np.log(45 / 20), rel=ROUNDING)
    assert found["b"] == pytest.approx(mean * 0.25 * np.log(30 / 60), rel=ROUNDING)


def test_contributions_of_a_power_mean_add_up_where_a_score_is_zero() -> None:
    spec = IndexSpec(
        (Element("a", "top", "indicator"), Element("b", "top", "indicator"), Element("top", None, "index")),
        (Level("index", "power", power=2.0, non_positive="checked"),),
    )
    before = build_index(pd.DataFrame({"a": [0.0, 4.0, 0.0], "b": [3.0, 5.0, 2.0]}), spec)
    after = build_index(pd.DataFrame({"a": [4.0, 0.0, 0.0], "b": [3.0, 6.0, 3.0]}), spec)
    found = contributions(before, after)
    sums = found.tidy().groupby("unit")["contribution"].sum()
    np.testing.assert_allclose(sums, after.scores["top"] - before.scores["top"], atol=SUM_TOLERANCE)
    by_hand = (4**2 / 2) / (np.sqrt(25 / 2) + np.sqrt(9 / 2))
    assert found.tidy().set_index("unit").loc[0, "contribution"] == pytest.approx(by_hand)


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_contributions_backwards_are_the_opposite(missing: float) -> None:
    before, after = build(3, missing=missing), build(4, missing=missing)
    keys = ["unit", "code", "part"]
    there = contributions(before, after).tidy().set_index(keys)["contribution"]
    back = contributions(after, before).tidy().set_index(keys)["contribution"]
    np.testing.assert_allclose(back[there.index], -there, rtol=1e-7, atol=SUM_TOLERANCE)


def test_an_indicator_that_did_not_move_contributes_nothing() -> None:
    values = random_scores(5)
    moved = values.assign(i3=values["i3"] * 0.9)
    found = contributions(build_index(values, hierarchy()), build_index(moved, hierarchy())).tidy()
    assert set(found["code"]) == {"i3"}
    assert (found["contribution"] < 0).all()


def test_an_indicator_that_appears_is_told_apart_from_those_that_move() -> None:
    values = random_scores(6)
    before = build_index(values.assign(i0=np.nan), hierarchy())
    found = contributions(before, build_index(values, hierarchy())).tidy()
    assert set(zip(found["code"], found["part"], strict=True)) == {
        ("i0", "composition"),
        ("i1", "composition"),
    }


def test_an_indicator_that_appears_at_the_mean_contributes_nothing() -> None:
    """40 and 60, then 40, 50 and 60: what the high one loses in weight the low one gives back."""
    elements = (*(Element(code, "m", "indicator") for code in "abc"), Element("m", None, "mean"))
    spec = IndexSpec(elements, (Level("mean"),))
    rows = ({"a": 40.0, "b": 60.0, "c": np.nan}, {"a": 40.0, "b": 60.0, "c": 50.0})
    before, after = (build_index(pd.DataFrame([row], index=["x"]), spec) for row in rows)
    found = contributions(before, after).tidy().set_index("code")["contribution"]
    assert found.to_dict() == pytest.approx({"a": 10 / 6, "b": -10 / 6})


def test_units_of_one_time_only_have_no_contributions() -> None:
    before, after = build(1), build(2)
    part = replace(after, scores=after.scores.drop(index=["u03"]))
    found = contributions(before, part)
    assert "u03" not in set(found.totals["unit"]) | set(found.tidy()["unit"])
    assert len(found.totals) == len(before.scores) - 1


def test_contributions_between_two_years_of_a_panel() -> None:
    years = {2019: random_scores(7), 2020: random_scores(8)}
    panel = pd.concat(years, names=["year", "unit"]).swaplevel()
    result = build_index(panel, hierarchy())
    inside = contributions(result, result, time_before=2019, time_after=2020).tidy()
    apart = contributions(build(7), build(8)).tidy()
    np.testing.assert_allclose(inside["contribution"], apart["contribution"], rtol=ROUNDING)


# Comparing


def test_equal_specifications_do_not_differ_and_fields_that_differ_are_named() -> None:
    spec = hierarchy()
    assert compare_specs(spec, hierarchy()).empty
    elements = tuple(replace(one, weight=9.0) if one.code == "i1" else one for one in spec.elements)
    levels = (*spec.levels[:2], replace(spec.levels[2], aggregation="arithmetic", non_positive="ruled_out"))
    changed = replace(
        spec, elements=elements, levels=levels, label="other", normalise=Normalise(method="none")
    )
    found = compare_specs(spec, changed).set_index("where")
    assert found.loc["elements / i1 / weight", ["before", "after"]].tolist() == ["2.0", "9.0"]
    assert "levels / index / aggregation" in found.index
    assert not found.loc["label", "affects_scores"]
    assert (found.loc[found.index.str.startswith("steps / normalise"), "change"] == "added").all()
    assert found.loc[found.index != "label", "affects_scores"].all()


def test_a_field_at_its_default_in_one_of_two_specifications_has_changed_not_come() -> None:
    spec = hierarchy()
    first, second = replace(spec, treat=Treat()), replace(spec, treat=Treat(max_points=3))
    rows = compare_specs(first, second)[["where", "change", "before", "after"]].to_numpy().tolist()
    assert rows == [["steps / treat / max_points", "changed", "5", "3"]]
    assert compare_specs(first, spec)["where"].tolist() == ["steps / treat"]
    assert set(compare_specs(spec, second)["change"]) == {"added"}


def test_one_difference_at_a_time_adds_up_to_the_whole_difference() -> None:
    """From scores as they are, averaged, to min-max from 1 to 100, other weights and geometric means."""
    before = hierarchy(("arithmetic", "arithmetic", "arithmetic"))
    after = replace(
        hierarchy(weights=(1.0,) * 7),
        normalise=Normalise(method="minmax", score_range=SCORES),
        treat=Treat(method="winsorise", fallback="none"),
    )
    values = random_scores(9)
    found = explain_difference(values, before, random_scores(10), after)
    assert found.steps["differences"].tolist() == ["data", "elements", "treat", "normalise", "aggregation"]
    sums = found.tidy().groupby("unit")[["score_change", "rank_change"]].sum()
    whole = found.comparison.tidy().set_index("unit").loc[sums.index]
    np.testing.assert_allclose(
        sums["score_change"], whole["score_after"] - whole["score_before"], atol=SUM_TOLERANCE
    )
    np.testing.assert_allclose(sums["rank_change"], whole["rank_change"], atol=SUM_TOLERANCE)
    ends = compare_results(build_index(values, before), build_index(random_scores(10), after))
    pd.testing.assert_frame_equal(found.comparison.tidy(), ends.tidy())
    gained = whole[whole["rank_change"] > 0]
    assert (gained["rank_after"] < gained["rank_before"]).all()


def test_a_difference_that_cannot_stand_alone_is_taken_with_the_next() -> None:
    """From min-max 0-100 and arithmetic to 1-100 and geometric, by way of z-scores, which no geometric mean takes."""
    flat = hierarchy(("arithmetic", "arithmetic", "arithmetic"))
    geometric = hierarchy(("geometric", "geometric", "geometric"))
    before = replace(geometric, normalise=Normalise(method="minmax", score_range=SCORES))
    after = replace(flat, normalise=Normalise(method="zscore"))
    found = explain_difference(random_scores(11), before, random_scores(11), after)
    assert found.steps["differences"].tolist() == ["normalise+aggregation"]


def test_ranks_of_units_that_only_one_index_scores_are_missing_not_moved() -> None:
    values = random_scores(12)
    fewer = compare_results(build(12), build_index(values.iloc[5:], hierarchy())).tidy().set_index("unit")
    assert fewer.loc["u00":"u04", "rank_after"].isna().all()
    assert fewer.loc["u00":"u04", "abs_change"].isna().all()


# Removing


def test_removing_an_element_is_building_without_it() -> None:
    values, spec = random_scores(13, missing=0.1), hierarchy()
    found = removal_effects(values, spec, level="dimension")
    reduced = build_index(values.drop(columns=["i2", "i3"]), spec.without(["i2", "i3"]))
    pd.testing.assert_series_equal(found.ranks["d2"], reduced.ranks["top"], check_names=False)
    expected = (found.ranks["nominal"] - reduced.ranks["top"]).abs()
    assert found.summary.set_index("code").loc["d2", "mean_abs_change"] == pytest.approx(expected.mean())
    assert found.tidy().query("removed == 'd2'")["rank_change"].abs().max() == expected.max()


def test_an_indicator_without_weight_is_flagged_as_without_effect() -> None:
    found = audit(build(13, hierarchy(weights=(1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0))))
    removal = found.tables["removal"].set_index("code")["flag"]
    assert removal["i1"] == "no_effect"
    assert removal["i0"] == removal["p1"] == ""
    reasons = found.tables["removal"].set_index("code")["reason"]
    assert "weights of its elements sum to zero" in reasons["i0"]
    assert (reasons.drop("i0") == "").all()


def test_an_element_that_the_index_cannot_do_without_has_no_effect_to_show() -> None:
    elements = (Element("a", "m", "indicator"), Element("m", None, "mean"))
    spec = IndexSpec(elements, (Level("mean"),))
    found = removal_effects(pd.DataFrame({"a": [1.0, 2.0]}), spec).summary.iloc[0]
    assert np.isnan(found["mean_abs_change"])
    assert (found["n_units"], found["n_lost"]) == (0, 2)
    assert found["reason"]


# Audit


def test_audit_does_not_depend_on_the_order_of_units() -> None:
    values = random_scores(14, missing=0.05)
    one, other = (audit(build_index(frame, hierarchy())) for frame in (values, values.iloc[::-1]))
    for name in (
        "indicators",
        "correlations",
        "ancestors",
        "reliability",
        "components",
        "weights",
        "removal",
    ):
        numbers = one.tables[name].select_dtypes("number").columns.drop("most_moved_change", errors="ignore")
        np.testing.assert_allclose(
            one.tables[name][numbers].to_numpy(float), other.tables[name][numbers].to_numpy(float), atol=1e-9
        )
    pd.testing.assert_frame_equal(one.findings(), other.findings())


def test_audit_of_a_panel_is_that_of_its_last_year() -> None:
    years = {2019: random_scores(15), 2020: random_scores(16)}
    panel = pd.concat(years, names=["year", "unit"]).swaplevel()
    whole = audit(build_index(panel, hierarchy()), with_removal=False)
    alone = audit(build(16), with_removal=False)
    assert whole.time == 2020
    for name in (
        "indicators",
        "availability",
        "correlations",
        "ancestors",
        "reliability",
        "components",
        "weights",
    ):
        pd.testing.assert_frame_equal(whole.tables[name], alone.tables[name])


def test_audit_raises_each_flag_where_it_is_due() -> None:
    rng = np.random.default_rng(17)
    values = random_scores(17, n_units=60)
    values["i1"] = values["i0"] + rng.normal(scale=0.01, size=60)
    values["i3"] = 101 - 0.8 * values["i2"]
    values["i4"] = 40.0
    values["i5"] = np.where(np.arange(60) < 40, 1.0, 60.0)
    values.loc[values.index[:30], "i6"] = np.nan
    values.loc[values.index[59], "i6"] = 1e6
    found = audit(build_index(values, hierarchy(("arithmetic",) * 3)))
    raised = set(zip(*(found.findings()[column] for column in ("table", "subject", "flag")), strict=True))
    assert {
        ("indicators", "i4", "constant"),
        ("indicators", "i4", "few_unique"),
        ("indicators", "i5", "few_unique"),
        ("indicators", "i6", "few_available"),
        ("indicators", "i6", "outliers"),
        ("correlations", "i0+i1", "redundant"),
        ("correlations", "i2+i3", "opposed"),
        ("reliability", "d2", "negative"),
        ("reliability", "d3", "single"),
        ("weights", "p2", "more_influence"),
    } <= raised
    assert ("reliability", "d1", "low") not in raised
    assert ("correlations", "i0+i2", "redundant") not in raised
    assert set(SUBJECTS) == set(FLAGS)
    assert all(flag in FLAGS[name] for name, _, flag in raised)


def test_audit_lists_treated_points_and_says_when_components_cannot_be_had() -> None:
    values = random_scores(18)
    values.loc["u03", "i0"] = 5000.0
    values["i5"] = np.nan
    spec = replace(hierarchy(("arithmetic",) * 3), treat=Treat(method="winsorise", fallback="none"))
    found = audit(build_index(values, spec), with_removal=False)
    assert found.tables["treated"].to_dict("records") == [{"unit": "u03", "indicator": "i0", "mark": "high"}]
    assert ("components", "d4", "not_computed") in set(
        zip(*(found.findings()[column] for column in ("table", "subject", "flag")), strict=True)
    )


def test_pictures_of_an_audit_have_a_cell_for_each_pair_and_words_from_the_data() -> None:
    found = audit(build(19), with_removal=False)
    chart = found.plot("correlations", names={"i0": "Clean <water>"})
    assert chart.html.count("background:#") == 7 * 6
    assert "Clean &lt;water&gt;" in chart.html
    table = found.tables["correlations"].sort_values("correlation")
    assert f"{table['correlation'].iloc[-1]:.2f}" in chart.alt
    loadings = found.plot("components", code="p1", title="Dimensions of the first pillar")
    assert loadings.title == "Dimensions of the first pillar"
    assert loadings.html.count("background:#") == 2 * 2


def test_alternatives_are_held_against_the_index_and_intervals_stand_beside_them() -> None:
    result = build(34)
    arithmetic = hierarchy(("arithmetic",) * 3)
    intervals = pd.DataFrame({"unit": ["u00"], "rank_low": [1.0]})
    found = audit(
        result,
        with_removal=False,
        alternatives={"same": hierarchy(), "arithmetic": arithmetic},
        intervals=intervals,
    )
    table = found.tables["alternatives"].set_index("alternative")
    assert table.loc["same", ["mean_abs_change", "share_moved", "spearman"]].tolist() == [0, 0, 1]
    moved = (result.ranks["top"] - build(34, arithmetic).ranks["top"]).abs()
    assert table.loc["arithmetic", "mean_abs_change"] == pytest.approx(moved.mean())
    assert moved.mean() > 0
    pd.testing.assert_frame_equal(found.tidy("intervals"), intervals)


def test_screened_indicators_are_not_audited() -> None:
    values = random_scores(20)
    values.loc[values.index[:20], "i6"] = np.nan
    spec = replace(hierarchy(), screen=Screen(indicator_min_availability=0.5))
    found = audit(build_index(values, spec), with_removal=False)
    assert "i6" not in set(found.tables["correlations"]["second"])
    assert "i6" not in set(found.tables["weights"]["code"])


# Statistics and importance


def test_statistics_of_a_constant_and_an_empty_indicator() -> None:
    table = indicator_statistics(pd.DataFrame({"a": [2.0] * 5, "b": [np.nan] * 5})).set_index("indicator")
    assert np.isnan(table.loc["a", ["skewness", "kurtosis"]].astype(float)).all()
    assert table.loc["a", "flags"] == "few_unique+constant"
    assert table.loc["b", ["n_available", "n_same"]].tolist() == [0, 0]
    assert table.loc["b", "flags"] == "few_available"


def test_shares_of_weights_and_of_covariance_sum_to_one_on_each_level() -> None:
    result = build(21, hierarchy(("arithmetic",) * 3))
    table = importance(result.scores, result.spec)
    for column in ("share", "covariance_share", "main_effect_share"):
        np.testing.assert_allclose(table.groupby("level")[column].sum(), 1.0, rtol=ROUNDING)
    assert (table["main_effect"] >= table["determination"] - ROUNDING).all()


def test_covariance_shares_are_the_parts_of_the_variance_of_an_arithmetic_index() -> None:
    result = build(22, hierarchy(("arithmetic",) * 3))
    table = importance(result.scores, result.spec).set_index("code")
    top = result.scores["top"]
    part = table.loc["p1", "share"] * result.scores["p1"].cov(top) / top.var()
    assert table.loc["p1", "covariance_share"] == pytest.approx(part, rel=ROUNDING)


def test_a_curve_that_a_correlation_does_not_see_has_a_main_effect() -> None:
    x = np.linspace(-1, 1, 101)
    assert correlation_ratio(x, x**2) == pytest.approx(1.0)
    assert abs(np.corrcoef(x, x**2)[0, 1]) < ROUNDING
    assert correlation_ratio(np.repeat([0.0, 1.0], 20), np.repeat([3.0, 5.0], 20)) == pytest.approx(1.0)
    assert np.isnan(correlation_ratio(np.ones(20), x[:20]))


def test_an_element_closer_to_another_group_than_its_own_is_flagged() -> None:
    values = random_scores(23, n_units=80)
    values["i0"] = values["i4"] * 0.9 + 5
    result = build_index(values, hierarchy(("arithmetic",) * 3))
    table = ancestor_correlations(result.scores, result.spec).set_index(["code", "ancestor"])
    assert table.loc[("i0", "d1"), "closest"] == "d3"
    assert "closer_elsewhere" in table.loc[("i0", "d1"), "flags"]
    assert "closer_elsewhere" not in table.loc[("i4", "d3"), "flags"]
    assert "dominant" not in table.loc[("i4", "d3"), "flags"]


def test_correlations_across_groups_are_listed_but_not_flagged() -> None:
    values = random_scores(24)
    values["i6"] = values["i0"]
    table = group_correlations(values, hierarchy()).set_index(["first", "second"])
    assert len(table) == 7 * 6 / 2
    assert table.loc[("i0", "i6"), "correlation"] == pytest.approx(1.0)
    assert table.loc[("i0", "i6"), "flag"] == ""
    assert table.loc[("i0", "i6"), "p_value"] == pytest.approx(0.0, abs=ROUNDING)


# Reliability and components


def test_alpha_of_equally_correlated_indicators_is_that_of_spearman_and_brown() -> None:
    """k r / (1 + (k - 1) r), with r the one correlation there is."""
    count, correlation = 4, 0.3
    root = np.linalg.cholesky(np.full((count, count), correlation) + (1 - correlation) * np.eye(count))
    scores = whitened(np.random.default_rng(25).normal(size=(50, count))) @ root.T
    frame = pd.DataFrame(scores)
    expected = count * correlation / (1 + (count - 1) * correlation)
    assert cronbach_alpha(frame) == pytest.approx(expected, rel=ROUNDING)
    assert cronbach_alpha(frame * [1, 10, 100, 1000], standardised=True) == pytest.approx(
        expected, rel=ROUNDING
    )
    dropped = alpha_if_dropped(frame)
    without = 3 * correlation / (1 + 2 * correlation)
    np.testing.assert_allclose(dropped["alpha_if_dropped"], without, rtol=ROUNDING)
    assert (dropped["flag"] == "").all()


def whitened(values: np.ndarray) -> np.ndarray:
    """Return values with mean zero and the unit matrix as covariance, exactly."""
    centred = values - values.mean(axis=0)
    return centred @ np.linalg.inv(np.linalg.cholesky(np.cov(centred, rowvar=False)).T)


@pytest.mark.parametrize(("count", "correlation"), [(3, 0.5), (6, 0.2)])
def test_sampling_adequacy_of_equally_correlated_indicators(count: int, correlation: float) -> None:
    """All partial correlations are r / (1 + (k - 2) r)."""
    matrix = np.full((count, count), correlation) + (1 - correlation) * np.eye(count)
    partial = correlation / (1 + (count - 2) * correlation)
    overall, single = kaiser_meyer_olkin(matrix)
    expected = correlation**2 / (correlation**2 + partial**2)
    assert overall == pytest.approx(expected, rel=ROUNDING)
    np.testing.assert_allclose(single, expected, rtol=ROUNDING)


def test_sphericity_of_two_indicators_is_a_test_of_their_correlation() -> None:
    matrix = np.array([[1.0, 0.4], [0.4, 1.0]])
    test = bartlett_sphericity(matrix, n_units=50)
    assert test.statistic == pytest.approx(-(49 - 1.5) * np.log(1 - 0.16), rel=ROUNDING)
    assert test.df == 1


def test_copies_have_no_adequacy() -> None:
    values = pd.DataFrame({"a": [1.0, 2, 4, 3], "b": [1.0, 2, 4, 3]})
    found = principal_components(values)
    assert np.isnan(found.overall_adequacy)
    assert np.isnan(found.sphericity.statistic)
    np.testing.assert_allclose(found.eigenvalues, [2, 0], atol=ROUNDING)


def test_components_explain_all_and_signs_are_settled() -> None:
    values = random_scores(26)
    found = principal_components(values)
    matrix = values.corr().to_numpy()
    np.testing.assert_allclose(found.loadings @ found.loadings.T, matrix, atol=ROUNDING)
    assert (found.loadings[np.abs(found.loadings).argmax(axis=0), range(7)] > 0).all()
    assert components_of(-np.eye(2) + 2 * np.eye(2))[0].tolist() == [1, 1]


def test_rotation_keeps_communalities_and_never_lowers_the_criterion() -> None:
    loadings = principal_components(random_scores(27)).loadings[:, :3]
    rotated = varimax(loadings)
    np.testing.assert_allclose((rotated**2).sum(axis=1), (loadings**2).sum(axis=1), rtol=1e-9)

    def criterion(values: np.ndarray) -> float:
        scaled = (values / np.linalg.norm(values, axis=1, keepdims=True)) ** 2
        return float(scaled.var(axis=0).sum())

    assert criterion(rotated) > criterion(loadings)
    np.testing.assert_allclose(varimax(rotated), rotated, atol=1e-6)


# Profile, neighbours, trends


def test_strengths_of_turned_indicators_are_the_weaknesses() -> None:
    values = random_scores(28)
    straight = strengths_and_weaknesses(values, unit="u04", count=3)
    turned = strengths_and_weaknesses(values, unit="u04", count=3, directions={code: -1 for code in values})
    assert straight.strengths["indicator"].tolist() == turned.weaknesses["indicator"].tolist()[::-1]
    assert (straight.strengths["rank"].diff().dropna() >= 0).all()


def test_a_lowest_value_that_many_share_is_no_strength() -> None:
    values = pd.DataFrame({"a": [0.0] * 8 + [1.0, 2.0], "b": np.arange(10.0)})
    found = strengths_and_weaknesses(values, unit=9, count=1)
    assert found.strengths["indicator"].tolist() == ["a"]
    low = strengths_and_weaknesses(values, unit=0, count=2)
    assert low.strengths.empty
    assert low.weaknesses["indicator"].tolist() == ["a", "b"]
    assert strengths_and_weaknesses(values, unit=9, count=2, least_unique=0.5).strengths[
        "indicator"
    ].tolist() == ["b"]


@pytest.mark.parametrize("metric", ["euclidean", "mahalanobis"])
def test_nearest_units_are_those_of_the_textbook_distance(metric: str) -> None:
    values = random_scores(29)
    standard = (values - values.mean()) / values.std()
    if metric == "euclidean":
        distance = cdist(standard, standard)
    else:
        distance = cdist(standard, standard, "mahalanobis", VI=np.linalg.inv(standard.cov()))
    np.fill_diagonal(distance, np.inf)
    found = nearest_units(values, count=3, metric=metric)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :3]
    assert found["neighbour"].tolist() == values.index[nearest.ravel()].tolist()
    np.testing.assert_allclose(
        found["distance"], np.take_along_axis(distance, nearest, axis=1).ravel() / np.sqrt(7), rtol=1e-8
    )


def test_neighbours_do_not_depend_on_units_of_measurement_or_gaps_elsewhere() -> None:
    values = random_scores(30)
    scaled = values * [1, 10, -1, 0.001, 1, 5, 1]
    pd.testing.assert_frame_equal(nearest_units(values), nearest_units(scaled))
    gaps = values.copy()
    gaps.loc["u00", ["i0", "i1", "i2", "i3"]] = np.nan
    found = nearest_units(gaps, count=2)
    assert "u00" not in set(found["unit"]) | set(found["neighbour"])
    assert len(found) == 2 * 29
    assert "u00" in set(nearest_units(gaps, count=2, least_shared=0.4)["unit"])


def test_equally_distant_neighbours_come_in_the_order_of_the_rows() -> None:
    square = pd.DataFrame([[0.0, 0.0], [0, 1], [1, 0], [1, 1]], index=list("dbca"))
    found = nearest_units(square, count=2)
    assert found.loc[found["unit"] == "d", "neighbour"].tolist() == ["b", "c"]
    assert found.loc[found["unit"] == "a", "neighbour"].tolist() == ["b", "c"]


def test_trends_are_those_of_ordinary_regression() -> None:
    rng = np.random.default_rng(31)
    index = pd.MultiIndex.from_product([["a", "b", "c"], range(2015, 2023)], names=["unit", "year"])
    panel = pd.DataFrame({"x": rng.normal(size=24).cumsum(), "y": rng.normal(size=24)}, index=index)
    panel.loc[("b", [2016, 2019]), "x"] = np.nan
    panel.loc[("c", list(range(2017, 2023))), "y"] = np.nan
    found = trends(panel).set_index(["unit", "code"])
    for unit, code in (("a", "x"), ("b", "x"), ("c", "x"), ("a", "y")):
        series = panel.loc[unit, code].dropna()
        line = linregress(series.index, series)
        row = found.loc[(unit, code)]
        assert row["slope"] == pytest.approx(line.slope, rel=1e-8)
        assert row["std_error"] == pytest.approx(line.stderr, rel=1e-8)
        assert row["conf_low"] < row["slope"] < row["conf_high"]
    assert found.loc[("c", "y"), "n_times"] == 2
    assert np.isnan(found.loc[("c", "y"), "slope"])
    assert found.loc[("c", "y"), "change"] == pytest.approx(
        panel.loc[("c", 2016), "y"] - panel.loc[("c", 2015), "y"]
    )


# Methods


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), bounded=st.sampled_from(["weights", "contributions"]))
def test_benefit_of_the_doubt_keeps_its_bounds_and_is_at_least_equal_weights(seed: int, bounded: str) -> None:
    scores = pd.DataFrame(np.random.default_rng(seed).uniform(0.1, 1, size=(12, 4)))
    found = benefit_of_the_doubt(scores, lower=0.1, upper=0.4, bounded=bounded)
    parts = found.weights if bounded == "weights" else found.contributions
    shares = parts.div(parts.sum(axis=1), axis=0)
    assert shares.min().min() >= 0.1 - 1e-7
    assert shares.max().max() <= 0.4 + 1e-7
    assert (scores.to_numpy() @ found.weights.to_numpy().T).max() <= 1 + 1e-7
    equal = scores.sum(axis=1) / scores.sum(axis=1).max()
    if bounded == "weights":
        assert (found.table["score"] >= equal - 1e-7).all()


def test_benefit_of_the_doubt_on_contributions_does_not_depend_on_units_of_measurement() -> None:
    scores = random_scores(32, n_units=10)
    one = benefit_of_the_doubt(scores, lower=0.05, upper=0.5)
    other = benefit_of_the_doubt(scores * [1, 7, 0.01, 1, 3, 1, 100], lower=0.05, upper=0.5)
    np.testing.assert_allclose(one.table["score"], other.table["score"], rtol=1e-7)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 6))
def test_no_other_weights_come_closer_to_the_target(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    scores = pd.DataFrame(rng.normal(size=(40, count)) + rng.normal(size=(40, 1)))
    target = dict(enumerate(rng.uniform(0.5, 2, count)))
    found = optimised_weights(scores, target=target)
    assert (found.weights >= 0).all()
    assert found.weights.sum() == pytest.approx(1.0)
    measured = scores.corrwith((scores * found.weights).sum(axis=1)).to_numpy()
    np.testing.assert_allclose(measured, found.correlations, rtol=1e-9)
    wanted = np.array(list(target.values())) / sum(target.values())
    for weights in rng.dirichlet(np.ones(count), size=20):
        obtained = scores.corrwith((scores * weights).sum(axis=1)).to_numpy()
        assert np.linalg.norm(obtained / obtained.sum() - wanted) >= found.distance - 1e-9


def test_consistent_judgements_give_back_their_weights_and_a_group_of_equals_agrees() -> None:
    weights = np.array([0.5, 0.3, 0.2])
    items = ["a", "b", "c"]
    matrix = pd.DataFrame(np.outer(weights, 1 / weights), index=items, columns=items)
    found = pairwise_priorities(matrix)
    np.testing.assert_allclose(found.weights, weights, rtol=ROUNDING)
    assert found.consistency_ratio == pytest.approx(0.0, abs=ROUNDING)
    group = group_priorities({"x": matrix, "y": matrix}, importance={"x": 3, "y": 1})
    np.testing.assert_allclose(group.combined.weights, weights, rtol=ROUNDING)
    assert group.consistency()["is_consistent"].all()
    assert group.tidy()["member"].tolist() == ["x"] * 3 + ["y"] * 3 + [""] * 3


def test_the_more_important_member_has_the_greater_say() -> None:
    items = ["a", "b"]
    first, second = (pd.DataFrame([[1, x], [1 / x, 1]], index=items, columns=items) for x in (4.0, 0.25))
    even = group_priorities({"x": first, "y": second}).combined.weights
    uneven = group_priorities({"x": first, "y": second}, importance={"x": 3, "y": 1}).combined.weights
    assert even.tolist() == pytest.approx([0.5, 0.5])
    assert uneven[0] / uneven[1] == pytest.approx(4**0.5)


def test_ties_share_points_in_a_borda_count() -> None:
    scores = pd.DataFrame({"a": [1.0, 1.0, 0.0]}, index=list("xyz")).assign(b=[0.0, 2.0, 1.0])
    found = borda_count(scores).table.set_index("unit")
    assert found["points"].tolist() == [1.5, 3.5, 1.0]
    assert found["rank"].tolist() == [2, 1, 3]


def test_a_copy_of_an_indicator_counts_for_less_in_critic_weights() -> None:
    scores = random_scores(33)[["i0", "i1", "i2"]]
    alone = critic_weights(scores).tidy().set_index("indicator")["weight"]
    doubled = critic_weights(scores.assign(copy=scores["i0"])).tidy().set_index("indicator")["weight"]
    assert doubled["copy"] == pytest.approx(doubled["i0"])
    assert doubled["i0"] / doubled["i1"] < alone["i0"] / alone["i1"]
    turned = critic_weights(scores * -1, directions={code: -1 for code in scores})
    np.testing.assert_allclose(turned.weights, alone, rtol=ROUNDING)
