"""A run keeps going past failures, loses nothing that was there, and says how it ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_notebooks import REPO, is_running, make_project, publish_plainly, report, write_notebook

from evaluation import cli
from evaluation.cli import reports as cli_reports
from evaluation.errors import RunLockedError
from evaluation.execution import kernels, progress
from evaluation.execution.journal import read_journal
from evaluation.execution.lock import hold_lock
from evaluation.execution.plan import Plan, build_plan
from evaluation.execution.present import TablesFailedError, ask_in_child
from evaluation.execution.runner import RunSummary, run_plan
from evaluation.studies.project import Project

REGIONS = ["1101", "1102", "1103"]
LONGEST_WAIT = 120.0
"""Seconds for the start of a run, on a machine that does much else."""

REGION_CELLS = (
    "import json; from pathlib import Path",
    "print(region_code, Path('../data/processed/tables.json').read_text())",
    "if region_code == Path('broken.txt').read_text().strip():\n    raise KeyError(region_code)",
)
TABLE_CELLS = (
    "from pathlib import Path",
    "Path('../data/processed/tables.json').write_text(Path('value.txt').read_text()); print('tables')",
    "if Path('broken.txt').read_text() == 'tables':\n    raise ValueError('tables are wrong')",
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "notebooks"
    write_notebook(folder / "02_tables.ipynb", *TABLE_CELLS)
    write_notebook(folder / "05_region.ipynb", *REGION_CELLS, parameters="region_code: str = '0000'")
    write_notebook(folder / "01_alone.ipynb", "print('alone')")
    page = "{language}/region/{region_code}.html"
    reports = {
        "region": report("05_region", output=page, each="region", after=["tables"]),
        "tables": report("02_tables", writes=["tables.json"]),
        "alone": report("01_alone"),
    }
    set_state(folder, value="1")
    return make_project(tmp_path, reports)


def set_state(folder: Path, *, value: str, broken: str = "") -> None:
    (folder / "value.txt").write_text(value)
    (folder / "broken.txt").write_text(broken)


def plan(project: Project) -> Plan:
    return build_plan(project, regions=REGIONS)


def run(project: Project, **options: Any) -> RunSummary:
    return run_plan(plan(project), project, **{"jobs": 2, "publish": publish_plainly, **options})


def pages(project: Project) -> dict[str, bytes]:
    root = project.reports_dir
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.html"))}


def test_all_targets_are_made_in_order_on_the_fast_path(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = run(project)
    assert not summary.not_made
    assert pages(project)["id/region/1102.html"] == b"1102 1\n"
    assert set(pages(project)) == {
        "id/02_tables.html",
        "id/01_alone.html",
        *(f"id/region/{code}.html" for code in REGIONS),
    }
    if kernels.is_fork_safe():
        assert summary.paths == ("warm",)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all("status=ok seconds=" in line and 'reason="never made"' in line for line in lines)
    assert {line.split(" done=")[1] for line in lines} == {f"{number}/5" for number in range(1, 6)}
    content = json.loads((project.processed_dir / "run.json").read_text())
    assert content["made"] == 5
    assert {target["status"] for target in content["targets"]} == {"ok"}
    assert set(read_journal(project.processed_dir)) == {target.name for target in plan(project).targets}


def test_a_failed_target_never_stops_the_others(project: Project) -> None:
    run(project)
    before = pages(project)
    set_state(project.notebooks_dir, value="2", broken="1102")
    summary = run(project)
    after = pages(project)
    (failed,) = summary.not_made
    assert failed.target == "region:id:1102"
    assert "KeyError: '1102'" in failed.reason
    assert after["id/region/1102.html"] == before["id/region/1102.html"]
    assert after["id/region/1103.html"] == b"1103 2\n"
    kept = project.reports_dir / "_failed" / "region.id.1102.ipynb"
    assert "KeyError" in kept.read_text()
    assert "KeyError" in kept.with_suffix(".txt").read_text()
    set_state(project.notebooks_dir, value="2")
    assert not run(project).not_made
    assert not kept.parent.exists()


def test_targets_that_need_a_failed_one_are_left_out_with_the_reason(project: Project) -> None:
    run(project)
    before = pages(project)
    set_state(project.notebooks_dir, value="2", broken="tables")
    summary = run(project)
    outcome = {record.target: record.status for record in summary.records}
    assert outcome["tables:id"] == "failed"
    assert outcome["alone:id"] == "up to date"
    assert {outcome[f"region:id:{code}"] for code in REGIONS} == {"not run"}
    assert all("needs tables:id" in r.reason for r in summary.not_made if r.status == "not run")
    assert pages(project) == before
    # the table was written before its notebook failed; the pages that stand were made from the old one
    assert (project.processed_dir / "tables.json").read_text() == "1"


def test_the_time_limit_of_the_list_is_kept(project: Project) -> None:
    write_notebook(project.notebooks_dir / "01_alone.ipynb", "import time; time.sleep(60)")
    path = project.config_dir / "reports.yml"
    path.write_text(path.read_text().replace("time_limit_seconds: 60", "time_limit_seconds: 1.5"))
    summary = run(project)
    (failed,) = summary.not_made
    assert failed.target == "alone:id"
    assert "time limit of 1.5 s exceeded" in failed.reason


def test_a_report_may_have_a_time_limit_of_its_own(project: Project) -> None:
    write_notebook(project.notebooks_dir / "01_alone.ipynb", "import time; time.sleep(3); print('made')")
    path = project.config_dir / "reports.yml"
    limits = yaml.safe_load(path.read_text()) | {"time_limit_seconds": 1.5}
    limits["reports"]["alone"]["time_limit_seconds"] = 60
    path.write_text(yaml.safe_dump(limits))
    outcome = {record.target: record.status for record in run(project).records}
    assert outcome["alone:id"] == "ok"


def test_the_tables_process_has_the_memory_limit_too(project: Project, tmp_path: Path) -> None:
    shutil.copytree(REPO / "config", project.config_dir, dirs_exist_ok=True)
    # without content on the disk: it takes memory only when it is read
    with (project.raw_dir / "large.csv").open("wb") as file:
        file.truncate(2_000_000_000)
    with pytest.raises(TablesFailedError) as failed:
        ask_in_child(project, ["raw"], engine="warm", time_limit=60, memory_limit=1000, scratch=tmp_path)
    assert "MemoryError" in str(failed.value)


def test_two_runs_at_once_are_refused(project: Project) -> None:
    with hold_lock(project.processed_dir):
        with pytest.raises(RunLockedError) as refused, hold_lock(project.processed_dir):
            pass
        assert refused.value.exit_code == 5
        assert str(os.getpid()) in str(refused.value)
    with hold_lock(project.processed_dir):
        pass


def test_ordinary_kernels_make_the_same_pages(project: Project) -> None:
    run(project)
    warm = pages(project)
    summary = run_plan(
        build_plan(project, notebook="05_region", regions=["1101"], force=True),
        project,
        jobs=1,
        engine="ordinary",
        publish=publish_plainly,
    )
    assert summary.paths == ("ordinary",)
    assert pages(project) == warm


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from small_notebooks import publish_plainly
from evaluation import cli
from evaluation.cli import reports as cli_reports
from evaluation.execution import lock, plan, runner
from evaluation.studies.project import Project

def run(arguments):
    project = Project(root=Path({root!r}))
    with lock.hold_lock(project.processed_dir):
        made = plan.build_plan(project, regions={regions!r})
        runner.run_plan(made, project, jobs=2, publish=publish_plainly)

cli_reports._run = run
if __name__ == "__main__":
    sys.exit(cli.main(["run"]))
"""


