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
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from evaluation.errors import EvaluationError
from evaluation.execution.ahead import notebook_of, put_in_place
from evaluation.execution.imports import lean_imports, preloaded_here
from evaluation.execution.kernels import EngineName, limit_memory, settle_in
from evaluation.execution.linking import page_file
from evaluation.execution.seeds import kernel_line, seed_of
from evaluation.execution.task import LOG_NAME, Answer, EnginePath, Job, Known, Made, Part, Publish
from evaluation.execution.traces import (
    RUNS_CELLS,
    Trace,
    Tracer,
    file_states,
    message_states,
    printed_fingerprint,
    read_trace,
    trace_line,
)
from evaluation.provenance import FINGERPRINT_DIGITS
from evaluation.studies.project import look_once

with lean_imports():
    import papermill
    from nbformat import NotebookNode
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import prepare_notebook_metadata, raise_for_execution_errors, remove_error_markers
    from papermill.iorw import write_ipynb
    from papermill.parameterize import parameterize_notebook

__all__ = ["Answer", "Job", "Known", "Made", "Part", "Publish", "run_job", "run_notebook"]

SHOWN_TRACEBACK_LINES = 15
KERNEL_NAME = "python3"


class TimeLimitError(Exception):
    """Raised in the running cell when its notebook has used its time."""


class CellsFailedError(Exception):
    """The notebook stopped before its last cell."""


def run_job(job: Job, answers: Connection) -> None:
    """Run a job as the whole life of the current process, and send its `Answer`.

    All notebooks run before the first page is made, so that a page's fingerprint does not depend on what the
    making of another has loaded. An unforeseen exception outside of the cells, for example while a page is
    made, is printed to the log and ends the process with exit code 1.
    """
    path = _begin(job.log, engine=job.engine)
    if job.memory_limit:
        limit_memory(job.memory_limit)
    publish = job.publish or _default_publish()
    tracer = Tracer(job.known.root) if job.known else None
    if job.known:
        look_once()
        put_in_place(job.known.notebook)
    executed: dict[int, NotebookNode] = {}
    failures: dict[int, str] = {}
    for number, part in enumerate(job.parts):
        os.chdir(job.working_dir)
        with _time_limit(job.time_limit):
            try:
                executed[number] = _execute(job, part, number)
            except CellsFailedError as problem:
                failures[number] = str(problem)
    trace = _trace(job, tracer)
    printed = {number: _fingerprint(job, job.parts[number], trace) for number in executed}
    with _time_limit(job.whole_limit):
        for number, notebook in executed.items():
            try:
                _publish(publish, job, job.parts[number], notebook, printed[number])
            except BaseException as problem:
                write_ipynb(notebook, str(job.executed(number)))
                if not isinstance(problem, EvaluationError):
                    raise
                failures[number] = f"the page was not made: {problem}"
    whole = trace | tracer.taken() if tracer else trace
    answers.send(_answer(job, path, whole, printed, failures))
    _end()


def _trace(job: Job, tracer: Tracer | None) -> Trace:
    """Return what all cells used, in this process or in the kernels it started."""
    trace = tracer.taken() if tracer else Trace()
    for number in range(len(job.parts)):
        trace |= read_trace(_kernel_trace(job, number))
    return trace


def _kernel_trace(job: Job, number: int) -> Path:
    return job.executed(number).with_suffix(".trace.json")


def _fingerprint(job: Job, part: Part, trace: Trace) -> str:
    """Return what stands on a page: the hash of all that its cells used, which way they were run left out."""
    if job.known is None:
        return job.fingerprint
    modules = sorted(name for name in trace.modules if name not in RUNS_CELLS)
    now = job.known.surroundings
    return printed_fingerprint(
        trace,
        parts={
            "notebook": job.known.notebook,
            "parameters": dict(part.parameters),
            "code": [[name, now.code.get(name, "")] for name in modules],
            "files": file_states(job.known.root, trace.files),
            "packages": dict(now.packages),
        },
    )[:FINGERPRINT_DIGITS]


