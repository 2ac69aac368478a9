"""What is kept of a job that has ended: a record of each page for the next run, a line of each for the journal.

Belongs here: putting both together. Does not belong here: keeping them (`evaluation.execution.records`,
`evaluation.execution.journal`).
"""

from __future__ import annotations

from evaluation.execution.freshness import Freshness
from evaluation.execution.journal import TargetRecord, now
from evaluation.execution.plan import Target
from evaluation.execution.pool import Ended
from evaluation.execution.records import Record
from evaluation.execution.task import Made
from evaluation.execution.traces import file_states


def target_record(ended: Ended, number: int, made: Made, *, begun: float, why: str) -> TargetRecord:
    """Return what became of one page of a job.

    Parameters
    ----------
    ended
        How the job ended; its pages share its time.
    number
        Which of its pages.
    made
        What became of the page.
    begun
        When the run began, by `time.monotonic`.
    why
        Why the page was to be made.
    """
    seconds = ended.seconds / len(ended.job.parts)
    return TargetRecord(
        target=made.target_name,
        fingerprint=made.fingerprint,
        status="ok" if made.failure is None else "failed",
        reason=made.failure or why,
        seconds=round(seconds, 3),
        started=round(ended.started - begun + number * seconds, 3),
        worker=ended.worker,
        path=ended.path,
        attempts=ended.attempts,
        finished=now(),
    )


def page_record(target: Target, made: Made, ended: Ended, fresh: Freshness) -> Record:
    """Return what a page was made from, as its process has told."""
    answer, now_there = ended.answer, fresh.surroundings
    assert answer is not None
    assert made.page is not None
    return Record(
        target=target.name,
        notebook=fresh.notebook(target.notebook),
        parameters=dict(target.parameters),
        code={name: now_there.code.get(name, "") for name in sorted(answer.trace.modules)},
        files=dict(answer.files),
        reads=dict(answer.trace.reads),
        messages=dict(made.messages),
        catalogue=fresh.catalogue(target.language),
        packages=dict(now_there.packages),
        inputs=now_there.inputs,
        page=made.page,
        fingerprint=made.fingerprint,
        output=target.output.relative_to(fresh.root).as_posix(),
        wrote=file_states(fresh.root, target.written),
        seconds=round(ended.seconds, 3),
        path=ended.path,
        finished=now(),
    )
