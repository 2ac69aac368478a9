"""Jupyter's own clients get forked kernels, as fresh, as obedient and as mortal as ordinary ones."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
from small_notebooks import is_running, write_notebook

from evaluation.execution import kernels, provisioner
from evaluation.execution.provisioner import KERNEL_NAME, PROVISIONER_NAME, WarmProvisioner

pytestmark = pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")

READY_SECONDS = 30
NOTICE_SECONDS = 5.0
"""How long a death may go unnoticed; clients look every 3 s."""

ENTRY_POINT = EntryPoint(
    PROVISIONER_NAME,
    f"{provisioner.__name__}:{WarmProvisioner.__name__}",
    KernelProvisionerFactory.GROUP_NAME,
)
LIFE = "import os\nprint(os.getpid(), os.getppid())"
FIGURES = (
    "import matplotlib.pyplot as plt\nimport numpy as np\nprint('drawn')",
    "plt.plot([1, 3, 2]);",
    "figure, axes = plt.subplots()\naxes.bar(['a', 'b'], [1, 2])\nplt.show()\n"
    "figure, axes = plt.subplots()\naxes.plot([2, 1]);",
    "{'region': code}",
)
CLIENT_THAT_DIES = f"""
import os, signal
from importlib.metadata import EntryPoint
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
KernelProvisionerFactory.instance().provisioners[{PROVISIONER_NAME!r}] = {ENTRY_POINT!r}
manager = KernelManager(kernel_name={KERNEL_NAME!r})
manager.start_kernel()
if os.fork() == 0:
    other = KernelManager(kernel_name={KERNEL_NAME!r})
    other.start_kernel()
    print(other.provisioner.process.parent_pid, other.provisioner.pid, flush=True)
    os._exit(0)
