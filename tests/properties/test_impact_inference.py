"""Inference beyond standard errors: families, equivalence, randomisation, few treated units, placebos."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind

from evaluation.errors import BadInputError, UsageError
from evaluation.impact import (
    Design,
    aggregate,
    att_gt,
    benjamini_hochberg,
    cluster_scores,
    clustered_regression,
    equivalence_test,
    estimate_effects,
    few_treated_test,
    influence_jackknife,
    leave_one_cluster_out,
    leave_one_cohort_out,
    placebo_dates,
    randomisation_test,
    romano_wolf,
    step_down,
    wild_cluster_bootstrap,
)

DESIGN = Design(outcome="outcome", unit="region", time="year", cohort="cohort")
FEW = settings(max_examples=25, deadline=None)
ALGEBRA = 1e-9


def make_panel(
    seed: int = 1, *, n_units: int = 60, effect: float = 0.0, spread: float = 1.0, treated: int = 20
) -> pd.DataFrame:
    """Two cohorts (2013, 2015), five islands, twelve provinces within them."""
    rng = np.random.default_rng(seed)
    years = np.arange(2010, 2017)
    cohort = np.zeros(n_units, dtype=int)
    cohort[rng.permutation(n_units)[:treated]] = rng.choice([2013, 2015], treated)
    since = years - cohort[:, None]
    noise = spread * rng.normal(size=(n_units, len(years))).cumsum(axis=1)
    outcome = noise + effect * ((cohort[:, None] > 0) & (since >= 0))
    return pd.DataFrame(
        {
            "region": np.repeat([f"r{number:02d}" for number in range(n_units)], len(years)),
            "year": np.tile(years, n_units),
            "cohort": np.repeat(cohort, len(years)),
            "island": np.repeat(np.arange(n_units) % 5, len(years)),
            "province": np.repeat(np.arange(n_units) % 12, len(years)),
            "people": np.repeat(rng.uniform(1, 50, n_units), len(years)),
            "outcome": outcome.ravel(),
        }
    )


@FEW
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_benjamini_hochberg_agrees_with_statsmodels(p_values: list[float]) -> None:
    expected = multipletests(p_values, method="fdr_bh")[1]
    assert_allclose(benjamini_hochberg(p_values), expected, rtol=ALGEBRA, atol=1e-15)


def test_missing_p_values_do_not_count() -> None:
    found = benjamini_hochberg([0.01, np.nan, 0.04])
    assert np.isnan(found[1])
    assert_allclose(found[[0, 2]], benjamini_hochberg([0.01, 0.04]))


def slow_step_down(statistic: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Romano and Wolf (2016), algorithm 4.1, one hypothesis at a time."""
    order = list(np.argsort(-statistic, kind="stable"))
    adjusted, previous = np.empty(len(order)), 0.0
    for place, hypothesis in enumerate(order):
        left = order[place:]
        larger = sum(draw[left].max() >= statistic[hypothesis] for draw in drawn)
        previous = max(previous, (larger + 1) / (len(drawn) + 1))
        adjusted[hypothesis] = previous
    return adjusted


