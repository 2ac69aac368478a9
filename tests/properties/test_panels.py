"""Who is compared with whom, and with which figures: the plan's words against the configuration, read afresh."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation.studies import processed
from evaluation.studies.panels import OutcomePanel, StudyData, outcome_panel, study_data
from evaluation.studies.project import Project

N_REGIONS, N_SPLIT, N_CAPITAL, N_UNITS, N_NEVER = 514, 32, 6, 476, 269
CAPITAL = {"3101", "3171", "3172", "3173", "3174", "3175"}
"""DKI Jakarta's regency and five cities, which the province runs."""
SURAKARTA = "3372"
"""Joined in 2018; signed another area's commitment in 2021, so it has a role and is no control."""
MIMIKA = "9104"
"""The copper and gold mine of Grasberg: the one region of the study far out of the range of output a head."""
JAVA_AND_BALI = ("31", "32", "33", "34", "35", "36", "51")
"""Their provinces, by the first two digits of a code."""
FIRST_JOINED = {"joiners_2017_2018": 2017, "joiners_2021": 2021}
JOINED = {"joiners_2017_2018": (2017, 2018), "joiners_2021": (2021,)}
BOTH = pytest.mark.parametrize("design", list(JOINED))
UNDO: dict[str, Callable[[pd.Series], pd.Series]] = {
    "poverty_rate": lambda value: value,
    "grdp_pc_real": np.exp,
    "night_light_dn_mean": np.expm1,
}
"""From the scale that an outcome is compared on back to its figures."""
CLOSE = 1e-9
"""Rounding of means of numbers of the size of a logarithm or a percentage."""
METRE = 1e-3
"""Two formulas for one distance differ by less, in kilometres."""
MOST_MEANS = 5


@pytest.fixture(scope="module")
def indicators(project: Project) -> pd.DataFrame:
    return processed.indicators(project)


@pytest.fixture(scope="module")
def data(project: Project, indicators: pd.DataFrame) -> StudyData:
    return study_data(project, indicators, project.study_plan)


@pytest.fixture(scope="module")
def joined(project: Project) -> pd.Series:
    """Region code to the first joining year, from the file itself."""
    entries = pd.read_csv(project.config_dir / "cohorts.csv", dtype=str)
    return entries.assign(joined=entries["joined"].astype(int)).groupby("region_code")["joined"].min()


@pytest.fixture(scope="module")
def with_role(project: Project) -> set[str]:
    return set(pd.read_csv(project.config_dir / "unresolved.csv", dtype=str)["region_code"])


@pytest.fixture(scope="module")
def split(project: Project) -> set[str]:
    changes = pd.read_csv(project.config_dir / "region_changes.csv", dtype=str)
    splits = changes[changes["kind"] == "split"]
    return set(splits["from_code"]) | set(splits["to_code"])


@pytest.fixture(scope="module")
def places(project: Project) -> dict[str, tuple[float, float]]:
    grid = pd.read_csv(project.config_dir / "tilegrid.csv", dtype={"region_code": str})
    return {row.region_code: (row.lat, row.lon) for row in grid.itertuples()}


def panel_of(data: StudyData, design: str, row: str, outcome: str = "poverty_rate") -> OutcomePanel:
    plan = data.plan
    return outcome_panel(data, design=plan.design(design), row=plan.row(row), outcome=plan.outcome(outcome))


def members(panel: OutcomePanel) -> set[str]:
    return set(panel.table["region_code"])


def controls(panel: OutcomePanel) -> set[str]:
    return set(panel.table.loc[panel.table["clean_control"], "region_code"])


def of_unit(panel: OutcomePanel, column: str) -> pd.Series:
    return panel.table.drop_duplicates("region_code").set_index("region_code")[column]


