"""What the series of constant composition promises, on the real data of the repository."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.studies import processed
from evaluation.studies.project import Project
from evaluation.studies.series import (
    ScoreSeries,
    score_series,
    series_changes,
    series_values,
)

EXACT = 1e-9
"""Contributions are exact up to the rounding of sums of numbers of the size of a score."""


@pytest.fixture(scope="module")
def series(project: Project) -> ScoreSeries:
    return score_series(
        processed.indicators(project), catalog=project.catalog, regions=project.registry.codes
    )


def test_the_composition_of_a_region_never_changes(series: ScoreSeries) -> None:
    for pillar in series.pillars:
        compositions = series.result.composition[pillar].groupby(level="region_code").nunique()
        assert (compositions == 1).all()
    assert {"governance", "environment"}.isdisjoint(series.pillars)


def test_a_region_that_lacks_one_year_has_none_of_the_indicator(
    project: Project, series: ScoreSeries
) -> None:
    indicators = processed.indicators(project)
    lacking = indicators[
        ~(
            (indicators["region_code"] == "3273")
            & (indicators["year"] == 2017)
            & (indicators["indicator"] == "poverty_rate")
        )
    ]
    again = score_series(lacking, catalog=project.catalog, regions=project.registry.codes)
    assert again.figures.loc["3273", "poverty_rate"].isna().all()
    others = series.figures.index.get_level_values("region_code") != "3273"
    pd.testing.assert_frame_equal(again.figures[others], series.figures[others])
    pd.testing.assert_frame_equal(again.result.scores[others], series.result.scores[others])


def test_a_later_year_leaves_earlier_scores_bit_equal(project: Project, series: ScoreSeries) -> None:
    indicators = processed.indicators(project)
    last = series.years[1]
    changed = indicators.copy()
    rows = (changed["year"] == last) & (changed["indicator"] == "poverty_rate")
    changed.loc[rows, "value"] = changed.loc[rows, "value"] / 2
    again = score_series(changed, catalog=project.catalog, regions=project.registry.codes)
    earlier = series.result.scores.index.get_level_values("year") < last
    pd.testing.assert_frame_equal(
        again.result.scores[earlier], series.result.scores[earlier], check_exact=True
    )
    assert not again.result.scores[~earlier].equals(series.result.scores[~earlier])


def test_only_indicators_of_one_method_enter(project: Project) -> None:
    first, last = project.catalog.framework.series.years
    for one in project.catalog.series_indicators():
        assert one.window_of(first) == one.window_of(last)
    codes = {one.code for one in project.catalog.series_indicators()}
    assert "life_expectancy" in codes
    assert "life_expectancy_lfsp2020" not in codes


def test_contributions_add_up_to_the_change(series: ScoreSeries) -> None:
    table = series_changes(series)
    sums = table.groupby(["region_code", "pillar"]).agg(
        parts=("contribution", "sum"), before=("score_before", "first"), after=("score_after", "first")
    )
    assert np.abs(sums["parts"] - (sums["after"] - sums["before"])).max() < EXACT
    first, last = (series.result.scores.xs(year, level="year") for year in series.years)
    for pillar in series.pillars:
        change = (last - first)[pillar].dropna()
        own = (sums["after"] - sums["before"]).xs(pillar, level="pillar")
        pd.testing.assert_series_equal(own, change, check_names=False, rtol=EXACT)


def test_a_contribution_has_the_sign_of_what_its_indicator_did(project: Project, series: ScoreSeries) -> None:
    table = series_changes(series)
    direction = table["indicator"].map(
        {code: one.direction for code, one in project.catalog.indicators.items()}
    )
    better = np.sign((table["value_after"] - table["value_before"]) * direction)
    moved = table["contribution"].abs() > EXACT
    assert (np.sign(table["contribution"]) == better)[moved].all()


def test_figures_of_the_lowest_grade_are_no_figures() -> None:
    table = pd.DataFrame(
        {
            "region_code": ["1101", "1101", "1102", "1102"],
            "year": [2014, 2015, 2014, 2015],
            "indicator": "poverty_rate",
            "value": [1.0, 2.0, 3.0, 4.0],
            "quality": ["A", "B", "A", "C"],
        }
    )
    wide = series_values(table, codes=("poverty_rate",), years=(2014, 2015), regions=("1101", "1102"))
    assert wide["poverty_rate"].fillna(0).tolist() == [1.0, 2.0, 0.0, 0.0]


def test_an_indicator_whose_method_changed_within_the_window_does_not_enter(project: Project) -> None:
    catalog = project.catalog
    first, last = catalog.framework.series.years
    poverty = catalog.indicators["poverty_rate"]
    halves = tuple(
        poverty.windows[0].model_copy(update={"years": years})
        for years in ((first, first + 2), (first + 3, last))
    )
    broken = poverty.model_copy(update={"windows": halves})
    assert broken.window_of(first) is not None
    assert broken.window_of(last) is not None
    other = replace(catalog, indicators={**catalog.indicators, "poverty_rate": broken})
    assert {one.code for one in catalog.series_indicators()} - {
        one.code for one in other.series_indicators()
    } == {"poverty_rate"}
