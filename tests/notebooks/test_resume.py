"""A run that is killed at any moment goes on where it was, and ends as if it had not been."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from killed_runs import PAGES, finished_targets, make_slow_project, pages_of, run_to_end, start_run

from evaluation.execution import kernels
from evaluation.execution.journal import append_lines
from evaluation.execution.records import RECORDS_NAME

pytestmark = pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")

FINISHED_BEFORE_KILL = (1, 4, 7)
LONGEST_WAIT = 120.0
"""Seconds for a run of some, on a machine that does much else."""


def wait_until(count: int, project_root: Path) -> None:
    deadline = time.monotonic() + LONGEST_WAIT
    while len(finished_targets(project_root)) < count:
        assert time.monotonic() < deadline, "the run did not get on"
        time.sleep(0.01)


def test_a_run_killed_three_times_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    undisturbed, killed = make_slow_project(tmp_path / "a"), make_slow_project(tmp_path / "b")
    run_to_end(undisturbed)
    made_in: list[set[str]] = []
    for count in FINISHED_BEFORE_KILL:
        before = set(finished_targets(killed.root))
        process = start_run(killed)
        wait_until(count, killed.root)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LONGEST_WAIT)
        made_in.append(set(finished_targets(killed.root)) - before)
    before = set(finished_targets(killed.root))
    run_to_end(killed)
    made_in.append(set(finished_targets(killed.root)) - before)
    assert sum(len(made) for made in made_in) == PAGES
    times_made = (killed.root / "made.txt").read_text().split()
    # a target in flight when the run was killed is made again, one that was finished is not
    in_flight = len(FINISHED_BEFORE_KILL) * 2
    assert PAGES <= len(times_made) <= PAGES + in_flight
    assert pages_of(killed) == pages_of(undisturbed)
    difference = subprocess.run(
        ["diff", "-r", str(undisturbed.reports_dir), str(killed.reports_dir)], capture_output=True
    )
    assert difference.returncode == 0, difference.stdout


def test_links_are_made_by_the_run_that_resumes(tmp_path: Path) -> None:
    project = make_slow_project(tmp_path)
    run_to_end(project)
    before = pages_of(project)
    assert b"href=" in b"".join(before.values())
    # killed between the last page and the links: no note that links are right, and some pages without
    (project.processed_dir / "links.json").unlink()
    for path in sorted(project.reports_dir.rglob("*.html"))[:4]:
        path.write_bytes(path.read_bytes().replace(b' href="1102.html"', b""))
    made_before = (project.root / "made.txt").read_text()
    run_to_end(project)
    assert pages_of(project) == before
    assert (project.root / "made.txt").read_text() == made_before
    left = [path.name for path in project.root.rglob(".*.html.*")]
    assert left == []


def test_a_line_after_one_left_in_part_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / RECORDS_NAME
    path.write_bytes(b'{"target": "a"}\n{"targ')
    append_lines(path, ['{"target": "b"}'])
    lines = path.read_text().splitlines()
    assert lines == ['{"target": "a"}', '{"targ', '{"target": "b"}']
    assert json.loads(lines[-1]) == {"target": "b"}
