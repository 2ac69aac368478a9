"""What must not change an estimate, what must change it in a known way, and slow versions that agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import chi2
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import WLS

from evaluation.impact import (
    AttGtResult,
    Design,
    aggregate,
    att_gt,
    balance,
    mde,
    overlap,
    pre_trend_test,
    run_did,
    write_did,
)
from evaluation.impact.inference import bootstrap_draws, standard_errors

ALGEBRA = 1e-8
"""Relative: the same number by another order of operations, through a logit that stops at 1e-9."""

NUMERICAL_DERIVATIVE = 1e-5
"""Relative error of a central difference with steps of 1e-5."""

SEEDS = st.integers(min_value=0, max_value=10_000)
FEW = settings(max_examples=12, deadline=None)
ESTIMATORS = ["dr", "reg", "ipw"]
NUMBERS = ["estimate", "std_error", "conf_low", "conf_high"]

BASE = Design(outcome="outcome", unit="region", time="year", cohort="cohort", covariates=("wealth", "city"))
UNCONDITIONAL = replace(BASE, covariates=())


def make_panel(seed: int, *, n_units: int = 90, n_years: int = 7) -> pd.DataFrame:
    """Three cohorts (2013, 2014, 2016) and never treated; covariates move outcome and cohort."""
    rng = np.random.default_rng(seed)
    years = np.arange(2010, 2010 + n_years)
    wealth = rng.normal(10, 2, n_units)
    city = (rng.random(n_units) < 0.4).astype(float)
    cohort = rng.choice([0, 0, 2013, 2014, 2016], n_units)
    trend = 0.1 * (wealth - 10)[:, None] * (years - 2010)
    outcome = wealth[:, None] + trend + rng.normal(0, 1, (n_units, n_years)).cumsum(axis=1)
    return pd.DataFrame(
        {
            "region": np.repeat([f"{1100 + number}" for number in range(n_units)], n_years),
            "year": np.tile(years, n_units),
            "outcome": outcome.ravel(),
            "cohort": np.repeat(cohort, n_years),
            "wealth": np.repeat(wealth, n_years),
            "city": np.repeat(city, n_years),
            "province": np.repeat(np.arange(n_units) // 9, n_years),
        }
    )


def by_year(panel: pd.DataFrame) -> pd.DataFrame:
    return panel.set_index(["region", "year"])["outcome"].unstack()  # noqa: PD010 - each pair has one row


def assert_same(one: AttGtResult, other: AttGtResult, *, factor: float = 1.0) -> None:
    assert one.table["year"].tolist() == other.table["year"].tolist()
    assert_allclose(other.table[NUMBERS], factor * one.table[NUMBERS], rtol=ALGEBRA, atol=1e-10 * abs(factor))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@FEW
@given(seed=SEEDS)
def test_unit_and_period_effects_change_nothing(estimator: str, seed: int) -> None:
    panel, design = make_panel(seed), replace(BASE, estimator=estimator)
    rng = np.random.default_rng(seed + 1)
    unit_effect = panel["region"].map({name: rng.normal(0, 5) for name in panel["region"].unique()})
    period_effect = panel["year"].map({year: rng.normal(0, 5) for year in panel["year"].unique()})
    moved = panel.assign(outcome=panel["outcome"] + unit_effect + period_effect)
    assert_same(att_gt(panel, design), att_gt(moved, design))


@FEW
@given(seed=SEEDS, factor=st.sampled_from([1e-3, 0.5, 7.0, 1e6]))
def test_rescaling_the_outcome_rescales_effects(seed: int, factor: float) -> None:
    panel = make_panel(seed)
    scaled = panel.assign(outcome=factor * panel["outcome"])
    assert_same(att_gt(panel, BASE), att_gt(scaled, BASE), factor=factor)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@FEW
@given(seed=SEEDS)
def test_units_of_covariates_change_nothing(estimator: str, seed: int) -> None:
    panel, design = make_panel(seed), replace(BASE, estimator=estimator)
    other = panel.assign(wealth=1e6 + 1000 * panel["wealth"], city=3 - panel["city"])
    assert_same(att_gt(panel, design), att_gt(other, design))


@FEW
@given(seed=SEEDS)
def test_order_of_rows_changes_no_bit(seed: int) -> None:
    panel = make_panel(seed)
    shuffled = panel.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(att_gt(panel, BASE).tidy(), att_gt(shuffled, BASE).tidy())


@FEW
@given(seed=SEEDS)
def test_names_of_units_change_nothing(seed: int) -> None:
    panel = make_panel(seed)
    names = panel["region"].unique()
    renamed = dict(zip(names, np.random.default_rng(seed).permutation(names), strict=True))
    assert_same(att_gt(panel, BASE), att_gt(panel.assign(region=panel["region"].map(renamed)), BASE))


def test_never_treated_may_be_written_in_any_way() -> None:
    panel = make_panel(1)
    expected = att_gt(panel, BASE).tidy()
    for never in (np.nan, np.inf):
        written = panel["cohort"].astype(float).replace(0, never)
        pd.testing.assert_frame_equal(att_gt(panel.assign(cohort=written), BASE).tidy(), expected)
    for never in ("", "inf", " 0 ", None):
        text = panel["cohort"].map(lambda year, never=never: never if year == 0 else str(year))
        pd.testing.assert_frame_equal(att_gt(panel.assign(cohort=text), BASE).tidy(), expected)


def test_the_callers_frame_is_left_alone() -> None:
    panel = make_panel(2)
    before = panel.copy(deep=True)
    run_did(panel, BASE)
    pd.testing.assert_frame_equal(panel, before)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("control_group", ["never_treated", "not_yet_treated"])
def test_unconditional_effects_are_differences_of_mean_differences(
    estimator: str, control_group: str
) -> None:
    panel = make_panel(3)
    wide = by_year(panel)
    cohort = panel.groupby("region")["cohort"].first()
    design = replace(UNCONDITIONAL, estimator=estimator, control_group=control_group)
    for row in att_gt(panel, design).tidy().itertuples():
        control = cohort == 0
        if control_group == "not_yet_treated":
            control |= (cohort > max(row.year, row.base_year)) & (cohort != row.cohort)
        change = wide[row.year] - wide[row.base_year]
        treated_change, control_change = change[cohort == row.cohort], change[control]
        assert row.estimate == pytest.approx(treated_change.mean() - control_change.mean(), rel=ALGEBRA)
        variance = treated_change.var(ddof=0) / len(treated_change)
        variance += control_change.var(ddof=0) / len(control_change)
        assert row.std_error == pytest.approx(np.sqrt(variance), rel=ALGEBRA)
        assert (row.n_treated, row.n_control) == (len(treated_change), len(control_change))


def slow_two_by_two(
    change: np.ndarray, treated: np.ndarray, covariates: np.ndarray, weights: np.ndarray, estimator: str
) -> float:
    """The estimand as one reads it in Sant'Anna and Zhao (2020), with statsmodels' regressions."""
    residual = change
    if estimator in ("dr", "reg"):
        fit = WLS(change[~treated], covariates[~treated], weights=weights[~treated]).fit()
        residual = change - covariates @ fit.params
    mean_treated = np.average(residual[treated], weights=weights[treated])
    if estimator == "reg":
        return mean_treated
    model = GLM(treated.astype(float), covariates, family=Binomial(), freq_weights=weights)
    score = model.fit(tol=1e-14, maxiter=100).fittedvalues
    odds = (weights * score / (1 - score))[~treated]
    return mean_treated - np.average(residual[~treated], weights=odds)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("weighted", [False, True])
def test_conditional_effects_agree_with_the_slow_version(estimator: str, weighted: bool) -> None:
    panel = make_panel(4)
    names = panel["region"].unique()
    weight = dict(zip(names, np.random.default_rng(4).uniform(0.5, 3, len(names)), strict=True))
    panel["population"] = panel["region"].map(weight)
    design = replace(BASE, estimator=estimator, weights="population" if weighted else None)
    wide = by_year(panel)
    units = panel.groupby("region").first()
    weights = units["population"].to_numpy() if weighted else np.ones(len(units))
    for row in att_gt(panel, design).tidy().itertuples():
        control = (units["cohort"] == 0) | (units["cohort"] > max(row.year, row.base_year))
        treated = (units["cohort"] == row.cohort).to_numpy()
        used = treated | control.to_numpy()
        covariates = np.column_stack([np.ones(used.sum()), units.loc[used, ["wealth", "city"]]])
        change = (wide[row.year] - wide[row.base_year]).to_numpy()[used]
        expected = slow_two_by_two(change, treated[used], covariates, weights[used], estimator)
        assert row.estimate == pytest.approx(expected, rel=1e-6)


def ipw_moments(
    theta: np.ndarray, change: np.ndarray, treated: np.ndarray, covariates: np.ndarray
) -> np.ndarray:
    """Estimating equations of the weighting estimator: logit score, treated mean, weighted control mean."""
    score = 1 / (1 + np.exp(-covariates @ theta[:-2]))
    odds = score / (1 - score) * ~treated
    logit = covariates * (treated - score)[:, None]
    return np.column_stack([logit, treated * (change - theta[-2]), odds * (change - theta[-1])])


def test_weighting_standard_errors_agree_with_a_numerical_sandwich() -> None:
    panel = make_panel(5)
    panel = panel[panel["year"].isin([2012, 2013]) & panel["cohort"].isin([0, 2013])]
    row = att_gt(panel, replace(BASE, estimator="ipw")).tidy().iloc[0]
    wide = by_year(panel)
    units = panel.groupby("region").first()
    treated = (units["cohort"] == 2013).to_numpy()
    covariates = np.column_stack([np.ones(len(units)), units["wealth"] - 10, units["city"]])
    change = (wide[2013] - wide[2012]).to_numpy()
    beta = GLM(treated.astype(float), covariates, family=Binomial()).fit(tol=1e-14).params
    odds = np.exp(covariates @ beta)[~treated]
    theta = np.r_[beta, change[treated].mean(), np.average(change[~treated], weights=odds)]

    def mean_moments(point: np.ndarray) -> np.ndarray:
        return ipw_moments(point, change, treated, covariates).mean(axis=0)

    steps = 1e-5 * np.eye(len(theta))
    slopes = np.column_stack([(mean_moments(theta + s) - mean_moments(theta - s)) / 2e-5 for s in steps])
    moments = ipw_moments(theta, change, treated, covariates)
    bread = np.linalg.inv(slopes)
    variance = bread @ (moments.T @ moments / len(units)) @ bread.T / len(units)
    contrast = np.r_[np.zeros(len(theta) - 2), 1, -1]
    assert row["std_error"] == pytest.approx(
        np.sqrt(contrast @ variance @ contrast), rel=NUMERICAL_DERIVATIVE
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_weight_of_two_is_two_units(estimator: str) -> None:
    panel = make_panel(6)
    doubled = panel["region"].isin(panel["region"].unique()[::3])
    twice = pd.concat([panel, panel[doubled].assign(region=panel["region"] + "-twin")])
    weighted = panel.assign(weight=np.where(doubled, 2.0, 1.0))
    design = replace(BASE, estimator=estimator)
    one = att_gt(weighted, replace(design, weights="weight"))
    other = att_gt(twice, design)
    assert_allclose(one.table["estimate"], other.table["estimate"], rtol=ALGEBRA)
    assert_allclose(
        aggregate(one, "group").table["estimate"], aggregate(other, "group").table["estimate"], rtol=ALGEBRA
    )


def test_pairs_that_are_incomplete_leave_only_their_cells() -> None:
    panel = make_panel(7)
    rng = np.random.default_rng(7)
    holes = panel.assign(outcome=panel["outcome"].where(rng.random(len(panel)) > 0.1))
    holes = holes[rng.random(len(holes)) > 0.05]
    wide = by_year(holes)
    for row in att_gt(holes, BASE).tidy().itertuples():
        complete = wide.index[wide[[row.base_year, row.year]].notna().all(axis=1)]
        kept = holes[holes["region"].isin(complete) & holes["year"].isin([row.base_year, row.year])]
        # The two years alone: the rule must be told which base year and which controls the panel gave.
        design = replace(BASE, cohorts=(row.cohort,), base_period="universal")
        if row.base_year > row.year or row.year < row.cohort:
            continue
        alone = att_gt(kept, design).tidy().set_index("year").loc[row.year]
        assert_allclose(
            alone[["estimate", "std_error"]].astype(float), [row.estimate, row.std_error], rtol=ALGEBRA
        )
        assert (alone["n_treated"], alone["n_control"]) == (row.n_treated, row.n_control)


def test_universal_base_has_zero_rows_and_the_same_effects_after_treatment() -> None:
    panel = make_panel(8)
    varying = att_gt(panel, BASE).tidy().set_index(["cohort", "year"])
    universal = att_gt(panel, replace(BASE, base_period="universal")).tidy().set_index(["cohort", "year"])
    base = universal[universal["event_time"] == -1]
    assert (base["estimate"] == 0).all()
    assert base["std_error"].isna().all()
    after = varying.index[varying["event_time"] >= 0]
    assert_allclose(universal.loc[after, NUMBERS], varying.loc[after, NUMBERS], rtol=ALGEBRA)


def test_pre_test_does_not_depend_on_the_base_period() -> None:
    """Never treated controls, no covariates: universal effects are sums of varying ones."""
    panel = make_panel(9)
    design = replace(UNCONDITIONAL, control_group="never_treated")
    one = pre_trend_test(att_gt(panel, design))
    other = pre_trend_test(att_gt(panel, replace(design, base_period="universal")))
    assert one.df == other.df
    assert one.statistic == pytest.approx(other.statistic, rel=ALGEBRA)
    assert one.p_value == pytest.approx(chi2.sf(one.statistic, one.df))


def test_pre_test_may_leave_out_years_of_anticipation() -> None:
    result = att_gt(make_panel(9), replace(BASE, anticipation=1))
    assert (pre_trend_test(result).table["event_time"] == -1).any()
    assert (pre_trend_test(result, window="before_anticipation").table["event_time"] < -1).all()


def test_an_ineligible_control_is_as_if_absent() -> None:
    panel = make_panel(10)
    never = panel.loc[panel["cohort"] == 0, "region"].unique()
    barred = panel["region"].isin(never[::2])
    marked = att_gt(panel.assign(clean=~barred), replace(BASE, eligible_control="clean"))
    assert_same(marked, att_gt(panel[~barred], BASE))


def test_a_treated_unit_may_be_barred_from_being_a_control() -> None:
    panel = make_panel(10)
    result = att_gt(panel.assign(clean=panel["cohort"] != 2016), replace(BASE, eligible_control="clean"))
    table, free = result.tidy(), att_gt(panel, BASE).tidy()
    last = table["cohort"] == 2016
    assert table.loc[last, "n_treated"].tolist() == free.loc[last, "n_treated"].tolist()
    early = (table["cohort"] == 2013) & (table["year"] == 2013)
    n_barred = panel.loc[panel["cohort"] == 2016, "region"].nunique()
    assert (free.loc[early, "n_control"] - table.loc[early, "n_control"]).tolist() == [n_barred]


def test_chosen_cohorts_keep_the_others_as_controls() -> None:
    panel = make_panel(11)
    every = att_gt(panel, BASE).tidy()
    chosen = att_gt(panel, replace(BASE, cohorts=(2014,))).tidy()
    expected = every[every["cohort"] == 2014].reset_index(drop=True)
    assert_allclose(chosen[NUMBERS], expected[NUMBERS], rtol=ALGEBRA)


def test_clusters_of_single_units_change_nothing_and_whole_provinces_sum() -> None:
    panel = make_panel(12)
    plain = att_gt(panel, BASE)
    assert_same(plain, att_gt(panel, replace(BASE, clusters="region")))
    assert_same(plain, att_gt(panel.assign(own=panel["region"]), replace(BASE, clusters="own")))
    by_province = att_gt(panel, replace(BASE, clusters="province"))
    province = panel.groupby("region")["province"].first().to_numpy()
    sums = np.array([plain.influence[province == code].sum(axis=0) for code in np.unique(province)])
    expected = np.sqrt((sums**2).sum(axis=0)) / len(plain.units)
    assert_allclose(by_province.table["std_error"], expected, rtol=ALGEBRA)
    assert_allclose(by_province.table["estimate"], plain.table["estimate"], rtol=ALGEBRA)


def test_covariance_has_the_squared_standard_errors_on_its_diagonal() -> None:
    result = att_gt(make_panel(13), BASE)
    assert_allclose(np.sqrt(np.diag(result.vcov)), result.table["std_error"], rtol=ALGEBRA)
    assert_allclose(result.influence.mean(axis=0), 0, atol=1e-8)


def test_simultaneous_bands_are_wider_and_repeatable() -> None:
    panel = make_panel(14)
    pointwise = att_gt(panel, BASE).tidy()
    banded = att_gt(panel, BASE, band="simultaneous", draws=499, seed=3)
    assert set(banded.tidy()["band"]) == {"simultaneous"}
    assert (banded.tidy()["conf_low"] < pointwise["conf_low"]).all()
    again = att_gt(panel, BASE, band="simultaneous", draws=499, seed=3)
    pd.testing.assert_frame_equal(banded.tidy(), again.tidy())
    averaged = aggregate(banded, "dynamic", band="simultaneous", draws=499, seed=3)
    assert averaged.overall["band"] == "pointwise"
    assert set(averaged.elements["band"]) == {"simultaneous"}


@pytest.mark.parametrize("multiplier", ["mammen", "rademacher"])
def test_bootstrap_errors_equal_analytic_ones(multiplier: str) -> None:
    influence = np.random.default_rng(0).normal(size=(400, 3))
    n_draws = 20_000
    drawn = bootstrap_draws(influence, draws=n_draws, seed=1, multiplier=multiplier)
    # A standard deviation from n draws is known to 1 / sqrt(2 n) of itself; four of those.
    assert_allclose(drawn.std(axis=0), standard_errors(influence), rtol=4 / np.sqrt(2 * n_draws))


def test_text_covariates_become_indicators() -> None:
    panel = make_panel(15)
    named = panel.assign(kind=np.where(panel["city"] > 0, "kota", "kabupaten"))
    assert_same(
        att_gt(panel, replace(BASE, covariates=("city",))),
        att_gt(named, replace(BASE, covariates=("kind",))),
    )


def test_a_trait_that_no_treated_unit_has_sets_its_controls_aside() -> None:
    panel = make_panel(16)
    never = panel.loc[panel["cohort"] == 0, "region"].unique()
    panel["island"] = panel["region"].isin(never[:8]).astype(float)
    design = replace(BASE, covariates=("wealth", "city", "island"), estimator="ipw")
    result = att_gt(panel, design)
    without = att_gt(panel[panel["island"] == 0], replace(BASE, estimator="ipw"))
    assert_allclose(result.table[NUMBERS], without.table[NUMBERS], rtol=1e-6)
    assert (overlap(result)["n_singled_out"] == 8).all()


def test_treated_units_without_a_comparable_control_have_no_estimate() -> None:
    panel = make_panel(17)
    first = panel.loc[panel["cohort"] == 2013, "region"].unique()[:3]
    panel["island"] = panel["region"].isin(first).astype(float)
    result = att_gt(panel, replace(BASE, covariates=("wealth", "island"), estimator="ipw"))
    reasons = result.not_estimable.set_index("cohort")["reason"]
    assert set(reasons[2013]) == {"no_comparable_control"}
    assert result.table["estimate"].notna().all()
    regression = att_gt(panel, replace(BASE, covariates=("wealth", "island"), estimator="reg"))
    assert set(regression.not_estimable["reason"]) == {"singular_covariates"}


def test_overlap_and_balance_describe_each_comparison() -> None:
    result = att_gt(make_panel(18), BASE)
    scores = overlap(result)
    assert (scores["reason"] == "").all()
    assert (scores["effective_controls"] <= scores["n_control"]).all()
    assert scores["control_max"].between(0, 1).all()
    differences = balance(result)
    assert set(differences["covariate"]) == {"wealth", "city"}
    assert differences["difference_after"].abs().mean() < differences["difference_before"].abs().mean()


def test_balanced_event_times_keep_composition() -> None:
    result = att_gt(make_panel(19), BASE)
    balanced = aggregate(result, "dynamic", balanced_to=2).elements
    cohorts_seen = result.table.groupby("event_time")["cohort"].agg(set)
    assert balanced["event_time"].max() == 2
    assert all({2013, 2014} <= cohorts_seen[event_time] for event_time in balanced["event_time"])
    assert len(set(balanced["n_treated"])) == 1


def test_years_limit_an_average() -> None:
    result = att_gt(make_panel(19), BASE)
    table = result.tidy()
    cell = table[(table["cohort"] == 2013) & (table["year"] == 2013)]
    limited = aggregate(result, "simple", years=(2013, 2013)).overall
    assert limited["estimate"] == pytest.approx(cell["estimate"].iloc[0])
    assert limited["std_error"] == pytest.approx(cell["std_error"].iloc[0])


def test_minimum_detectable_effect_is_beside_every_estimate() -> None:
    table = att_gt(make_panel(20), BASE).tidy()
    assert_allclose(table["mde"], mde(table["std_error"].to_numpy()))
    assert_allclose(table["mde"], 2.8 * table["std_error"])


def test_files_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    panel = make_panel(21)
    design = replace(BASE, base_period="universal")
    written = write_did(run_did(panel, design, band="simultaneous", draws=99), tmp_path / "one")
    again = write_did(run_did(panel.iloc[::-1], design, band="simultaneous", draws=99), tmp_path / "two")
    assert [path.name for path in written] == [
        "att_gt.csv",
        "calendar.csv",
        "design.json",
        "dynamic.csv",
        "dynamic_covariance.csv",
        "group.csv",
        "overall.csv",
        "simple.csv",
    ]
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in again]
    assert not list((tmp_path / "one").glob(".*"))
    assert pd.read_csv(tmp_path / "one" / "group.csv")["cohort"].tolist() == [2013, 2014, 2016]
    assert len(pd.read_csv(tmp_path / "one" / "simple.csv")) == 1


def test_controls_beyond_the_trim_level_carry_no_weight() -> None:
    """Three controls amid the richest treated units: trimmed, they may hold any outcome."""
    rng = np.random.default_rng(22)
    wealth = np.r_[rng.normal(4, 1, 60), rng.normal(0, 1, 60), 12.0, 12.5, 13.0]
    frame = pd.DataFrame({"region": np.arange(123), "wealth": wealth})
    frame["cohort"] = np.where(frame.index < 60, 2001, 0)
    first = frame.assign(year=2000, outcome=0.0)
    second = frame.assign(year=2001, outcome=rng.normal(size=123))
    design = replace(BASE, covariates=("wealth",), estimator="ipw")
    result = att_gt(pd.concat([first, second]), design)
    n_trimmed = int(result.table["n_trimmed"].iloc[0])
    assert n_trimmed >= 1
    assert overlap(result)["n_trimmed"].tolist() == [n_trimmed]
    moved = second.assign(outcome=second["outcome"].mask(second["wealth"] == 13.0, 1e3))
    other = att_gt(pd.concat([first, moved]), design)
    assert_allclose(other.table[NUMBERS], result.table[NUMBERS], rtol=ALGEBRA)
