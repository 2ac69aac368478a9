"""Unknown, ill-typed, impossible parameters and a faulty list of reports are refused before anything runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

from small_notebooks import REPO, make_project, report, write_notebook

from evaluation.cli import build_parser, main
from evaluation.errors import BadInputError, UsageError
from evaluation.execution.parameters import parse_parameters, read_parameters
from evaluation.execution.plan import Plan, build_plan
from evaluation.execution.reports import load_reports
from evaluation.studies.project import Project

PARAMETERS = """
region_code: str = "1101"  # BPS code, four digits
year: int = 2024  # edition, one of: 2019, 2024
language: str = "id"  # one of: id, en
share: float = 0.5  # of the peers shown
show_map: bool = True
codes: list = ["1101"]
plain = 3
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    names = ("01_tables", "05_region")
    for name in names:
        write_notebook(tmp_path / "notebooks" / f"{name}.ipynb", "print(year)", parameters=PARAMETERS)
    reports = {
        "tables": report("01_tables", languages=["id", "en"], writes=["tables.parquet"]),
        "region": report(
            "05_region", output="{language}/region/{region_code}.html", each="region", after=["tables"]
        ),
    }
    return make_project(tmp_path, reports)


def plan(project: Project, *pairs: tuple[str, str], **options: Any) -> Plan:
    return build_plan(project, notebook=options.pop("notebook", "05_region"), parameters=pairs, **options)


def test_values_keep_the_type_that_the_notebook_declares(project: Project) -> None:
    declared = read_parameters(project.notebooks_dir / "05_region.ipynb")
    given = [("region_code", "0001"), ("year", "2019"), ("share", "1"), ("show_map", "false"), ("plain", "4")]
    values = parse_parameters([*given, ("codes", "1101,0102")], declared, notebook="05_region")
    assert values == {
        "region_code": "0001",
        "year": 2019,
        "share": 1.0,
        "show_map": False,
        "plain": 4,
        "codes": ["1101", "0102"],
    }
    assert isinstance(values["share"], float)


def test_everything_wrong_is_said_at_once_with_the_parameters_there_are(project: Project) -> None:
    given = [
        ("yaer", "2024"),
        ("year", "last"),
        ("language", "fr"),
        ("api_token", "x"),
        ("show_map", "maybe"),
    ]
    with pytest.raises(UsageError) as refused:
        plan(project, *given)
    message = str(refused.value)
    assert "there is no parameter yaer; did you mean year?" in message
    assert "year must be of type int; got: 'last'" in message
    assert "language must be one of id, en; got: 'fr'" in message
    assert "api_token looks like a secret" in message
    assert "show_map must be of type bool; got: 'maybe'" in message
    assert "year: int (default 2024, one of: 2019, 2024)" in message
    assert refused.value.exit_code == 2


def test_a_value_that_is_not_allowed_is_refused(project: Project) -> None:
    with pytest.raises(UsageError, match="year must be one of 2019, 2024; got: 2021"):
        plan(project, ("year", "2021"))