def start_run(project: Project) -> subprocess.Popen[str]:
    script = project.root / "run_it.py"
    tests = str(Path(__file__).parent)
    script.write_text(SCRIPT.format(tests=tests, root=str(project.root), regions=REGIONS))
    return subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + LONGEST_WAIT
    while not (path.is_file() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.05)
    return path.read_text()


def hang(project: Project) -> Path:
    """Make the tables hang after they were written; return where the process says who it is."""
    cells = (
        "import os, time; from pathlib import Path",
        "Path('../data/processed/tables.json').write_text('half')",
        "Path('pid.txt').write_text(str(os.getpid())); time.sleep(600)",
    )
    write_notebook(project.notebooks_dir / "02_tables.ipynb", *cells)
    return project.notebooks_dir / "pid.txt"


def gone(pid: int) -> bool:
    for _ in range(50):
        if not is_running(pid):
            return True
        time.sleep(0.1)
    return False


def test_an_interrupted_run_leaves_what_was_there(project: Project) -> None:
    run(project)
    before = pages(project)
    pid_file = hang(project)
    process = start_run(project)
    pid = int(wait_for(pid_file))
    with pytest.raises(RunLockedError), hold_lock(project.processed_dir):
        pass
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=LONGEST_WAIT)
    assert process.returncode == 130, said
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert gone(pid)
    assert pages(project) == before
    assert (project.processed_dir / "tables.json").read_text() == "1"


