"""Grades fall with age and with coverage, and never rise again on the way to a pillar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.catalog import Catalog
from evaluation.quality import Grade, grade_ranks, grades_of, join_reasons, rank_by_coverage
from evaluation.studies import processed
from evaluation.studies.project import Project
from evaluation.studies.scores import INDEX_CODE, Edition, score_edition

FLOORS: dict[Grade, float] = {"A": 1.0, "B": 0.5}
"""Of config/pillars.yml: A needs full coverage, below half it is C."""
OLDEST_FOR_A = 1
"""Years before the edition that a figure may be of and still be graded A."""
N_DIMENSIONS = 18
"""Six pillars of three dimensions each."""
EDITIONS = pytest.mark.parametrize("year", [2019, 2024])
CLOSE = 1e-12


@pytest.fixture(scope="module")
def editions(project: Project) -> dict[int, Edition]:
    return {edition.year: edition for edition in processed.editions(project)}


@pytest.fixture(scope="module")
def indicators(project: Project) -> pd.DataFrame:
    return processed.indicators(project)


def test_coverage_sets_the_best_grade_there_can_be() -> None:
    coverage = np.array([1.0, 1 - 1e-15, 0.999, 2 / 3, 0.5, 0.499, 1 / 3, 0.0])
    assert rank_by_coverage(coverage, FLOORS).tolist() == [0, 0, 1, 1, 1, 2, 2, 2]


def test_the_configuration_has_these_floors_and_this_age(project: Project) -> None:
    grades = project.catalog.framework.grades
    assert dict(grades.coverage_floor) == FLOORS
    assert grades.max_age_without_downgrade == OLDEST_FOR_A
    assert len(project.catalog.dimensions) == N_DIMENSIONS


def test_grades_and_ranks_are_each_other_s_inverse() -> None:
    assert grade_ranks(pd.Series(["C", "A", "B"])).tolist() == [2, 0, 1]
    assert grades_of(np.array([0, 1, 2, 3])).tolist() == ["A", "B", "C", "C"]


def test_reasons_are_joined_row_by_row_each_once() -> None:
    joined = join_reasons(
        ["one_copy", "", "old_data+one_copy", ""],
        ["old_data", "old_data", "one_copy", ""],
        ["one_copy", "", "partial_coverage", ""],
    )
    assert joined == ["one_copy+old_data", "old_data", "old_data+one_copy+partial_coverage", ""]


def test_columns_of_reasons_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        join_reasons(["one_copy", ""], ["old_data"])


def codes_under(catalog: Catalog, edition: Edition) -> dict[str, list[str]]:
    """Return the scored indicators below every element; below the index only those of its dimensions."""
    below: dict[str, list[str]] = {}
    for code in edition.in_force:
        dimension = str(catalog.indicators[code].dimension)
        parents = [code, dimension, catalog.pillar_of[dimension]]
        parents += [INDEX_CODE] if dimension in edition.index_dimensions else []
        for parent in parents:
            below.setdefault(parent, []).append(code)
    return below


@EDITIONS
def test_every_grade_is_the_worst_of_its_figures_age_and_coverage(
    project: Project, editions: dict[int, Edition], year: int
) -> None:
    edition = editions[year]
    below = codes_under(project.catalog, edition)
    figures = edition.figures
    worth = figures["quality"].map({"A": 0, "B": 1, "C": 2})
    worth = worth.where((year - figures["data_year"] <= OLDEST_FOR_A) | (worth > 1), 1)
    wide = figures.assign(worth=worth).pivot_table(index="region_code", columns="indicator", values="worth")
    scored = edition.scores[edition.scores["score"].notna()]
    assert (edition.scores.loc[edition.scores["score"].isna(), "quality"] == "").all()
    for code, rows in scored.groupby("code"):
        worst = wide[below[str(code)]].max(axis=1).reindex(rows["region_code"]).to_numpy()
        if rows["level"].iloc[0] != "indicator":
            coverage = rows["coverage"].to_numpy()
            worst = np.maximum(
                worst, np.where(coverage < 0.5 - CLOSE, 2, np.where(coverage < 1 - CLOSE, 1, 0))
            )
        assert rows["quality"].tolist() == [("A", "B", "C")[int(rank)] for rank in worst]


@EDITIONS
def test_partial_coverage_is_no_better_than_b_and_low_coverage_is_c(
    editions: dict[int, Edition], year: int
) -> None:
    scores = editions[year].scores
    scored = scores[scores["score"].notna() & (scores["level"] != "indicator")]
    partial = scored[scored["coverage"].between(0.5 - CLOSE, 1 - 1e-6)]
    low = scored[scored["coverage"] < 0.5 - 1e-6]
    assert len(partial) > 500
    assert len(low) > 500
    assert (partial["quality"] != "A").all()
    assert partial["quality_reason"].str.contains("partial_coverage").all()
    assert (low["quality"] == "C").all()
    assert low["quality_reason"].str.contains("low_coverage").all()
    full = scored[scored["coverage"] >= 1 - CLOSE]
    assert not full["quality_reason"].str.contains("coverage").any()


@EDITIONS
def test_figures_of_more_than_a_year_before_are_no_better_than_b_and_say_so(
    editions: dict[int, Edition], year: int
) -> None:
    edition = editions[year]
    figures = edition.figures.assign(old=year - edition.figures["data_year"] > OLDEST_FOR_A)
    own = edition.scores[(edition.scores["level"] == "indicator") & edition.scores["score"].notna()]
    both = own.merge(
        figures[["region_code", "indicator", "old"]],
        left_on=["region_code", "code"],
        right_on=["region_code", "indicator"],
        validate="one_to_one",
    )
    assert len(both) == len(own)
    assert (both["quality_reason"].str.contains("old_data") == both["old"]).all()
    assert not (both["old"] & (both["quality"] == "A")).any()
    if year == 2024:
        assert both["old"].sum() > 1500


@pytest.mark.parametrize(("newest", "grade"), [(2019, "A"), (2018, "A"), (2017, "B"), (2016, "B")])
def test_a_figure_of_grade_a_falls_to_b_when_it_is_the_newest_of_two_years_before(
    project: Project, indicators: pd.DataFrame, newest: int, grade: str
) -> None:
    """Poverty of one region, its later figures taken away; those of all others stay."""
    gone = (
        (indicators["indicator"] == "poverty_rate")
        & (indicators["region_code"] == "1101")
        & indicators["year"].between(newest + 1, 2019)
    )
    edition = score_edition(
        indicators[~gone], catalog=project.catalog, regions=project.registry.codes, year=2019
    )
    rows = edition.scores[edition.scores["code"] == "poverty_rate"].set_index("region_code")
    assert rows.loc["1101", "data_year_last"] == newest
    assert rows.loc["1101", "quality"] == grade
    assert ("old_data" in rows.loc["1101", "quality_reason"]) == (grade == "B")
    disputed = "7502"  # config/corrections/bps_poverty.yml grades its figure of 2019 B
    assert (rows.drop(["1101", disputed])["quality"] == "A").all()


@EDITIONS
def test_coverage_of_the_index_is_of_all_eighteen_dimensions(editions: dict[int, Edition], year: int) -> None:
    index = editions[year].scores.query("level == 'index'")
    scored = index[index["score"].notna()]
    counts = scored["composition"].str.split("+").str.len()
    assert np.allclose(scored["coverage"], counts / N_DIMENSIONS, atol=CLOSE)
    assert scored["coverage"].max() == pytest.approx(9 / N_DIMENSIONS)
    assert not (scored["quality"] == "A").any()
    assert (scored.loc[counts < 9, "quality"] == "C").all()


@EDITIONS
def test_coverage_of_a_pillar_is_of_its_three_dimensions(
    project: Project, editions: dict[int, Edition], year: int
) -> None:
    scores = editions[year].scores
    dimensions = scores[scores["level"] == "dimension"].assign(
        pillar=lambda table: table["code"].map(project.catalog.pillar_of)
    )
    present = dimensions["score"].notna().groupby([dimensions["region_code"], dimensions["pillar"]]).sum()
    pillars = scores[scores["level"] == "pillar"].set_index(["region_code", "code"])["coverage"]
    expected = (present / 3).rename_axis(["region_code", "code"]).reindex(pillars.index)
    assert np.allclose(pillars, expected, atol=CLOSE)


@EDITIONS
def test_scores_held_at_a_goalpost_say_so(editions: dict[int, Edition], year: int) -> None:
    scores = editions[year].scores
    own = scores[(scores["level"] == "indicator") & scores["score"].notna()]
    held = own["quality_reason"].str.contains("capped_at_goalpost")
    assert (held == (own["capped"] > 0)).all()
    assert held.any()
