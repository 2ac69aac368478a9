"""A change makes exactly the pages again that used what changed, and the result is that of a whole run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from small_notebooks import REPO, make_project, publish_with_fingerprint, report, write_notebook

from evaluation.execution import kernels, surroundings
from evaluation.execution.assessment import assess
from evaluation.execution.plan import build_plan
from evaluation.execution.records import RECORDS_NAME, RecordBook
from evaluation.execution.runner import TABLES, RunSummary, run_plan
from evaluation.reporting import words
from evaluation.studies.project import Project

pytestmark = pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")

REGIONS = ["1101", "1102", "1103"]
SAID = "Overview"
COUNTED = """
from functools import cache
from pathlib import Path

@cache
def analyse(code):
    with Path("calls.txt").open("a") as calls:
        calls.write(code + " ")
    return int(Path(f"values/{code}.txt").read_text()) + int(Path("../data/processed/total.txt").read_text())
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project" / "notebooks"
    write_notebook(
        folder / "01_total.ipynb",
        "from pathlib import Path",
        "total = sum(int(path.read_text()) for path in sorted(Path('values').glob('*.txt')))",
        "Path('../data/processed/total.txt').write_text(str(total // 100)); print(total)",
    )
    write_notebook(
        folder / "02_region.ipynb",
        "import counted",
        "print(language, region_code, counted.analyse(region_code), factor)",
        parameters="region_code: str = '0000'\nlanguage: str = 'id'  # one of: id, en\nfactor: int = 1",
    )
    write_notebook(
        folder / "03_names.ipynb",
        "from pathlib import Path; from evaluation.studies.project import Project",
        "print(Project(root=Path('..').resolve()).registry.by_code['name'].iloc[0])",
    )
    write_notebook(folder / "04_chart.ipynb", "import evaluation.charts.frame", "print('chart')")
    write_notebook(
        folder / "05_words.ipynb",
        "from evaluation.reporting.words import Words",
        f"print(Words('id').say({SAID!r}))",
    )
    (folder / "counted.py").write_text(COUNTED)
    (folder / "values").mkdir()
    for number, code in enumerate(REGIONS):
        (folder / "values" / f"{code}.txt").write_text(str(number))
    page = "{language}/region/{region_code}.html"
    reports = {
        "total": report("01_total", writes=["total.txt"]),
        "region": report("02_region", output=page, each="region", languages=["id", "en"], after=["total"]),
        "names": report("03_names"),
        "chart": report("04_chart"),
        "words": report("05_words"),
    }
    shutil.copytree(REPO / "config", tmp_path / "project" / "config")
    return make_project(tmp_path / "project", reports)


def run(project: Project, **options: Any) -> RunSummary:
    chosen = {key: options.pop(key) for key in ("languages", "force", "notebook") if key in options}
    plan = build_plan(project, regions=REGIONS, **chosen)
    return run_plan(plan, project, **{"jobs": 2, "publish": publish_with_fingerprint, **options})


def made(summary: RunSummary) -> set[str]:
    assert not summary.not_made
    return {record.target for record in summary.records if record.status == "ok"} - {TABLES}


def reasons(project: Project) -> dict[str, list[str]]:
    plan = build_plan(project, regions=REGIONS)
    rows = assess(plan, project, ask=True).as_rows(project.root)
    return {row["target"]: row["reasons"] for row in rows if row["state"] != "up to date"}


def pages(project: Project) -> dict[str, bytes]:
    root = project.reports_dir
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.html"))}


def assert_as_if_made_anew(project: Project) -> None:
    """Compare all pages with those of a whole run in another folder."""
    anew = Project(root=project.root.parent / "anew")
    shutil.copytree(project.root, anew.root, ignore=lambda folder, names: {"reports", "processed"} & {*names})
    anew.processed_dir.mkdir()
    run(anew)
    assert pages(project) == pages(anew)


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("a process was started")


