"""Warm kernels for every Jupyter client: JupyterLab, nbclient, ``nbconvert --execute`` and plain papermill.

A provisioner is what jupyter_client asks for a kernel's process. This one forks it from a preloaded parent,
the same as for batches (`evaluation.execution.kernels`), and runs ipykernel in it, so that a kernel speaks the
whole protocol: widgets, ``input()``, interrupt, restart. Each client process has a parent of its own, started
with the first kernel and ended with the client; where it dies, its kernels die with it and the next start
makes another.

A kernel is as fresh as an ordinary one: the client's environment and folder, generators seeded by the system,
none of the client's modules or search path. What only a new interpreter can honour (another Python, hash
seed, number of threads, library path) starts an ordinary kernel, and the log says why.

Clients choose five ports before a kernel binds them, and now and then another process is quicker. Warm kernels
use sockets in Jupyter's private folder instead, named after the kernel: there is nothing to collide.

A user gets them with the kernel ``kota-cerdas``, which ``python -m evaluation.execution.provisioner``
installs into the environment, or, for notebooks that name ``python3``, with the environment variable
``JUPYTER_DEFAULT_PROVISIONER_NAME=kota-cerdas-warm``. The ordinary ``python3`` stays ordinary: its files belong
to ipykernel, and notebooks must open where this project is not installed.

Belongs here: what jupyter_client asks of a provisioner. Does not belong here: making a parent and preloading
(`evaluation.execution.kernels`, `evaluation.execution.preload`).
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import pickle
import random
import runpy
import signal
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner
from jupyter_core.paths import jupyter_runtime_dir

from evaluation.execution.imports import preloaded_here
from evaluation.execution.kernels import (
    FIXED_ENVIRONMENT,
    FORK_SERVER_GONE,
    EngineName,
    fixed_environment,
    is_fork_safe,
    stand_alone,
    start_surely,
    warm_up,
)
from evaluation.provenance import write_bytes_atomically

PROVISIONER_NAME = "kota-cerdas-warm"
"""Name of the entry point in the group ``jupyter_client.kernel_provisioners``."""

KERNEL_NAME = "kota-cerdas"
DISPLAY_NAME = "Kota Cerdas (warm)"
LAUNCHER = "ipykernel_launcher"
INLINE_BACKEND = "module://matplotlib_inline.backend_inline"
OWN_PACKAGE = "evaluation"
MATPLOTLIB_SETTINGS = "matplotlibrc"

READ_AT_START = (
    "PYTHON", "LD_", "MALLOC_", "LC_", "LANG", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "JE_ARROW_", "ARROW_",
    "MATPLOTLIBRC", "MPLCONFIGDIR", "HOME", "XDG_CONFIG_HOME",
)  # fmt: skip
"""Beginnings of variables that the interpreter and the preloaded packages read once, when they are loaded."""

NOT_COMPARED = "PYTHONEXECUTABLE"
"""Clients remove it for kernels; it concerns the name of a macOS application only."""

LONGEST_SOCKET_NAME = 100
"""Linux allows 107 bytes; a hyphen and the number of the channel are added."""

PAUSE_BETWEEN_LOOKS = 0.02
"""Seconds between looks at a kernel that is expected to end; jupyter_client's 0.1 is felt at each shutdown."""