def test_a_killed_run_takes_its_notebooks_with_it_and_frees_the_lock(project: Project) -> None:
    pid_file = hang(project)
    process = start_run(project)
    pid = int(wait_for(pid_file))
    process.kill()
    process.communicate(timeout=LONGEST_WAIT)
    assert gone(pid)
    with hold_lock(project.processed_dir):
        pass


class _Summary:
    lines = ("config: fine",)


@pytest.fixture
def command(project: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the start of a command line for a project without data, and pages of plain text."""
    monkeypatch.setattr(cli_reports, "_print_check", lambda project: [])
    monkeypatch.setattr("evaluation.execution.job._default_publish", lambda: publish_plainly)
    original = run_plan

    def run_plainly(*arguments: Any, **options: Any) -> RunSummary:
        return original(*arguments, **{**options, "publish": publish_plainly})

    monkeypatch.setattr("evaluation.execution.runner.run_plan", run_plainly)
    return ["--project", str(project.root)]


def test_the_command_ends_with_0_4_or_5(
    project: Project, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*command, "run", "--region", ",".join(REGIONS), "--jobs", "2"]
    assert cli.main(words) == 0
    assert "5 of 5 pages made" in capsys.readouterr().out
    assert cli.main(words) == 0
    assert "Nothing to make: 5 of 5 pages are up to date" in capsys.readouterr().out
    set_state(project.notebooks_dir, value="1", broken="1103")
    assert cli.main(words) == 4
    said = capsys.readouterr()
    assert "region:id:1103" in said.err
    assert "KeyError" in said.err
    assert "Traceback" not in said.err
    with hold_lock(project.processed_dir):
        assert cli.main(words) == 5
    assert "Another run" in capsys.readouterr().err


def test_the_plan_is_listed_for_people_and_machines(
    project: Project, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command, "plan", "05_region", "-p", "region_code", "1101", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["target"] for row in rows] == ["tables:id", "region:id:1101"]
    assert rows[1]["parameters"] == {"region_code": "1101"}
    assert rows[1]["output"] == "reports/id/region/1101.html"
    assert cli.main([*command, "plan", "--only", "national"]) == 0
    assert "2 targets" in capsys.readouterr().out


def test_a_defect_is_called_one_and_its_traceback_kept(
    project: Project,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def break_down(*_: Any, **__: Any) -> Plan:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("evaluation.execution.plan.build_plan", break_down)
    monkeypatch.chdir(project.root)
    assert cli.main([*command, "plan"]) == 1
    said = capsys.readouterr().err
    assert "defect of the program" in said
    assert "Traceback" not in said
    assert "ZeroDivisionError" in (project.processed_dir / "defect.txt").read_text()
    assert cli.main(["--debug", *command, "plan"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_terminal_shows_a_bar_and_keeps_failures_in_sight(project: Project) -> None:
    set_state(project.notebooks_dir, value="1", broken="1101")
    display = progress.TerminalDisplay(total=5)
    summary = run(project, display=display)
    assert display._progress.tasks[0].completed == 5
    assert [record.target for record in summary.not_made] == ["region:id:1101"]
