"""Warm kernels: a process for each notebook, forked from a parent that has loaded the packages already.

How far the standard library carries: `multiprocessing`'s fork server is a parent without threads, started
with one call, that forks on request, reports how each child ended, and is started again when it dies. Its
children run an IPython shell without the kernel protocol (`evaluation.execution.shell`): no ports, sockets or
event loop in the parent. What the fork server lacks is written here and in `preload`: an environment that
is fixed before it starts (hash seed, one thread a process), a process group for each child, so that a hanging
one dies with its own children, and an end of all when the run is killed.

Isolation is that of a fresh kernel. Where there is no safe fork (Windows, macOS), or on demand, the same job
starts an ordinary kernel through papermill; which way was taken is part of each outcome.

Belongs here: making and ending processes. Does not belong here: what they do (`evaluation.execution.job`),
and how papermill and Jupyter come to them (`evaluation.execution.engine`, `evaluation.execution.provisioner`).
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

import evaluation
from evaluation.execution.imports import NOTEBOOK, PAGES_OF

EngineName = Literal["warm", "ordinary"]
Started = TypeVar("Started")
PACKAGE_DIR = Path(evaluation.__file__).parent
PRELOAD_MODULE = "evaluation.execution.preload"
PRELOAD_PAGES_MODULE = "evaluation.execution.preload_pages"
MAIN_MODULE = "evaluation.cli"
"""What the command's script imports: the library runs that script's top again in each child."""

PR_SET_PDEATHSIG = 1
"""Option of Linux's prctl(2): a signal for this process when its parent dies."""

FORK_SERVER_GONE = 255
"""What the fork server's client reports as the exit code of a child whose server died."""

BYTES_PER_MEGABYTE = 1_000_000
ATTEMPTS = 2
"""How often work is tried whose process was killed from outside; an exception is never tried again."""

START_PAUSES = (0.05, 0.2, 1.0)
"""Seconds between attempts to reach a fork server that no longer answers but is not yet seen to be dead."""

FIXED_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Read once, when a process starts: the parent's environment is that of all its children.

One thread of linear algebra a process, because the processes already use the cores; and no background thread
of Arrow's allocator, because a parent with threads is not safe to fork.
"""


def is_fork_safe() -> bool:
    """Return whether this system can fork a process that has loaded numerical packages."""
    return sys.platform.startswith("linux") and "forkserver" in multiprocessing.get_all_start_methods()


def choose_engine(asked: EngineName | None = None) -> EngineName:
    """Return the engine to use: what was asked for, else the fast one where it is safe."""
    return asked or ("warm" if is_fork_safe() else "ordinary")


_environment_lock = threading.RLock()


@contextlib.contextmanager
def fixed_environment(more: Mapping[str, str] = MappingProxyType({})) -> Iterator[None]:
    """Start processes with `FIXED_ENVIRONMENT` and more, and leave this one's environment as it was.

    One thread at a time: another would take the fixed values for this process's own.
    """
    with _environment_lock:
        fixed = {**FIXED_ENVIRONMENT, **more}
        before = {name: os.environ.get(name) for name in fixed}
        os.environ.update(fixed)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


CodeStamp = tuple[tuple[str, int, int], ...]
_code_in_parent: CodeStamp | None = None
"""The package's files when the parent was started; None for a parent that has only packages of others."""
_pages_of: dict[str, str] = {}
"""What a parent of pages is told through its environment; nothing for a parent for anybody's notebooks."""


def warm_up(pages_of: Path | None = None, *, notebook: str | None = None) -> int:
    """Start the preloaded parent unless it runs, and return its process id at once while it loads.

    Parameters
    ----------
    pages_of
        Root of a project whose pages are about to be made: a parent that is started now loads this package and
        the project's configuration too, besides the packages of others. Not for a parent that is to outlive edits,
        such as that of JupyterLab.
    notebook
        The one notebook that was asked for, if one was: what it imports is loaded too.
    """
    global _code_in_parent, _pages_of
    if _code_in_parent is not None and _code_in_parent != code_stamp():
        stop_parent()
    if not has_parent():
        _pages_of = {PAGES_OF: str(pages_of), NOTEBOOK: notebook or ""} if pages_of else {}
        _code_in_parent = code_stamp() if pages_of else None
    return _ensure_parent()


def has_parent() -> bool:
    """Return whether this process has started a preloaded parent, ready or not."""
    return cast(Any, forkserver)._forkserver._forkserver_pid is not None