@pytest.mark.parametrize("pairs", [[("year", "2019"), ("year", "2024")]])
def test_a_parameter_given_twice_is_refused(project: Project, pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(UsageError, match="year is given twice"):
        plan(project, *pairs)


def test_unknown_regions_are_refused_with_the_nearest_code(project: Project) -> None:
    with pytest.raises(UsageError, match="1100; did you mean") as refused:
        plan(project, regions=["1101", "1100"])
    assert "config/regions.csv" in str(refused.value)
    with pytest.raises(UsageError, match="11011"):
        plan(project, ("region_code", "11011"))


def test_an_edition_that_is_not_configured_is_refused() -> None:
    with pytest.raises(UsageError, match=r"edition must be one of 2019, 2024 .*; got: 2021"):
        plan(Project(root=REPO), ("edition", "2021"), notebook="05_region_report")


def test_contradicting_options_are_refused(project: Project) -> None:
    with pytest.raises(UsageError, match="contradict"):
        plan(project, ("region_code", "1101"), regions=["1102"])


def test_a_parameter_needs_its_notebook(project: Project) -> None:
    with pytest.raises(UsageError, match="-p needs a notebook"):
        build_plan(project, parameters=[("year", "2019")])


@pytest.mark.parametrize("name", ["05_regoin", "notebooks/05_regoin.ipynb"])
def test_an_unknown_notebook_is_refused_with_the_nearest_name(project: Project, name: str) -> None:
    with pytest.raises(UsageError, match="did you mean 05_region"):
        plan(project, notebook=name)


def test_a_language_without_pages_is_refused(project: Project) -> None:
    with pytest.raises(UsageError, match="Nothing to make"):
        plan(project, languages=["en"])
    with pytest.raises(UsageError, match="Unknown language fr"):
        plan(project, languages=["fr"])


def test_one_region_brings_the_tables_it_needs_and_nothing_else(project: Project) -> None:
    made = plan(project, ("region_code", "3404"), ("year", "2019"))
    assert [target.name for target in made.targets] == ["tables:id", "region:id:3404:year-2019"]
    page = made.targets[-1]
    assert page.parameters == {"region_code": "3404", "year": 2019, "language": "id"}
    assert page.output == project.reports_dir / "id" / "region" / "3404-year-2019.html"
    assert page.after == ("tables:id",)


def test_a_whole_run_has_all_pages_in_order(project: Project) -> None:
    targets = build_plan(project).targets
    assert [target.name for target in targets[:2]] == ["tables:id", "tables:en"]
    assert len(targets) == 2 + 514
    assert targets[0].group == targets[1].group
    assert set(targets[-1].after) == {"tables:id", "tables:en"}
    assert [target.report for target in build_plan(project, only="national").targets] == ["tables"] * 2


def test_a_parameter_may_have_another_name(project: Project) -> None:
    reports = {
        "region": report("05_region", output="{region_code}.html", each="region", aliases={"edition": "year"})
    }
    aliased = make_project(project.root, reports)
    (target,) = plan(aliased, ("region_code", "3404"), ("edition", "2019")).targets
    assert target.parameters["year"] == 2019
    assert target.forced
    with pytest.raises(UsageError, match="there is no parameter editoin; did you mean edition"):
        plan(aliased, ("editoin", "2019"))
    with pytest.raises(UsageError, match="year is given twice"):
        plan(aliased, ("edition", "2019"), ("year", "2024"))


def test_the_pages_own_notebook_takes_a_year_for_its_edition() -> None:
    project, code = Project(root=REPO), ("region_code", "3404")
    targets = plan(project, code, ("year", "2019"), notebook="05_region_report").targets
    names = [target.name for target in targets]
    assert names == ["region:id:3404:edition-2019", "region:en:3404:edition-2019"]
    assert all(target.parameters["edition"] == 2019 for target in targets)


def test_a_value_typed_that_is_the_standard_one_changes_no_page() -> None:
    project, code = Project(root=REPO), ("region_code", "3404")
    typed = plan(project, code, ("year", "2024"), notebook="05_region_report").targets
    assert typed == plan(project, code, notebook="05_region_report").targets
    standard = build_plan(project, notebook="05_region_report", regions=["3404"]).targets
    assert [target.parameters for target in typed] == [target.parameters for target in standard]


def rows(project: Project, text: str) -> Path:
    path = project.root / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_gives_a_row_of_parameters_for_each_page(project: Project) -> None:
    path = rows(project, "region_code,year,share\n1101,2019,0.25\n1102,2024,\n")
    made = build_plan(project, notebook="05_region", rows=path).targets[1:]
    assert [(t.name, t.parameters.get("year"), t.parameters.get("share")) for t in made] == [
        ("region:id:1101:share-0.25:year-2019", 2019, 0.25),
        ("region:id:1102", None, None),
    ]


def test_all_bad_rows_of_a_file_are_told_at_once(project: Project) -> None:
    path = rows(project, "region_code,year\n1101,2019\n1100,2019\n1102,soon\n1103,2024\n")
    with pytest.raises(BadInputError) as refused:
        build_plan(project, notebook="05_region", rows=path)
    message = str(refused.value)
    assert "rows.csv, row 3" in message
    assert "1100; did you mean" in message
    assert "row 4" in message
    assert "year must be of type int; got: 'soon'" in message
    assert "row 2" not in message
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region_code,yaer\n1101,2019\n", "there is no parameter yaer; did you mean year"),
        ("region_code\n1101\n1101\n", "row 3: makes the same page as row 2"),
        ("region_code,year\n1101,2024\n1101,\n", "row 3: makes the same page as row 2"),
        ("region_code\n1101,2\n", "more cells than the header"),
        ("region_code\n", "no row below its header"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(project: Project, text: str, expected: str) -> None:
    with pytest.raises(BadInputError, match=expected):
        build_plan(project, notebook="05_region", rows=rows(project, text))
    with pytest.raises(BadInputError, match="not readable"):
        build_plan(project, notebook="05_region", rows=project.root / "none.csv")


def test_a_faulty_list_of_reports_is_refused_with_all_faults(project: Project) -> None:
    reports = {
        "tables": report("01_tabels", after=["region"]),
        "region": report("05_region", each="region", after=["tables", "none"]),
        "twice": report("01_tables", output="{language}/05_region.html", parameters={"yaer": 1, "year": "x"}),
        "both": report("01_tables", languages=["id", "fr"], output={"id": "both.html"}, after=["both"]),
    }
    faulty = make_project(project.root, reports)
    with pytest.raises(BadInputError) as refused:
        load_reports(faulty.config_dir, faulty.notebooks_dir)
    message = str(refused.value)
    for expected in (
        "no notebook '01_tabels'; did you mean 01_tables",
        "output must name {region_code}",
        "after names no report: 'none'",
        "has no parameter 'yaer'; did you mean year",
        "year must be of type int; got: 'x'",
        "unknown language 'fr'",
        "no output for language 'fr'",
        "is also made by region (id)",
        "each waits for the next: both -> both",
        "config/reports.yml",
    ):
        assert expected in message
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "the file is not there"),
        ("reports: [", "this is not YAML"),
        ("", "the file is empty"),
        ("reports: {}\nreports: {}", "'reports' stands twice in one block"),
        ("reports: {a: {notebook: x, notebook: y}}", "'notebook' stands twice in one block"),
        ("pages: {}", "it must hold a mapping `reports`"),
        ("reports: {a: {notebok: x}}", "unknown entry 'notebok'; did you mean notebook"),
        ("reports: {a: 3}", "must be a mapping"),
        ("reports: {}\ntime_limit_seconds: -1", "above zero"),
        (
            "reports: {a: {time_limit_seconds: yes}}",
            "time_limit_seconds must be a number above zero; got: True",
        ),
        ("reports: {a: {time_limit_seconds: .inf}}", "time_limit_seconds must be a number above zero"),
        (
            "reports: {a: {notebook: 01_tables, languages: id, output: '../x'}}",
            "languages must be a list of texts; got: 'id'",
        ),
        (
            "reports: {a: {notebook: 01_tables, languages: [id], output: '../x.html'}}",
            "output must lie below reports/",
        ),
        (
            "reports: {a: {notebook: 01_tables, languages: [id], output: '{month}.html', each: month}}",
            "each must be one of region; got: 'month'",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_said(project: Project, content: str | None, expected: str) -> None:
    path = project.config_dir / "reports.yml"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInputError) as refused:
        load_reports(project.config_dir, project.notebooks_dir)
    assert expected in str(refused.value)


def test_a_broken_notebook_is_bad_configuration(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    for content in ("{", "[]", "{}", '{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'):
        (project.notebooks_dir / "05_region.ipynb").write_text(content)
        assert main(["--project", str(project.root), "plan"]) == 3
        assert "05_region.ipynb is not readable as a notebook" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["fly"], ["run", "--fast"], ["run", "--jobs", "0"], ["run", "--only", "us"], []]
)
def test_a_wrong_command_line_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(words)
    assert ended.value.code == 2


