"""Figures that a region's own office filled in stand beside the scores, and no longer among what is missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from evaluation.reporting.labels import Labels
from evaluation.reporting.region_tables import beside_table, missing_table
from evaluation.studies.project import Project

SHOWN = ["indicator", "pillar", "value", "data_year", "quality", "peer_median"]


def report(project: Project, *rows: tuple[Any, ...], language: Any = "en") -> Any:
    """Return what the two tables read of a region's report."""
    beside = pd.DataFrame(rows, columns=SHOWN)
    return SimpleNamespace(labels=Labels(project, language), profile=SimpleNamespace(beside=beside))


COMPOSITE = ("spbe_index", "governance", 3.9, 2024, "A", 3.1)
OWN = ("iklh", "environment", 55.25, 2023, "B", float("nan"))


@pytest.mark.parametrize("language", ["id", "en"])
def test_an_own_figure_is_shown_with_year_and_grade_and_told_apart(project: Project, language: Any) -> None:
    with_own = beside_table(report(project, COMPOSITE, OWN, language=language))
    without = beside_table(report(project, COMPOSITE, language=language))
    title = project.catalog.indicators["iklh"].title.get(language)
    assert title in with_own.html  # type: ignore[union-attr]
    assert "grade-b" in with_own.html  # type: ignore[union-attr]
    assert with_own.caption != without.caption  # type: ignore[union-attr]


def test_an_indicator_that_the_region_filled_in_is_no_longer_missing_there(project: Project) -> None:
    title = project.catalog.indicators["iklh"].title.en
    assert title in missing_table(report(project, COMPOSITE)).html
    assert title not in missing_table(report(project, COMPOSITE, OWN)).html


def test_wanted_indicators_are_never_scored(project: Project) -> None:
    wanted = {indicator.code for indicator in project.catalog.with_use("wanted")}
    scored = {indicator.code for indicator in project.catalog.with_use("scored")}
    assert wanted
    assert not wanted & scored
    for indicator in project.catalog.with_use("wanted"):
        assert set(indicator.sources()) <= {"regional_offices"}
