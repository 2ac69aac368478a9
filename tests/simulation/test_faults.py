"""Faults put in on purpose: processes killed at many moments, a disk that fills up, files that cannot be read.

After each, a run that resumes ends with exactly the files of an undisturbed one. The counts are printed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

from killed_runs import (
    REGIONS,
    finished_targets,
    fork_command,
    make_watched_project,
    run_command,
    run_plainly,
    wait_for_end,
    watched_publishing,
)
from moments import GO_ON, HOLD, REACHED, control_of, counted
from small_notebooks import is_running, publish_plainly

from evaluation.execution import journal, kernels, records
from evaluation.execution.journal import JOURNAL_NAME, RUN_NAME
from evaluation.execution.linking import LINKS_NAME
from evaluation.execution.manifest import MANIFEST_NAME
from evaluation.execution.present import CHECKED_NAME, read_checked, write_checked
from evaluation.execution.timeline import TIMELINE_NAME
from evaluation.studies.project import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork"),
]

TARGETS = {"total:id": "01_total", "figures:id": "03_figures", **{f"region:id:{c}": c for c in REGIONS}}
"""Name of each target, and what its notebook writes to ``made.txt`` when it has run."""

TABLE = "indicators.parquet"
MADE = "made.txt"
LONGEST_WAIT = 120.0
"""Seconds for a run of some seconds, on a machine that does other things as well."""

SOON = 60.0
"""Seconds in which the processes of a killed run must be gone: at once, but a parent that is still loading its
packages looks up only when it has, which takes seconds, and many where the machine does much else."""

VOLATILE = ("seconds", "finished", "commit")
"""What a manifest says of the run and not of its results."""


@dataclass(frozen=True)
class Moment:
    """When to kill.

    Parameters
    ----------
    name
        What is about to happen: a phase of the runner and a number, or a page and what becomes of it.
    start
        The state of the project that the run starts from.
    delay
        Seconds that the run goes on from there before it is killed; held until it is killed when None.
    """

    name: str
    start: str = "ready"
    delay: float | None = None

    def __str__(self) -> str:
        return self.name + (f" + {self.delay:g} s" if self.delay is not None else "")


@dataclass(frozen=True)
class Undisturbed:
    """Projects to start from, by state, and what a run that nothing disturbs makes of them.

    Parameters
    ----------
    made
        The project after the run.
    starts
        ``fresh``, ``checked`` (data and configuration passed) or ``ready`` (the tables stand).
    moments
        How often the runner touched a file in each phase.
    """

    made: Project
    starts: dict[str, Path]
    moments: Counter[str]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    fresh = make_watched_project(folder / "fresh").root
    made = copy(fresh, folder / "made")
    assert wait_for_end(fork_command(made), within=LONGEST_WAIT) == 0, log_of(made)
    ready, checked = copy(made.root, folder / "ready"), copy(fresh, folder / "checked")
    shutil.rmtree(ready.reports_dir)
    (ready.root / MADE).unlink()
    for path in ready.processed_dir.iterdir():
        if path.name not in (TABLE, CHECKED_NAME):
            path.unlink()
    write_checked(checked.processed_dir, replace(read_checked(made.processed_dir), tables="", files={}))
    starts = {"fresh": fresh, "checked": checked.root, "ready": ready.root}
    return Undisturbed(made=made, starts=starts, moments=counted(made.root))


def copy(root: Path, to: Path) -> Project:
    """Copy a project with the times of its files, which tell whether a page was touched."""
    shutil.copytree(root, to, symlinks=True)
    return Project(root=to)


def log_of(project: Project) -> str:
    return (control_of(project.root) / "run.log").read_text()


def below(pid: int) -> dict[int, int]:
    """Return all processes below one, with the parent of each."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
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


def the_runner(runner: int, holder: int) -> int | None:
    return runner


def the_preloaded_parent(runner: int, holder: int) -> int | None:
    found = [
        child
        for child, parent in below(runner).items()
        if parent == runner and "forkserver" in command_of(child)
    ]
    return found[0] if found else None


def a_notebooks_process(runner: int, holder: int) -> int | None:
    """Return the process that is held, or the youngest that the parent has forked."""
    if holder != runner:
        return holder
    server = the_preloaded_parent(runner, holder)
    return max((child for child, parent in below(runner).items() if parent == server), default=None)


Victim = Callable[[int, int], int | None]


