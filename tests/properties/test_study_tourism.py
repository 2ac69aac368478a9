"""A file of tourism dependence that somebody brings: one row of the plan uses it, and says so while there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evaluation.cli import main
from evaluation.studies import processed
from evaluation.studies.impact_fits import RowFit, fit_row
from evaluation.studies.panels import StudyData, study_data
from evaluation.studies.project import Project

ROW, DESIGN, INDICATOR = "with_tourism_dependence", "joiners_2021", "accommodation_food_share"
SAME_ARITHMETIC = 1e-9


def fit_of(data: StudyData, row: str) -> RowFit:
    plan = data.plan
    return fit_row(data, design=plan.design(DESIGN), row=plan.row(row), outcome=plan.outcome("poverty_rate"))


def invented(regions: list[str]) -> pd.DataFrame:
    """Shares of two years from the digits of a region's code: invented, and nobody's."""
    rows = [
        (code, year, 1 + int(code) % 17 + 0.5 * (year == 2019)) for code in regions for year in (2018, 2019)
    ]
    table = pd.DataFrame(rows, columns=["region_code", "year", "value"])
    return table.assign(variable=INDICATOR, unit="percent of GRDP", quality="B")


def test_without_a_file_the_row_says_that_there_are_no_data(project: Project) -> None:
    data = study_data(project, processed.indicators(project), project.study_plan)
    if len(data.figures[INDICATOR]):
        pytest.skip("somebody has brought figures of tourism dependence")
    fit = fit_of(data, ROW)
    assert fit.status == "not_estimable:no_data:"
    assert fit.result is None


@pytest.fixture
def brought(project_copy: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Project:
    """Return a project to which an invented file was added by the command that people use."""
    path = tmp_path / "tourism.csv"
    columns = ["region_code", "year", "variable", "value", "unit", "quality"]
    invented(list(project_copy.registry.codes))[columns].to_csv(path, index=False)
    arguments = ["--project", str(project_copy.root), "data", "add", str(path)]
    code = main([*arguments, "--source", "regional_offices", "--code-system", "bps_2021", "--yes", "--json"])
    answer = capsys.readouterr()
    assert code == 0, answer.err
    assert json.loads(answer.out)
    return Project(root=project_copy.root)


def test_a_file_that_was_brought_is_conditioned_on(brought: Project) -> None:
    data = study_data(brought, processed.indicators(brought), brought.study_plan)
    fit, headline = fit_of(data, ROW), fit_of(data, "conditional")
    assert fit.status == ""
    assert set(fit.panel.covariates) - set(headline.panel.covariates) == {"tourism_dependence"}
    expected = invented(list(data.units.index)).groupby("region_code")["value"].mean()
    found = fit.panel.table.drop_duplicates("region_code").set_index("region_code")["tourism_dependence"]
    pd.testing.assert_series_equal(
        found, expected.reindex(found.index), check_names=False, rtol=SAME_ARITHMETIC
    )
    one, other = fit.average.overall, headline.average.overall
    assert one["n_treated"] == other["n_treated"]
    assert one["estimate"] != pytest.approx(other["estimate"], abs=SAME_ARITHMETIC)
