"""Diagnostics of the study on made-up outcomes of the real regions: what was put in is found, nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from evaluation.impact.refits import refit
from evaluation.studies import processed
from evaluation.studies.composition import PLACES, attrition, composition
from evaluation.studies.impact_fits import RowFit, fit_row, wide_panel
from evaluation.studies.leave_out import without_cohort, without_province
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.parallel_trends import (
    BEYOND_GRID,
    NOT_TOLD_FROM_ZERO,
    PLACEBO_SHIFTS,
    honest_intervals,
    placebo_rows,
    power_before,
)
from evaluation.studies.plan import DesignPlan
from evaluation.studies.project import Project
from evaluation.studies.spillovers import ring_effects, rings_around

YEARS = np.arange(2010, 2025)
NOISE = 0.1
"""Standard deviation of a made-up figure around its region's level and its year."""
FAR = 4.0
"""Standard errors within which a true value must lie: one false alarm in 16,000."""
SAME = 1e-9
"""Two ways through the same arithmetic on percentages."""
WALD_DRAWS = 20_000
MONTE_CARLO = 0.015
"""Four standard errors of a share of one half in that many draws."""
CAPACITY = "joiners_2017_2018"
Shift = Callable[[pd.DataFrame], pd.Series]


@pytest.fixture(scope="module")
def real(project: Project) -> StudyData:
    return study_data(project, processed.indicators(project), project.study_plan)


def made_up(real: StudyData, shift: Shift | None = None, *, noise: float = NOISE, seed: int = 3) -> StudyData:
    """Return the study with made-up poverty: a level a region, a common year, noise and, after them, a shift."""
    rng = np.random.default_rng(seed)
    codes = real.units.index
    table = pd.DataFrame({"region_code": np.repeat(codes, len(YEARS)), "year": np.tile(YEARS, len(codes))})
    level = np.repeat(rng.normal(12, 3, len(codes)), len(YEARS))
    common = np.tile(np.cumsum(rng.normal(-0.3, 0.2, len(YEARS))), len(codes))
    table["value"] = level + common + rng.normal(0, noise, len(table))
    table["window"] = 2010
    if shift is not None:
        traits = real.units.drop(columns=["year"], errors="ignore")
        table["value"] += shift(table.join(traits, on="region_code")).to_numpy()
    return replace(real, figures={**real.figures, "poverty_rate": table}, fits={}, tables={})


def fit_of(data: StudyData, design: str | DesignPlan = CAPACITY, outcome: str = "poverty_rate") -> RowFit:
    plan = data.plan
    chosen = plan.design(design) if isinstance(design, str) else design
    return fit_row(data, design=chosen, row=plan.row("conditional"), outcome=plan.outcome(outcome))


def by_element(rows: Iterator[dict[str, object]]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows))
    return table.set_index(["check", "element"])


def effect_of(size: float) -> Shift:
    return lambda table: size * (table["joined"].isin([2017, 2018]) & (table["year"] > table["joined"]))


def test_a_refit_of_all_regions_is_the_average_itself(real: StudyData) -> None:
    for design in ("joiners_2017_2018", "joiners_2021"):
        fit = fit_of(real, design)
        found, own = refit(wide_panel(fit), fit.asked).numbers, fit.average.overall
        for name in ("estimate", "std_error", "conf_low", "p_value", "n_units", "n_treated", "n_control"):
            assert found[name] == pytest.approx(own[name], abs=SAME)


def test_leaving_out_a_province_is_estimating_without_its_regions(real: StudyData) -> None:
    fit = fit_of(real)
    found = by_element(without_province(real, fit, wide_panel(fit)))
    assert len(found) == real.units["province"].nunique()
    for province in ("Jawa Barat", "Aceh", "Papua"):
        others = replace(real, units=real.units[real.units["province"] != province], fits={}, tables={})
        expected = fit_of(others).average.overall
        row = found.loc[("without_province", province)]
        assert row["estimate"] == pytest.approx(expected["estimate"], abs=SAME)
        assert row["std_error"] == pytest.approx(expected["std_error"], abs=SAME)
        assert (row["n_treated"], row["n_control"]) == (expected["n_treated"], expected["n_control"])


