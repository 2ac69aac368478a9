"""Regression estimators against the packages that define them, and slow versions that agree.

Reference values: R `fixest` (Sun and Abraham, two-way fixed effects) and `didimputation` on the packages'
example data, in ../shared/reference/impact/estimators.json. Two-stage, extended and stacked regressions have
none: transparent versions with all dummies written out, by statsmodels or by the paper's formula, are below.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from statsmodels.regression.linear_model import WLS

from evaluation.impact import AttGtResult, Design, aggregate, att_gt, estimate_effects, run_did

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "impact"

FIXEST = 1e-9
"""Relative: fixest solves its fixed effects to 1e-8 and prints 15 digits. Found: below 1e-12."""

DIDIMPUTATION = 1e-6
"""Relative: didimputation's first stage stops at 1e-6 of fixest's criterion. Found: below 7e-8."""

ALGEBRA = 1e-8
"""Relative: the same number by another order of operations."""

SUNAB = "sunab|base_stagg y~x1+sunab|id+year cluster id"


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    path = REFERENCE / "estimators.json"
    if not path.exists():
        pytest.skip(f"the reference results are not here: {path}")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def base_stagg(reference: dict[str, Any]) -> pd.DataFrame:
    panel = pd.read_csv(REFERENCE / "data" / "base_stagg.csv")
    return panel.assign(cohort=panel["year_treated"].where(panel["year_treated"] <= panel["year"].max()))


@pytest.fixture(scope="module")
def mpdta(reference: dict[str, Any]) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data" / "mpdta.csv")


STAGGERED = Design(outcome="y", unit="id", time="year", cohort="cohort")
WAGES = Design(outcome="lemp", unit="countyreal", time="year", cohort="first.treat")


def rows_of(table: list[dict[str, Any]], prefix: str) -> pd.DataFrame:
    frame = pd.DataFrame(table)
    return frame[frame["_row"].str.startswith(prefix)].reset_index(drop=True)


def test_sun_abraham_by_event_time_equals_fixest(base_stagg: pd.DataFrame, reference: dict[str, Any]) -> None:
    expected = rows_of(reference[SUNAB]["coef"], "year::")
    design = replace(STAGGERED, covariates=("x1",), estimator="sun_abraham")
    found = aggregate(estimate_effects(base_stagg, design), "dynamic").elements
    assert [f"year::{time}" for time in found["event_time"]] == expected["_row"].tolist()
    assert_allclose(found["estimate"], expected["Estimate"], rtol=FIXEST)
    assert_allclose(found["std_error"], expected["Std. Error"], rtol=FIXEST)


@pytest.mark.parametrize(
    ("kind", "table", "prefix"), [("simple", "att", "ATT"), ("group", "cohort", "cohort")]
)
def test_sun_abraham_averages_equal_fixest(
    base_stagg: pd.DataFrame, reference: dict[str, Any], kind: str, table: str, prefix: str
) -> None:
    expected = rows_of(reference[SUNAB][table], prefix)
    design = replace(STAGGERED, covariates=("x1",), estimator="sun_abraham")
    result = aggregate(estimate_effects(base_stagg, design), kind)
    found = result.table if kind == "simple" else result.elements
    assert_allclose(found["estimate"], expected["Estimate"], rtol=FIXEST)
    assert_allclose(found["std_error"], expected["Std. Error"], rtol=FIXEST)


def test_two_way_fixed_effects_equal_fixest(base_stagg: pd.DataFrame, reference: dict[str, Any]) -> None:
    expected = reference["twfe|base_stagg y~treat"]["coef"][0]
    found = run_did(base_stagg, replace(STAGGERED, estimator="twfe")).aggregates["simple"].overall
    assert found["estimate"] == pytest.approx(expected["Estimate"], rel=FIXEST)
    assert found["std_error"] == pytest.approx(expected["Std. Error"], rel=FIXEST)


@pytest.mark.parametrize("data", ["base_stagg", "mpdta"])
def test_imputation_equals_didimputation(
    base_stagg: pd.DataFrame, mpdta: pd.DataFrame, reference: dict[str, Any], data: str
) -> None:
    panel, design = {"base_stagg": (base_stagg, STAGGERED), "mpdta": (mpdta, WAGES)}[data]
    expected = reference[f"didimputation|{data} static"][0]
    found = aggregate(estimate_effects(panel, replace(design, estimator="imputation"))).overall
    assert found["estimate"] == pytest.approx(expected["estimate"], rel=DIDIMPUTATION)
    assert found["std_error"] == pytest.approx(expected["std.error"], rel=DIDIMPUTATION)
    # didimputation takes 1.96 standard errors, we the normal quantile.
    low = found["estimate"] - 1.96 * found["std_error"]
    assert low == pytest.approx(expected["conf.low"], rel=DIDIMPUTATION)


def test_imputation_by_event_time_equals_didimputation(
    base_stagg: pd.DataFrame, reference: dict[str, Any]
) -> None:
    expected = pd.DataFrame(reference["didimputation|base_stagg horizon"])
    design = replace(STAGGERED, estimator="imputation")
    found = aggregate(estimate_effects(base_stagg, design), "dynamic").elements
    assert found["event_time"].tolist() == expected["term"].astype(int).tolist()
    assert_allclose(found["estimate"], expected["estimate"], rtol=DIDIMPUTATION)
    assert_allclose(found["std_error"], expected["std.error"], rtol=DIDIMPUTATION)


def make_panel(
    seed: int = 1, *, n_units: int = 45, never: bool = True, missing: float = 0.06
) -> pd.DataFrame:
    """Three cohorts and missing rows; `income` varies within units, `city` does not; weights by unit."""
    rng = np.random.default_rng(seed)
    years = np.arange(2010, 2017)
    cohort = rng.choice([0, 0, 2013, 2014, 2016] if never else [2013, 2014, 2016], n_units)
    city = (rng.random(n_units) < 0.5).astype(float)
    panel = pd.DataFrame(
        {
            "region": np.repeat(np.arange(n_units), len(years)),
            "year": np.tile(years, n_units),
            "cohort": np.repeat(cohort, len(years)),
            "city": np.repeat(city, len(years)),
            "people": np.repeat(rng.uniform(0.5, 3, n_units), len(years)),
            "income": rng.normal(size=n_units * len(years)),
        }
    )
    since = (panel["year"] - panel["cohort"]).where(panel["cohort"] > 0, -1)
    effect = (since >= 0) * (1 + 0.5 * since + 0.2 * (panel["cohort"] - 2013))
    noise = rng.normal(size=(n_units, len(years))).cumsum(axis=1).ravel()
    trend = 0.3 * panel["city"] * (panel["year"] - 2010)
    panel["outcome"] = 0.7 * panel["income"] + trend + effect + noise
    return panel[rng.random(len(panel)) > missing].reset_index(drop=True)


SMALL = Design(outcome="outcome", unit="region", time="year", cohort="cohort")


def dummies(values: pd.Series, *, drop_first: bool = False) -> np.ndarray:
    return pd.get_dummies(values, drop_first=drop_first).to_numpy(dtype=float)


def is_treated(panel: pd.DataFrame) -> np.ndarray:
    return ((panel["cohort"] > 0) & (panel["year"] >= panel["cohort"])).to_numpy()


def cell_dummies(panel: pd.DataFrame, cells: pd.DataFrame) -> np.ndarray:
    return np.column_stack(
        [
            ((panel["cohort"] == row.cohort) & (panel["year"] == row.year)).to_numpy(dtype=float)
            for row in cells.itertuples()
        ]
    )


def years_times_city(panel: pd.DataFrame) -> np.ndarray:
    return dummies(panel["year"], drop_first=True) * panel[["city"]].to_numpy()


def clustered_fit(
    outcome: pd.Series, regressors: np.ndarray, panel: pd.DataFrame, weights: np.ndarray | None = None
) -> Any:
    used = np.ones(len(panel)) if weights is None else weights
    groups = {"groups": panel["region"].to_numpy(), "use_correction": False}
    return WLS(outcome, regressors, weights=used).fit(cov_type="cluster", cov_kwds=groups)


def assert_cells(result: AttGtResult, estimates: np.ndarray, errors: np.ndarray, factor: float = 1.0) -> None:
    table = result.tidy()
    assert_allclose(table["estimate"], estimates, rtol=ALGEBRA, atol=1e-10)
    assert_allclose(table["std_error"], np.sqrt(factor) * errors, rtol=ALGEBRA)


def fixest_factor(panel: pd.DataFrame, n_other: int) -> float:
    """G / (G - 1) x (n - 1) / (n - K), K without unit effects."""
    n_units, n_rows = panel["region"].nunique(), len(panel)
    return n_units / (n_units - 1) * (n_rows - 1) / (n_rows - n_other - panel["year"].nunique())


@pytest.mark.parametrize("weighted", [False, True])
def test_extended_regression_agrees_with_all_dummies_written_out(weighted: bool) -> None:
    """Wooldridge (2021), equation 6.33: cells, cells x centred covariate, covariate x years."""
    panel = make_panel(n_units=90)
    design = replace(SMALL, covariates=("city",), estimator="etwfe", weights="people" if weighted else None)
    result = estimate_effects(panel, design)
    cells = cell_dummies(panel, result.tidy())
    units = panel.drop_duplicates("region")
    means = {
        cohort: np.average(one["city"], weights=one["people"] if weighted else None)
        for cohort, one in units.groupby("cohort")
    }
    centred = (panel["city"] - panel["cohort"].map(means)).to_numpy()[:, None]
    others = [cells * centred, years_times_city(panel), dummies(panel["year"], drop_first=True)]
    regressors = np.hstack([cells, *others, dummies(panel["region"])])
    weights = panel["people"].to_numpy() if weighted else None
    fit = clustered_fit(panel["outcome"], regressors, panel, weights)
    n_cells = cells.shape[1]
    factor = fixest_factor(panel, 2 * n_cells + panel["year"].nunique() - 1)
    assert_cells(result, fit.params[:n_cells], fit.bse[:n_cells], factor)


def test_never_treated_controls_give_the_extended_regression_leads() -> None:
    panel = make_panel(2)
    design = replace(SMALL, control_group="never_treated", estimator="etwfe")
    result = estimate_effects(panel, design)
    cells = cell_dummies(panel, result.tidy())
    regressors = np.hstack([cells, dummies(panel["year"], drop_first=True), dummies(panel["region"])])
    fit = clustered_fit(panel["outcome"], regressors, panel)
    factor = fixest_factor(panel, cells.shape[1])
    assert (result.tidy()["event_time"] < 0).any()
    assert_cells(result, fit.params[: cells.shape[1]], fit.bse[: cells.shape[1]], factor)
    sun_abraham = estimate_effects(panel, replace(design, estimator="sun_abraham"))
    assert_allclose(sun_abraham.table["estimate"], result.table["estimate"], rtol=ALGEBRA)


def test_without_never_treated_the_last_cohort_is_sun_abrahams_control() -> None:
    panel = make_panel(3, never=False)
    result = estimate_effects(panel, replace(SMALL, estimator="sun_abraham"))
    assert set(result.tidy()["cohort"]) == {2013, 2014}
    assert "last_cohort_controls" in {note.code for note in result.notes}
    early = panel[panel["year"] < 2016]
    cells = cell_dummies(early, result.tidy())
    regressors = np.hstack([cells, dummies(early["year"], drop_first=True), dummies(early["region"])])
    fit = clustered_fit(early["outcome"], regressors, early)
    factor = fixest_factor(early, cells.shape[1])
    assert_cells(result, fit.params[: cells.shape[1]], fit.bse[: cells.shape[1]], factor)


def two_stage_by_formula(
    panel: pd.DataFrame, first: np.ndarray, second: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gardner (2022), section 4.2: both stages as one GMM, all effects as dummies."""
    clean = ~is_treated(panel)
    outcome = panel["outcome"].to_numpy()
    root = np.sqrt(weights)
    gamma = np.linalg.pinv(first[clean] * root[clean, None]) @ (outcome[clean] * root[clean])
    adjusted = outcome - first @ gamma
    gram = (second * weights[:, None]).T @ second
    effect = np.linalg.solve(gram, (second * weights[:, None]).T @ adjusted)
    residual = adjusted - second @ effect
    untreated = np.where(clean, adjusted, 0.0) * weights
    bread = np.linalg.pinv((first[clean] * weights[clean, None]).T @ first[clean])
    link = (second * weights[:, None]).T @ first @ bread
    moved = second * (weights * residual)[:, None] - (first * untreated[:, None]) @ link.T
    sums = pd.DataFrame(moved).groupby(panel["region"].to_numpy()).sum().to_numpy()
    inverse = np.linalg.inv(gram)
    return effect, np.sqrt(np.diag(inverse @ sums.T @ sums @ inverse))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