def test_with_nothing_changed_nothing_is_started(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(made(run(project))) == 10
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}
    for module in ("pool", "present"):
        monkeypatch.setattr(f"evaluation.execution.{module}.start_process", refuse)
    summary = run(project)
    assert summary.standing == 10
    assert summary.made == 0
    assert reasons(project) == {}
    assert {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()} == before


def test_one_regions_value_makes_its_pages_and_an_unmoved_total_no_others(project: Project) -> None:
    run(project)
    edit(project.notebooks_dir / "values" / "1102.txt", lambda _: "7")
    found = reasons(project)
    assert found["total:id"] == ["file changed: notebooks/values/1102.txt"]
    assert found["region:id:1102"][0] == "file changed: notebooks/values/1102.txt"
    assert found["region:id:1101"] == ["may run: depends on total:id"]
    assert made(run(project)) == {"total:id", "region:id:1102", "region:en:1102"}
    assert_as_if_made_anew(project)


def test_a_total_that_moves_makes_all_that_print_it(project: Project) -> None:
    run(project)
    edit(project.notebooks_dir / "values" / "1102.txt", lambda _: "700")
    regional = {f"region:{language}:{code}" for language in ("id", "en") for code in REGIONS}
    assert made(run(project)) == {"total:id", *regional}
    assert_as_if_made_anew(project)


def test_a_setting_makes_the_pages_that_read_it(project: Project) -> None:
    run(project)
    edit(project.config_dir / "regions.csv", lambda text: text.replace("Simeulue", "Simeuluë"))
    assert reasons(project) == {"names:id": ["data changed: config:registry"]}
    assert made(run(project)) == {"names:id"}
    assert reasons(project) == {}
    assert_as_if_made_anew(project)


def test_one_parameter_makes_the_pages_that_take_it(project: Project) -> None:
    run(project)
    path = project.config_dir / "reports.yml"
    content = yaml.safe_load(path.read_text())
    content["reports"]["region"]["parameters"] = {"factor": 2}
    path.write_text(yaml.safe_dump(content))
    assert reasons(project)["region:en:1101"] == ["parameter factor absent -> 2"]
    assert len(made(run(project))) == 6
    assert_as_if_made_anew(project)


def test_a_changed_cell_makes_its_pages_and_a_kept_output_none(project: Project) -> None:
    run(project)
    path = project.notebooks_dir / "04_chart.ipynb"
    edit(path, lambda text: text.replace('"execution_count": null', '"execution_count": 7'))
    assert reasons(project) == {}
    edit(path, lambda text: text.replace("'chart'", "'charts'"))
    assert reasons(project) == {"chart:id": ["notebook changed"]}
    assert made(run(project)) == {"chart:id"}
    assert_as_if_made_anew(project)


def test_a_module_beside_the_notebook_makes_the_pages_that_import_it(project: Project) -> None:
    run(project)
    edit(project.notebooks_dir / "counted.py", lambda text: text.replace("+ int(", "- int("))
    assert {name.split(":")[0] for name in reasons(project)} == {"region"}
    assert len(made(run(project))) == 6
    assert_as_if_made_anew(project)


def test_one_function_of_the_library_makes_the_pages_that_loaded_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    name = "evaluation/charts/frame.py"
    real = surroundings.code_states()
    monkeypatch.setattr(surroundings, "code_states", lambda: {**real, name: "edited"})
    assert reasons(project) == {"chart:id": [f"code changed: {name}"]}
    assert made(run(project)) == {"chart:id"}
    assert reasons(project) == {}


def test_a_module_that_no_page_uses_makes_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run(project)
    real = surroundings.code_states()
    others = {"evaluation/cli/reports.py": "edited", "evaluation/execution/pool.py": "edited"}
    monkeypatch.setattr(surroundings, "code_states", lambda: {**real, **others})
    assert reasons(project) == {}