def test_leaving_out_a_cohort_is_the_design_of_the_other_alone(real: StudyData) -> None:
    fit = fit_of(real)
    found = by_element(without_cohort(fit, wide_panel(fit)))
    for left_out, other in ((2017, 2018), (2018, 2017)):
        alone = fit.design.model_copy(update={"code": "alone", "joined": (other,)})
        expected = fit_of(replace(real, fits={}, tables={}), alone).average.overall["estimate"]
        assert found.loc[("without_cohort", str(left_out)), "estimate"] == pytest.approx(expected, abs=SAME)
    single = fit_of(real, "joiners_2021")
    only = by_element(without_cohort(single, wide_panel(single)))
    assert only["status"].tolist() == ["not_estimable:single_group:2024"]


def test_an_effect_on_neighbours_is_found_in_its_ring_and_in_no_other(real: StudyData) -> None:
    near = rings_around(real, real.plan.design(CAPACITY))[0]
    exposed = near.cohort.where(near.near, np.inf)
    data = made_up(real, lambda table: 1.0 * (table["year"] >= table["region_code"].map(exposed)))
    fit = fit_of(data)
    rings = rings_around(data, fit.design)
    found = by_element(ring_effects(fit, wide_panel(fit), rings)).loc["ring"]
    assert found.index.tolist() == ["0-50", "50-100", "100-200"]
    for element, truth in {"0-50": 1.0, "50-100": 0.0, "100-200": 0.0}.items():
        row = found.loc[element]
        assert abs(row["estimate"] - truth) < FAR * row["std_error"]
        assert row["std_error"] < 0.2


def test_rings_hold_clean_controls_at_their_distance_and_no_region_twice(real: StudyData) -> None:
    design = real.plan.design(CAPACITY)
    units, rings = real.units, rings_around(real, design)
    treated = units[units["joined"].isin(design.joined)]
    lat, lon = np.radians(units["lat"]), np.radians(units["lon"])
    by_year = {year: pd.Series(np.inf, index=units.index) for year in design.joined}
    for one in treated.itertuples():
        # the spherical law of cosines, another formula than the library's
        angle = np.sin(lat) * np.sin(np.radians(one.lat)) + np.cos(lat) * np.cos(
            np.radians(one.lat)
        ) * np.cos(lon - np.radians(one.lon))
        kilometres = 6371.0088 * np.arccos(np.clip(angle, -1, 1))
        by_year[int(one.joined)] = np.minimum(by_year[int(one.joined)], kilometres)
    distance = np.minimum(by_year[2017], by_year[2018])
    for ring in rings:
        low, high = map(float, ring.element.split("-"))
        inside = units[ring.near]
        assert inside["joined"].isna().all()
        assert inside["clean_control"].all()
        assert distance[ring.near].between(low, high).all()
        assert (distance[ring.far] > 200).all()
        assert not inside["island_group"].isin(ring.lost_islands).any()
        first_year = np.where(by_year[2017][ring.near] <= high, 2018, 2019)
        assert (ring.cohort[ring.near] == first_year).all()
    assert sum(ring.near.astype(int) for ring in rings).max() == 1


def test_a_placebo_date_shows_a_trend_that_was_there_before(real: StudyData) -> None:
    slope = 0.2
    data = made_up(real, lambda table: slope * table["joined"].isin([2017, 2018]) * (table["year"] - 2010))
    fit = fit_of(data)
    found = by_element(placebo_rows(fit, wide_panel(fit))).loc["placebo_date"]
    for shift in PLACEBO_SHIFTS:
        # pretended years of effect lie two to one plus `shift` years after their base, each as often
        truth = slope * np.mean(np.arange(2, shift + 2))
        row = found.loc[str(shift)]
        assert abs(row["estimate"] - truth) < FAR * row["std_error"]