def _ensure_parent() -> int:
    """Start the parent unless it runs, the same again where it died; return its process id."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD_PAGES_MODULE, MAIN_MODULE] if _pages_of else [PRELOAD_MODULE])
    with fixed_environment(_pages_of):
        forkserver.ensure_running()
    server: Any = forkserver._forkserver
    return server._forkserver_pid


def stop_parent() -> None:
    """End the preloaded parent, and with it its children; the next start makes another, for nobody's pages."""
    global _code_in_parent, _pages_of
    _code_in_parent, _pages_of = None, {}
    server: Any = forkserver._forkserver
    if server._forkserver_pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGKILL)
    server._stop()


def code_stamp() -> CodeStamp:
    """Return name, time of change and size of each module of the package, without reading one."""
    found = [(path, path.stat()) for path in sorted(PACKAGE_DIR.rglob("*.py"))]
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in found)


def start_process(
    run: Callable[..., None], arguments: tuple[Any, ...], *, engine: EngineName
) -> tuple[BaseProcess, Connection]:
    """Start ``run(*arguments, connection)`` in a process of its own.

    Returns
    -------
    The process, and the end of the connection at which its answer arrives.
    """
    if engine == "warm":
        _ensure_parent()
    context: BaseContext = multiprocessing.get_context("forkserver" if engine == "warm" else "spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = cast(Any, context).Process(target=run, args=(*arguments, sender))
    with fixed_environment():
        start_surely(process.start)
    sender.close()
    return process, receiver


def start_surely(start: Callable[[], Started]) -> Started:
    """Start a process; where the fork server is just dying, wait until it can be replaced."""
    for pause in START_PAUSES:
        try:
            return start()
        except (ConnectionError, EOFError):
            time.sleep(pause)
    return start()


def settle_in(log: Path) -> None:
    """Make the current child a group of its own that dies with its parent and prints to a log."""
    stand_alone()
    run = multiprocessing.parent_process()
    if run is not None and not run.is_alive():
        os._exit(1)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.close(handle)


def limit_memory(megabytes: float) -> None:
    """Let the current process, and each that it starts, ask for so much memory of its own and no more.

    What goes beyond it is a `MemoryError` in the cell that asked, and not the end of whatever the system picks.
    """
    if sys.platform.startswith("linux"):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        asked = int(megabytes * BYTES_PER_MEGABYTE)
        resource.setrlimit(resource.RLIMIT_DATA, (asked if most < 0 else min(asked, most), most))


def stand_alone() -> None:
    """Make the current child the leader of a group that dies with its parent."""
    os.setsid()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # after that, because the fork server may end at this moment
    _let_go_of_fork_server()


def _let_go_of_fork_server() -> None:
    """Close this child's end of the pipe that keeps the fork server alive.

    The library gives it to every child, so that a server would outlive a run that was killed for as long as
    one notebook hangs. Without it the server ends with the run, and the children with the server.
    """
    server: Any = forkserver._forkserver
    if server._forkserver_alive_fd is not None:
        os.close(server._forkserver_alive_fd)
        server._forkserver_alive_fd = None


def _start_over() -> None:
    """Let a process that a user's code forked from this one have a fork server of its own."""
    _let_go_of_fork_server()
    server: Any = forkserver._forkserver
    server._forkserver_pid = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_over)


def kill_tree(process: BaseProcess) -> None:
    """Kill a child with all processes it started, and wait for it."""
    if process.pid is None:
        return
    below = _descendants(process.pid) if process.is_alive() else []
    for descendant in below:
        with contextlib.suppress(ProcessLookupError):
            os.kill(descendant, signal.SIGKILL)
    kill_group(process.pid)
    if process.is_alive():
        process.kill()
    process.join()


def kill_group(leader: int) -> None:
    """Kill what is left of a process group; nothing when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Return all processes below one, as Linux lists them; elsewhere only its group is known."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            # the name in brackets may hold anything; after it come the state and the parent
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found = [*children.get(pid, [])]
    for descendant in found:
        # the list grows while it is walked, down to the last generation
        found.extend(children.get(descendant, []))
    return found


def describe_death(exit_code: int | None) -> str:
    """Say how a process ended that gave no answer, with the signal's name."""
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (often: out of memory)" if -exit_code == signal.SIGKILL else ""
        return f"the notebook's process was killed by {name}{hint}"
    if exit_code == FORK_SERVER_GONE:
        return "the parent of the notebook's process died"
    return f"the notebook's process ended with exit code {exit_code}"


def is_passing(exit_code: int | None) -> bool:
    """Return whether a death may have an outside cause, so that a second attempt makes sense."""
    return exit_code is not None and (exit_code < 0 or exit_code == FORK_SERVER_GONE)
