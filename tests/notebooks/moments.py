"""Moments of a run at which a test may put a fault in: named, logged, and held until the test has done so.

A moment of the runner is the n-th time in a phase that it is about to open, make, rename or remove a file, or to ask
the parent of the notebooks for a child; a moment of a notebook's process is where a cell or the making of a page says
so. The folder of control lies outside the project, so that no page depends on it.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

PHASES = {
    "_check_and_remember": "check",
    "look_around": "plan",
    "build_plan": "plan",
    "assess": "plan",
    "make_tables": "tables",
    "work": "pages",
    "link": "linking",
    "write_manifest": "manifest",
    "write_run": "manifest",
    "write_timeline": "manifest",
}
"""Functions whose call, the innermost first, tells the phase."""

TOUCHING = frozenset(
    ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "socket.connect")
)
LOG, HOLD, REACHED, GO_ON = "moments.log", "hold", "reached", "go_on"
LONGEST_HOLD = 60.0
PAUSE = 0.002


def control_of(root: Path) -> Path:
    """Return the folder through which a test and the processes of a run speak with each other."""
    return root.with_name(f"{root.name}.control")


def reach(root: Path, name: str) -> None:
    """Log a moment; where it is the one to be held, tell so and wait to be killed or sent on."""
    control = control_of(root)
    if not control.is_dir():
        return
    with (control / LOG).open("a") as log:
        log.write(f"{name}\n")
    hold, reached = control / HOLD, control / REACHED
    if not hold.is_file() or hold.read_text() != name or reached.exists():
        return
    reached.write_text(str(os.getpid()))
    deadline = time.monotonic() + LONGEST_HOLD
    while not (control / GO_ON).exists() and time.monotonic() < deadline:
        time.sleep(PAUSE)


def watch_runner(root: Path) -> None:
    """Make a moment of everything that this process does in the project from now on."""
    counts: Counter[str] = Counter()
    busy: list[bool] = []
    places = (str(root) + os.sep, "evaluation-run-")

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in TOUCHING or busy:
            return
        if event != "socket.connect" and not any(place in str(arguments[0]) for place in places):
            return
        phase = _phase(sys._getframe(1))
        if phase:
            what = f"{phase} child" if event == "socket.connect" else phase
            busy.append(True)
            counts[what] += 1
            reach(root, f"{what} {counts[what]}")
            busy.pop()

    sys.addaudithook(hear)


def _phase(frame: FrameType | None) -> str:
    while frame is not None:
        if frame.f_code.co_name in PHASES:
            return PHASES[frame.f_code.co_name]
        frame = frame.f_back
    return ""


def refuse(path: Path, number: int) -> None:
    """Let the opening of a file fail from now on as the system does, with an error of this number."""

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]) == str(path):
            raise OSError(number, os.strerror(number), str(path))

    sys.addaudithook(hear)


def watch_renaming(root: Path, path: Path, name: str) -> None:
    """Make a moment of this process's renaming of a file to its place."""

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and str(arguments[1]) == str(path):
            reach(root, name)

    sys.addaudithook(hear)


def counted(root: Path) -> Counter[str]:
    """Return how many moments of the runner each phase had, and each phase's asking for a child."""
    names = (control_of(root) / LOG).read_text().splitlines()
    kinds = [name.rpartition(" ")[0] for name in names]
    return Counter(kind for kind in kinds if kind.split()[0] in PHASES.values())
