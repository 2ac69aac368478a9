"""What a design could see: variances against simulation, power against the share of studies that see the effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import UsageError
from evaluation.impact.inference import MDE_FACTOR
from evaluation.impact.variogram import SquaredChanges, Variogram, fit_variogram, squared_changes
from evaluation.studies import processed
from evaluation.studies.impact_fits import fit_row
from evaluation.studies.impact_power import chance_to_see, designs_alone, power_checks
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.power_by_province import error_ratios, with_provinces
from evaluation.studies.project import Project

YEARS = np.arange(2010, 2025)
MADE_UP = "poverty_rate"
STEP, ERROR, TREND = 0.3, 0.2, 0.05
"""Standard deviations of a made-up region's yearly step, of the error in a year, and of slopes between regions."""
MANY = 4000
"""Units of a simulated group: a variance has a Monte Carlo error of 2.2%."""
VARIANCE = 0.08
"""Relative error of a variance that four such errors explain."""
SAME_ORDER = 0.25
"""Planned and realised standard errors of one panel differ by what a spread among 37 joiners differs from its mean."""
REPLICATIONS = 200
POWER_ERROR = 0.12
"""Four Monte Carlo errors of a share of 0.8 in that many replications."""


@pytest.fixture(scope="module")
def real(project: Project) -> StudyData:
    return study_data(project, processed.indicators(project), project.study_plan)


@pytest.fixture(scope="module")
def checks(real: StudyData) -> pd.DataFrame:
    return power_checks(replace(real, fits={}, tables={}))


def series(rng: np.random.Generator, n_units: int, years: np.ndarray) -> np.ndarray:
    """Return walks seen with error around trends, (n_units, n_years)."""
    walk = np.cumsum(rng.normal(0, STEP, (n_units, len(years))), axis=1)
    slope = rng.normal(0, TREND, (n_units, 1)) * (years - years[0])
    return walk + slope + rng.normal(0, ERROR, (n_units, len(years)))


def fitted(rng: np.random.Generator) -> tuple[Variogram, np.ndarray]:
    outcome = series(rng, MANY, YEARS)
    changes = squared_changes(
        outcome=outcome,
        years=YEARS,
        covariates=np.zeros((MANY, 0)),
        untreated=np.ones(outcome.shape, dtype=bool),
    )
    return fit_variogram(changes, weights=np.ones(MANY)), outcome


def contrast(after: list[int], base: int, years: np.ndarray) -> np.ndarray:
    return np.isin(years, after) / len(after) - (years == base)


@pytest.mark.parametrize(
    ("after", "base"), [([2024], 2022), ([2022, 2023, 2024], 2019), (list(range(2018, 2025)), 2016)]
)
def test_a_contrast_of_years_has_the_variance_that_it_has_in_the_data(after: list[int], base: int) -> None:
    found, outcome = fitted(np.random.default_rng(1))
    weights = contrast(after, base, YEARS)
    assert found.contrast_variance(weights, YEARS)[0] == pytest.approx(
        (outcome @ weights).var(), rel=VARIANCE
    )


def test_years_to_come_are_like_the_last_ones() -> None:
    found, _ = fitted(np.random.default_rng(2))
    longer = np.arange(2010, 2027)
    weights = contrast([2025, 2026], 2022, longer)
    truth = (series(np.random.default_rng(3), MANY, longer) @ weights).var()
    assert found.contrast_variance(weights, longer)[0] == pytest.approx(truth, rel=2 * VARIANCE)


def test_two_years_need_no_model() -> None:
    found, outcome = fitted(np.random.default_rng(4))
    changes = (outcome[:, None, :] - outcome[:, :, None]).var(axis=0)
    apart = ~np.eye(len(YEARS), dtype=bool)
    assert found.between(YEARS)[apart] == pytest.approx(changes[apart], rel=VARIANCE)
    assert (np.diag(found.between(YEARS)) == 0).all()


