"""Faults put in on purpose: processes killed at many moments, a disk that fills up, files that cannot be read.

After each, a run that resumes ends with exactly the files of an undisturbed one. The counts are printed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

from killed_runs import PAGES, REGIONS, finished_targets, make_slow_project, pages_of, run_to_end, start_run
from small_notebooks import publish_plainly

from evaluation.execution import kernels, records
from evaluation.execution.journal import JOURNAL_NAME
from evaluation.execution.plan import build_plan
from evaluation.execution.runner import RunSummary, run_plan
from evaluation.studies.project import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork"),
]

MOMENTS = 20
SEED = 20241101
LONGEST_DELAY = 0.4
"""Seconds between a page and the next fault: about what a page takes."""

LONGEST_WAIT = 180.0
"""Seconds for a run of some seconds, on a machine that does other things as well."""


def below(pid: int) -> dict[int, int]:
    """Return all processes below one, with the parent of each."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found: dict[int, int] = {}
    level = {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level}
        found |= {child: parents[child] for child in level}
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def the_runner(pid: int) -> int | None:
    return pid


def the_preloaded_parent(pid: int) -> int | None:
    servers = [
        child for child, parent in below(pid).items() if parent == pid and "forkserver" in command_of(child)
    ]
    return servers[0] if servers else None


def a_notebooks_process(pid: int) -> int | None:
    server = the_preloaded_parent(pid)
    children = sorted(child for child, parent in below(pid).items() if parent == server)
    return children[0] if children else None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_slow_project(tmp_path_factory.mktemp("undisturbed"))
    run_to_end(project)
    return project


def kill_at(
    phase: int,
    delay: float,
    victim: Callable[[int], int | None],
    process: subprocess.Popen[str],
    project: Project,
) -> bool:
    """Kill a process of a run some time after so many pages were made; say whether it came to that.

    Phases are counted in pages and not in seconds, so that they are met on a busy machine as well.
    """
    while process.poll() is None and len(finished_targets(project.root)) < phase:
        time.sleep(0.005)
    time.sleep(delay)
    while process.poll() is None:
        pid = victim(process.pid)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("victim", [the_runner, a_notebooks_process, the_preloaded_parent])
def test_a_killed_process_costs_nothing_but_time(
    victim: Callable[[int], int | None],
    undisturbed: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    generator = np.random.default_rng(SEED)
    counts: Counter[str] = Counter()
    for number in range(MOMENTS):
        phase, delay = number % PAGES, generator.uniform(0.0, LONGEST_DELAY)
        project = make_slow_project(tmp_path / str(number))
        process = start_run(project)
        killed = kill_at(phase, delay, victim, process, project)
        process.communicate(timeout=LONGEST_WAIT)
        finished = finished_targets(project.root)
        made_so_far = Counter((project.root / "made.txt").read_text().split()) if finished else Counter()
        run_to_end(project)
        made_now = Counter((project.root / "made.txt").read_text().split()) - made_so_far
        assert not {name.split(":")[-1].replace("id", "total") for name in finished} & set(made_now)
        assert_same(project, undisturbed)
        counts["killed" if killed else "too late"] += 1
        counts["ended well by itself"] += process.returncode == 0
        counts["pages kept"] += len(finished)
        counts["pages made by the resuming run"] += sum(made_now.values())
        shutil.rmtree(project.root)
    with capsys.disabled():
        print(f"\n{victim.__name__}: {MOMENTS} moments; {dict(counts)}")
    assert counts["killed"] > MOMENTS / 2


def assert_same(project: Project, undisturbed: Project) -> None:
    assert pages_of(project) == pages_of(undisturbed)
    everything = ["diff", "-r", str(undisturbed.reports_dir), str(project.reports_dir)]
    difference = subprocess.run(everything, capture_output=True, text=True)
    assert difference.returncode == 0, difference.stdout
    assert (project.processed_dir / "total.txt").read_text() == "21"


def publish_to_full_disk(*arguments: Any, path: Path, **options: Any) -> None:
    """Fail as a full disk does, half way through a file, for some pages."""
    if path.stem in REGIONS[::2]:
        path.parent.mkdir(parents=True, exist_ok=True)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    publish_plainly(*arguments, path=path, **options)


def run_once(project: Project, **options: Any) -> RunSummary:
    plan = build_plan(project, regions=REGIONS)
    return run_plan(plan, project, **{"jobs": 2, "publish": publish_plainly, **options})


def test_pages_that_a_full_disk_refuses_are_made_when_there_is_room(
    undisturbed: Project, tmp_path: Path
) -> None:
    project = make_slow_project(tmp_path)
    summary = run_once(project, publish=publish_to_full_disk)
    assert len(summary.not_made) == len(REGIONS[::2])
    assert all("No space left on device" in record.reason for record in summary.not_made)
    again = run_once(project)
    assert again.made == len(REGIONS[::2])
    assert_same(project, undisturbed)


@pytest.mark.parametrize("written", range(1, PAGES + 1))
def test_records_that_a_full_disk_refuses_cost_one_page(
    written: int, undisturbed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_slow_project(tmp_path)
    real, calls = records.append_lines, Counter[str]()

    def append(path: Path, lines: Any) -> None:
        calls["all"] += 1
        if calls["all"] >= written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, lines)

    monkeypatch.setattr(records, "append_lines", append)
    with pytest.raises(OSError, match="No space left"):
        run_once(project)
    monkeypatch.setattr(records, "append_lines", real)
    assert len(finished_targets(project.root)) == written - 1
    assert run_once(project).made == PAGES - (written - 1)
    assert_same(project, undisturbed)


@pytest.mark.parametrize(
    "name", [records.RECORDS_NAME, JOURNAL_NAME, "links.json", "checked.json", "manifest.json"]
)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{", b"[]\n", b"null\n"])
def test_what_a_run_keeps_may_be_spoilt(
    name: str, content: bytes, undisturbed: Project, tmp_path: Path
) -> None:
    project = Project(root=tmp_path / "spoilt")
    shutil.copytree(undisturbed.root, project.root)
    for path in project.reports_dir.rglob("*.html"):
        shutil.copystat(undisturbed.reports_dir / path.relative_to(project.reports_dir), path)
    (project.processed_dir / name).write_bytes(content)
    assert not run_once(project).not_made
    assert run_once(project).standing == PAGES
    assert_same(project, undisturbed)
