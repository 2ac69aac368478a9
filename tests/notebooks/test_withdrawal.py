"""Pages that no report makes any more go, and only those."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_notebooks import make_project, publish_plainly, report, write_notebook

from evaluation.execution import kernels
from evaluation.execution.inspection import show_plan
from evaluation.execution.plan import build_plan
from evaluation.execution.runner import RunSummary, run_plan
from evaluation.studies.project import Project

pytestmark = pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")

REGIONS = ["1101", "1102"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose pages were made: two regions in two languages, one with a year, and two others."""
    folder = tmp_path / "notebooks"
    for name in ("01_one", "02_two"):
        link = "'<a data-page=\"id/02_two.html\">two</a>'"
        write_notebook(folder / f"{name}.ipynb", f"print({name!r}, {link})")
    write_notebook(
        folder / "05_region.ipynb",
        "print(region_code, year, language)",
        parameters="region_code: str = '0'\nyear: int = 2024\nlanguage: str = 'id'",
    )
    page = "{language}/region/{region_code}.html"
    reports = {
        "one": report("01_one"),
        "two": report("02_two"),
        "region": report("05_region", output=page, each="region", languages=["id", "en"]),
    }
    made = make_project(tmp_path, reports)
    run(made)
    run(made, notebook="05_region", parameters=[("region_code", "1101"), ("year", "2019")])
    return made


def run(project: Project, **asked: Any) -> RunSummary:
    plan = build_plan(project, **{"regions": None if "parameters" in asked else REGIONS, **asked})
    summary = run_plan(plan, project, jobs=2, publish=publish_plainly)
    assert not summary.not_made
    return summary


def change(project: Project, **reports: dict[str, Any] | None) -> None:
    """Change entries of the list of reports; take out those that are None."""
    path = project.config_dir / "reports.yml"
    content = yaml.safe_load(path.read_text())
    for name, options in reports.items():
        entry = content["reports"].pop(name)
        if options is not None:
            content["reports"][name] = {**entry, **options}
    path.write_text(yaml.safe_dump(content))


def pages(project: Project) -> set[str]:
    return {path.relative_to(project.reports_dir).as_posix() for path in project.reports_dir.rglob("*.html")}


def outcomes(summary: RunSummary, status: str) -> set[str]:
    return {record.target for record in summary.records if record.status == status}


def test_a_run_with_the_same_list_removes_nothing(project: Project) -> None:
    before = pages(project)
    assert "id/region/1101-year-2019.html" in before
    assert run(project, notebook="01_one").standing == 1
    assert run(project).standing == 6
    assert pages(project) == before
    assert len(before) == 8


def test_the_page_of_a_report_that_is_gone_goes_with_its_links(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert b"href=" in (project.reports_dir / "id" / "01_one.html").read_bytes()
    before = pages(project)
    change(project, two=None)
    capsys.readouterr()
    show_plan(build_plan(project, regions=REGIONS), project, as_json=False)
    said = capsys.readouterr().out
    assert "two:id                       no longer in config/reports.yml" in said
    assert "1 would be removed" in said
    summary = run(project, notebook="01_one")
    assert pages(project) == before - {"id/02_two.html"}
    assert outcomes(summary, "removed") == {"two:id"}
    assert outcomes(summary, "ok") == set()
    assert (
        'target=two:id status=removed reason="no longer in config/reports.yml: reports/id/02_two.html"'
        in (capsys.readouterr().out)
    )
    assert b"href=" not in (project.reports_dir / "id" / "01_one.html").read_bytes()
    manifest = json.loads((project.processed_dir / "manifest.json").read_text())
    assert "two:id" not in manifest["pages"]
    again = run(project)
    assert (again.standing, len(again.records)) == (5, 5)


def test_a_language_that_is_gone_takes_all_its_pages_and_the_empty_folder(project: Project) -> None:
    change(project, region={"languages": ["id"]})
    summary = run(project)
    assert outcomes(summary, "removed") == {
        "region:en:1101", "region:en:1102", "region:en:1101:year-2019",
    }  # fmt: skip
    assert "id/region/1101-year-2019.html" in pages(project)
    assert not (project.reports_dir / "en").exists()


def test_a_page_that_moved_leaves_no_copy_where_it_was(project: Project) -> None:
    change(project, one={"output": "{language}/first.html"})
    summary = run(project)
    assert outcomes(summary, "ok") == outcomes(summary, "removed") == {"one:id"}
    assert "id/first.html" in pages(project)
    assert "id/01_one.html" not in pages(project)


def test_a_report_under_a_new_name_keeps_its_page(project: Project) -> None:
    path = project.config_dir / "reports.yml"
    path.write_text(path.read_text().replace("  two:\n", "  second:\n"))
    summary = run(project)
    assert outcomes(summary, "ok") == {"second:id"}
    assert outcomes(summary, "removed") == set()
    assert "id/02_two.html" in pages(project)


def test_a_page_that_somebody_changed_is_left_and_told_once(project: Project) -> None:
    page = project.reports_dir / "id" / "02_two.html"
    page.write_text("by hand")
    own = project.reports_dir / "id" / "notes.html"
    own.write_text("not made here")
    change(project, two=None)
    summary = run(project)
    (left,) = [record for record in summary.records if record.status == "left"]
    assert left.target == "two:id"
    assert "was changed since it was made" in left.reason
    assert page.read_text() == "by hand"
    assert own.read_text() == "not made here"
    assert outcomes(run(project), "left") == set()