def test_a_folder_without_project_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--project", str(tmp_path), "plan"]) == 2
    assert "no project" in capsys.readouterr().err


def test_an_unreadable_panel_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = [
        "--outcome",
        "y",
        "--unit",
        "unit",
        "--time",
        "year",
        "--cohort",
        "cohort",
        "--out",
        str(tmp_path),
    ]
    assert main(["impact", "did", str(tmp_path / "none.csv"), *columns]) == 3
    (tmp_path / "empty.csv").write_text("")
    assert main(["impact", "did", str(tmp_path / "empty.csv"), *columns]) == 3
    assert "the file is empty" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom evaluation.cli import build_parser\nbuild_parser().format_help()\n"
        "print([name for name in ('pandas', 'numpy', 'papermill', 'rich', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_page_with_other_parameters_does_not_replace_the_standard_one(project: Project) -> None:
    standard = plan(project, ("region_code", "3404")).targets[-1]
    other = plan(project, ("region_code", "3404"), ("year", "2019")).targets[-1]
    assert standard.output != other.output
    assert standard.name != other.name
    assert standard.output == plan(project, ("region_code", "3404"), ("year", "2024")).targets[-1].output


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("34041", "3404 (Kabupaten Sleman)"),
        ("sleman", "3404 (Kabupaten Sleman)"),
        ("Kota Bandumg", "3273 (Kota Bandung)"),
        ("simuelue", "1101 (Kabupaten Simeulue)"),
    ],
)
def test_an_unknown_region_is_refused_with_the_nearest_by_code_or_name(typed: str, nearest: str) -> None:
    with pytest.raises(UsageError, match=re.escape(nearest)):
        build_plan(Project(root=REPO), regions=[typed])
    with pytest.raises(UsageError, match=re.escape(nearest)):
        plan(Project(root=REPO), ("region_code", typed), notebook="05_region_report")


def test_a_parameter_without_a_value_must_be_given(project: Project) -> None:
    path = project.notebooks_dir / "07_survey.ipynb"
    write_notebook(path, "print(wave, weight)", parameters="wave: int  # of the survey\nweight: float")
    reports = {
        "survey": report("07_survey"),
        "listed": report("07_survey", output="x.html", parameters={"wave": 1}),
    }
    survey = make_project(project.root, reports)
    with pytest.raises(UsageError) as refused:
        build_plan(survey, notebook="07_survey")
    message = str(refused.value)
    assert "wave: int (must be given)" in message
    assert "weight: float (must be given)" in message
    pairs = [("weight", "2.5"), ("wave", "3")]
    targets = build_plan(survey, notebook="survey", parameters=pairs).targets
    assert [dict(target.parameters) for target in targets] == [{"weight": 2.5, "wave": 3}]
    with pytest.raises(UsageError, match="wave must be of type int; got: 'x'"):
        build_plan(survey, notebook="survey", parameters=[("wave", "x")])


def test_a_region_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(UsageError) as refused:
        build_plan(Project(root=REPO), regions=["x", "3404"])
    assert str(refused.value).endswith("\n  x")