def test_honest_intervals_are_of_the_headline_estimate_and_grow_with_the_bound(real: StudyData) -> None:
    fit = fit_of(made_up(real, effect_of(1.0)))
    found = by_element(honest_intervals(fit, wide_panel(fit)))
    relative = found.loc["honest_relative"]
    assert relative.index.tolist() == ["0.5", "1", "1.5", "2"]
    assert relative["estimate"].to_numpy() == pytest.approx(fit.average.overall["estimate"], abs=SAME)
    for check in ("honest_relative", "honest_smoothness"):
        rows = found.loc[check]
        assert (np.diff(rows["conf_high"] - rows["conf_low"]) > 0).all()
    for kind in ("relative", "smoothness"):
        value = found.loc[(f"breakdown_{kind}", ""), "estimate"]
        rows = found.loc[f"honest_{kind}"]
        bounds = rows.index.astype(float)
        excludes = ((rows["conf_low"] > 0) | (rows["conf_high"] < 0)).to_numpy()
        assert (excludes == (bounds < value)).all()
        assert found.loc[(f"breakdown_{kind}", ""), "status"] == ""


@pytest.mark.parametrize(("size", "status"), [(0.0, NOT_TOLD_FROM_ZERO), (2000.0, BEYOND_GRID)])
def test_a_breakdown_value_says_when_it_is_none(real: StudyData, size: float, status: str) -> None:
    fit = fit_of(made_up(real, effect_of(size)))
    found = by_element(honest_intervals(fit, wide_panel(fit)))
    for kind in ("relative", "smoothness"):
        row = found.loc[(f"breakdown_{kind}", "")]
        assert row["status"] == status
        assert (row["estimate"] == 0) == (status == NOT_TOLD_FROM_ZERO)


def test_joint_power_is_the_share_of_simulated_tests_that_reject(real: StudyData) -> None:
    fit = fit_of(made_up(real))
    found = by_element(power_before(fit, wide_panel(fit))).loc["pretrend_power"]
    table, result = fit.answer.table, fit.answer
    cells = np.flatnonzero((table["year"] < table["base_year"]).to_numpy())
    variance = result.vcov[np.ix_(cells, cells)]
    line = (table["year"] - table["base_year"]).to_numpy(dtype=float)[cells]
    rng = np.random.default_rng(11)
    noise = rng.multivariate_normal(np.zeros(len(cells)), variance, size=WALD_DRAWS)
    for element in ("joint_slope_at_50", "joint_slope_at_80", "joint_margin_slope"):
        moved = noise + found.loc[element, "estimate"] * line
        statistic = (moved * np.linalg.solve(variance, moved.T).T).sum(axis=1)
        share = float((statistic > chi2.ppf(0.95, len(cells))).mean())
        assert share == pytest.approx(found.loc[element, "share"], abs=MONTE_CARLO)
    assert found.loc["slope_at_50", "estimate"] < found.loc["slope_at_80", "estimate"]
    assert found.loc["margin_slope", "estimate"] == pytest.approx(0.3 / 3)
    assert found.loc["margin_bias", "estimate"] == pytest.approx(0.1 * (2 + 3) / 2)


def test_cohorts_whose_base_years_differ_have_an_event_study_each(real: StudyData) -> None:
    fit = fit_of(real, outcome="unemployment_rate")
    found = by_element(honest_intervals(fit, wide_panel(fit)))
    assert found.loc[("honest_relative", ""), "status"] == "not_estimable:base_years_differ:2024"
    table = fit.answer.table
    for joined in (2017, 2018):
        cells = table[(table["cohort"] == joined + 1) & (table["event_time"] >= 0)]
        expected = cells["estimate"].mean()
        assert found.loc[("honest_relative", f"{joined}:1"), "estimate"] == pytest.approx(expected, abs=SAME)


def test_attrition_counts_regions_without_a_figure_in_the_last_year(real: StudyData) -> None:
    data = made_up(real)
    joiners = real.units.index[real.units["joined"] == 2018][:5]
    never = real.units.index[real.units["joined"].isna() & real.units["clean_control"]][:30]
    figures = data.figures["poverty_rate"]
    lost = (figures["year"] == 2019) & figures["region_code"].isin([*joiners, *never])
    # three more were never there to be lost: they have no figure in their base year
    begun_late = real.units.index[real.units["joined"] == 2018][5:8]
    lost |= (figures["year"] == 2017) & figures["region_code"].isin(begun_late)
    fewer = replace(data, figures={**data.figures, "poverty_rate": figures[~lost]}, fits={}, tables={})
    fit = fit_of(fewer)
    found = by_element(attrition(fit, wide_panel(fit))).loc["attrition"]
    n_joiners = real.units["joined"].isin([2017, 2018]).sum() - len(begun_late)
    later = real.units["joined"].isna() | (real.units["joined"] >= 2020)
    n_clean = (real.units["clean_control"] & later).sum()
    assert found.loc["treated", "n_units"] == n_joiners
    assert found.loc["treated", "share"] == pytest.approx(5 / n_joiners)
    assert found.loc["controls", "n_units"] == n_clean
    assert found.loc["controls", "share"] == pytest.approx(30 / n_clean)


