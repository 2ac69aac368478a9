"""Runs jobs, a few at a time, each in a process of its own, and notices how each ends.

A process that dies or exceeds its time is ended with everything it started. Belongs here: processes and their
ends. Does not belong here: the order of jobs, and what a failure means for others
(`evaluation.execution.runner`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from evaluation.execution.job import Answer, Job, run_job
from evaluation.execution.kernels import (
    describe_death,
    is_passing,
    kill_group,
    kill_tree,
    start_process,
)

GRACE_SECONDS = 5.0
"""How long a job may still take after its own alarm, to save the notebook that shows where it hung."""

ATTEMPTS = 2
"""How often a job is tried whose process was killed from outside; an exception is never tried again."""

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
    """

    job: Job
    failure: str | None
    seconds: float
    path: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class _Running:
    job: Job
    process: BaseProcess
    answers: Connection
    started: float
    attempt: int

    @property
    def deadline(self) -> float:
        return self.started + self.job.time_limit + GRACE_SECONDS


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
        process, answers = start_process(run_job, (job,), engine=job.engine)
        self._running.append(
            _Running(job=job, process=process, answers=answers, started=time.monotonic(), attempt=attempt)
        )

    def wait(self) -> list[Ended]:
        """Wait until at least one job has ended or must be ended; return those that have."""
        nearest = min(running.deadline for running in self._running)
        sentinels = [running.process.sentinel for running in self._running]
        wait(sentinels, timeout=max(0.0, nearest - time.monotonic()))
        due = [running for running in self._running if _is_due(running)]
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
        answer, death = _farewell(running)
        if answer is None and running.attempt < ATTEMPTS and death is not None and is_passing(death):
            self.start(replace(running.job, keep_each_cell=True), attempt=running.attempt + 1)
            return None
        return Ended(
            job=running.job,
            failure=_failure(running.job, answer, death),
            seconds=seconds,
            path=answer.path if answer else "",
            attempts=running.attempt,
        )


def _is_due(running: _Running) -> bool:
    return not running.process.is_alive() or time.monotonic() >= running.deadline


def _farewell(running: _Running) -> tuple[Answer | None, int | None]:
    """Return the answer and the exit code of a job; the code is None when its time was up."""
    in_time = not running.process.is_alive()
    answer = _answer(running.answers)
    kill_tree(running.process)
    if running.process.pid is not None:
        kill_group(running.process.pid)
    running.answers.close()
    return answer, running.process.exitcode if in_time else None


def _answer(answers: Connection) -> Answer | None:
    try:
        return answers.recv() if answers.poll() else None
    except EOFError:
        return None


def _failure(job: Job, answer: Answer | None, death: int | None) -> str | None:
    if answer is not None:
        return answer.failure
    if death is None:
        return f"time limit of {job.time_limit:g} s exceeded; the process did not react and was killed"
    printed = log_tail(job)
    return f"{describe_death(death)}\n{printed}" if printed else describe_death(death)


def log_tail(job: Job) -> str:
    """Return the last lines that a job's process printed outside of cells."""
    if not job.log.is_file():
        return ""
    return "\n".join(job.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