os.wait()
print(manager.provisioner.process.parent_pid, manager.provisioner.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the kernel into a prefix of its own, and the provisioner where it is not installed."""
    prefix = tmp_path_factory.mktemp("prefix")
    provisioner.install_kernelspec(prefix)
    factory = KernelProvisionerFactory.instance()
    factory.provisioners.setdefault(PROVISIONER_NAME, ENTRY_POINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
        yield


@contextmanager
def kernel(name: str = KERNEL_NAME, **options: Any) -> Iterator[tuple[KernelManager, Any]]:
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(**options)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=READY_SECONDS)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def printed(client: Any, code: str) -> str:
    """Return what code prints, or the name of its exception."""
    texts: list[str] = []

    def listen(message: dict[str, Any]) -> None:
        content = message["content"]
        texts.append(content.get("text", "") if message["msg_type"] == "stream" else content.get("ename", ""))

    client.execute_interactive(code, output_hook=listen, timeout=READY_SECONDS)
    return "".join(texts).strip()


def happens(condition: Any, *, within: float = NOTICE_SECONDS) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def outputs_of(path: Path) -> list[dict[str, Any]]:
    found = [
        dict(output) for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])
    ]
    return [{**output, "metadata": None} for output in found]


def test_the_kernel_is_found_and_says_how_it_starts() -> None:
    spec = KernelSpecManager().get_kernel_spec(KERNEL_NAME)
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == PROVISIONER_NAME
    assert spec.language == "python"


def test_on_this_system_the_fast_way_is_taken() -> None:
    with kernel() as (manager, client):
        pid, parent = map(int, printed(client, LIFE).split())
        assert isinstance(manager.provisioner, WarmProvisioner)
        assert manager.provisioner.engine == "warm"
        assert pid == manager.provisioner.pid == os.getpgid(pid)
        assert parent == kernels.warm_up() == manager.provisioner.process.parent_pid
        assert manager.transport == "ipc"
        loaded = printed(
            client, "import sys\nprint([name in sys.modules for name in ('pandas', 'evaluation')])"
        )
        assert loaded == "[True, False]"


def test_papermill_gets_the_outputs_of_an_ordinary_kernel(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "drawn.ipynb", *FIGURES, parameters="code = '1101'")
    for name in (KERNEL_NAME, "python3"):
        papermill.execute_notebook(
            str(path),
            str(tmp_path / f"{name}.ipynb"),
            parameters={"code": "3404"},
            kernel_name=name,
            progress_bar=False,
        )
    warm = outputs_of(tmp_path / f"{KERNEL_NAME}.ipynb")
    assert sum("image/png" in output.get("data", {}) for output in warm) == 3
    assert warm == outputs_of(tmp_path / "python3.ipynb")


def test_interrupt_and_restart() -> None:
    with kernel() as (manager, client):
        before = printed(client, "kept = 1\n" + LIFE)
        waiting = client.execute("import time\ntime.sleep(60)")
        assert happens(lambda: client.get_iopub_msg(timeout=5)["content"].get("execution_state") == "busy")
        time.sleep(0.3)
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=READY_SECONDS)
        while reply["parent_header"]["msg_id"] != waiting:
            reply = client.get_shell_msg(timeout=READY_SECONDS)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        # what was sent before the kernel told of the interrupt is dropped
        assert happens(lambda: printed(client, "print(kept)") == "1")
        manager.restart_kernel()
        client.wait_for_ready(timeout=READY_SECONDS)
        assert printed(client, "kept") == "NameError"
        after = printed(client, LIFE)
        assert after.split()[0] != before.split()[0]
        assert after.split()[1] == before.split()[1]


def test_a_killed_kernel_is_noticed_and_its_children_end() -> None:
    with kernel() as (manager, client):
        child = int(
            printed(
                client,
                "import subprocess\nchild = subprocess.Popen(['sleep', '60'])\nprint(child.pid)",
            )
        )
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        assert happens(lambda: not manager.is_alive())
        assert manager.provisioner.process.returncode == -signal.SIGKILL
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=READY_SECONDS)
        child_of_new = int(
            printed(
                client,
                "import subprocess\nchild = subprocess.Popen(['sleep', '60'])\nprint(child.pid)",
            )
        )
    assert happens(lambda: not is_running(child_of_new))
    os.kill(child, signal.SIGKILL)


def test_environment_and_folder_are_the_clients_choice(tmp_path: Path) -> None:
    environment = {**os.environ, "SURVEY_YEAR": "2024", "MPLBACKEND": "agg"}
    code = (
        "import os, sys, json, matplotlib\n"
        "print(json.dumps([os.getcwd(), os.environ['SURVEY_YEAR'], matplotlib.get_backend().lower(),"
        " sys.path, sys.argv, sorted(os.environ.keys() - {'JPY_PARENT_PID'}), __name__]))"
    )
    started: dict[str, Any] = {"cwd": str(tmp_path), "env": environment}
    with kernel(**started) as (manager, client), kernel("python3", **started) as (_, ordinary):
        told = json.loads(printed(client, code))
        assert told[:3] == [str(tmp_path), "2024", "agg"]
        assert manager.provisioner.engine == "warm"
        expected = json.loads(printed(ordinary, code))
    # the name of the connection file is the last argument
    told[4].pop(), expected[4].pop()
    expected[5] = sorted({*expected[5], *kernels.FIXED_ENVIRONMENT})
    assert told == expected


def test_kernels_share_nothing() -> None:
    spoil = (
        "import numpy as np, pandas as pd, matplotlib.pyplot as plt, random\n"
        "code = '3404'\nplt.rcParams['font.size'] = 40\npd.set_option('display.precision', 1)\nplt.figure()\n"
    )
    state = (
        "import numpy as np, pandas as pd, matplotlib.pyplot as plt, random\n"
        "print(plt.rcParams['font.size'], pd.get_option('display.precision'), plt.get_fignums(),"
        " 'code' in globals())"
    )
    draw = "print(np.random.rand(), random.random())"
    with kernel() as (_, first), kernel() as (_, second):
        printed(first, spoil)
        assert printed(second, state) == "10.0 6 [] False"
        assert printed(first, draw) != printed(second, draw)


def test_four_kernels_at_once_meet_no_ports() -> None:
    async def life() -> tuple[str, str, str]:
        manager = AsyncKernelManager(kernel_name=KERNEL_NAME)
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=READY_SECONDS)
            texts: list[str] = []
            await client.execute_interactive(
                LIFE,
                output_hook=lambda message: texts.append(message["content"].get("text", "")),
                timeout=READY_SECONDS,
            )
            return (*"".join(texts).split(), manager.ip)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel()

    async def all_lives() -> list[tuple[str, str, str]]:
        return await asyncio.gather(*(life() for _ in range(4)))

    pids, parents, places = zip(*asyncio.run(all_lives()), strict=True)
    assert len(set(pids)) == len(set(places)) == 4
    assert len(set(parents)) == 1
    assert not list(Path(places[0]).parent.glob(f"{Path(places[0]).name}*"))


def test_code_that_ends_with_the_kernel_runs(tmp_path: Path) -> None:
    with kernel(cwd=str(tmp_path)) as (manager, client):
        printed(client, "import atexit, pathlib\natexit.register(pathlib.Path('ended').touch)\nNone")
        manager.shutdown_kernel()
        assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("obstacle", ["threads", "no fork", "own settings"])
def test_where_a_fork_is_not_fit_an_ordinary_kernel_starts(
    obstacle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment = dict(os.environ)
    if obstacle == "threads":
        environment["OMP_NUM_THREADS"] = "3"
    elif obstacle == "no fork":
        monkeypatch.setattr(provisioner, "is_fork_safe", lambda: False)
    else:
        (tmp_path / "matplotlibrc").write_text("font.size: 7\n")
    code = (
        "import os, matplotlib\n"
        "print(os.environ['OMP_NUM_THREADS'], os.environ['PYTHONHASHSEED'], os.getppid(),"
        " matplotlib.rcParams['font.size'])"
    )
    logger = logging.getLogger("traitlets")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.WARNING), kernel(env=environment, cwd=str(tmp_path)) as (manager, client):
        threads, hash_seed, parent, size = printed(client, code).split()
        assert manager.provisioner.engine == "ordinary"
    assert (threads, hash_seed) == ("3" if obstacle == "threads" else "1", "0")
    assert float(size) == (7 if obstacle == "own settings" else 10)
    assert int(parent) == os.getpid()
    assert "ordinary kernel" in caplog.text


def test_a_parent_that_died_is_replaced() -> None:
    with kernel() as (manager, client):
        before = manager.provisioner.process.parent_pid
        os.kill(before, signal.SIGKILL)
        assert happens(lambda: not manager.is_alive())
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=READY_SECONDS)
        assert manager.provisioner.engine == "warm"
        assert manager.provisioner.process.parent_pid != before


def test_parents_and_kernels_end_with_their_client() -> None:
    """Also those of a process that the client had forked, which has a parent of its own."""
    client = subprocess.run(
        [sys.executable, "-c", CLIENT_THAT_DIES],
        capture_output=True, text=True, timeout=READY_SECONDS, check=False,
    )  # fmt: skip
    assert client.returncode == -signal.SIGKILL, client.stderr
    pids = [int(pid) for pid in client.stdout.split()]
    assert len(set(pids)) == 4
    assert happens(lambda: not any(is_running(pid) for pid in pids))
