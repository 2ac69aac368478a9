"""The commands that look and change nothing say what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from killed_runs import PAGES, REGIONS, make_slow_project, run_to_end
from small_notebooks import REPO, publish_plainly

from evaluation import cli
from evaluation.cli import reports as cli_reports
from evaluation.execution import kernels
from evaluation.execution.assessment import assess
from evaluation.execution.difference import difference
from evaluation.execution.manifest import commit
from evaluation.execution.plan import build_plan
from evaluation.execution.verify import choose_sample, verify
from evaluation.provenance import sha256_file
from evaluation.schema import ESTIMATES, SCORES
from evaluation.studies.project import Project

needs_fork = pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_slow_project(tmp_path_factory.mktemp("made"))
    run_to_end(project)
    return project


@needs_fork
def test_status_counts_what_stands(made: Project, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--project", str(made.root), "status", "--region", ",".join([*REGIONS, "3404"]), "--json"]
    assert cli.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["targets"], found["up to date"], found["absent"]) == (PAGES + 1, PAGES, 1)
    assert found["last_run"]["made"] == PAGES
    assert cli.main(words[:-1]) == 0
    assert re.search(r"up to date +7\n", capsys.readouterr().out)


@needs_fork
def test_the_manifest_says_what_was_made_from_what(made: Project) -> None:
    content = json.loads((made.processed_dir / "manifest.json").read_text())
    page = content["pages"]["region:id:1101"]
    assert page["file"] == "reports/id/region/1101.html"
    assert page["parameters"] == {"region_code": "1101"}
    assert page["bytes"] == (made.root / page["file"]).stat().st_size
    assert re.fullmatch("[0-9a-f]{12}", page["fingerprint"])
    # this page links to none that comes and goes while it is made; that one has no links to strip
    alone = content["pages"]["total:id"]
    assert alone["sha256_without_links"] == sha256_file(made.root / alone["file"])
    assert content["packages"]["pandas"] == pd.__version__


@needs_fork
def test_the_report_of_a_run_asks_for_nothing(made: Project) -> None:
    html = (made.processed_dir / "run.html").read_text()
    assert "default-src 'none'" in html
    assert html.count("<rect") == PAGES
    assert "region:id:1106" in html
    assert not re.search(r"https?://|<script", html)


@needs_fork
def test_verify_finds_a_page_that_its_inputs_do_not_give(made: Project) -> None:
    plan = build_plan(made, regions=REGIONS)
    freshness = assess(plan, made).freshness
    names = {"region:id:1101", "region:id:1102"}
    sample = [target for target in plan.targets if target.name in names]
    path = made.reports_dir / "id" / "region" / "1102.html"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"1102 of 21", b"1102 of 22"))
    found = verify(sample, plan, made, freshness=freshness, jobs=2, publish=publish_plainly)
    path.write_bytes(before)
    assert {one.target: (one.outcome, one.detail) for one in found} == {
        "region:id:1101": ("same", ""),
        "region:id:1102": ("different", "first in line 1"),
    }


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    targets = build_plan(Project(root=REPO)).targets
    samples = [choose_sample(targets, size=5, seed=seed) for seed in (1, 1, 2)]
    assert samples[0] == samples[1] != samples[2]
    assert len(samples[0]) == 5
    assert choose_sample(targets, size=None, seed=1) == list(targets)


def scores(*rows: tuple[str, float]) -> pd.DataFrame:
    fixed = {"spec": "main", "year": 2024, "level": "pillar", "code": "living"}
    table = pd.DataFrame([{**fixed, "region_code": code, "score": score} for code, score in rows])
    return table[[*SCORES.key, "score"]]


def test_the_difference_is_every_published_number_that_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nan = float("nan")
    sides = {
        "old": scores(("1101", 50.0), ("1102", 60.0), ("1103", nan), ("1104", 10.0)),
        "new": scores(("1101", 50.0), ("1102", 55.0), ("1103", nan), ("1105", 20.0)),
    }
    for name, table in sides.items():
        (tmp_path / name).mkdir()
        table.to_parquet(tmp_path / name / "scores.parquet")
    changed = difference(tmp_path / "old", tmp_path / "new")
    assert [key.split()[1] for key in changed["key"]] == ["1102", "1104", "1105"]
    assert changed["change"].iloc[0] == -5.0
    assert changed["new"].isna().tolist() == [False, True, False]
    assert cli.main(["diff", str(tmp_path / "old"), str(tmp_path / "new"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert cli.main(["diff", str(tmp_path / "old"), str(tmp_path)]) == 2
    assert "has no scores.parquet" in capsys.readouterr().err
    assert set(ESTIMATES.key) >= {"design", "outcome"}


def test_the_commit_is_read_from_files(tmp_path: Path) -> None:
    assert commit(tmp_path) == ""
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nabc123 refs/heads/main\n")
    assert commit(tmp_path) == "abc123"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text("def456\n")
    assert commit(tmp_path) == "def456"
    (git / "HEAD").write_text("0123\n")
    assert commit(tmp_path) == "0123"


def test_a_full_disk_is_told_and_is_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device", "records.jsonl")

    monkeypatch.setattr(cli_reports, "_check", full)
    assert cli.main(["check"]) == 4
    said = capsys.readouterr().err
    assert "Nothing more can be written records.jsonl: No space left on device" in said
    assert "defect" not in said
