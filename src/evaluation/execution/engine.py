"""The papermill engine ``warm``: plain papermill, with cells run in a child of the preloaded parent.

Belongs here: what papermill asks of an engine. Does not belong here: making processes
(`evaluation.execution.kernels`) and running cells (`evaluation.execution.job`).
"""

from __future__ import annotations

import tempfile
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from evaluation.execution.imports import lean_imports
from evaluation.execution.job import run_notebook
from evaluation.execution.kernels import describe_death, kill_tree, start_process, warm_up

with lean_imports():
    from nbclient.exceptions import DeadKernelError
    from papermill.engines import Engine, NotebookExecutionManager, papermill_engines


class WarmEngine(Engine):
    """The papermill engine ``warm``: cells run in a child forked from the preloaded parent."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        execution_timeout: float | None = None,
        **_: Any,
    ) -> None:
        """Run all cells in a child of this call alone.

        Raises
        ------
        nbclient.exceptions.DeadKernelError
            When the child dies or exceeds ``execution_timeout`` seconds (for the whole notebook).
        """
        warm_up()
        with tempfile.TemporaryDirectory(prefix="evaluation-") as scratch:
            process, answers = start_process(run_notebook, (nb_man.nb, Path(scratch)), engine="warm")
            try:
                nb_man.nb = _receive(process, answers, execution_timeout)
            finally:
                kill_tree(process)


def _receive(process: BaseProcess, answers: Connection, limit: float | None) -> Any:
    if not wait([answers], timeout=limit):
        raise DeadKernelError(f"time limit of {limit:g} s exceeded")
    try:
        return answers.recv()
    except EOFError:
        process.join()
        raise DeadKernelError(describe_death(process.exitcode)) from None


def register_engines() -> None:
    """Make the engine ``warm`` known to papermill in this process."""
    papermill_engines.register("warm", WarmEngine)
