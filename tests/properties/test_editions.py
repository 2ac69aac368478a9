"""What the decisions on editions promise, on the real data of the repository."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.studies import processed
from evaluation.studies.peers import region_groups
from evaluation.studies.project import Project
from evaluation.studies.regional import read_profile
from evaluation.studies.scores import INDEX_CODE, Edition, score_edition

N_REGIONS = 514
JAMBI = "15"
LEAST_SHARE = 0.9


@pytest.fixture(scope="module")
def editions(project: Project) -> dict[int, Edition]:
    return {edition.year: edition for edition in processed.editions(project)}


def test_every_region_has_a_row_for_every_element(editions: dict[int, Edition]) -> None:
    for edition in editions.values():
        rows = edition.scores.groupby("code")["region_code"].nunique()
        assert (rows == N_REGIONS).all()


def test_an_edition_takes_the_latest_figure_of_its_four_years(editions: dict[int, Edition]) -> None:
    for year, edition in editions.items():
        assert edition.figures["data_year"].between(year - 3, year).all()
        assert (edition.figures["quality"] != "C").all()
    unemployment = editions[2024].figures.query("indicator == 'unemployment_rate'")
    assert len(unemployment) == N_REGIONS
    assert (unemployment["data_year"] < 2024).sum() == 58


def test_two_definitions_of_life_expectancy_never_stand_in_one_edition(editions: dict[int, Edition]) -> None:
    assert "life_expectancy" in editions[2019].in_force
    assert "life_expectancy_lfsp2020" not in editions[2019].in_force
    assert "life_expectancy" not in editions[2024].in_force
    assert "life_expectancy_lfsp2020" in editions[2024].in_force


def test_the_overall_index_uses_only_dimensions_that_nearly_all_regions_have(
    editions: dict[int, Edition],
) -> None:
    for edition in editions.values():
        share = (
            edition.scores.query("level == 'dimension'")
            .groupby("code")["score"]
            .apply(lambda s: s.notna().mean())
        )
        assert set(edition.index_dimensions) == set(share.index[share >= LEAST_SHARE])
    assert "waste" not in editions[2024].index_dimensions


def test_regions_that_report_no_waste_gain_nothing_by_it(editions: dict[int, Edition]) -> None:
    """Environment 2024: silent regions would score a median of 99 on electricity, reporting ones about 70."""
    environment = editions[2024].scores.query("code == 'environment'")
    medians = environment.groupby("composition")["score"].median()
    assert medians["energy"] == pytest.approx(99, abs=1)
    assert medians["waste+energy"] == pytest.approx(70, abs=1)


def test_a_score_is_compared_only_with_scores_of_the_same_composition(
    project: Project, editions: dict[int, Edition]
) -> None:
    edition = editions[2024]
    environment = edition.scores.query("code == 'environment'").set_index("region_code")
    silent = environment.index[environment["composition"] == "energy"][0]
    profile = read_profile(project, silent, edition=2024)
    row = profile.pillars.set_index("code").loc["environment"]
    same = environment[environment["composition"] == "energy"]["score"]
    assert row["national_median"] == pytest.approx(same.median())


def test_missing_stays_missing_where_a_region_has_no_figure(editions: dict[int, Edition]) -> None:
    industry = editions[2024].scores.query("code == 'industry'").set_index("region_code")["score"]
    lacking = industry.index[industry.isna()]
    assert len(lacking) == 11
    assert all(code.startswith(JAMBI) for code in lacking)
    economy = editions[2024].scores.query("code == 'economy'").set_index("region_code").loc[lacking]
    assert (economy["composition"] == "welfare").all()
    assert (economy["quality"] == "C").all()


def test_dimensions_without_open_data_have_no_score_in_any_edition(editions: dict[int, Edition]) -> None:
    for edition in editions.values():
        scores = edition.scores.set_index("code")["score"]
        for dimension in ("tourism", "transaction", "mobility", "community", "security", "protection"):
            assert scores[dimension].isna().all()


def test_bands_are_five_stretches_of_twenty_points(editions: dict[int, Edition]) -> None:
    scored = editions[2024].scores.dropna(subset=["score"])
    expected = np.clip(scored["score"] // 20 + 1, 1, 5)
    assert (scored["band"] == expected).all()


def test_one_changed_value_changes_only_its_own_region(
    project: Project, editions: dict[int, Edition]
) -> None:
    indicators = processed.indicators(project)
    changed = indicators.copy()
    where = (
        (changed["indicator"] == "poverty_rate")
        & (changed["region_code"] == "1101")
        & (changed["year"] == 2024)
    )
    assert where.sum() == 1
    changed.loc[where, "value"] += 1.0
    again = score_edition(changed, catalog=project.catalog, regions=project.registry.codes, year=2024).scores
    before = editions[2024].scores
    moved = before[(before["score"] - again["score"]).abs() > 0]
    assert set(moved["region_code"]) == {"1101"}
    assert set(moved["code"]) == {"poverty_rate", "welfare", "economy", INDEX_CODE}


def test_a_later_vintage_wins_and_says_so(project: Project) -> None:
    from evaluation.indicators import build_indicators

    observations = processed.observations(project)
    old = observations.query("source == 'bps_poverty' and region_code == '1101' and year == 2019")
    revised = old.assign(vintage="2026-11-24", value=old["value"] + 2.0)
    indicators = build_indicators(pd.concat([observations, revised]), project.catalog)
    row = indicators.query("indicator == 'poverty_rate' and region_code == '1101' and year == 2019").iloc[0]
    assert row["vintage"] == "2026-11-24"
    assert row["value"] == pytest.approx(old["value"].iloc[0] + 2.0)


def test_population_classes_split_at_200_thousand_and_a_million(project: Project) -> None:
    groups = region_groups(project.registry, processed.indicators(project), project.catalog)
    size, people = groups["population_class"], groups["population"]
    assert people[size == "small"].max() < 200_000 <= people[size == "medium"].min()
    assert people[size == "medium"].max() < 1_000_000 <= people[size == "large"].min()
    assert (groups["peers"] != "").all()