def kill_at(moment: Moment, victim: Victim, runner: int, project: Project) -> set[int]:
    """Kill a process of a run at a moment; return the processes there were."""
    control = control_of(project.root)
    assert wait_for(lambda: (control / REACHED).exists() and (control / REACHED).read_text(), runner), (
        f"{moment} was not met\n{log_of(project)}"
    )
    holder = int((control / REACHED).read_text())
    time.sleep(moment.delay or 0)
    pid = wait_for(lambda: victim(runner, holder), runner)
    assert pid, f"nothing to kill at {moment}"
    present = {runner, *below(runner)}
    os.kill(pid, signal.SIGKILL)
    (control / GO_ON).touch()
    return present


def wait_for(condition: Callable[[], Any], runner: int) -> Any:
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        if found := condition():
            return found
        if os.waitid(os.P_PID, runner, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return condition()
        time.sleep(0.003)
    return None


def spread(undisturbed: Undisturbed, phase: str, count: int, start: str) -> list[Moment]:
    """Return moments of the runner that lie evenly over a phase, the first and the last among them."""
    last = undisturbed.moments[phase]
    numbers = sorted({1 + round(step * (last - 1) / max(1, count - 1)) for step in range(count)})
    assert len(numbers) == count, f"{phase} has {last} moments only"
    return [Moment(f"{phase} {number}", start) for number in numbers]


def moments_of_the_runner(undisturbed: Undisturbed) -> list[Moment]:
    return [
        *spread(undisturbed, "check", 3, "fresh"),
        *spread(undisturbed, "plan", 2, "fresh"),
        *spread(undisturbed, "tables", 2, "checked"),
        Moment("tables child 1", "checked", 0.5),
        *spread(undisturbed, "pages", 4, "ready"),
        Moment("1102 cells"),
        Moment("1103 renaming"),
        Moment("1104 published"),
        *spread(undisturbed, "linking", 3, "ready"),
        *spread(undisturbed, "manifest", 2, "ready"),
    ]


def moments_of_the_parent(undisturbed: Undisturbed) -> list[Moment]:
    last = undisturbed.moments["check"]
    return [
        *(Moment(f"check {number}", "fresh") for number in (last - 1, last)),
        *spread(undisturbed, "plan", 2, "fresh"),
        *spread(undisturbed, "tables", 2, "checked"),
        Moment("tables child 1", "checked", 0.5),
        *spread(undisturbed, "pages", 5, "ready")[1:],
        Moment("01_total written"),
        Moment("1101 cells", "ready", 0.0),
        Moment("1102 publishing"),
        Moment("1103 renaming"),
        Moment("1104 published"),
        *spread(undisturbed, "linking", 2, "ready"),
        *spread(undisturbed, "manifest", 2, "ready"),
    ]


def moments_of_a_notebook(undisturbed: Undisturbed) -> list[Moment]:
    return [
        *(Moment("tables child 1", "checked", delay) for delay in (0.0, 0.3, 0.9)),
        *(Moment(f"pages child {number}", "ready", 0.05) for number in (2, 4, 6)),
        *(Moment(f"01_total {what}") for what in ("cells", "written", "publishing", "renaming", "published")),
        *(Moment(f"03_figures {what}") for what in ("cells", "publishing")),
        *(Moment(f"{code} cells") for code in ("1101", "1102")),
        *(Moment(f"{code} publishing") for code in ("1102", "1103")),
        *(Moment(f"{code} renaming") for code in ("1104", "1105")),
        Moment("1106 published"),
    ]


MOMENTS = 20
KILLED: list[tuple[Victim, Callable[[Undisturbed], list[Moment]]]] = [
    (the_runner, moments_of_the_runner),
    (a_notebooks_process, moments_of_a_notebook),
    (the_preloaded_parent, moments_of_the_parent),
]


@pytest.mark.parametrize(("victim", "moments_of"), KILLED, ids=[victim.__name__ for victim, _ in KILLED])
def test_a_killed_process_costs_nothing_but_time(
    victim: Victim,
    moments_of: Callable[[Undisturbed], list[Moment]],
    undisturbed: Undisturbed,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    moments = moments_of(undisturbed)
    assert len(moments) == MOMENTS
    counts: Counter[str] = Counter()
    for number, moment in enumerate(moments):
        project = copy(undisturbed.starts[moment.start], tmp_path / str(number))
        control_of(project.root).mkdir()
        (control_of(project.root) / HOLD).write_text(moment.name)
        if moment.delay is not None:
            (control_of(project.root) / GO_ON).touch()
        runner = fork_command(project)
        processes = kill_at(moment, victim, runner, project)
        code = wait_for_end(runner, within=LONGEST_WAIT)
        assert code == (-signal.SIGKILL if victim is the_runner else 0), f"{moment}\n{log_of(project)}"
        assert_gone(processes)
        kept, made = resume(project)
        if victim is not the_runner:
            assert not made, f"{moment}: {made}"
        assert_same(project, undisturbed.made, str(moment))
        counts[f"killed in {phase_of(moment)}"] += 1
        counts["pages kept"] += len(kept)
        counts["pages made by the resuming run"] += sum(made.values())
        shutil.rmtree(project.root)
    with capsys.disabled():
        print(f"\n{victim.__name__}: {MOMENTS} of {MOMENTS} moments; {dict(counts)}")


def phase_of(moment: Moment) -> str:
    first = moment.name.split()[0]
    return first if first in PHASES else "a notebook"


PHASES = ("check", "plan", "tables", "pages", "linking", "manifest")


def resume(project: Project) -> tuple[list[str], Counter[str]]:
    """Run to the end; return the targets that stood before, and what was made, none of them again."""
    shutil.rmtree(control_of(project.root), ignore_errors=True)
    table, made = project.processed_dir / TABLE, project.root / MADE
    kept = finished_targets(project.root)
    before = Counter(made.read_text().split()) if made.is_file() else Counter[str]()
    table_before = table.stat().st_mtime_ns if table.is_file() else None
    assert run_command(project) == 0
    now = Counter(made.read_text().split()) - before
    assert not {TARGETS[name] for name in kept} & set(now)
    assert table_before in (None, table.stat().st_mtime_ns)
    return kept, now


def assert_gone(processes: set[int]) -> None:
    deadline = time.monotonic() + SOON
    while left := {pid for pid in processes if is_running(pid)}:
        assert time.monotonic() < deadline, [command_of(pid) for pid in left]
        time.sleep(0.01)


def assert_same(project: Project, undisturbed: Project, when: str = "") -> None:
    """Compare pages and tables to the byte, the manifest without times, and the names of all other files."""
    everything = ["diff", "-r", str(undisturbed.reports_dir), str(project.reports_dir)]
    difference = subprocess.run(everything, capture_output=True, text=True)
    assert difference.returncode == 0, f"{when}\n{difference.stdout}"
    assert names_in(project.processed_dir) == names_in(undisturbed.processed_dir), when
    for name in (TABLE, "total.txt"):
        ours, theirs = (side.processed_dir / name for side in (project, undisturbed))
        assert ours.read_bytes() == theirs.read_bytes(), f"{when}: {name}"
    checked = [read_checked(side.processed_dir) for side in (project, undisturbed)]
    assert replace(checked[0], files={}) == replace(checked[1], files={}), when
    assert manifest_of(project) == manifest_of(undisturbed), when


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def manifest_of(project: Project) -> dict[str, Any]:
    content = json.loads((project.processed_dir / MANIFEST_NAME).read_text())
    for page in content["pages"].values():
        for name in VOLATILE:
            page.pop(name, None)
    return {name: value for name, value in content.items() if name not in VOLATILE}


@pytest.fixture
def ready(undisturbed: Undisturbed, tmp_path: Path) -> Callable[[str], Project]:
    """Return what copies a state of the project to a place of its own."""
    places = iter(range(10_000))
    states = {**undisturbed.starts, "made": undisturbed.made.root}
    return lambda state: copy(states[state], tmp_path / str(next(places)))


@dataclass
class FullDisk:
    """A disk on which the n-th file that this process writes whole, or the n-th line it adds, finds half its room."""

    room_for: int
    written: int = 0

    def is_full(self) -> bool:
        self.written += 1
        return self.written > self.room_for

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        fdopen, write_all = os.fdopen, journal._write_all

        def opened(handle: int, mode: str = "r", *rest: Any, **options: Any) -> Any:
            stream = fdopen(handle, mode, *rest, **options)
            return _HalfWritten(stream) if mode == "wb" and self.is_full() else stream

        def write(handle: int, content: bytes) -> None:
            if not self.is_full():
                return write_all(handle, content)
            os.write(handle, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fdopen", opened)
            patch.setattr(journal, "_write_all", write)
            yield


class _HalfWritten:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __enter__(self) -> _HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, content: bytes) -> None:
        self._stream.write(content[: len(content) // 2])
        self._stream.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_at_any_write_of_the_runner_costs_nothing_that_was_made(
    undisturbed: Undisturbed,
    ready: Callable[[str], Project],
    capsys: pytest.CaptureFixture[str],
) -> None:
    roomy = FullDisk(room_for=10_000)
    with roomy.in_use():
        assert run_command(ready("ready")) == 0
    for room in range(roomy.written):
        project = ready("ready")
        with FullDisk(room_for=room).in_use():
            assert run_command(project) == 4
        said = capsys.readouterr().err
        assert "Nothing more can be written" in said
        assert "defect" not in said
        resume(project)
        assert_same(project, undisturbed.made, f"room for {room} writes")
        shutil.rmtree(project.root)
    assert roomy.written > 2 * len(TARGETS)
    with capsys.disabled():
        print(f"\ndisk full at each of {roomy.written} writes of the runner")


def publish_to_full_disk(executed: Any, *, path: Path, **options: Any) -> None:
    """Fail half way through a page, for some pages."""
    if path.stem in REGIONS[::2]:
        with FullDisk(room_for=0).in_use():
            publish_plainly(executed, path=path, **options)
    publish_plainly(executed, path=path, **options)


def test_pages_that_a_full_disk_refuses_are_made_when_there_is_room(
    undisturbed: Undisturbed, ready: Callable[[str], Project], capsys: pytest.CaptureFixture[str]
) -> None:
    project = ready("ready")
    with watched_publishing(publish_to_full_disk):
        assert run_plainly(project) == 4
    said = capsys.readouterr().err
    assert said.count("No space left on device") == len(REGIONS[::2])
    _, made = resume(project)
    assert set(made) == set(REGIONS[::2])
    assert_same(project, undisturbed.made)


INPUTS = ("config/pillars.yml", "config/regions.csv", "config/reports.yml", "notebooks/02_region.ipynb")


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_that_cannot_be_read_is_named_before_anything_is_made(
    name: str, undisturbed: Undisturbed, ready: Callable[[str], Project]
) -> None:
    project = ready("fresh")
    code = wait_for_end(fork_command(project, unreadable=project.root / name), within=LONGEST_WAIT)
    said = log_of(project)
    assert code == 3, said
    assert Path(name).name in said
    assert "Permission denied" in said
    assert "defect" not in said
    assert not project.reports_dir.exists()
    resume(project)
    assert_same(project, undisturbed.made)


KEPT = (records.RECORDS_NAME, JOURNAL_NAME, LINKS_NAME, CHECKED_NAME, MANIFEST_NAME, RUN_NAME)


@pytest.mark.parametrize("name", [*KEPT, TABLE])
def test_what_a_run_keeps_may_be_unreadable_for_a_while(
    name: str, undisturbed: Undisturbed, ready: Callable[[str], Project]
) -> None:
    project = ready("made")
    # something to do, so that the file is asked for
    (project.reports_dir / "id" / "region" / "1102.html").unlink()
    unreadable = project.processed_dir / name
    code = wait_for_end(fork_command(project, unreadable=unreadable), within=LONGEST_WAIT)
    said = log_of(project)
    assert code in (0, 3), said
    assert code == 0 or f"{unreadable} cannot be read or written: Permission denied" in said
    assert "defect" not in said
    made_before = Counter((undisturbed.made.root / MADE).read_text().split())
    assert run_command(project) == 0
    assert Counter((project.root / MADE).read_text().split()) - made_before == {"1102": 1}
    assert_same(project, undisturbed.made)


SPOILS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "no text": lambda content: b"\xff\xfe\x00",
    "other content": lambda content: b"null\n",
    "one bit": lambda content: (
        content[: len(content) // 3]
        + bytes([content[len(content) // 3] ^ 1])
        + content[len(content) // 3 + 1 :]
    ),
}
PAGE = "../../reports/id/region/1103.html"


@pytest.mark.parametrize("name", [*KEPT, TIMELINE_NAME, TABLE, "total.txt", PAGE])
@pytest.mark.parametrize("spoil", SPOILS)
def test_what_a_run_keeps_may_be_spoilt(
    name: str,
    spoil: str,
    undisturbed: Undisturbed,
    ready: Callable[[str], Project],
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = ready("made")
    path = project.processed_dir / name
    path.write_bytes(SPOILS[spoil](path.read_bytes()))
    assert run_command(project) == 0
    capsys.readouterr()
    assert run_command(project) == 0
    assert f"Nothing to make: {len(TARGETS)} of {len(TARGETS)}" in capsys.readouterr().out
    assert_same(project, undisturbed.made)
