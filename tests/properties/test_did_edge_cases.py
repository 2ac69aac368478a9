"""Boundary cases by name, for every estimator, on outcomes without noise: each effect must come back exactly.

Outcome = region + year + effect, the effect +0.5 in one cohort and -0.5 in another: what is not estimable is
listed with its reason, what is estimable has no error at all.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from evaluation.errors import BadInputError, UsageError
from evaluation.impact import (
    AttGtResult,
    Design,
    Intervals,
    att_gt,
    bacon,
    balance,
    estimate_effects,
    honest,
    run_did,
    twfe_weights,
    write_did,
)
from evaluation.impact.observations import read_observations
from evaluation.impact.stacked import stacked

EXACT = 1e-9
GROUP_TIME = ["dr", "reg", "ipw", "entropy"]
REGRESSIONS = ["sun_abraham", "imputation", "two_stage", "etwfe", "stacked"]
ESTIMATORS = [*GROUP_TIME, *REGRESSIONS]
DESIGN = Design(outcome="outcome", unit="region", time="year", cohort="cohort")
EFFECT = {2013: 0.5, 2015: -0.5, 2010: 2.0}


def make_panel(sizes: dict[int, int], *, years: range = range(2010, 2018)) -> pd.DataFrame:
    """Regions by cohort (0 = never), text ids, without noise."""
    cohort = np.repeat(list(sizes), list(sizes.values()))
    rng = np.random.default_rng(1)
    level = rng.normal(0, 3, len(cohort))
    frame = pd.DataFrame(
        {
            "region": np.repeat([f"kab {number:03d}" for number in range(len(cohort))], len(years)),
            "year": np.tile(list(years), len(cohort)),
            "cohort": np.repeat(cohort, len(years)),
            "level": np.repeat(level, len(years)),
        }
    )
    after = (frame["cohort"] > 0) & (frame["year"] >= frame["cohort"])
    effect = frame["cohort"].map(EFFECT).fillna(0.0) * after
    trend = frame["year"].map({year: rng.normal() for year in years})
    return frame.assign(outcome=frame["level"] + trend + effect)


def assert_exact(result: AttGtResult, cohorts: set[int]) -> None:
    table = result.tidy()
    after = table[table["event_time"] >= 0]
    assert set(after["cohort"]) == cohorts
    assert_allclose(after["estimate"], after["cohort"].map(EFFECT), atol=EXACT)
    assert_allclose(table.loc[table["event_time"] < 0, "estimate"], 0.0, atol=EXACT)


def reasons(result: AttGtResult) -> set[str]:
    return set(result.not_estimable["reason"])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_two_cohorts_with_opposite_effects(estimator: str) -> None:
    panel = make_panel({0: 8, 2013: 5, 2015: 4})
    assert_exact(estimate_effects(panel, replace(DESIGN, estimator=estimator)), {2013, 2015})


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_cohort(estimator: str) -> None:
    panel = make_panel({0: 8, 2013: 5})
    assert_exact(estimate_effects(panel, replace(DESIGN, estimator=estimator)), {2013})
    twfe = run_did(panel, replace(DESIGN, estimator="twfe")).aggregates["simple"].overall
    assert twfe["estimate"] == pytest.approx(0.5)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_treated_region(estimator: str) -> None:
    result = estimate_effects(make_panel({0: 8, 2013: 1}), replace(DESIGN, estimator=estimator))
    assert len(result.tidy()[result.tidy()["event_time"] >= 0]) == 0
    assert "too_few_treated" in reasons(result)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_no_never_treated(estimator: str) -> None:
    """The last cohort is a control until it joins; from then on nobody is."""
    result = estimate_effects(make_panel({2013: 5, 2015: 4}), replace(DESIGN, estimator=estimator))
    assert_exact(result, {2013})
    assert result.tidy()["year"].max() == 2014


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_two_periods(estimator: str) -> None:
    panel = make_panel({0: 8, 2013: 5}, years=range(2012, 2014))
    assert_exact(estimate_effects(panel, replace(DESIGN, estimator=estimator)), {2013})


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_cohort_in_the_first_year(estimator: str) -> None:
    result = estimate_effects(make_panel({0: 8, 2010: 3, 2013: 5}), replace(DESIGN, estimator=estimator))
    assert_exact(result, {2013})
    assert reasons(result) >= {"always_treated"}
    assert len(result.units) == 13


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_missing_base_year_falls_back_to_the_latest_before_it(estimator: str) -> None:
    panel = make_panel({0: 8, 2013: 5}).query("year != 2012")
    result = estimate_effects(panel, replace(DESIGN, estimator=estimator, base_period="universal"))
    assert_exact(result, {2013})
    after = result.tidy().query("event_time >= 0")
    assert set(after["base_year"]) == {2011}
    assert after["base_fell_back"].all()


def test_stacks_need_their_reference_year() -> None:
    panel = make_panel({0: 8, 2013: 5}).query("year != 2012")
    observations = read_observations(panel, DESIGN)
    assert_exact(stacked(observations, intervals=Intervals(), window=(-2, 1)), {2013})
    with pytest.raises(BadInputError, match="a reference year"):
        stacked(observations, intervals=Intervals(), window=(-1, 1))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_missing_years(estimator: str) -> None:
    panel = make_panel({0: 8, 2013: 5, 2015: 4}).query("year != 2016")
    result = estimate_effects(panel, replace(DESIGN, estimator=estimator))
    assert_exact(result, {2013, 2015})
    assert 2016 not in set(result.tidy()["year"])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_unbalanced_panels(estimator: str) -> None:
    panel = make_panel({0: 20, 2013: 9, 2015: 8})
    kept = np.random.default_rng(3).random(len(panel)) > 0.1
    result = estimate_effects(panel[kept], replace(DESIGN, estimator=estimator))
    assert_exact(result, {2013, 2015})


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_cohort_beyond_the_data_is_a_control_and_listed(estimator: str) -> None:
    panel = make_panel({2013: 5, 2020: 6})
    result = estimate_effects(panel, replace(DESIGN, estimator=estimator))
    assert_exact(result, {2013})
    assert "beyond_data" in reasons(result)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_anticipated_years_are_no_base(estimator: str) -> None:
    panel = make_panel({0: 8, 2013: 5})
    early = panel["outcome"] + 9.0 * ((panel["cohort"] == 2013) & (panel["year"] == 2012))
    design = replace(DESIGN, estimator=estimator, anticipation=1, base_period="universal")
    result = estimate_effects(panel.assign(outcome=early), design)
    table = result.tidy().set_index("year")["estimate"]
    assert table.loc[2013:].tolist() == pytest.approx([0.5] * len(table.loc[2013:]))
    if 2012 in table.index:
        assert table.loc[2012] == pytest.approx(9.0)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_regions_that_may_not_control_do_not(estimator: str) -> None:
    """Barred never-treated regions have a trend of their own, which must not reach any estimate."""
    panel = make_panel({0: 16, 2013: 5})
    barred = panel["region"].isin([f"kab {number:03d}" for number in range(8)])
    wild = panel.assign(outcome=panel["outcome"] + 7.0 * barred * panel["year"], clean=~barred)
    design = replace(DESIGN, estimator=estimator, eligible_control="clean")
    assert_exact(estimate_effects(wild, design), {2013})


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_only_chosen_cohorts_are_estimated(estimator: str) -> None:
    panel = make_panel({0: 8, 2013: 5, 2015: 4})
    result = estimate_effects(panel, replace(DESIGN, estimator=estimator, cohorts=(2015,)))
    assert_exact(result, {2015})


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("control_group", ["never_treated", "not_yet_treated"])
def test_order_of_rows_and_names_of_regions_change_nothing(estimator: str, control_group: str) -> None:
    rng = np.random.default_rng(5)
    panel = make_panel({0: 12, 2013: 6, 2015: 5})
    panel["outcome"] += rng.normal(size=len(panel))
    panel["wealth"] = panel["level"] + rng.normal(size=len(panel))
    design = replace(DESIGN, estimator=estimator, control_group=control_group, covariates=("level",))
    expected = estimate_effects(panel, design).tidy()
    names = panel["region"].unique()
    renamed = panel["region"].map(dict(zip(names, rng.permutation(names), strict=True)))
    moved = panel.assign(region=renamed).sample(frac=1.0, random_state=3)
    found = estimate_effects(moved, design).tidy()
    numbers = ["estimate", "std_error", "n_treated", "n_control"]
    assert_allclose(found[numbers], expected[numbers], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("estimator", REGRESSIONS)
def test_unit_and_year_effects_change_no_regression(estimator: str) -> None:
    rng = np.random.default_rng(6)
    panel = make_panel({0: 12, 2013: 6, 2015: 5})
    panel["outcome"] += rng.normal(size=len(panel))
    unit = panel["region"].map({name: rng.normal(0, 9) for name in panel["region"].unique()})
    year = panel["year"].map({name: rng.normal(0, 9) for name in panel["year"].unique()})
    design = replace(DESIGN, estimator=estimator)
    one = estimate_effects(panel, design).tidy()
    other = estimate_effects(panel.assign(outcome=3 * (panel["outcome"] + unit + year)), design).tidy()
    assert_allclose(other[["estimate", "std_error"]], 3 * one[["estimate", "std_error"]], rtol=1e-7)


def test_twfe_keeps_regions_that_are_always_treated() -> None:
    """They move the coefficient: bacon has them as controls, and the weights and run_did agree with it."""
    panel = make_panel({0: 8, 2010: 3, 2013: 5, 2015: 4})
    rng = np.random.default_rng(7)
    panel["outcome"] += rng.normal(size=len(panel)).cumsum() / 5
    expected = bacon(panel, DESIGN).coefficient
    assert twfe_weights(panel, DESIGN).coefficient == pytest.approx(expected)
    twfe = run_did(panel, replace(DESIGN, estimator="twfe"))
    assert twfe.aggregates["simple"].overall["estimate"] == pytest.approx(expected)
    assert twfe.att_gt.tidy().empty


def test_entropy_balancing_balances_exactly_and_is_closest_to_uniform() -> None:
    """Hainmueller (2012), equations 2 to 4, against a direct search over all weights."""
    rng = np.random.default_rng(8)
    panel = make_panel({0: 12, 2013: 5}, years=range(2012, 2014))
    wealth = {
        name: rng.normal(0.4 * (number >= 12), 1) for number, name in enumerate(panel["region"].unique())
    }
    panel["wealth"] = panel["region"].map(wealth)
    panel["outcome"] += rng.normal(size=len(panel))
    design = replace(DESIGN, covariates=("wealth",), estimator="entropy")
    result = att_gt(panel, design)
    table = balance(result)
    assert_allclose(table["difference_after"], 0.0, atol=1e-9)
    assert (table["difference_before"].abs() > 0.05).all()
    units = panel.drop_duplicates("region").set_index("region")
    control, treated = (units["cohort"] == 0).to_numpy(), (units["cohort"] == 2013).to_numpy()
    goal = units["wealth"].to_numpy()[treated].mean()
    x = units["wealth"].to_numpy()[control]
    found = minimize(
        lambda weights: float(np.sum(weights * np.log(weights * len(x)))),
        np.full(len(x), 1 / len(x)),
        constraints=[
            {"type": "eq", "fun": lambda weights: weights.sum() - 1},
            {"type": "eq", "fun": lambda weights: weights @ x - goal},
        ],
        bounds=[(1e-9, 1)] * len(x),
        options={"ftol": 1e-14, "maxiter": 500},
    )
    wide = panel.sort_values("year").groupby("region")["outcome"].agg(["first", "last"])
    change = (wide["last"] - wide["first"]).loc[units.index].to_numpy()
    expected = change[treated].mean() - found.x @ change[control]
    assert result.tidy()["estimate"].iloc[0] == pytest.approx(expected, abs=1e-5)


def test_entropy_standard_errors_agree_with_a_numerical_sandwich() -> None:
    rng = np.random.default_rng(9)
    panel = make_panel({0: 30, 2013: 15}, years=range(2012, 2014))
    panel["wealth"] = panel["region"].map(
        {name: rng.normal(0.5 * (number >= 30), 1) for number, name in enumerate(panel["region"].unique())}
    )
    panel["outcome"] += rng.normal(size=len(panel)) + panel["wealth"] * (panel["year"] == 2013)
    row = att_gt(panel, replace(DESIGN, covariates=("wealth",), estimator="entropy")).tidy().iloc[0]
    wide = (
        panel.sort_values("year")
        .groupby("region")
        .agg(
            first=("outcome", "first"),
            last=("outcome", "last"),
            wealth=("wealth", "first"),
            cohort=("cohort", "first"),
        )
    )
    treated = (wide["cohort"] == 2013).to_numpy()
    change = (wide["last"] - wide["first"]).to_numpy()
    columns = np.column_stack([np.ones(len(wide)), wide["wealth"]])

    def moments(theta: np.ndarray) -> np.ndarray:
        odds = np.exp(columns @ theta[:2]) * ~treated
        return np.column_stack(
            [columns * (odds - treated)[:, None], treated * (change - theta[2]), odds * (change - theta[3])]
        )

    theta = np.zeros(4)
    for _ in range(50):
        theta -= np.linalg.solve(derivative(moments, theta), moments(theta).mean(axis=0))
    inverse = np.linalg.inv(derivative(moments, theta))
    meat = moments(theta).T @ moments(theta) / len(wide) ** 2
    variance = inverse @ meat @ inverse.T
    contrast = np.array([0.0, 0.0, 1.0, -1.0])
    assert row["estimate"] == pytest.approx(theta[2] - theta[3], rel=1e-6)
    assert row["std_error"] == pytest.approx(np.sqrt(contrast @ variance @ contrast), rel=1e-5)


def derivative(moments: Any, theta: np.ndarray) -> np.ndarray:
    steps = 1e-6 * np.eye(len(theta))
    return np.column_stack(
        [(moments(theta + step).mean(axis=0) - moments(theta - step).mean(axis=0)) / 2e-6 for step in steps]
    )


def test_treated_beyond_all_controls_have_no_entropy_weights() -> None:
    panel = make_panel({0: 8, 2013: 5})
    panel["wealth"] = panel["cohort"] / 2013 + panel["level"] / 1e3
    result = att_gt(panel, replace(DESIGN, covariates=("wealth",), estimator="entropy"))
    assert reasons(result) == {"no_comparable_control"}
    assert result.tidy().empty


def test_att_gt_and_estimate_effects_send_to_each_other() -> None:
    panel = make_panel({0: 8, 2013: 5})
    with pytest.raises(UsageError, match="use estimate_effects"):
        att_gt(panel, replace(DESIGN, estimator="imputation"))
    with pytest.raises(UsageError, match="use run_did"):
        estimate_effects(panel, replace(DESIGN, estimator="twfe"))


def test_results_can_be_taken_away(tmp_path: Any) -> None:
    panel = make_panel({0: 8, 2013: 5})
    panel["outcome"] += np.random.default_rng(2).normal(size=len(panel))
    study = run_did(panel, replace(DESIGN, base_period="universal"))
    dynamic = study.aggregates["dynamic"]
    for result in (study.att_gt, dynamic, bacon(panel, DESIGN), honest(dynamic, bounds=[0.5])):
        assert len(result.glance()) == 1
        assert result.plot().html
        text = result.to_latex()
        assert text.startswith(r"\begin{tabular}")
        assert text.count(r"\\") == len(result.tidy()) + 1
        book = openpyxl.load_workbook(io.BytesIO(result.to_xlsx()))
        assert book.sheetnames[:2] == ["estimates", "summary"]
        assert book["estimates"].max_row == len(result.tidy()) + 1
    assert "conf\\_low" in dynamic.to_latex(columns=("event_time", "conf_low"))
    fields = {row[0].value for row in openpyxl.load_workbook(io.BytesIO(dynamic.to_xlsx()))["design"].rows}
    assert {"outcome", "estimator", "anticipation"} <= fields
    write_did(study, tmp_path)
    covariance = pd.read_csv(tmp_path / "dynamic_covariance.csv", index_col="event_time")
    assert_allclose(covariance.to_numpy(), dynamic.vcov[1:, 1:], rtol=1e-12)
    assert covariance.columns.astype(int).tolist() == dynamic.elements["event_time"].tolist()