def _answer(
    job: Job,
    path: EnginePath,
    trace: Trace,
    printed: Mapping[int, str],
    failures: Mapping[int, str],
) -> Answer:
    made = []
    for number, part in enumerate(job.parts):
        if number in failures:
            made.append(Made(target_name=part.target_name, failure=failures[number]))
            continue
        made.append(
            Made(
                target_name=part.target_name,
                fingerprint=printed[number],
                page=page_file(part.output) if job.known else None,
                messages=message_states(part.language, trace.messages),
            )
        )
    files = file_states(job.known.root, trace.files) if job.known else {}
    return Answer(path=path, made=tuple(made), trace=trace, files=files)


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


def _execute(job: Job, part: Part, number: int) -> NotebookNode:
    """Run the cells and return the executed notebook.

    Raises
    ------
    CellsFailedError
        When a cell raised or ended the notebook.
    """
    from evaluation.execution.shell import merge_streams

    place = str(job.executed(number))
    try:
        if job.engine == "ordinary" or job.keep_each_cell:
            executed = papermill.execute_notebook(
                str(job.notebook),
                place,
                parameters=dict(part.parameters),
                progress_bar=False,
                kernel_name=KERNEL_NAME,
                **_engine_options(job, part, number),
            )
        else:
            executed = _execute_here(job, part, number)
    except PapermillExecutionError as problem:
        raise CellsFailedError(_describe(problem)) from problem
    if executed.metadata.papermill.exception:
        write_ipynb(executed, place)
        raise CellsFailedError("a cell ended the notebook before its last cell (SystemExit)")
    merge_streams(executed)
    return executed


def _execute_here(job: Job, part: Part, number: int) -> NotebookNode:
    """Take the steps of `papermill.execute_notebook` but the last: the file of a notebook that has run to its end.

    It would cost more than the start of the cells, and what it holds stands on the page.
    """
    options = _engine_options(job, part, number)
    engine, place = options["engine_name"], str(job.executed(number))
    notebook = notebook_of(job.notebook, state=job.known.notebook if job.known else "")
    if part.parameters:
        notebook = parameterize_notebook(
            notebook, dict(part.parameters), kernel_name=KERNEL_NAME, engine_name=engine
        )
    notebook = prepare_notebook_metadata(notebook, str(job.notebook), place, report_mode=False)
    executed = papermill_engines.execute_notebook_with_engine(
        nb=remove_error_markers(notebook),
        kernel_name=KERNEL_NAME,
        output_path=None,
        progress_bar=False,
        log_output=False,
        **options,
    )
    raise_for_execution_errors(executed, place)
    return executed


def _engine_options(job: Job, part: Part, number: int) -> dict[str, Any]:
    seed = seed_of(part.parameters)
    if job.engine == "warm":
        from evaluation.execution.shell import InProcessEngine, NotebookShell

        papermill_engines.register("in_process", InProcessEngine)
        # a notebook begins without the names of the one before
        NotebookShell.clear_instance()
        return {
            "engine_name": "in_process",
            "profile_dir": job.scratch / "ipython",
            "seed": seed,
            "save_to": job.executed(number),
        }
    lines = [kernel_line(seed)]
    if job.known:
        lines.append(trace_line(job.known.root, _kernel_trace(job, number)))
    return {"extra_arguments": [f"--IPKernelApp.exec_lines={line}" for line in lines]}


def _describe(problem: PapermillExecutionError) -> str:
    """Return the cell, the exception and the end of its traceback, without terminal colours."""
    from nbconvert.filters import strip_ansi

    lines = strip_ansi("\n".join(problem.traceback)).splitlines()
    shown = "\n".join(lines[-SHOWN_TRACEBACK_LINES:]) or f"{problem.ename}: {problem.evalue}"
    return f"cell {problem.cell_index + 1}, In [{problem.exec_count}]:\n{shown}"


def _publish(publish: Publish, job: Job, part: Part, executed: NotebookNode, fingerprint: str) -> None:
    publish(
        executed,
        target_name=part.target_name,
        language=part.language,
        parameters=dict(part.parameters),
        fingerprint=fingerprint,
        path=part.output,
        reports_root=job.reports_root,
    )


def _default_publish() -> Publish:
    from evaluation.reporting.page import publish

    return publish
