"""The configuration in the repository is complete, and faults in it are all told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluation.catalog import load_catalog
from evaluation.errors import BadInputError
from evaluation.studies.project import Project

PILLARS = ["governance", "branding", "economy", "living", "society", "environment"]
N_DIMENSIONS = 18


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_six_pillars_of_three_dimensions_each(project: Project) -> None:
    catalog = project.catalog
    assert list(catalog.pillars) == PILLARS
    assert len(catalog.dimensions) == N_DIMENSIONS
    assert all(len(pillar.dimensions) == 3 for pillar in catalog.framework.pillars)


def test_every_dimension_has_a_scored_or_a_wanted_indicator(project: Project) -> None:
    catalog = project.catalog
    lacking = [code for code in catalog.dimensions if not catalog.indicators_of(code, "scored", "wanted")]
    assert lacking == []


def test_scored_indicators_carry_what_a_reader_needs(project: Project) -> None:
    for indicator in project.catalog.with_use("scored"):
        assert indicator.goalposts is not None
        assert indicator.goalposts.reason.id
        assert indicator.description_key is not None
        assert indicator.windows
        for source in indicator.sources():
            assert project.catalog.sources[source].citation


def test_series_indicators_are_those_observed_in_every_year(project: Project) -> None:
    series = {indicator.code for indicator in project.catalog.indicators.values() if indicator.in_series}
    assert series == {
        "gfcf_share",
        "night_light_dn_mean",
        "poverty_rate",
        "adj_expenditure_pc",
        "life_expectancy",
        "mean_years_schooling",
        "expected_years_schooling",
    }


def test_all_faults_of_all_files_are_told_at_once(project_copy: Project) -> None:
    config = project_copy.config_dir
    edit(config / "pillars.yml", "edition_window: 4", "edition_window: 0\nsurprise: 1")
    edit(config / "indicators" / "economy.yml", "direction: -1", "direction: 2")
    edit(config / "indicators" / "living.yml", "dimension: health", "dimension: helth")
    with pytest.raises(BadInputError) as caught:
        load_catalog(config)
    message = str(caught.value)
    for part in ("edition_window", "surprise", "economy.yml", "direction"):
        assert part in message
    assert len(caught.value.faults) >= 3


def test_a_weight_below_zero_is_refused_with_its_place(project_copy: Project) -> None:
    path = project_copy.config_dir / "pillars.yml"
    path.write_text(re.sub(r"weight: 1\b", "weight: -1", path.read_text(), count=1))
    with pytest.raises(BadInputError, match=r"pillars\.yml, pillars\.0.*weight") as caught:
        load_catalog(project_copy.config_dir)
    assert "greater than or equal to 0" in str(caught.value)


def test_the_plan_names_only_indicators_that_have_data(project_copy: Project) -> None:
    edit(
        project_copy.config_dir / "study_plan.yml",
        "indicator: poverty_rate, family",
        "indicator: povrty, family",
    )
    with pytest.raises(BadInputError, match="povrty"):
        _ = project_copy.study_plan


def test_the_plan_says_it_is_no_pre_registration_and_lists_what_was_known(project: Project) -> None:
    plan = project.study_plan
    assert len(plan.known_before) >= 3
    assert {design.code for design in plan.designs} == {"joiners_2017_2018", "joiners_2021"}
    assert all(outcome.margin > 0 for outcome in plan.outcomes)