def test_no_contrast_has_a_negative_variance_whatever_the_squares() -> None:
    rng = np.random.default_rng(5)
    first, second = np.triu_indices(8, k=1)
    for _ in range(50):
        square = rng.exponential(1, (len(first), 6)) * rng.exponential(1, (len(first), 1))
        changes = SquaredChanges(np.arange(2010, 2018), first, second, square)
        found = fit_variogram(changes, weights=rng.uniform(0, 1, 6))
        rows = rng.normal(size=(40, 10))
        rows -= rows.mean(axis=1, keepdims=True)
        assert (found.contrast_variance(rows, np.arange(2010, 2020)) >= -1e-12).all()


def test_errors_that_fall_over_the_years_are_found_where_they_are() -> None:
    rng = np.random.default_rng(6)
    spread = np.where(YEARS < 2016, 2.0, 0.2)
    outcome = rng.normal(0, 1, (MANY, len(YEARS))) * spread
    changes = squared_changes(
        outcome=outcome,
        years=YEARS,
        covariates=np.zeros((MANY, 0)),
        untreated=np.ones(outcome.shape, dtype=bool),
    )
    found = fit_variogram(changes, weights=np.ones(MANY))
    late = found.contrast_variance(contrast([2024], 2020, YEARS), YEARS)[0]
    early = found.contrast_variance(contrast([2015], 2011, YEARS), YEARS)[0]
    assert late == pytest.approx(2 * 0.2**2, rel=VARIANCE)
    assert early == pytest.approx(2 * 2.0**2, rel=VARIANCE)


def test_covariates_take_out_what_they_explain() -> None:
    rng = np.random.default_rng(7)
    covariate = rng.normal(size=(MANY, 1))
    outcome = series(rng, MANY, YEARS) + 2 * covariate * (YEARS - 2010)
    untreated = np.ones(outcome.shape, dtype=bool)
    changes = squared_changes(outcome=outcome, years=YEARS, covariates=covariate, untreated=untreated)
    found = fit_variogram(changes, weights=np.ones(MANY))
    truth = STEP**2 * 2 + 2 * ERROR**2 + TREND**2 * 4
    assert found.between([2020, 2022])[0, 1] == pytest.approx(truth, rel=VARIANCE)


def test_treated_years_have_no_part() -> None:
    rng = np.random.default_rng(8)
    outcome = series(rng, 300, YEARS)
    untreated = np.ones(outcome.shape, dtype=bool)
    untreated[:50, 8:] = False
    spoilt = np.where(untreated, outcome, 1e6)
    one, other = (
        squared_changes(outcome=values, years=YEARS, covariates=np.zeros((300, 0)), untreated=untreated)
        for values in (outcome, spoilt)
    )
    np.testing.assert_array_equal(one.square, other.square)


def test_wrong_questions_are_refused() -> None:
    found, _ = fitted(np.random.default_rng(9))
    with pytest.raises(UsageError, match="sum to zero"):
        found.contrast_variance([1.0, 1.0], [2020, 2021])
    with pytest.raises(UsageError, match="2009"):
        found.between([2009, 2020])
    empty = SquaredChanges(YEARS[:2], np.array([0]), np.array([1]), np.full((1, 3), np.nan))
    with pytest.raises(UsageError, match="No untreated unit"):
        fit_variogram(empty, weights=np.ones(3))


def test_every_cohort_has_an_answer_or_a_reason_for_both_horizons(
    real: StudyData, checks: pd.DataFrame
) -> None:
    expected = {
        (design.code, outcome.indicator, element)
        for design in designs_alone(real.plan)
        for outcome in real.plan.outcomes
        for element in ("2024", "2026")
    }
    keys = list(checks[["design", "outcome", "element"]].itertuples(index=False, name=None))
    assert len(keys) == len(expected)
    assert set(keys) == expected
    missing = checks["status"].str.startswith("not_estimable")
    assert (checks["mde"].isna() == missing).all()
    margins = checks["outcome"].map({one.indicator: one.margin for one in real.plan.outcomes})
    known = checks[~missing]
    assert known["share"].to_numpy() == pytest.approx((known["mde"] / margins[~missing]).to_numpy())
    assert known["mde"].to_numpy() == pytest.approx(MDE_FACTOR * known["std_error"].to_numpy())
    # an effect of 2.8 standard errors is seen in 80 of 100 studies, and larger margins more often
    assert ((known["share"] < 1) == (known["estimate"] > 0.7995)).all()