def km_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great circle by the spherical law of cosines, on a sphere of 6371 km."""
    (lat_one, lon_one), (lat_other, lon_other) = (tuple(map(math.radians, place)) for place in (one, other))
    cosine = math.sin(lat_one) * math.sin(lat_other)
    cosine += math.cos(lat_one) * math.cos(lat_other) * math.cos(lon_one - lon_other)
    return 6371.0088 * math.acos(min(1.0, cosine))


def test_split_regions_and_the_capital_are_in_no_panel(
    project: Project, data: StudyData, split: set[str]
) -> None:
    units = set(data.units.index)
    assert len(split) == N_SPLIT
    assert len(CAPITAL) == N_CAPITAL
    assert units == set(project.registry.codes) - split - CAPITAL
    assert len(units) == N_UNITS == N_REGIONS - N_SPLIT - N_CAPITAL
    for design in JOINED:
        assert members(panel_of(data, design, "unconditional")) == units


@BOTH
def test_clean_controls_are_all_without_a_role(
    data: StudyData, joined: pd.Series, with_role: set[str], design: str
) -> None:
    panel = panel_of(data, design, "conditional")
    assert controls(panel) == members(panel) - with_role
    assert len(controls(panel) - set(joined.index)) == N_NEVER
    assert len(with_role & members(panel)) > 0


def test_a_region_with_a_role_is_treated_and_never_a_control(
    data: StudyData, joined: pd.Series, with_role: set[str]
) -> None:
    assert SURAKARTA in with_role
    assert joined[SURAKARTA] == 2018
    for design in (*data.plan.designs, *data.plan.other_cohorts):
        for row in data.plan.rows_of(design):
            table = panel_of(data, design.code, row.code).table
            own = table[table["region_code"] == SURAKARTA]
            assert not own["clean_control"].any()
            assert (own["cohort"] == joined[SURAKARTA] + 1).all()
            assert not table.loc[table["region_code"].isin(with_role), "clean_control"].any()
    assert SURAKARTA in members(panel_of(data, "joiners_2017_2018", "conditional"))


def test_the_first_year_of_effect_is_the_year_after_joining(data: StudyData, joined: pd.Series) -> None:
    cohort = of_unit(panel_of(data, "joiners_2021", "conditional"), "cohort")
    expected = joined.reindex(cohort.index) + 1
    pd.testing.assert_series_equal(cohort, expected, check_names=False, check_dtype=False)


@BOTH
def test_later_joiners_only_leaves_no_control_that_never_joined(
    data: StudyData, joined: pd.Series, with_role: set[str], design: str
) -> None:
    panel = panel_of(data, design, "not_yet_treated_only")
    assert controls(panel) == (members(panel) & set(joined.index)) - with_role


@BOTH
@pytest.mark.parametrize(("row", "limit"), [("no_neighbours_50km", 50.0), ("no_neighbours_100km", 100.0)])
def test_controls_lie_further_than_the_limit_from_every_joiner_and_no_other_is_left_out(
    data: StudyData,
    places: dict[str, tuple[float, float]],
    joined: pd.Series,
    design: str,
    row: str,
    limit: float,
) -> None:
    clean = controls(panel_of(data, design, "conditional"))
    far = controls(panel_of(data, design, row))
    joiners = [code for code in data.units.index if joined.get(code) in JOINED[design]]
    nearest = {code: min(km_between(places[code], places[one]) for one in joiners) for code in clean}
    assert far
    assert all(nearest[code] > limit - METRE for code in far)
    assert all(nearest[code] <= limit + METRE for code in clean - far)
    assert clean - far > set(joiners) & clean


@BOTH
def test_without_java_and_bali_has_none_of_their_provinces(data: StudyData, design: str) -> None:
    everyone = members(panel_of(data, design, "conditional"))
    expected = {code for code in everyone if not code.startswith(JAVA_AND_BALI)}
    assert members(panel_of(data, design, "without_java_and_bali")) == expected
    assert len(expected) < len(everyone)


@BOTH
def test_without_mining_outliers_leaves_out_the_one_that_is_far_out(
    data: StudyData, indicators: pd.DataFrame, design: str
) -> None:
    output = indicators.query("indicator == 'grdp_pc_real' and quality != 'C' and 2011 <= year <= 2015")
    mean = np.log(output["value"]).groupby(output["region_code"]).mean()
    low, high = np.percentile(mean, [25, 75])
    outliers = set(mean.index[mean > high + 3 * (high - low)])
    everyone = members(panel_of(data, design, "conditional"))
    assert outliers & everyone == {MIMIKA}
    assert members(panel_of(data, design, "without_mining_outliers")) == everyone - outliers


def test_finishers_only_leaves_out_the_2017_joiners_that_did_not_finish(
    project: Project, data: StudyData
) -> None:
    entries = pd.read_csv(project.config_dir / "cohorts.csv", dtype=str)
    unfinished = entries["master_plan"] == "not_finished"
    dropped = set(entries.loc[unfinished, "region_code"])
    everyone = members(panel_of(data, "joiners_2017_2018", "conditional"))
    assert len(dropped & everyone) == 2
    assert members(panel_of(data, "joiners_2017_2018", "finishers_only")) == everyone - dropped


@BOTH
def test_two_sources_only_drops_joiners_of_the_design_with_one_and_keeps_all_others(
    project: Project, data: StudyData, joined: pd.Series, design: str
) -> None:
    entries = pd.read_csv(project.config_dir / "cohorts.csv", dtype=str)
    first = entries.assign(joined=entries["joined"].astype(int)).sort_values("joined")
    first = first.drop_duplicates("region_code").set_index("region_code")
    doubtful = first[first["joined"].isin(JOINED[design]) & (first["confidence"] != "two_sources")].index
    everyone = members(panel_of(data, design, "conditional"))
    assert set(doubtful) & everyone
    assert members(panel_of(data, design, "two_sources_only")) == everyone - set(doubtful)


@BOTH
def test_population_weights_are_of_a_year_before_joining(
    data: StudyData, indicators: pd.DataFrame, design: str
) -> None:
    people = indicators.query("indicator == 'population' and quality != 'C' and year >= 2010")
    people = people[people["year"] < FIRST_JOINED[design]].sort_values("year")
    expected = people.groupby("region_code")["value"].last()
    weight = of_unit(panel_of(data, design, "population_weighted"), "weight")
    assert weight.to_dict() == expected.reindex(weight.index).to_dict()
    assert set(weight.index) == set(data.units.index) & set(expected.index)
    assert (of_unit(panel_of(data, design, "conditional"), "weight") == 1.0).all()


@BOTH
def test_no_figure_of_grade_c_enters(data: StudyData, indicators: pd.DataFrame, design: str) -> None:
    n_doubtful = 0
    for outcome in data.plan.outcomes:
        own = indicators[(indicators["indicator"] == outcome.indicator) & (indicators["year"] >= 2010)]
        doubtful = own[(own["quality"] == "C") & own["region_code"].isin(data.units.index)]
        n_doubtful += len(doubtful)
        table = panel_of(data, design, "conditional", outcome.indicator).table
        both = table.merge(doubtful, on=["region_code", "year"], suffixes=("", "_c"))
        assert both.empty
    assert n_doubtful > 1000


@BOTH
def test_every_usable_figure_of_the_window_enters_on_the_scale_of_the_plan(
    data: StudyData, indicators: pd.DataFrame, design: str
) -> None:
    for outcome, inverse in UNDO.items():
        table = panel_of(data, design, "unconditional", outcome).table
        own = indicators[(indicators["indicator"] == outcome) & (indicators["quality"] != "C")]
        years = (2010, data.plan.design(design).end_year)
        own = own[own["region_code"].isin(data.units.index) & own["year"].between(*years)]
        own = own[own["window"] == own.loc[own["year"] == FIRST_JOINED[design] - 2, "window"].iloc[0]]
        both = table.merge(own, on=["region_code", "year"], suffixes=("", "_given"))
        assert len(both) == len(table) == len(own)
        assert np.allclose(inverse(both["value"]), both["value_given"], rtol=CLOSE)


@pytest.mark.parametrize("years_before", [1, 2])
def test_no_panel_crosses_a_change_of_method(
    data: StudyData, indicators: pd.DataFrame, years_before: int
) -> None:
    """Asked for the longest panel from either base year, every design and outcome keeps to one method."""
    given = {"end_year": 2024, "anticipation": years_before, "covariates": "none"}
    longest = data.plan.row("conditional").model_copy(update=given)
    for outcome in data.plan.outcomes:
        own = indicators[(indicators["indicator"] == outcome.indicator) & (indicators["year"] >= 2010)]
        window_of = own.drop_duplicates("year").set_index("year")["window"].to_dict()
        for design in (*data.plan.designs, *data.plan.other_cohorts):
            table = outcome_panel(data, design=design, row=longest, outcome=outcome).table
            assert len({window_of[year] for year in table["year"].unique()}) == 1


def test_output_a_head_ends_or_begins_where_its_method_changes(data: StudyData) -> None:
    early = panel_of(data, "joiners_2017_2018", "conditional", "grdp_pc_real")
    assert early.table["year"].max() == early.last_year == early.wanted_year == 2019
    longer = panel_of(data, "joiners_2017_2018", "to_2024", "grdp_pc_real")
    assert (longer.table["year"].max(), longer.wanted_year) == (2019, 2024)
    assert longer.method_changes
    later = panel_of(data, "joiners_2021", "base_2020", "grdp_pc_real")
    assert (later.table["year"].min(), later.table["year"].max()) == (2020, 2024)
    assert not later.method_changes
    before = panel_of(data, "joiners_2021", "conditional", "grdp_pc_real")
    assert before.table["year"].max() == before.last_year == 2019
    assert before.method_changes


@BOTH
def test_covariates_are_traits_and_at_most_five_means_before_the_programme(
    data: StudyData, indicators: pd.DataFrame, design: str
) -> None:
    panel = panel_of(data, design, "conditional")
    means = [name for name in panel.covariates if name.startswith("mean_")]
    assert set(panel.covariates) - set(means) == {"is_city", "island_group"}
    assert 0 < len(means) <= MOST_MEANS
    first, last = data.plan.design(design).covariate_years
    assert last < FIRST_JOINED[design]
    usable = indicators[(indicators["quality"] != "C") & indicators["year"].between(first, last)]
    for name in means:
        code = name.removeprefix("mean_")
        own = usable[usable["indicator"] == code]
        values = np.log(own["value"]) if data.plan.outcome(code).scale == "log" else own["value"]
        expected = values.groupby(own["region_code"]).mean()
        found = of_unit(panel, name)
        assert np.allclose(found, expected.reindex(found.index), rtol=CLOSE, equal_nan=True)
    assert np.log(100) < of_unit(panel, "mean_grdp_pc_real").median() < np.log(1e6)


def test_rows_condition_on_what_they_are_named_after(data: StudyData, indicators: pd.DataFrame) -> None:
    planned = set(panel_of(data, "joiners_2021", "conditional").covariates)
    exposed = panel_of(data, "joiners_2021", "with_exposure")
    assert panel_of(data, "joiners_2021", "unconditional").covariates == ()
    assert panel_of(data, "joiners_2021", "within_island_group").covariates == ("island_group",)
    assert set(exposed.covariates) - planned == {"change_unemployment_rate"}
    usable = indicators.query("indicator == 'unemployment_rate' and quality != 'C'")
    by_year = usable.pivot_table(index="region_code", columns="year", values="value")
    change = of_unit(exposed, "change_unemployment_rate")
    assert np.allclose(change, (by_year[2020] - by_year[2019]).reindex(change.index), equal_nan=True)


def test_island_groups_and_cities_are_those_of_the_registry(project: Project, data: StudyData) -> None:
    panel = panel_of(data, "joiners_2021", "conditional")
    city, island = of_unit(panel, "is_city"), of_unit(panel, "island_group")
    registry = pd.read_csv(project.config_dir / "regions.csv", dtype=str).set_index("region_code")
    grid = pd.read_csv(project.config_dir / "tilegrid.csv", dtype=str).set_index("region_code")
    assert (city == (registry["type"].reindex(city.index) == "kota").astype(float)).all()
    together = {"Java": "Java_Bali", "Bali": "Java_Bali"}
    together |= dict.fromkeys(("Nusa Tenggara", "Maluku", "Papua"), "East")
    assert (island == grid["island_group"].reindex(island.index).replace(together)).all()


@pytest.mark.parametrize(
    ("design", "row", "end_year"),
    [
        ("joiners_2017_2018", "conditional", 2019),
        ("joiners_2017_2018", "to_2020", 2020),
        ("joiners_2017_2018", "to_2022", 2022),
        ("joiners_2017_2018", "to_2024", 2024),
        ("joiners_2021", "conditional", 2024),
        ("joiners_2021", "to_2022", 2022),
    ],
)
def test_a_panel_ends_in_the_year_of_its_row(data: StudyData, design: str, row: str, end_year: int) -> None:
    panel = panel_of(data, design, row)
    assert panel.table["year"].max() == panel.wanted_year == end_year
    assert set(panel.table["year"]) == set(range(2010, end_year + 1))


def test_left_out_years_are_in_no_panel_of_their_row(data: StudyData) -> None:
    years = set(panel_of(data, "joiners_2017_2018", "to_2024_without_2020_2021").table["year"])
    assert years == set(range(2010, 2025)) - {2020, 2021}


def test_no_panel_begins_before_the_plan_s_first_year(project: Project, indicators: pd.DataFrame) -> None:
    plan = project.study_plan
    later = plan.panel.model_copy(update={"first_year": 2012})
    data = study_data(project, indicators, plan.model_copy(update={"panel": later}))
    for outcome in ("poverty_rate", "unemployment_rate", "grdp_pc_real"):
        assert panel_of(data, "joiners_2017_2018", "unconditional", outcome).table["year"].min() == 2012