@FEW
@given(st.integers(0, 1000), st.integers(1, 6))
def test_step_down_agrees_with_the_algorithm(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    statistic, drawn = np.abs(rng.normal(size=n) * 2), np.abs(rng.normal(size=(60, n)))
    assert_allclose(step_down(statistic, drawn), slow_step_down(statistic, drawn))


def two_outcomes(seed: int = 2) -> dict[str, pd.DataFrame]:
    one = make_panel(seed, effect=1.5)
    return {"one": one, "two": one.assign(outcome=make_panel(seed + 50)["outcome"])}


def averages(panels: dict[str, pd.DataFrame], design: Design = DESIGN) -> dict[str, object]:
    return {name: aggregate(att_gt(panel, design)) for name, panel in panels.items()}


def test_an_outcome_given_twice_costs_nothing() -> None:
    """Perfectly dependent questions are one question: joint draws see it, Bonferroni does not."""
    one = averages(two_outcomes())["one"]
    alone = romano_wolf({"a": one})
    twice = romano_wolf({"a": one, "b": one})
    assert twice["p_adjusted"].tolist() == pytest.approx([alone["p_adjusted"].iloc[0]] * 2)


def test_independent_outcomes_are_adjusted_and_order_does_not_matter() -> None:
    found = averages(two_outcomes())
    table = romano_wolf(found).set_index("name")
    backwards = romano_wolf(dict(reversed(found.items()))).set_index("name")
    assert (table["p_adjusted"] >= table["p_value"] - 0.02).all()
    assert_allclose(table["p_adjusted"], backwards.loc[table.index, "p_adjusted"])


def test_outcomes_may_have_different_units() -> None:
    panels = two_outcomes()
    smaller = panels["two"][panels["two"]["region"] != "r07"]
    whole, part = averages(panels), averages({"one": panels["one"], "two": smaller})
    assert_allclose(
        romano_wolf(part)["p_adjusted"].iloc[0], romano_wolf(whole)["p_adjusted"].iloc[0], atol=0.02
    )
    table = romano_wolf(part)
    assert table["std_error"].tolist() == [found.overall["std_error"] for found in part.values()]


def test_clusters_share_their_multiplier_across_outcomes() -> None:
    clustered = replace(DESIGN, clusters="province")
    panels = two_outcomes()
    panels["two"] = panels["two"][panels["two"]["province"] != 3]
    table = romano_wolf(averages(panels, clustered), draws=19_999)
    normal = 2 * norm.sf(np.abs(table["estimate"] / table["std_error"]))
    # With one question the bootstrap's p-value is near the normal one; the smaller adjusted is at least that.
    assert (table["p_adjusted"] > normal - 0.03).all()


@FEW
@given(st.integers(0, 500), st.floats(0.1, 2.0))
def test_equivalence_agrees_with_statsmodels(seed: int, margin: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0.2, 1, 12), rng.normal(0, 1, 15)
    pooled = ((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum()
    error = np.sqrt(pooled / 25 * (1 / 12 + 1 / 15))
    result = equivalence_test(
        estimate=one.mean() - other.mean(), std_error=error, margin=margin, df=25, level=0.95
    )
    expected = ttost_ind(one, other, -margin, margin)[0]
    assert result.p_value == pytest.approx(expected, rel=1e-8)
    inside = -margin < result.conf_low and result.conf_high < margin
    assert inside == (result.p_value < 0.05)
    assert (result.smallest_margin < margin) == inside


def test_no_evidence_and_evidence_of_no_effect_are_told_apart() -> None:
    verdicts = {
        (0.0, 1.0): "inconclusive",
        (0.0, 0.1): "no_relevant_effect",
        (0.3, 0.1): "effect_below_margin",
        (2.0, 0.1): "effect",
    }
    for (estimate, error), expected in verdicts.items():
        assert equivalence_test(estimate=estimate, std_error=error, margin=0.6).verdict == expected
    with pytest.raises(UsageError, match="positive margin"):
        equivalence_test(estimate=0.0, std_error=1.0, margin=0.0)


def tiny_panel() -> pd.DataFrame:
    """Six units, two treated in the second of two years; changes 5, 4, 0, 1, 2, 3."""
    changes = dict(zip("abcdef", [5.0, 4, 0, 1, 2, 3], strict=True))
    rows = [
        {"region": unit, "year": 2000 + year, "cohort": 2001 if unit in "ab" else 0, "outcome": year * change}
        for unit, change in changes.items()
        for year in (0, 1)
    ]
    return pd.DataFrame(rows).assign(island=lambda frame: frame["region"].isin(list("abcd")))


def test_randomisation_agrees_with_the_list_of_all_assignments() -> None:
    """Of 15 choices of two from six only (a, b) reaches 4.5 - 1.5 = 3, and only (c, d) reaches -3."""
    changes = np.array([5.0, 4, 0, 1, 2, 3])
    differences = [
        changes[list(order[:2])].mean() - changes[list(order[2:])].mean() for order in permutations(range(6))
    ]
    exact = np.mean(np.abs(differences) >= 3 - 1e-9)
    assert exact == pytest.approx(2 / 15)
    result = randomisation_test(tiny_panel(), DESIGN, permutations=800, seed=1, statistic="estimate")
    assert result.estimate == pytest.approx(3.0)
    error = np.sqrt(exact * (1 - exact) / 800)
    assert result.p_value == pytest.approx(exact, abs=4 * error)


@pytest.mark.parametrize("estimator", ["dr", "entropy", "imputation"])
def test_the_permuted_statistic_is_that_of_the_study(estimator: str) -> None:
    panel = make_panel(11, effect=1.0)
    design = replace(DESIGN, estimator=estimator, covariates=("people",), clusters="province")
    overall = aggregate(estimate_effects(panel, design)).overall
    result = randomisation_test(panel, design, permutations=1)
    assert result.estimate == pytest.approx(overall["estimate"], rel=ALGEBRA)
    assert result.statistic == pytest.approx(overall["estimate"] / overall["std_error"], rel=ALGEBRA)


def test_strata_keep_what_they_hold() -> None:
    """Within a, b, c, d two of four are treated: six choices, of which (a, b) and (c, d) are the extremes."""
    result = randomisation_test(
        tiny_panel(), DESIGN, strata=["island"], permutations=600, seed=2, statistic="estimate"
    )
    assert (result.n_strata, result.n_free) == (2, 4)
    draws = np.unique(result.draws.round(9))
    assert len(draws) == 5
    exact = 2 / 6
    assert result.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 600))


def test_randomisation_is_level_without_and_strong_with_an_effect() -> None:
    none = [
        randomisation_test(
            make_panel(seed, n_units=30, treated=10), DESIGN, permutations=39, seed=seed
        ).p_value
        for seed in range(40)
    ]
    # P(p <= 0.05) = 2 / 40 for each: more than 8 of 40 happens once in 1,000.
    assert sum(p <= 0.05 for p in none) <= 8
    strong = randomisation_test(make_panel(3, effect=3.0), DESIGN, permutations=99)
    assert strong.p_value == pytest.approx(0.01)


def test_strata_that_vary_or_are_absent_are_refused() -> None:
    panel = make_panel()
    with pytest.raises(BadInputError, match="varies between years"):
        randomisation_test(panel.assign(island=panel["year"]), DESIGN, strata=["island"], permutations=1)
    with pytest.raises(BadInputError, match="is not in the panel"):
        randomisation_test(panel, DESIGN, strata=["sea"], permutations=1)


def test_few_treated_estimates_the_outcome_regression() -> None:
    panel = make_panel(4, effect=1.0)
    never = replace(DESIGN, control_group="never_treated", estimator="reg", covariates=("people",))
    expected = aggregate(att_gt(panel, never)).overall["estimate"]
    found = few_treated_test(panel, never, draws=99)
    # Weights of cohorts: by size and, for the average of cells, by number of years as well.
    one = replace(never, cohorts=(2013,))
    alone = aggregate(att_gt(panel, one)).overall["estimate"]
    assert few_treated_test(panel, one, draws=99).estimate == pytest.approx(alone, rel=1e-8)
    assert abs(found.estimate - expected) < 0.5


def few_treated_trials(*, heavy: bool, size: str | None, n_trials: int = 120) -> float:
    """Share of trials in which two treated units without an effect are called affected at 10%.

    Small regions have large errors; the treated are small (heavy) or like the others.
    """
    rejected = 0
    for seed in range(n_trials):
        rng = np.random.default_rng(seed)
        people = rng.uniform(1, 20, 60)
        if heavy:
            people[:2] = 1.0
        change = rng.normal(size=60) * np.sqrt(0.1 + 6 / people)
        rows = {
            "region": np.repeat(np.arange(60), 2),
            "year": np.tile([2012, 2013], 60),
            "cohort": np.repeat(np.where(np.arange(60) < 2, 2013, 0), 2),
            "people": np.repeat(people, 2),
            "outcome": np.column_stack([np.zeros(60), change]).ravel(),
        }
        result = few_treated_test(pd.DataFrame(rows), DESIGN, size=size, draws=299, level=0.9)
        rejected += result.p_value <= 0.1
    return rejected / n_trials


def test_two_small_treated_regions_need_the_correction_for_size() -> None:
    """Ferman and Pinto (2019), table 1: without it small treated units are called affected far too often."""
    plain = few_treated_trials(heavy=True, size=None)
    corrected = few_treated_trials(heavy=True, size="people")
    error = np.sqrt(0.1 * 0.9 / 120)
    assert plain > 0.1 + 4 * error
    assert corrected < 0.1 + 4 * error
    assert abs(few_treated_trials(heavy=False, size=None) - 0.1) < 4 * error


def test_placebo_dates_see_a_trend_and_not_the_effect() -> None:
    calm = make_panel(5, effect=5.0, spread=0.01)
    rising = calm.assign(outcome=calm["outcome"] + 0.4 * (calm["cohort"] > 0) * (calm["year"] - 2010))
    assert_allclose(placebo_dates(calm, DESIGN, shifts=[1, 2])["estimate"], 0.0, atol=0.03)
    never = replace(DESIGN, control_group="never_treated")
    found = placebo_dates(rising, never, shifts=[1, 2])
    assert found["reason"].tolist() == ["", ""]
    # One year after a base one year before: 0.4; two years after it: 0.4 and 0.8.
    assert_allclose(found["estimate"], [0.4, 0.6], atol=0.03)
    assert placebo_dates(calm, DESIGN, shifts=[9])["reason"].iloc[0] != ""


def test_placebo_dates_leave_anticipated_years_out() -> None:
    panel = make_panel(6, spread=0.01)
    early = panel["outcome"] + 3.0 * ((panel["cohort"] > 0) & (panel["year"] >= panel["cohort"] - 1))
    waiting = replace(DESIGN, anticipation=1)
    found = placebo_dates(panel.assign(outcome=early), waiting, shifts=[1])
    assert_allclose(found["estimate"], 0.0, atol=0.03)


def test_leaving_out_is_estimating_on_the_rest() -> None:
    panel = make_panel(7, effect=1.0)
    by_cluster = leave_one_cluster_out(panel, DESIGN, clusters="province").set_index("left_out")
    rest = aggregate(att_gt(panel[panel["province"] != 4], DESIGN)).overall
    assert by_cluster.loc[4, "estimate"] == pytest.approx(rest["estimate"], rel=ALGEBRA)
    assert by_cluster.loc[4, "std_error"] == pytest.approx(rest["std_error"], rel=ALGEBRA)
    assert len(by_cluster) == 13
    by_cohort = leave_one_cohort_out(panel, DESIGN)
    assert by_cohort["left_out"].isna().tolist() == [True, False, False]
    alone = aggregate(att_gt(panel, replace(DESIGN, cohorts=(2015,)))).overall["estimate"]
    assert by_cohort.loc[by_cohort["left_out"] == 2013, "estimate"].iloc[0] == pytest.approx(alone)


def test_the_influence_jackknife_is_near_refitting_without_each_province() -> None:
    panel = make_panel(8, n_units=240, treated=80)
    result = aggregate(att_gt(panel, replace(DESIGN, clusters="province")))
    refits = leave_one_cluster_out(panel, DESIGN, clusters="province")["estimate"].to_numpy(dtype=float)
    variance = 11 / 12 * np.sum((refits[1:] - refits[0]) ** 2)
    assert influence_jackknife(result).std_error == pytest.approx(np.sqrt(variance), rel=0.1)


def test_weights_of_treated_units_sum_to_one_in_every_average() -> None:
    panel = make_panel(9)
    result = att_gt(panel, DESIGN)
    for kind in ("simple", "group", "dynamic", "calendar"):
        average = aggregate(result, kind)
        assert_allclose(average.treated_weights.sum(axis=0), 1.0)
        # A constant added to the treated after their cohort moves every average by it.
        after = (panel["cohort"] > 0) & (panel["year"] >= panel["cohort"])
        moved = aggregate(att_gt(panel.assign(outcome=panel["outcome"] + after), DESIGN), kind)
        since = average.table["event_time"].fillna(0) >= 0
        assert_allclose((moved.table["estimate"] - average.table["estimate"])[since], 1.0)


def test_the_score_bootstrap_is_the_wild_bootstrap_of_a_comparison_of_two_means() -> None:
    """One cohort, two years: the same estimate, t statistics alike, p-values within a few hundredths."""
    panel = make_panel(10, effect=0.6)
    two = panel[panel["year"].isin([2012, 2013]) & panel["cohort"].isin([0, 2013])]
    result = aggregate(att_gt(two, replace(DESIGN, clusters="province")))
    score = wild_cluster_bootstrap(cluster_scores(result))
    changes = (
        two.sort_values("year").groupby("region")["outcome"].agg(lambda pair: pair.iloc[1] - pair.iloc[0])
    )
    units = two.drop_duplicates("region").set_index("region").assign(change=changes)
    units["treated"] = (units["cohort"] == 2013).astype(float)
    wild = wild_cluster_bootstrap(
        clustered_regression(units, outcome="change", interest="treated", clusters="province")
    )
    assert score.estimate == pytest.approx(wild.estimate)
    assert score.enumerated
    assert score.p_value == pytest.approx(wild.p_value, abs=0.08)
    with pytest.raises(UsageError, match="Name the cluster"):
        cluster_scores(aggregate(att_gt(two, DESIGN)))