class WarmProcess:
    """The client's handle on a forked kernel, with the methods of `subprocess.Popen` that Jupyter uses.

    Parameters
    ----------
    pid
        The kernel, leader of a process group of the same number.
    parent_pid
        The preloaded parent.
    status
        Where the parent writes the exit code.
    """

    stdin = stdout = stderr = None

    def __init__(self, *, pid: int, parent_pid: int, status: int) -> None:
        self.pid = pid
        self.parent_pid = parent_pid
        self.returncode: int | None = None
        self._status = open(status, "rb", buffering=0)  # noqa: SIM115  closed when the exit code has come

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the kernel runs."""
        return self._look(timeout=0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end, or some seconds, and return what `poll` returns."""
        return self._look(timeout=timeout)

    def _look(self, *, timeout: float | None) -> int | None:
        if self.returncode is None and wait([self._status.fileno()], timeout):
            try:
                self.returncode = cast(Any, forkserver).read_signed(self._status.fileno())
            except EOFError:
                self.returncode = FORK_SERVER_GONE
            self._status.close()
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel alone; nothing when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class ForkedKernel:
    """A kernel to run as the whole life of a process that was just forked.

    Parameters
    ----------
    arguments
        Those of ipykernel.
    environment
        All variables.
    working_dir
        Where it runs.
    parent_pid
        The preloaded parent.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    working_dir: str
    parent_pid: int

    def _bootstrap(self, _parent: int) -> int:
        """Run the kernel and return its exit code; the fork server calls what it was sent by this name."""
        stand_alone()
        if os.getppid() != self.parent_pid:
            return 1
        self._become_fresh()
        code = _exit_code_of_launcher(self.arguments)
        _tidy_up()
        return code

    def _become_fresh(self) -> None:
        """Make this process what a new interpreter, asked for the same kernel, would be."""
        os.environ.clear()
        os.environ.update(self.environment)
        # The kernel ends itself when this is no longer its parent.
        os.environ["JPY_PARENT_PID"] = str(self.parent_pid)
        os.environ.setdefault("MPLBACKEND", INLINE_BACKEND)
        time.tzset()
        os.chdir(self.working_dir)
        if preloaded_here():
            import matplotlib
            import numpy as np

            matplotlib.rcParams["backend"] = os.environ["MPLBACKEND"]
            np.random.seed()  # noqa: NPY002  or all kernels would continue the stream of the parent
        random.seed()
        # An edit since the parent's start counts.
        for name in [name for name in sys.modules if name.partition(".")[0] == OWN_PACKAGE]:
            del sys.modules[name]


def _exit_code_of_launcher(arguments: tuple[str, ...]) -> int:
    sys.argv = [LAUNCHER, *arguments]
    try:
        runpy.run_module(LAUNCHER, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _tidy_up() -> None:
    """Do what an interpreter does at its end: the fork server ends its children at once."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()


_environments: dict[int, Mapping[str, str]] = {}


def parent_environment() -> Mapping[str, str]:
    """Start the preloaded parent of this process if there is none, and return its environment."""
    return _environments.setdefault(warm_up(), {**os.environ, **FIXED_ENVIRONMENT})


def fork_kernel(
    arguments: tuple[str, ...], *, environment: Mapping[str, str], working_dir: str
) -> WarmProcess:
    """Fork a kernel from the preloaded parent; wait for the parent where it is still loading."""

    def start() -> WarmProcess:
        parent_pid = warm_up()
        status, channel = forkserver.connect_to_new_process([])
        kernel = ForkedKernel(
            arguments=arguments, environment=environment, working_dir=working_dir, parent_pid=parent_pid
        )
        with open(channel, "wb") as sender:
            # first the starter's main module, search path and folder, of which a kernel takes nothing
            pickle.dump({}, sender)
            pickle.dump(kernel, sender)
        try:
            pid = cast(Any, forkserver).read_signed(status)
        except EOFError:
            os.close(status)
            raise
        return WarmProcess(pid=pid, parent_pid=parent_pid, status=status)

    with fixed_environment():
        return start_surely(start)


def why_ordinary(cmd: list[str], options: Mapping[str, Any]) -> str | None:
    """Return why a kernel cannot be forked; None where it can.

    Parameters
    ----------
    cmd
        Command of an ordinary kernel.
    options
        Other arguments of its start, as jupyter_client passes them.
    """
    if not is_fork_safe():
        return "this system has no safe fork"
    if Path(cmd[0]).absolute() != Path(sys.executable).absolute() or cmd[1:3] != ["-m", LAUNCHER]:
        return "it is not ipykernel in this Python"
    unusual = sorted(name for name, value in options.items() if name not in ("env", "cwd") and value)
    if unusual:
        return f"the client asks for {', '.join(unusual)}"
    folder = Path(options.get("cwd") or ".")
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if any((place / MATPLOTLIB_SETTINGS).exists() for place in (folder, Path())):
        return f"{MATPLOTLIB_SETTINGS} is read when matplotlib is loaded"
    return _unlike_parent(options["env"])