def test_a_new_version_of_a_package_makes_all_pages(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    real = surroundings.versions()
    monkeypatch.setattr(surroundings, "versions", lambda: {**real, "pandas": "9.9"})
    found = reasons(project)
    assert len(found) == 10
    assert found["chart:id"] == [f"package pandas {real['pandas']} -> 9.9"]


def test_one_translated_sentence_makes_the_pages_that_say_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    real, messages = surroundings.code_states(), words.read_messages("id")
    catalogue = "evaluation/reporting/locale/id.po"
    monkeypatch.setattr(surroundings, "code_states", lambda: {**real, catalogue: "edited"})
    monkeypatch.setattr(words, "read_messages", lambda language: {**messages, "Impact": "other words"})
    assert reasons(project) == {}
    monkeypatch.setattr(words, "read_messages", lambda language: {**messages, SAID: "other words"})
    assert reasons(project) == {"words:id": [f"message changed: {SAID!r}"]}


def test_a_page_that_was_edited_or_removed_is_made_again(project: Project) -> None:
    run(project)
    before = pages(project)
    edit(project.reports_dir / "id" / "04_chart.html", lambda text: text + "by hand")
    (project.reports_dir / "id" / "03_names.html").unlink()
    assert reasons(project) == {
        "chart:id": ["output was changed since it was made"],
        "names:id": ["output is absent"],
    }
    assert made(run(project)) == {"chart:id", "names:id"}
    assert pages(project) == before


def test_a_page_that_was_only_touched_is_not(project: Project) -> None:
    run(project)
    (project.reports_dir / "id" / "04_chart.html").touch()
    assert made(run(project)) == set()


def test_two_languages_come_from_one_analysis_and_are_those_of_two(project: Project) -> None:
    run(project)
    calls = project.notebooks_dir / "calls.txt"
    assert sorted(calls.read_text().split()) == REGIONS
    both = pages(project)
    assert b"en 1101" in both["en/region/1101.html"]
    shutil.rmtree(project.reports_dir)
    run(project, languages=["en"])
    assert not (project.reports_dir / "id" / "region").exists()
    run(project, languages=["id"])
    assert pages(project) == both


def test_the_fingerprint_does_not_depend_on_the_engine(project: Project) -> None:
    options: dict[str, Any] = {"notebook": "02_region", "force": True}
    run(project, **options)
    warm = pages(project)
    summary = run(project, engine="ordinary", **options)
    assert summary.paths == ("ordinary",)
    assert pages(project) == warm
    assert reasons(project).keys() <= {"names:id", "chart:id", "words:id"}


def test_what_a_user_asks_for_by_parameters_is_made_although_it_stands(project: Project) -> None:
    run(project)
    plan = build_plan(project, notebook="02_region", parameters=[("region_code", "1101")])
    assert {target.name: target.forced for target in plan.targets} == {
        "total:id": False,
        "region:id:1101": True,
        "region:en:1101": True,
    }
    summary = run_plan(plan, project, jobs=1, publish=publish_with_fingerprint)
    assert made(summary) == {"region:id:1101", "region:en:1101"}


def test_records_survive_a_line_that_was_left_in_part(project: Project) -> None:
    run(project)
    path = project.processed_dir / RECORDS_NAME
    whole = path.read_bytes()
    names = set(RecordBook(project.processed_dir).records)
    last = whole.rstrip(b"\n").rsplit(b"\n", 1)[1]
    path.write_bytes(whole[: -len(last) // 2])
    lost = names - set(RecordBook(project.processed_dir).records)
    assert len(lost) == 1
    assert made(run(project)) == lost
    assert set(RecordBook(project.processed_dir).records) == names
    assert reasons(project) == {}


def test_records_are_written_anew_when_most_lines_are_of_no_more_use(project: Project) -> None:
    for _ in range(4):
        run(project, notebook="04_chart", force=True)
    assert len((project.processed_dir / RECORDS_NAME).read_text().splitlines()) < 20
    assert set(RecordBook(project.processed_dir).records) == {"chart:id"}
