"""Which lists of participants are incomplete is a read of its own: the pages that print it hang on it alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evaluation.studies import reads
from evaluation.studies.project import Project
from evaluation.studies.rosters import INCOMPLETE_YEARS, incomplete_years
from evaluation.studies.states import current


@pytest.fixture
def own_project(project: Project, tmp_path: Path) -> Project:
    shutil.copytree(project.root / "config", tmp_path / "config")
    return Project(root=tmp_path)


def without_entries(root: Path, joined: int, *, keep: int) -> None:
    """Drop all but the first entries of a year from the lists."""
    path = root / "config" / "cohorts.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    of_year = [row for row in rows if f",{joined}," in row]
    path.write_text(header + "".join(row for row in rows if row not in of_year[keep:]), encoding="utf-8")


def noted(project: Project) -> str:
    reads.begin()
    incomplete_years(project)
    return reads.recorded()[INCOMPLETE_YEARS]


def test_the_years_are_those_whose_lists_fall_short_by_more_than_a_tenth(project: Project) -> None:
    assert incomplete_years(project) == (2022, 2023)


def test_a_list_that_falls_short_changes_what_pages_noted(own_project: Project, project: Project) -> None:
    before = noted(project)
    without_entries(own_project.root, 2019, keep=10)
    assert incomplete_years(own_project) == (2019, 2022, 2023)
    assert current(own_project, [INCOMPLETE_YEARS])[INCOMPLETE_YEARS] != before


def test_one_entry_fewer_of_a_list_already_short_changes_nothing(
    own_project: Project, project: Project
) -> None:
    without_entries(own_project.root, 2022, keep=20)
    assert noted(own_project) == noted(project) == current(own_project, [INCOMPLETE_YEARS])[INCOMPLETE_YEARS]
