"""The table `estimates` against differences of means that can be read at a glance, and the plan it carries out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.studies import processed
from evaluation.studies.plan import StudyPlan
from evaluation.studies.project import Project

SAME_ARITHMETIC = 1e-8
"""Both are differences of means of percentages; only the order of summation differs."""
CAPITAL = ("3101", "3171", "3172", "3173", "3174", "3175")
ANTICIPATION = {"joiners_2017_2018": 1, "joiners_2021": 2}
BASE_YEARS = {2018: 2016, 2019: 2017, 2022: 2019}
"""First year of effect to base year."""


@pytest.fixture(scope="module")
def estimates(project: Project) -> pd.DataFrame:
    return processed.estimates(project)


@pytest.fixture(scope="module")
def plan(project: Project) -> StudyPlan:
    return project.study_plan


@pytest.fixture(scope="module")
def poverty(project: Project) -> pd.DataFrame:
    """One row a region of the study, one column a year, from the table of indicators and the files."""
    figures = processed.indicators(project).query("indicator == 'poverty_rate' and quality != 'C'")
    wide = figures.pivot_table(index="region_code", columns="year", values="value")
    changes = pd.read_csv(project.config_dir / "region_changes.csv", dtype=str).query("kind == 'split'")
    left_out = {*changes["from_code"], *changes["to_code"], *CAPITAL}
    return wide.drop(index=[code for code in wide.index if code in left_out])


@pytest.fixture(scope="module")
def cohort(project: Project, poverty: pd.DataFrame) -> pd.Series:
    entries = pd.read_csv(project.config_dir / "cohorts.csv", dtype=str)
    first = entries.assign(joined=entries["joined"].astype(int)).groupby("region_code")["joined"].min()
    return first.reindex(poverty.index) + 1


@pytest.fixture(scope="module")
def barred(project: Project, poverty: pd.DataFrame) -> pd.Series:
    """Tell of each region whether a role bars it from being a control."""
    roles = pd.read_csv(project.config_dir / "unresolved.csv", dtype=str)["region_code"]
    return pd.Series(poverty.index.isin(roles), index=poverty.index)


def chosen(estimates: pd.DataFrame, parameter: str = "simple", **where: str) -> pd.DataFrame:
    rows = estimates[estimates["parameter"] == parameter]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def slow_average(
    wide: pd.DataFrame, cohort: pd.Series, barred: pd.Series, years: dict[int, range], anticipation: int
) -> float:
    """Average difference in differences, each cohort and year weighing as its cohort has regions."""
    effects, weights = [], []
    for first_year, after in years.items():
        for year in after:
            change = wide[year] - wide[BASE_YEARS[first_year]]
            control = ~barred & (cohort.isna() | (cohort > year + anticipation))
            effects.append(change[cohort == first_year].mean() - change[control].mean())
            weights.append((cohort == first_year).sum())
    return float(np.average(effects, weights=weights))


@pytest.mark.parametrize(
    ("design", "years"),
    [
        ("joiners_2017_2018", {2018: range(2018, 2020), 2019: range(2019, 2020)}),
        ("joiners_2021", {2022: range(2022, 2025)}),
    ],
)
def test_the_unconditional_average_is_a_weighted_difference_of_mean_changes(
    estimates: pd.DataFrame,
    poverty: pd.DataFrame,
    cohort: pd.Series,
    barred: pd.Series,
    design: str,
    years: dict[int, range],
) -> None:
    expected = slow_average(poverty, cohort, barred, years, ANTICIPATION[design])
    row = chosen(estimates, design=design, row="unconditional", outcome="poverty_rate").iloc[0]
    assert row["estimate"] == pytest.approx(expected, abs=SAME_ARITHMETIC)
    assert row["base_year"] == min(BASE_YEARS[first_year] for first_year in years)
    assert row["n_treated"] == cohort.isin(list(years)).sum()


@pytest.mark.parametrize("design", list(ANTICIPATION))
def test_effects_by_cohort_and_year_count_from_the_year_before_joining(
    estimates: pd.DataFrame, poverty: pd.DataFrame, cohort: pd.Series, barred: pd.Series, design: str
) -> None:
    cells = chosen(estimates, "att_gt", design=design, row="unconditional", outcome="poverty_rate")
    cells = cells[cells["event_time"] >= 0]
    assert len(cells) == 3
    for cell in cells.itertuples():
        first_year, year = int(cell.cohort), int(cell.year)
        assert cell.base_year == BASE_YEARS[first_year]
        once = {first_year: range(year, year + 1)}
        expected = slow_average(poverty, cohort, barred, once, ANTICIPATION[design])
        assert cell.estimate == pytest.approx(expected, abs=SAME_ARITHMETIC)


def test_every_row_of_the_plan_has_one_average_or_a_reason_for_every_outcome(
    estimates: pd.DataFrame, plan: StudyPlan
) -> None:
    expected = {
        (design.code, row.code, outcome.indicator)
        for design in (*plan.designs, *plan.other_cohorts)
        for row in plan.rows_of(design)
        for outcome in plan.outcomes
    }
    averages = chosen(estimates)
    keys = list(averages[["design", "row", "outcome"]].itertuples(index=False, name=None))
    assert len(keys) == len(expected)
    assert set(keys) == expected
    without = averages["status"].str.startswith("not_estimable")
    assert (averages["estimate"].isna() == without).all()
    assert (averages.loc[~without, "std_error"] > 0).all()


def test_the_2024_joiners_have_no_year_after_joining_and_say_where_data_end(estimates: pd.DataFrame) -> None:
    rows = chosen(estimates, design="joiners_2024")
    assert rows["estimate"].isna().all()
    ends = dict.fromkeys(rows["outcome"], 2024) | {"life_expectancy": 2021, "night_light_dn_mean": 2022}
    assert (rows["status"] == [f"not_estimable:beyond_data:{ends[one]}" for one in rows["outcome"]]).all()
    assert (estimates.loc[estimates["design"] == "joiners_2024", "parameter"] == "simple").all()


@pytest.mark.parametrize("row", ["conditional", "unconditional", "with_exposure", "population_weighted"])
def test_output_a_head_of_the_2021_joiners_has_no_base_year_in_its_method(
    estimates: pd.DataFrame, row: str
) -> None:
    found = chosen(estimates, design="joiners_2021", outcome="grdp_pc_real", row=row).iloc[0]
    assert found["status"] == "not_estimable:method_changes:2019"
    later = chosen(estimates, design="joiners_2021", outcome="grdp_pc_real", row="base_2020").iloc[0]
    assert (later["status"], later["base_year"]) == ("", 2020)


def test_a_longer_row_of_output_a_head_does_not_repeat_a_shorter_one(estimates: pd.DataFrame) -> None:
    for row in ("to_2020", "to_2021", "to_2022", "to_2023", "to_2024"):
        found = chosen(estimates, design="joiners_2017_2018", outcome="grdp_pc_real", row=row).iloc[0]
        assert found["status"] == "not_estimable:method_changes:2019"


def test_unemployment_of_the_2017_joiners_counts_from_2015_as_it_has_no_2016(
    project: Project, estimates: pd.DataFrame
) -> None:
    figures = processed.indicators(project).query("indicator == 'unemployment_rate'")
    assert 2016 not in set(figures["year"])
    groups = chosen(
        estimates, "group", design="joiners_2017_2018", row="conditional", outcome="unemployment_rate"
    ).set_index("cohort")
    assert groups["base_year"].to_dict() == {2018.0: 2015.0, 2019.0: 2017.0}


def test_night_lights_of_the_2021_joiners_say_that_they_end_before_the_row(estimates: pd.DataFrame) -> None:
    row = chosen(estimates, design="joiners_2021", row="conditional", outcome="night_light_dn_mean").iloc[0]
    assert row["status"] == "ends:2022"