def _unlike_parent(environment: Mapping[str, str]) -> str | None:
    parent = parent_environment()
    differing = sorted(
        name
        for name in {*environment, *parent}
        if name.startswith(READ_AT_START)
        and name != NOT_COMPARED
        and environment.get(name) != parent.get(name)
    )
    return f"only a new interpreter can take {', '.join(differing)} from the client" if differing else None


class WarmProvisioner(LocalProvisioner):
    """Starts kernels by forking a preloaded parent, or ordinarily where that is not possible.

    Attributes
    ----------
    engine
        Which way the kernel was started; None before that.
    """

    engine: EngineName | None = None

    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        """Prepare a start: fixed variables where the client sets none, and sockets that cannot collide."""
        if is_fork_safe():
            self._avoid_ports()
        return await super().pre_launch(**options)

    def _finalize_env(self, env: dict[str, str]) -> None:
        super()._finalize_env(env)
        # ordinary kernels get them too, so that both ways have the same results
        for name, value in FIXED_ENVIRONMENT.items():
            env.setdefault(name, value)

    def _avoid_ports(self) -> None:
        manager = self.parent
        if manager is None or manager.transport != "tcp" or manager.shell_port:
            return
        folder = Path(jupyter_runtime_dir())
        path = str(folder / f"kernel-{uuid.uuid4().hex[:16]}")
        if len(os.fsencode(path)) <= LONGEST_SOCKET_NAME:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            manager.transport = "ipc"
            manager.cache_ports = False
            manager.ip = path

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Start the kernel's process, and return how to reach it."""
        options = LocalProvisioner._scrub_kwargs(options)
        reason = why_ordinary(cmd, options)
        if reason:
            self.engine = "ordinary"
            self.log.warning("An ordinary kernel is started, which takes longer: %s.", reason)
            return await super().launch_kernel(cmd, **options)
        self.engine = "warm"
        self.cwd = Path(options.get("cwd") or Path.cwd()).absolute()
        fork = partial(fork_kernel, tuple(cmd[3:]), environment=options["env"], working_dir=str(self.cwd))
        # a thread of its own: those that the event loop keeps are missing in a client that was forked
        with ThreadPoolExecutor(max_workers=1) as waiting:
            process = await asyncio.get_running_loop().run_in_executor(waiting, fork)
        self.process = cast(Any, process)
        # It leads a group of its own. Before it does so, asking would name the client's group.
        self.pid = self.pgid = process.pid
        self.log.info("Kernel %d was forked from the preloaded parent %d.", process.pid, process.parent_pid)
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the end of the kernel and return its exit code."""
        while self.engine == "warm" and await self.poll() is None:
            await asyncio.sleep(PAUSE_BETWEEN_LOOKS)
        return await super().wait()


def kernelspec() -> dict[str, Any]:
    """Return the content of ``kernel.json`` for the kernel ``kota-cerdas``."""
    return {
        "argv": ["python", "-m", LAUNCHER, "-f", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "python",
        "metadata": {
            "debugger": True,
            "kernel_provisioner": {"provisioner_name": PROVISIONER_NAME, "config": {}},
        },
    }


def install_kernelspec(prefix: Path) -> Path:
    """Write the kernel ``kota-cerdas`` below the prefix of an environment, and return its folder."""
    folder = prefix / "share" / "jupyter" / "kernels" / KERNEL_NAME
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(kernelspec(), indent=1, sort_keys=True) + "\n"
    write_bytes_atomically(folder / "kernel.json", content.encode())
    return folder


if __name__ == "__main__":
    print(f"Kernel {DISPLAY_NAME} installed in {install_kernelspec(Path(sys.prefix))}")