def test_two_stages_agree_with_the_papers_formula(weighted: bool, pooled: bool) -> None:
    panel = make_panel(4)
    design = replace(
        SMALL,
        covariates=("city", "income"),
        estimator="two_stage",
        weights="people" if weighted else None,
    )
    result = estimate_effects(panel, design)
    effects = [dummies(panel["region"]), dummies(panel["year"], drop_first=True)]
    first = np.hstack([*effects, years_times_city(panel), panel[["income"]].to_numpy()])
    second = is_treated(panel)[:, None].astype(float) if pooled else cell_dummies(panel, result.tidy())
    weights = panel["people"].to_numpy() if weighted else np.ones(len(panel))
    effect, error = two_stage_by_formula(panel, first, second, weights)
    if pooled:
        overall = aggregate(result).overall
        assert_allclose([overall["estimate"], overall["std_error"]], [effect[0], error[0]], rtol=ALGEBRA)
        return
    assert_cells(result, effect, error)


def imputation_by_formula(
    panel: pd.DataFrame, first: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """Borusyak, Jaravel and Spiess (2024), theorem 3 and equation 8: weights v on every observation."""
    treated = is_treated(panel)
    outcome, clean = panel["outcome"].to_numpy(), ~treated
    weighted = first[clean] * weights[clean, None]
    bread = np.linalg.pinv(weighted.T @ first[clean])
    v = target.copy()
    v[clean] = -weighted @ bread @ (first[treated].T @ target[treated])
    gamma = bread @ weighted.T @ outcome[clean]
    adjusted = outcome - first @ gamma
    frame = panel.assign(v=v, effect=adjusted)[treated]
    cell = [frame["cohort"], frame["year"]]
    square = frame["v"] ** 2
    centre = (square * frame["effect"]).groupby(cell).transform("sum") / square.groupby(cell).transform("sum")
    residual = adjusted.copy()
    residual[treated] -= centre.to_numpy()
    sums = pd.Series(v * residual).groupby(panel["region"].to_numpy()).sum()
    return float(v @ outcome), float(np.sqrt((sums**2).sum()))


@pytest.mark.parametrize("weighted", [False, True])
def test_imputation_agrees_with_the_papers_formula(weighted: bool) -> None:
    panel = make_panel(5)
    design = replace(
        SMALL,
        covariates=("city", "income"),
        estimator="imputation",
        weights="people" if weighted else None,
    )
    overall = aggregate(estimate_effects(panel, design)).overall
    effects = [dummies(panel["region"]), dummies(panel["year"], drop_first=True)]
    first = np.hstack([*effects, years_times_city(panel), panel[["income"]].to_numpy()])
    weights = panel["people"].to_numpy() if weighted else np.ones(len(panel))
    target = is_treated(panel) * weights
    estimate, error = imputation_by_formula(panel, first, target / target.sum(), weights)
    assert_allclose([overall["estimate"], overall["std_error"]], [estimate, error], rtol=ALGEBRA)


def stack_up(panel: pd.DataFrame, window: tuple[int, int]) -> pd.DataFrame:
    """Wing, Freedman and Hollingsworth (2024), section 4.3: stacks with corrective weights."""
    parts = []
    for cohort in (2013, 2014, 2016):
        clean = (panel["cohort"] == 0) | (panel["cohort"] > cohort + window[1])
        members = panel[(panel["cohort"] == cohort) | clean]
        years = members["year"].between(cohort + window[0], cohort + window[1])
        stack = members[years].assign(stack=cohort, event_time=members["year"] - cohort)
        parts.append(stack.assign(mine=stack["cohort"] == cohort))
    stacks = pd.concat(parts, ignore_index=True)
    sizes = stacks[stacks["event_time"] == 0].groupby(["stack", "mine"]).size()
    treated, control = sizes.xs(True, level="mine"), sizes.xs(False, level="mine")
    share = (treated / treated.sum()) / (control / control.sum())
    return stacks.assign(weight=np.where(stacks["mine"], 1.0, stacks["stack"].map(share)))


def test_stacks_agree_with_one_weighted_regression_on_stacked_data() -> None:
    panel = make_panel(6, missing=0.0)
    result = estimate_effects(panel, replace(SMALL, estimator="stacked"))
    window = (-3, 0)
    assert "Stacks run from event time -3 to 0." in [str(note) for note in result.notes]
    stacks = stack_up(panel, window)
    own = stacks["stack"].astype(str)
    effects = [
        dummies(own + "-" + stacks["region"].astype(str)),
        dummies(own + "-" + stacks["year"].astype(str)),
    ]
    times = [-3, -2, 0]
    pooled = np.column_stack([stacks["mine"] & (stacks["event_time"] == time) for time in times])
    fit = WLS(stacks["outcome"], np.hstack([pooled.astype(float), *effects]), weights=stacks["weight"]).fit(
        method="pinv"
    )
    dynamic = aggregate(result, "dynamic").elements
    assert dynamic["event_time"].tolist() == times
    assert_allclose(dynamic["estimate"], fit.params[: len(times)], rtol=ALGEBRA)


def test_stacks_have_errors_clustered_over_all_stacks_of_a_unit() -> None:
    panel = make_panel(7, missing=0.0)
    result = estimate_effects(panel, replace(SMALL, estimator="stacked"))
    stacks = stack_up(panel, (-3, 0))
    own = stacks["stack"].astype(str)
    effects = [
        dummies(own + "-" + stacks["region"].astype(str)),
        dummies(own + "-" + stacks["year"].astype(str)),
    ]
    cells = np.column_stack(
        [
            (stacks["stack"] == row.cohort) & stacks["mine"] & (stacks["year"] == row.year)
            for row in result.tidy().itertuples()
        ]
    ).astype(float)
    fit = clustered_fit(stacks["outcome"], np.hstack([cells, *effects]), stacks)
    assert_cells(result, fit.params[: cells.shape[1]], fit.bse[: cells.shape[1]])
    shared = np.asarray(fit.cov_params())[: cells.shape[1], : cells.shape[1]]
    assert_allclose(result.vcov, shared, rtol=1e-6, atol=1e-12)


def test_unconditional_estimators_agree_where_they_must() -> None:
    """Balanced, no covariates: etwfe = imputation = two-stage; with two years all are one difference."""
    panel = make_panel(8, missing=0.0)
    names = ("etwfe", "imputation", "two_stage")
    found = [estimate_effects(panel, replace(SMALL, estimator=name)).table["estimate"] for name in names]
    for other in found[1:]:
        assert_allclose(other, found[0], rtol=ALGEBRA)
    two_years = panel[panel["year"].isin([2012, 2013]) & panel["cohort"].isin([0, 2013])]
    expected = att_gt(two_years, SMALL).table["estimate"].iloc[0]
    for name in (*names, "sun_abraham", "stacked", "entropy"):
        design = replace(SMALL, estimator=name)
        assert estimate_effects(two_years, design).table["estimate"].tolist() == pytest.approx([expected])
    twfe = run_did(two_years, replace(SMALL, estimator="twfe")).aggregates["simple"].overall
    assert twfe["estimate"] == pytest.approx(expected)
