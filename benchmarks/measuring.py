"""Seconds, CPU seconds and memory of a command with all the processes below it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

SAMPLING_SECONDS = 0.1


class Watch:
    """Looks at all processes below one: their memory at a time, and the work of a fork server.

    Memory shared between processes is counted once (PSS). A fork server ends after the process that started
    it, so that its work and that of its children are in no account the system keeps for us.
    """

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._served: dict[int, float] = {}
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Stop, and return the CPU seconds of fork servers and their children."""
        self._done.set()
        self._thread.join()
        return sum(self._served.values())

    def _watch(self) -> None:
        while not self._done.wait(SAMPLING_SECONDS):
            pids = tree_of(self._pid)
            self.peak_mb = max(self.peak_mb, sum(map(proportional_mb, pids)))
            for pid in filter(is_fork_server, children_of(self._pid)):
                self._served[pid] = max(self._served.get(pid, 0.0), cpu_seconds(pid))


def is_fork_server(pid: int) -> bool:
    return "multiprocessing.forkserver" in read_quietly(pid, "cmdline")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended."""
    fields = read_quietly(pid, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def read_quietly(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def children_of(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*")
        for child in read_quietly(pid, f"task/{task.name}/children").split()
    ]


def tree_of(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        # the list grows while it is walked, down to the last generation
        found.extend(children_of(parent))
    return found


def proportional_mb(pid: int) -> float:
    lines = read_quietly(pid, "smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def run(command: Sequence[str], *, cwd: Path) -> tuple[float, float, float]:
    """Run a command; return its seconds, CPU seconds of all its processes, and peak memory in MB."""
    before, start = os.times(), time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=subprocess.STDOUT)
        watch = Watch(process.pid)
        process.wait()
        seconds = time.perf_counter() - start
        served = watch.stop()
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)[:200]}\n{said.read().decode()[-3000:]}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, cpu + served, watch.peak_mb
