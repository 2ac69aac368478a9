"""Warm kernels leave what ordinary kernels leave, share nothing, and never take others with them."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from small_notebooks import is_running, job_of, publish_plainly, refuse_to_publish, write_notebook

from evaluation.execution import kernels
from evaluation.execution.engine import register_engines
from evaluation.execution.imports import FORBIDDEN_IN_PARENT, PRELOADED
from evaluation.execution.pool import ChildPool, Ended
from evaluation.execution.seeds import kernel_line, seed_of
from evaluation.execution.shell import as_json, merge_streams

pytestmark = pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork")

ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PROCESS_PATH = re.compile(r"(/\S*ipykernel_\d+/\d+\.py|<ipython-input-\S+>|\b0x[0-9a-f]+)")

EVERYTHING = (
    "print(region, year)",
    "region",
    "import sys\nprint('to out')\nprint('more')\nprint('to err', file=sys.stderr)",
    "import pandas as pd\npd.DataFrame({'score': [1.5, None]}, index=['a', 'b'])",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 4])\nplt.title('first');",
    "figure, axes = plt.subplots(layout='constrained')\naxes.bar(['a', 'b'], [1, 2])\n"
    "plt.show()\nprint('after')",
    "from IPython.display import HTML, Markdown, Image, display, clear_output\n"
    "display(HTML('<b>one</b>'))\nprint('between')\n"
    "display(Markdown('*two*'), metadata={'isolated': True})\n'three'",
    "handle = display('draft', display_id='status')\nprint('kept')",
    "handle.update('final')",
    "print('gone')\nclear_output()\nprint('stays')",
    "print('gone too')\nclear_output(wait=True)\nprint('stays too')",
    "%%capture captured\nprint('hidden')",
    "print(captured.stdout, end='')",
    "%precision 2\n3.14159",
    "%config InlineBackend.figure_formats = ['svg']",
    "import asyncio\nasync def later():\n    await asyncio.sleep(0.01)\n    return 'waited'\nawait later()",
    "task = asyncio.create_task(later())",
    "(await task).upper()",
    "1 + 1;",
    "_, __, Out[4], In[4]",
    "import pickle\nclass Own:\n    pass\ntype(pickle.loads(pickle.dumps(Own()))).__module__, __name__",
    "import random, numpy as np\nrandom.random(), np.random.rand()",
    "!echo from a shell",
    "len?",
    "def fail():\n    raise ValueError('on purpose')\nfail()",
    "print('never')",
)
PARAMETERS = "region: str = '0000'  # BPS code\nyear: int = 2019"


def normalised(node: nbformat.NotebookNode) -> list[Any]:
    """Return cells and outputs without what depends on process, time and terminal colours."""
    cells = []
    for cell in node.cells:
        outputs = [dict(output) for output in cell.get("outputs", [])]
        for output in outputs:
            if output["output_type"] == "error":
                text = ANSI_COLOUR.sub("", "\n".join(output["traceback"]))
                output["traceback"] = PROCESS_PATH.sub("PATH", text)
            if output["output_type"] == "stream":
                output["text"] = PROCESS_PATH.sub("PATH", output["text"])
        cells.append((cell.source, cell.get("execution_count"), outputs, cell.metadata.get("tags")))
    return cells


def states(node: nbformat.NotebookNode) -> list[str]:
    return [cell.metadata.get("papermill", {}).get("status", "") for cell in node.cells]


def execute(path: Path, output: Path, *, engine: str | None, **options: Any) -> nbformat.NotebookNode:
    """Run a notebook with papermill; return what it left, whether it failed or not."""
    register_engines()
    try:
        papermill.execute_notebook(
            str(path), str(output), engine_name=engine, progress_bar=False, cwd=str(path.parent), **options
        )
    except PapermillExecutionError as problem:
        assert problem.ename == "ValueError"  # noqa: PT017  the notebook fails on purpose in its last cell
    return nbformat.read(output, as_version=4)


def finish(pool: ChildPool) -> dict[str, Ended]:
    ended: list[Ended] = []
    while not pool.is_idle:
        ended += pool.wait()
    return {one.job.target_name: one for one in ended}


def run_one(path: Path, scratch: Path, **options: Any) -> Ended:
    pool = ChildPool(1)
    pool.start(job_of(path, scratch, **options))
    return finish(pool)[path.stem]


def test_outputs_are_those_of_an_ordinary_kernel(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "everything.ipynb", *EVERYTHING, parameters=PARAMETERS)
    parameters = {"region": "1101", "year": 2024}
    warm = execute(path, tmp_path / "warm.ipynb", engine="warm", parameters=parameters)
    ordinary = execute(
        path,
        tmp_path / "ordinary.ipynb",
        engine=None,
        parameters=parameters,
        extra_arguments=[f"--IPKernelApp.exec_lines={kernel_line(seed_of(parameters))}"],
    )
    merge_streams(ordinary)
    for ours, theirs in zip(normalised(warm), normalised(ordinary), strict=True):
        assert ours == theirs
    assert warm.metadata["language_info"] == ordinary.metadata["language_info"]
    assert warm.metadata["papermill"]["parameters"] == parameters
    assert warm.metadata["papermill"]["exception"] is True
    assert states(warm) == states(ordinary)


def test_every_figure_is_there(tmp_path: Path) -> None:
    cells = ["import matplotlib.pyplot as plt", *[f"plt.plot([{number}, 1]);" for number in range(4)]]
    path = write_notebook(tmp_path / "figures.ipynb", *cells)
    executed = execute(path, tmp_path / "executed.ipynb", engine="warm")
    figures = [
        output
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "image/png" in output["data"]
    ]
    assert len(figures) == 4


def test_the_fast_path_is_taken(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "who.ipynb", "import sys\nprint(*sorted(sys.modules))")
    ended = run_one(path, tmp_path / "scratch")
    assert ended.failure is None
    assert ended.path == "warm"
    loaded = set((tmp_path / "scratch" / "page.html").read_text().split())
    assert set(PRELOADED) <= loaded


def test_the_parent_has_one_thread_and_nothing_of_the_project(tmp_path: Path) -> None:
    script = (
        "import evaluation.execution.preload, sys, threading\n"
        "from pathlib import Path\n"
        "threads = Path('/proc/self/status').read_text().split('Threads:')[1].split()[0]\n"
        "watched = ('evaluation', 'matplotlib_inline', 'ipykernel')\n"
        "print(threads, *[name for name in sys.modules if name.startswith(watched)])"
    )
    environment = {**os.environ, **kernels.FIXED_ENVIRONMENT}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    threads, *modules = done.stdout.split()
    assert threads == "1", done.stderr
    own = {
        "evaluation",
        "evaluation.execution",
        "evaluation.execution.imports",
        "evaluation.execution.preload",
    }
    assert set(modules) <= own
    assert not set(modules) & set(FORBIDDEN_IN_PARENT)


def test_nothing_leaks_from_one_notebook_to_the_next(tmp_path: Path) -> None:
    loud = write_notebook(
        tmp_path / "loud.ipynb",
        "import os, sys, builtins, numpy as np, pandas as pd, matplotlib as mpl",
        "leak = 1; builtins.leak = 1; np.leak = 1; os.environ['LEAK'] = '1'; sys.path.append('leak')",
        "np.random.seed(0); mpl.rcParams['font.size'] = 31; pd.options.display.max_rows = 3; os.chdir('/')",
    )
    quiet = write_notebook(
        tmp_path / "quiet.ipynb",
        "import os, sys, builtins, numpy as np, pandas as pd, matplotlib as mpl",
        "print('leak' in globals(), hasattr(builtins, 'leak'), hasattr(np, 'leak'), 'LEAK' in os.environ)",
        "print('leak' in sys.path, mpl.rcParams['font.size'] == 31, pd.options.display.max_rows == 3)",
        "print(os.getcwd() == '/', np.random.get_state()[1][0] == 0)",
    )
    pool = ChildPool(1)
    pool.start(job_of(loud, tmp_path / "loud"))
    assert finish(pool)["loud"].failure is None
    assert run_one(quiet, tmp_path / "quiet").failure is None
    answers = (tmp_path / "quiet" / "page.html").read_text().split()
    assert answers == ["False"] * 9


def test_random_numbers_follow_the_parameters(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "random.ipynb",
        "import random, numpy as np\nprint(random.random(), np.random.rand(), hash('a'))",
        parameters="code = '1101'",
    )
    pages = []
    for number, code in enumerate(("1101", "1101", "1102")):
        run_one(path, tmp_path / str(number), parameters={"code": code})
        pages.append((tmp_path / str(number) / "page.html").read_text())
    assert pages[0] == pages[1]
    assert pages[0].split()[:2] != pages[2].split()[:2]
    assert pages[0].split()[2] == pages[2].split()[2]


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os; os._exit(3)", "exit code 3"),
    ],
)
def test_a_dead_process_is_named_and_others_are_unharmed(tmp_path: Path, source: str, named: str) -> None:
    deadly = write_notebook(tmp_path / "deadly.ipynb", "kept = 'so far'\nkept", source)
    harmless = write_notebook(tmp_path / "harmless.ipynb", "import time; time.sleep(0.5); print('alive')")
    pool = ChildPool(2)
    pool.start(job_of(harmless, tmp_path / "harmless"))
    pool.start(job_of(deadly, tmp_path / "deadly"))
    ended = finish(pool)
    assert named in (ended["deadly"].failure or "")
    assert ended["harmless"].failure is None
    assert (tmp_path / "harmless" / "page.html").read_text() == "alive\n"
    # a signal may have come from outside: one more attempt, with a notebook kept that shows how far it came
    by_signal = named.startswith("SIG")
    assert ended["deadly"].attempts == (2 if by_signal else 1)
    left = nbformat.read(tmp_path / "deadly" / "executed.ipynb", as_version=4)
    assert bool(left.cells[2].outputs) == by_signal


def test_an_exception_is_not_tried_again(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "wrong.ipynb", "def ask():\n    return {}['poverty']\nask()")
    ended = run_one(path, tmp_path / "scratch")
    assert ended.attempts == 1
    assert "KeyError: 'poverty'" in (ended.failure or "")
    assert "cell 3, In [1]" in (ended.failure or "")
    assert not (tmp_path / "scratch" / "page.html").exists()
    assert "KeyError" in (tmp_path / "scratch" / "executed.ipynb").read_text()


def test_a_page_that_cannot_be_made_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "fine.ipynb", "print(1)")
    ended = run_one(path, tmp_path / "scratch", publish=refuse_to_publish)
    assert "a figure without alternative text" in (ended.failure or "")
    assert ended.attempts == 1


def test_a_notebook_that_stops_early_is_a_failure(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "early.ipynb", "import sys; sys.exit()", "print('the rest')")
    ended = run_one(path, tmp_path / "scratch")
    assert "before its last cell" in (ended.failure or "")


@pytest.mark.parametrize("source", ["import time\ntime.sleep(60)", "import asyncio\nawait asyncio.sleep(60)"])
def test_the_time_limit_shows_where_the_time_went(tmp_path: Path, source: str) -> None:
    path = write_notebook(tmp_path / "slow.ipynb", "print('so far')", source)
    ended = run_one(path, tmp_path / "scratch", time_limit=0.8)
    assert "time limit of 0.8 s exceeded" in (ended.failure or "")
    left = nbformat.read(tmp_path / "scratch" / "executed.ipynb", as_version=4)
    assert any("so far" in str(cell.get("outputs")) for cell in left.cells)
    assert ended.seconds < 5


def test_a_hanging_process_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.execution.pool.GRACE_SECONDS", 0.5)
    path = write_notebook(
        tmp_path / "deaf.ipynb",
        "import signal, subprocess, time; from pathlib import Path",
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)",
        "same_group = subprocess.Popen(['sleep', '600'])",
        "own_group = subprocess.Popen(['sleep', '600'], start_new_session=True)",
        "Path('pids').write_text(f'{same_group.pid} {own_group.pid}'); time.sleep(600)",
    )
    ended = run_one(path, tmp_path / "scratch", time_limit=1.5)
    assert "was killed" in (ended.failure or "")
    pids = [int(pid) for pid in (tmp_path / "scratch" / "pids").read_text().split()]
    assert _gone(pids)


def test_the_death_of_the_parent_is_survived(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "orphan.ipynb", "import time; time.sleep(1); print('made')")
    pool = ChildPool(1)
    pool.start(job_of(path, tmp_path / "scratch"))
    forkserver = multiprocessing.forkserver  # type: ignore[attr-defined]
    time.sleep(0.3)
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    ended = finish(pool)["orphan"]
    assert ended.failure is None
    assert ended.attempts == 2
    assert (tmp_path / "scratch" / "page.html").read_text() == "made\n"


@pytest.mark.parametrize("engine", ["warm", "ordinary"])
def test_a_notebook_that_asks_for_too_much_memory_fails_by_itself(tmp_path: Path, engine: str) -> None:
    greedy = write_notebook(tmp_path / "greedy.ipynb", "kept = b'x' * 10", "taken = bytearray(3_000_000_000)")
    modest = write_notebook(tmp_path / "modest.ipynb", "import numpy as np; print(np.ones(10_000_000).sum())")
    options: dict[str, Any] = {"engine": engine, "memory_limit": 2000.0}
    ended = run_one(greedy, tmp_path / "greedy", **options)
    assert "MemoryError" in (ended.failure or "")
    assert "cell 4, In [2]" in (ended.failure or "")
    assert ended.attempts == 1
    assert run_one(modest, tmp_path / "modest", **options).failure is None


def test_killing_the_pool_leaves_no_process(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "long.ipynb",
        "import os, time; from pathlib import Path",
        "Path('pid').write_text(str(os.getpid())); time.sleep(600)",
    )
    pool = ChildPool(1)
    pool.start(job_of(path, tmp_path / "scratch"))
    pid_file = tmp_path / "scratch" / "pid"
    while not (pid_file.exists() and pid_file.read_text()):
        time.sleep(0.05)
    pool.kill_all()
    assert _gone([int(pid_file.read_text())])
    assert pool.is_idle


def _gone(pids: list[int]) -> bool:
    for _ in range(50):
        if not any(is_running(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def test_the_ordinary_engine_makes_the_same_page(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "same.ipynb",
        "import numpy as np, random",
        "print(code, np.random.rand(), random.random(), hash('a'))",
        parameters="code = '1101'",
    )
    pages = []
    for engine in ("warm", "ordinary"):
        ended = run_one(path, tmp_path / engine, engine=engine, parameters={"code": "3404"})
        assert ended.failure is None
        assert ended.path == engine
        pages.append((tmp_path / engine / "page.html").read_text())
    assert pages[0] == pages[1]


def test_the_papermill_engine_reports_death_and_time_limit(tmp_path: Path) -> None:
    register_engines()
    deadly = write_notebook(
        tmp_path / "deadly.ipynb", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    slow = write_notebook(tmp_path / "slow.ipynb", "import time; time.sleep(60)")
    options: dict[str, Any] = {"engine_name": "warm", "progress_bar": False}
    with pytest.raises(DeadKernelError, match="SIGKILL"):
        papermill.execute_notebook(str(deadly), str(tmp_path / "out.ipynb"), **options)
    with pytest.raises(DeadKernelError, match=r"0\.5 s"):
        papermill.execute_notebook(str(slow), str(tmp_path / "out.ipynb"), execution_timeout=0.5, **options)


def test_bytes_travel_as_base64() -> None:
    assert as_json({"image/png": b"\x89PNG"}) == {"image/png": "iVBORw==\n"}


def test_a_plain_page_is_made_whole(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    publish_plainly(nbformat.v4.new_notebook(), path=page, parameters={})
    assert page.read_bytes() == b""
