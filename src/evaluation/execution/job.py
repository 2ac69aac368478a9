"""What happens in a notebook's own process: parameters in, cells run, page out.

A job is a function of plain arguments and shares nothing with other jobs but the folders it is given.

Belongs here: the sequence of one job. Does not belong here: how processes start, die and are tried again
(`evaluation.execution.pool`).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from evaluation.execution.imports import lean_imports, preloaded_here
from evaluation.execution.kernels import EngineName, settle_in
from evaluation.execution.seeds import kernel_line, seed_of

with lean_imports():
    import papermill
    from nbformat import NotebookNode
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError

Publish = Callable[..., None]
EnginePath = Literal["warm", "warm, not preloaded", "ordinary"]
SHOWN_TRACEBACK_LINES = 15
KERNEL_NAME = "python3"
EXECUTED_NAME = "executed.ipynb"
LOG_NAME = "log.txt"


class TimeLimitError(Exception):
    """Raised in the running cell when its notebook has used its time."""


class CellsFailedError(Exception):
    """The notebook stopped before its last cell."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One notebook to run and one page to make of it, in plain values.

    Parameters
    ----------
    target_name, notebook, parameters, language, fingerprint, output
        As in `evaluation.execution.plan.Target`.
    reports_root
        The folder of all pages.
    working_dir
        Where the cells run.
    scratch
        A folder of this job alone, for the executed notebook and the log.
    engine
        ``"warm"`` or ``"ordinary"``.
    time_limit
        Seconds for the whole job.
    keep_each_cell
        Save the executed notebook after each cell, so that something is left of a process that dies.
    publish
        Makes the page; `evaluation.reporting.page.publish` when None.
    """

    target_name: str
    notebook: Path
    parameters: Mapping[str, Any]
    language: str
    fingerprint: str
    output: Path
    reports_root: Path
    working_dir: Path
    scratch: Path
    engine: EngineName
    time_limit: float
    keep_each_cell: bool = False
    publish: Publish | None = None

    @property
    def seed(self) -> int:
        """The seed of the global generators, from the parameters alone."""
        return seed_of(self.parameters)

    @property
    def executed(self) -> Path:
        """Where the executed notebook is kept until the job is done."""
        return self.scratch / EXECUTED_NAME

    @property
    def log(self) -> Path:
        """What the process printed outside of cells."""
        return self.scratch / LOG_NAME


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a job's process says before it ends.

    Parameters
    ----------
    path
        Which way the notebook ran.
    failure
        Where and how it failed; None when the page was made.
    """

    path: EnginePath
    failure: str | None = None


def run_job(job: Job, answers: Connection) -> None:
    """Run a job as the whole life of the current process, and send its `Answer`.

    An exception outside of the cells, for example while the page is made, is printed to the log and ends the
    process with exit code 1.
    """
    path = _begin(job.log, engine=job.engine)
    os.chdir(job.working_dir)
    failure = None
    with _time_limit(job.time_limit):
        try:
            _publish(job, _execute(job))
        except CellsFailedError as problem:
            failure = str(problem)
    answers.send(Answer(path=path, failure=failure))
    _end()


def run_notebook(notebook: NotebookNode, scratch: Path, answers: Connection) -> None:
    """Run the cells of a notebook as the whole life of the current process, and send it back executed."""
    from papermill.engines import NotebookExecutionManager

    from evaluation.execution.shell import run_cells, start_shell

    _begin(scratch / LOG_NAME, engine="warm")
    nb_man = NotebookExecutionManager(notebook, progress_bar=False)
    seed = seed_of(notebook.metadata.get("papermill", {}).get("parameters", {}))
    run_cells(nb_man, start_shell(profile_dir=scratch / "ipython", seed=seed))
    answers.send(nb_man.nb)
    _end()


def _begin(log: Path, *, engine: EngineName) -> EnginePath:
    settle_in(log)
    faulthandler.enable(file=2)
    if engine == "ordinary":
        return "ordinary"
    return "warm" if preloaded_here() else "warm, not preloaded"


def _end() -> None:
    """End without the interpreter's tidying up: the process is done and its memory goes with it."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    os._exit(0)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitError` in the running code after some seconds.

    The runner kills a process that does not heed it; the executed notebook shows where the time went.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeLimitError(f"time limit of {seconds:g} s exceeded")

    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _execute(job: Job) -> NotebookNode:
    """Run the cells and return the executed notebook.

    Raises
    ------
    CellsFailedError
        When a cell raised or ended the notebook.
    """
    from evaluation.execution.shell import merge_streams

    try:
        executed = papermill.execute_notebook(
            str(job.notebook),
            str(job.executed),
            parameters=dict(job.parameters),
            progress_bar=False,
            request_save_on_cell_execute=job.keep_each_cell or job.engine == "ordinary",
            kernel_name=KERNEL_NAME,
            **_engine_options(job),
        )
    except PapermillExecutionError as problem:
        raise CellsFailedError(_describe(problem)) from problem
    if executed.metadata.papermill.exception:
        raise CellsFailedError("a cell ended the notebook before its last cell (SystemExit)")
    merge_streams(executed)
    return executed


def _engine_options(job: Job) -> dict[str, Any]:
    if job.engine == "warm":
        from evaluation.execution.shell import InProcessEngine

        papermill_engines.register("in_process", InProcessEngine)
        return {
            "engine_name": "in_process",
            "profile_dir": job.scratch / "ipython",
            "seed": job.seed,
            "save_to": job.executed,
        }
    return {"extra_arguments": [f"--IPKernelApp.exec_lines={kernel_line(job.seed)}"]}


def _describe(problem: PapermillExecutionError) -> str:
    """Return the cell, the exception and the end of its traceback, without terminal colours."""
    from nbconvert.filters import strip_ansi

    lines = strip_ansi("\n".join(problem.traceback)).splitlines()
    shown = "\n".join(lines[-SHOWN_TRACEBACK_LINES:]) or f"{problem.ename}: {problem.evalue}"
    return f"cell {problem.cell_index + 1}, In [{problem.exec_count}]:\n{shown}"


def _publish(job: Job, executed: NotebookNode) -> None:
    publish = job.publish or _default_publish()
    publish(
        executed,
        target_name=job.target_name,
        language=job.language,
        parameters=dict(job.parameters),
        fingerprint=job.fingerprint,
        path=job.output,
        reports_root=job.reports_root,
    )


def _default_publish() -> Publish:
    from evaluation.reporting.page import publish

    return publish
