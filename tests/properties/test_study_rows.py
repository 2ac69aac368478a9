"""The plan's rows: none of the first was removed or changed, those added later say so, and each is what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.impact import estimate_effects, run_did
from evaluation.impact.synthetic import SyntheticDesign, synthetic_did
from evaluation.studies import processed
from evaluation.studies.impact_fits import RowFit, fit_row
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.plan import StudyPlan
from evaluation.studies.project import Project
from evaluation.studies.synthetic_rows import synthetic_row

FIRST_ROWS = (
    "conditional",
    "unconditional",
    "base_2020",
    "base_2020_unconditional",
    "with_exposure",
    "finishers_only",
    "two_sources_only",
    "not_yet_treated_only",
    "within_island_group",
    "without_java_and_bali",
    "no_neighbours_50km",
    "no_neighbours_100km",
    "without_mining_outliers",
    "population_weighted",
    "to_2020",
    "to_2021",
    "to_2022",
    "to_2023",
    "to_2024",
    "to_2024_without_2020_2021",
)
"""Rows that the plan had when its first estimates were seen."""
BY_OTHER_ESTIMATORS = {
    "entropy_balancing": "entropy",
    "imputation": "imputation",
    "sun_abraham": "sun_abraham",
    "etwfe": "etwfe",
    "two_stage": "two_stage",
    "stacked": "stacked",
}
DESIGNS = ("joiners_2017_2018", "joiners_2021")
SAME_ARITHMETIC = 1e-9
"""Two ways to the same numbers, of the size of percentages."""


@pytest.fixture(scope="module")
def plan(project: Project) -> StudyPlan:
    return project.study_plan


@pytest.fixture(scope="module")
def data(project: Project) -> StudyData:
    return study_data(project, processed.indicators(project), project.study_plan)


def fit_of(data: StudyData, design: str, row: str, outcome: str = "poverty_rate") -> RowFit:
    plan = data.plan
    return fit_row(data, design=plan.design(design), row=plan.row(row), outcome=plan.outcome(outcome))


def test_no_first_row_was_removed_and_every_other_is_marked_and_declared(plan: StudyPlan) -> None:
    first = tuple(row.code for row in plan.rows if not row.added_later)
    assert first == FIRST_ROWS
    added = [row for row in plan.rows if row.added_later]
    assert added
    assert any("none was removed" in departure.en for departure in plan.departures)
    assert not any(row.headline for row in added)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("row", list(BY_OTHER_ESTIMATORS))
def test_another_estimator_answers_for_the_headlines_regions_and_covariates(
    data: StudyData, design: str, row: str
) -> None:
    other, headline = fit_of(data, design, row), fit_of(data, design, "conditional")
    assert other.asked.estimator == BY_OTHER_ESTIMATORS[row]
    pd.testing.assert_frame_equal(other.panel.table, headline.panel.table)
    assert other.asked.covariates == headline.asked.covariates
    direct = run_did(headline.panel.table, other.asked).aggregates["simple"].overall
    for name in ("estimate", "std_error"):
        assert other.average.overall[name] == pytest.approx(direct[name], abs=SAME_ARITHMETIC)


@pytest.mark.parametrize("design", DESIGNS)
def test_two_stage_and_imputation_give_one_effect(data: StudyData, design: str) -> None:
    one, other = fit_of(data, design, "imputation"), fit_of(data, design, "two_stage")
    assert one.average.overall["estimate"] == pytest.approx(
        other.average.overall["estimate"], abs=SAME_ARITHMETIC
    )


@pytest.mark.parametrize("design", DESIGNS)
def test_plain_two_way_fixed_effects_are_the_textbook_regression(data: StudyData, design: str) -> None:
    """Residuals of outcome and treatment after unit and year effects, by repeated centring."""
    fit = fit_of(data, design, "twfe")
    table = fit.panel.table
    cohorts = fit.asked.cohorts or ()
    rows = table[(table["clean_control"] & table["cohort"].isna()) | table["cohort"].isin(cohorts)]
    treated = (rows["year"] >= rows["cohort"]).astype(float).to_numpy()
    columns = pd.DataFrame({"y": rows["value"].to_numpy(), "d": treated})
    for _ in range(500):
        for by in ("region_code", "year"):
            columns -= columns.groupby(rows[by].to_numpy()).transform("mean")
    expected = float(columns["d"] @ columns["y"] / (columns["d"] @ columns["d"]))
    assert fit.result is None
    assert fit.average.overall["estimate"] == pytest.approx(expected, abs=SAME_ARITHMETIC)


@pytest.mark.parametrize(
    ("design", "row", "base_years"),
    [
        ("joiners_2017_2018", "base_joining_year", {2017, 2018}),
        ("joiners_2017_2018", "base_one_year_earlier", {2015, 2016}),
        ("joiners_2021", "base_joining_year", {2021}),
        ("joiners_2021", "base_2018", {2018}),
        ("joiners_2021", "base_2020", {2020}),
    ],
)
def test_rows_from_other_base_years_count_from_them(
    data: StudyData, design: str, row: str, base_years: set[int]
) -> None:
    table = fit_of(data, design, row).answer.table
    assert set(table.loc[table["event_time"] >= 0, "base_year"]) == base_years


@pytest.mark.parametrize("design", DESIGNS)
def test_rows_by_who_may_be_a_control(data: StudyData, design: str) -> None:
    clean = controls(fit_of(data, design, "conditional"))
    never = set(data.units.index[data.units["joined"].isna()])
    assert controls(fit_of(data, design, "never_treated_only")) == clean & never
    java = {code for code in clean if code[:2] in ("31", "32", "33", "34", "35", "36")}
    assert java
    outside = fit_of(data, design, "without_java_controls")
    assert controls(outside) == clean - java
    assert "island_group" not in outside.panel.covariates
    assert (
        outside.average.overall["n_treated"]
        == fit_of(data, design, "conditional").average.overall["n_treated"]
    )


def controls(fit: RowFit) -> set[str]:
    return set(fit.panel.table.loc[fit.panel.table["clean_control"], "region_code"])


def test_exposure_to_2020_is_a_change_within_one_method(data: StudyData) -> None:
    """Output a head was rebased in 2020; total output and unemployment were not."""
    windows = {one.indicator: data.catalog.indicators[one.indicator] for one in data.plan.exposure_to_2020}
    for exposure in data.plan.exposure_to_2020:
        assert len({windows[exposure.indicator].window_of(year) for year in exposure.years}) == 1
    head = data.catalog.indicators["grdp_pc_real"]
    assert head.window_of(2019) != head.window_of(2020)
    one, both = (
        fit_of(data, "joiners_2021", "with_exposure"),
        fit_of(data, "joiners_2021", "with_exposure_and_output"),
    )
    assert set(both.panel.covariates) - set(one.panel.covariates) == {"change_grdp_real"}
    figures = data.figures["grdp_real"].pivot_table(index="region_code", columns="year", values="value")
    expected = np.log(figures[2020]) - np.log(figures[2019])
    found = both.panel.table.drop_duplicates("region_code").set_index("region_code")["change_grdp_real"]
    assert found.notna().any()
    pd.testing.assert_series_equal(found, expected.reindex(found.index), check_names=False)


def test_the_2024_joiners_are_estimated_once_there_are_figures_of_2025(project: Project) -> None:
    """Figures of 2025 are those of 2024, and 1.5 more for the regions that joined in 2024."""
    indicators = processed.indicators(project)
    last = indicators[(indicators["indicator"] == "poverty_rate") & (indicators["year"] == 2024)]
    joined = project.programme.cohorts.set_index("region_code")["joined"].reindex(last["region_code"])
    later = last.assign(year=2025, data_year=2025, value=last["value"] + 1.5 * (joined == 2024).to_numpy())
    plan = project.study_plan
    before = fit_of(study_data(project, indicators, plan), "joiners_2024", "unconditional")
    assert before.status == "not_estimable:beyond_data:2024"
    with_2025 = study_data(project, pd.concat([indicators, later], ignore_index=True), plan)
    after = fit_of(with_2025, "joiners_2024", "unconditional")
    assert after.status == ""
    assert after.average.overall["n_treated"] >= 2
    # the base year is 2023: what moved from then to 2024 moved in the comparison as well
    direct = estimate_effects(after.panel.table, after.asked).table
    assert set(direct.loc[direct["event_time"] == 0, "year"]) == {2025}
    change = pd.pivot_table(after.panel.table, index="region_code", columns="year", values="value")
    change = change[2025] - change[2023]
    unit = after.panel.table.drop_duplicates("region_code").set_index("region_code")
    joiner, control = unit["cohort"] == 2025, unit["clean_control"] & unit["cohort"].isna()
    expected = change[joiner].mean() - change[control].mean()
    assert after.average.overall["estimate"] == pytest.approx(expected, abs=SAME_ARITHMETIC)


def test_regressions_without_a_year_after_joining_have_the_reason_of_the_headline(data: StudyData) -> None:
    for row in BY_OTHER_ESTIMATORS:
        for outcome in ("grdp_pc_real", "life_expectancy"):
            assert (
                fit_of(data, "joiners_2021", row, outcome).reason
                == fit_of(data, "joiners_2021", "conditional", outcome).reason
            )


@pytest.mark.parametrize("design", DESIGNS)
def test_synthetic_differences_are_one_effect_of_the_joiners_against_those_that_never_joined(
    data: StudyData, design: str
) -> None:
    fit = fit_of(data, design, "synthetic_did")
    question, years = data.plan.design(design), data.plan.anticipation_of(data.plan.design(design), fit.row)
    units = data.units
    joiners = units.index[units["joined"].isin(question.joined)]
    donors = units.index[units["joined"].isna() & units["clean_control"]]
    figures = data.figures["poverty_rate"]
    figures = figures[
        (figures["year"] <= question.end_year) & figures["region_code"].isin([*joiners, *donors])
    ]
    joined = {code: int(units.loc[code, "cohort"]) for code in joiners if code in set(figures["region_code"])}
    asked = SyntheticDesign(
        outcome="value",
        unit="region_code",
        time="year",
        treated=joined,
        donors=tuple(donors),
        anticipation=years,
    )
    panel = figures[["region_code", "year", "value"]].sort_values(["year", "region_code"], ascending=False)
    found = synthetic_did(panel, asked, error="jackknife")
    assert fit.numbers["estimate"] == pytest.approx(found.estimate, abs=SAME_ARITHMETIC)
    assert fit.numbers["std_error"] == pytest.approx(found.std_error, abs=SAME_ARITHMETIC)
    assert fit.numbers["n_treated"] == len(joined)


def test_synthetic_differences_without_years_after_or_before_have_a_reason(data: StudyData) -> None:
    assert fit_of(data, "joiners_2021", "synthetic_did", "grdp_pc_real").reason == "method_changes"
    table = fit_of(data, "joiners_2021", "synthetic_did").panel.table
    short = synthetic_row(table[table["year"] >= 2019], cohorts=(2022,), anticipation=2)
    assert (short.result, short.reason) == (None, "too_few_years_before")
    joiners = table[table["cohort"] == 2022]
    one = joiners[joiners["region_code"] == joiners["region_code"].iloc[0]]
    alone = synthetic_row(pd.concat([table[table["cohort"].isna()], one]), cohorts=(2022,), anticipation=2)
    assert alone.reason == "too_few_treated"


def test_a_row_that_leaves_joiners_of_an_island_almost_alone_is_not_estimated(data: StudyData) -> None:
    least = data.plan.covariates.controls_per_island_group
    row = fit_of(data, "joiners_2017_2018", "no_neighbours_100km")
    units = row.panel.table.drop_duplicates("region_code")
    on_java = units[units["island_group"] == "Java_Bali"]
    controls = on_java[on_java["clean_control"] & ~on_java["cohort"].isin([2018, 2019])]
    assert len(controls) < least
    assert row.reason == "too_few_like_controls"
    assert row.result is None
    others = [
        one for one in data.plan.rows if one.code not in ("no_neighbours_100km", "with_tourism_dependence")
    ]
    reasons = {
        fit_of(data, design.code, one.code).reason
        for design in data.plan.designs
        for one in others
        if one in data.plan.rows_of(design)
    }
    assert "too_few_like_controls" not in reasons