def test_the_2024_joiners_have_an_answer_for_2026_only(checks: pd.DataFrame) -> None:
    rows = checks[(checks["design"] == "joiners_2024") & (checks["outcome"] == MADE_UP)].set_index("element")
    assert rows.loc["2024", "status"] == "not_estimable:beyond_data:2024"
    assert rows.loc["2026", "status"] == ""
    assert rows.loc["2026", "n_treated"] == 10
    ended = checks[(checks["design"] == "joiners_2021") & (checks["outcome"] == "grdp_pc_real")]
    assert (ended["status"] == "not_estimable:method_changes:2019").all()


def test_planned_standard_errors_are_of_the_order_of_those_estimated(
    real: StudyData, checks: pd.DataFrame
) -> None:
    """Of real figures, for every design that can be estimated to the last year; not one of their outcomes is used."""
    plan, ratios = real.plan, []
    for design in (plan.design("joiners_2021"), *plan.other_cohorts):
        for outcome in plan.outcomes:
            fit = fit_row(real, design=design, row=plan.row("conditional"), outcome=outcome)
            kept = (checks["design"] == design.code) & (checks["outcome"] == outcome.indicator)
            planned = checks.loc[kept & (checks["element"] == "2024"), "std_error"].iloc[0]
            if not fit.reason:
                ratios.append(planned / fit.average.overall["std_error"])
    assert len(ratios) > 20
    assert np.exp(np.mean(np.log(ratios))) == pytest.approx(1.0, abs=SAME_ORDER)


def made_up(real: StudyData, *, effect: float, seed: int) -> StudyData:
    """Return the study with made-up poverty, to which joining in 2021 adds an effect."""
    rng = np.random.default_rng(seed)
    codes = real.units.index
    values = 12 + series(rng, len(codes), YEARS)
    joined = (real.units["joined"] == 2021).to_numpy()
    values[joined] += effect * (YEARS > 2021)
    table = pd.DataFrame({"region_code": np.repeat(codes, len(YEARS)), "year": np.tile(YEARS, len(codes))})
    table = table.assign(value=values.ravel(), window=2010)
    return replace(real, figures={**real.figures, MADE_UP: table}, fits={}, tables={})


def one_outcome(data: StudyData) -> pd.DataFrame:
    plan = data.plan
    scales = {code: plan.outcome(code) for code in plan.covariates.pre_period_means}
    kept = {plan.outcome(MADE_UP).indicator: plan.outcome(MADE_UP), **scales}
    fewer = plan.model_copy(update={"outcomes": tuple(kept.values())})
    found = power_checks(replace(data, plan=fewer))
    return found[found["outcome"] == MADE_UP].set_index(["design", "element"])


def test_answers_move_with_the_unit_of_the_outcome_and_not_with_the_order_of_regions(real: StudyData) -> None:
    data = made_up(real, effect=0.0, seed=1)
    own = one_outcome(data)
    figures = data.figures[MADE_UP]
    tenfold = {**data.figures, MADE_UP: figures.assign(value=10 * figures["value"])}
    shuffled = {code: table.sample(frac=1, random_state=2) for code, table in data.figures.items()}
    larger = one_outcome(replace(data, figures=tenfold, fits={}, tables={}))
    moved = one_outcome(
        replace(data, figures=shuffled, units=data.units.sample(frac=1, random_state=3), fits={}, tables={})
    )
    known = own["std_error"].notna()
    ratio = (larger["std_error"] / own["std_error"])[known]
    assert ratio.to_numpy() == pytest.approx(10.0, rel=1e-6)
    difference = (moved["std_error"] / own["std_error"])[known]
    assert difference.to_numpy() == pytest.approx(1.0, rel=1e-6)


def test_the_planned_standard_error_is_the_spread_of_estimates(real: StudyData) -> None:
    """Made-up regions follow one law, so that the only difference is chance."""
    data = made_up(real, effect=0.0, seed=2)
    planned = one_outcome(data).loc[("joiners_2021", "2024"), "std_error"]
    plan = data.plan
    row, outcome = plan.row("conditional"), plan.outcome(MADE_UP)
    fit = fit_row(data, design=plan.design("joiners_2021"), row=row, outcome=outcome)
    assert planned == pytest.approx(fit.average.overall["std_error"], rel=SAME_ORDER)


