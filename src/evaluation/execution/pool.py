"""Runs jobs, a few at a time, each in a process of its own, and notices how each ends.

A process that dies or exceeds its time is ended with everything it started. Belongs here: processes and their
ends. Does not belong here: the order of jobs, and what a failure means for others
(`evaluation.execution.runner`).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from evaluation.execution.interrupts import wait_attentively
from evaluation.execution.kernels import (
    ATTEMPTS,
    describe_death,
    is_passing,
    kill_group,
    kill_tree,
    start_process,
)
from evaluation.execution.task import Answer, Job, Made

GRACE_SECONDS = 5.0
"""How long a job may still take after its own alarm, to save the notebook that shows where it hung."""

LOG_LINES = 15


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a job ended.

    Parameters
    ----------
    job
        The job.
    failure
        What went wrong; None when its page was made.
    seconds
        Time of the last attempt.
    path
        Which way the notebook ran; empty when its process gave no answer.
    attempts
        How often it was tried.
    answer
        What its process said, if it did.
    started
        When the last attempt began, by `time.monotonic`.
    worker
        Which of the places in the pool it had.
    """

    job: Job
    failure: str | None
    seconds: float
    path: str
    attempts: int
    answer: Answer | None = None
    started: float = 0.0
    worker: int = 0

    def of_page(self, target_name: str) -> Made:
        """Return what became of one page; a process that gave no answer made none."""
        if self.answer is None:
            return Made(target_name=target_name, failure=self.failure)
        return next(made for made in self.answer.made if made.target_name == target_name)


@dataclass(kw_only=True)
class _Running:
    job: Job
    process: BaseProcess
    answers: Connection
    started: float
    attempt: int
    worker: int
    answer: Answer | None = None
    said_all: bool = False

    @property
    def deadline(self) -> float:
        return self.started + self.job.whole_limit + GRACE_SECONDS

    def listen(self) -> None:
        """Take in the answer as soon as it is there: a long one would keep its process waiting."""
        if self.said_all or not self.answers.poll():
            return
        self.said_all = True
        with contextlib.suppress(EOFError, OSError):
            self.answer = self.answers.recv()


class ChildPool:
    """A number of jobs at the same time.

    Parameters
    ----------
    size
        How many.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._running: list[_Running] = []

    @property
    def free(self) -> int:
        """How many jobs can be started now."""
        return self.size - len(self._running)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return not self._running

    def start(self, job: Job, *, attempt: int = 1) -> None:
        """Start a job."""
        taken = {running.worker for running in self._running}
        process, answers = start_process(_do, (job,), engine=job.engine)
        self._running.append(
            _Running(
                job=job,
                process=process,
                answers=answers,
                started=time.monotonic(),
                attempt=attempt,
                worker=min(set(range(self.size)) - taken),
            )
        )

    def wait(self) -> list[Ended]:
        """Wait until at least one job has ended or must be ended; return those that have."""
        while True:
            nearest = min(running.deadline for running in self._running)
            signs: list[Any] = [running.process.sentinel for running in self._running]
            signs += [running.answers for running in self._running if not running.said_all]
            wait_attentively(signs, timeout=nearest - time.monotonic())
            for running in self._running:
                running.listen()
            due = [running for running in self._running if _is_due(running)]
            if due:
                return [ended for running in due if (ended := self._end(running)) is not None]

    def kill_all(self) -> None:
        """Kill everything that runs."""
        for running in self._running:
            kill_tree(running.process)
            running.answers.close()
        self._running.clear()

    def _end(self, running: _Running) -> Ended | None:
        """Take a job out of the pool; start it again where a second attempt makes sense."""
        self._running.remove(running)
        seconds = time.monotonic() - running.started
        death = _farewell(running)
        answer = running.answer
        if answer is None and running.attempt < ATTEMPTS and death is not None and is_passing(death):
            self.start(replace(running.job, keep_each_cell=True), attempt=running.attempt + 1)
            return None
        return Ended(
            job=running.job,
            failure=_failure(running.job, answer, death),
            seconds=seconds,
            path=answer.path if answer else "",
            attempts=running.attempt,
            answer=answer,
            started=running.started,
            worker=running.worker,
        )


def _do(job: Job, answers: Connection) -> None:
    """Do a job; what that imports costs half a second, and only the job's own process needs it."""
    from evaluation.execution.job import run_job

    run_job(job, answers)


def _is_due(running: _Running) -> bool:
    return not running.process.is_alive() or time.monotonic() >= running.deadline


def _farewell(running: _Running) -> int | None:
    """End a job's process with all it started; return its exit code, None when its time was up."""
    in_time = not running.process.is_alive()
    running.listen()
    kill_tree(running.process)
    if running.process.pid is not None:
        kill_group(running.process.pid)
    running.answers.close()
    return running.process.exitcode if in_time else None


def _failure(job: Job, answer: Answer | None, death: int | None) -> str | None:
    if answer is not None:
        return next((made.failure for made in answer.made if made.failure), None)
    if death is None:
        return f"time limit of {job.whole_limit:g} s exceeded; the process did not react and was killed"
    printed = log_tail(job)
    return f"{describe_death(death)}\n{printed}" if printed else describe_death(death)


def log_tail(job: Job) -> str:
    """Return the last lines that a job's process printed outside of cells."""
    if not job.log.is_file():
        return ""
    return "\n".join(job.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