def test_every_joiner_is_somewhere_and_splits_are_those_of_the_file(
    project: Project, real: StudyData
) -> None:
    entries = pd.read_csv(project.config_dir / "cohorts.csv", dtype=str)
    first = entries.assign(joined=entries["joined"].astype(int)).groupby("region_code")["joined"].min()
    changes = pd.read_csv(project.config_dir / "region_changes.csv", dtype=str).query("kind == 'split'")
    split = set(changes["from_code"]) | set(changes["to_code"])
    for design, years in ((CAPACITY, (2017, 2018)), ("joiners_2021", (2021,))):
        for outcome in ("poverty_rate", "unemployment_rate"):
            fit = fit_of(real, design, outcome)
            found = by_element(composition(real, fit, wide_panel(fit))).loc["composition"]
            joiners = first.index[first.isin(years)]
            assert found.loc["joined", "n_treated"] == len(joiners)
            assert found.loc[list(PLACES), "n_treated"].sum() == len(joiners)
            assert found.loc["split", "n_treated"] == len(split & set(joiners))
            assert found.loc["in_estimate", "n_treated"] == fit.average.overall["n_treated"]
            assert found.loc["controls", "n_control"] == fit.average.overall["n_control"]


def test_a_joiner_without_figures_stands_under_the_first_reason(real: StudyData) -> None:
    data = made_up(real)
    joiners = real.units.index[real.units["joined"] == 2018]
    no_base, no_later, no_covariate = joiners[:3], joiners[3:7], joiners[7:9]
    figures, schooling = data.figures["poverty_rate"], data.figures["mean_years_schooling"]
    code, year = figures["region_code"], figures["year"]
    gone = (code.isin(no_base) & (year == 2017)) | (code.isin(no_later) & (year == 2019))
    fewer = {
        **data.figures,
        "poverty_rate": figures[~gone],
        "mean_years_schooling": schooling[~schooling["region_code"].isin(no_covariate)],
    }
    fit = fit_of(replace(data, figures=fewer, fits={}, tables={}))
    found = by_element(composition(real, fit, wide_panel(fit))).loc["composition", "n_treated"]
    assert found["no_base_year"] == len(no_base)
    assert found["no_later_year"] == len(no_later)
    assert found["no_covariate"] == len(no_covariate)
    assert found["in_estimate"] == found["joined"] - found["split"] - 9


def test_an_answer_says_which_cohort_it_lacks(real: StudyData) -> None:
    """Night lights begin in 2014: two years earlier the 2017 joiners would need 2013 as a base, another satellite."""
    fit = fit_of(real, outcome="night_light_dn_mean")
    found = by_element(placebo_rows(fit, wide_panel(fit))).loc["placebo_date", "status"]
    assert found.tolist() == ["", "without_cohort:2017", "not_estimable:no_years_before:2022"]


def test_the_order_of_figures_and_regions_does_not_matter(real: StudyData) -> None:
    data = made_up(real, effect_of(0.2))
    shuffled = replace(
        data,
        figures={code: table.sample(frac=1, random_state=5) for code, table in data.figures.items()},
        units=data.units.sample(frac=1, random_state=6),
        fits={},
        tables={},
    )
    tables = []
    for one in (data, shuffled):
        fit = fit_of(one)
        wide = wide_panel(fit)
        rows = [
            *power_before(fit, wide),
            *placebo_rows(fit, wide),
            *without_province(one, fit, wide),
            *ring_effects(fit, wide, rings_around(one, fit.design)),
            *composition(one, fit, wide),
        ]
        tables.append(pd.DataFrame(rows))
    pd.testing.assert_frame_equal(*tables, check_exact=False, rtol=1e-7, atol=SAME)