@pytest.mark.slow
def test_an_effect_of_the_size_said_to_be_seen_is_seen_in_eight_of_ten_studies(real: StudyData) -> None:
    planned = one_outcome(made_up(real, effect=0.0, seed=3)).loc[("joiners_2021", "2024"), "mde"]
    seen = []
    for seed in range(REPLICATIONS):
        data = made_up(real, effect=float(planned), seed=1000 + seed)
        plan = data.plan
        row, outcome = plan.row("conditional"), plan.outcome(MADE_UP)
        fit = fit_row(data, design=plan.design("joiners_2021"), row=row, outcome=outcome)
        seen.append(fit.average.overall["p_value"] < 0.05)
    assert np.mean(seen) == pytest.approx(0.8, abs=POWER_ERROR)


def errors(**by_design: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables in which headline errors of made-up poverty are one by region, and these by province."""
    key = {"design": list(by_design), "row": "conditional", "outcome": MADE_UP}
    estimates = pd.DataFrame({**key, "parameter": "simple", "std_error": 1.0})
    checks = pd.DataFrame({**key, "check": "jackknife_province", "std_error": list(by_design.values())})
    return estimates, checks


def widened(real: StudyData, design: str, **by_design: float) -> pd.Series:
    estimates, checks = errors(**by_design)
    power = pd.DataFrame({"design": [design], "outcome": MADE_UP, "std_error": 0.1, "mde": MDE_FACTOR * 0.1})
    return with_provinces(power, estimates=estimates, checks=checks, plan=real.plan).iloc[0]


@pytest.mark.parametrize(
    ("design", "factor", "source"),
    [
        ("joiners_2021", 1.8, "own"),
        ("joiners_2017_2018", 1.2, "own"),
        ("joiners_2017", 1.2, "pool"),
        ("joiners_2018", 1.2, "pool"),
        ("joiners_2024", float(np.sqrt((1.8**2 + 1.2**2 + 0.9**2) / 3)), "outcome"),
        ("joiners_2022", 1.0, "own"),
    ],
)
def test_an_error_grows_by_the_ratio_of_the_nearest_estimate_and_never_shrinks(
    real: StudyData, design: str, factor: float, source: str
) -> None:
    row = widened(
        real, design, joiners_2021=1.8, joiners_2017_2018=1.2, joiners_2022=0.9, joiners_2023=np.nan
    )
    margin = real.plan.outcome(MADE_UP).margin
    assert row["province_factor"] == pytest.approx(factor)
    assert row["province_source"] == source
    assert row["mde_province"] == pytest.approx(MDE_FACTOR * 0.1 * factor)
    assert row["share_province"] == pytest.approx(row["mde_province"] / margin)
    assert row["chance_province"] == pytest.approx(float(chance_to_see(margin, 0.1 * factor)))


def test_without_any_estimate_by_province_the_answer_is_missing(real: StudyData) -> None:
    row = widened(real, "joiners_2021", joiners_2021=np.nan)
    assert row["province_source"] == ""
    assert row[["province_factor", "mde_province", "share_province", "chance_province"]].isna().all()
    assert row["mde"] == pytest.approx(MDE_FACTOR * 0.1)


def test_ratios_are_of_the_headline_row_alone() -> None:
    estimates, checks = errors(joiners_2021=2.0)
    others = checks.assign(row="base_2020", std_error=9.0)
    found = error_ratios(
        estimates, pd.concat([checks, others, checks.assign(check="cr2_province", std_error=7.0)])
    )
    assert found.to_dict() == {("joiners_2021", MADE_UP): 2.0}


def test_chances_are_those_of_a_normal_estimate() -> None:
    draws = np.random.default_rng(10).normal(size=200_000)
    effects = np.array([0.0, 1.0, MDE_FACTOR])
    told = [(np.abs(draws + effect) > 1.959964).mean() for effect in effects]
    assert chance_to_see(effects, np.ones(3)) == pytest.approx(told, abs=DRAWN)


DRAWN = 0.005
"""Four Monte Carlo errors of a share in 200 000 draws, at most 0.0011 each."""
