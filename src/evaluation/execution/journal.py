"""What was made when, and how long it took: the place of run times, which never stand on a page.

Each finished target adds a line to ``data/processed/journal.jsonl`` at once, so that a run that is killed has
lost nothing of what it knew; ``data/processed/run.json`` sums up the last run. Belongs here: writing and
reading both. Does not belong here: what is printed (`evaluation.execution.progress`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from evaluation.provenance import write_bytes_atomically

JOURNAL_NAME = "journal.jsonl"
RUN_NAME = "run.json"
Status = Literal["ok", "failed", "not run", "up to date", "removed", "left"]


@dataclass(frozen=True, kw_only=True)
class TargetRecord:
    """What became of a target.

    Parameters
    ----------
    target, fingerprint
        Its name, and the fingerprint of what it was made from.
    status
        ``"ok"``, ``"failed"``, ``"not run"``, ``"up to date"`` for one that needed no making; for one that is no
        longer listed ``"removed"``, or ``"left"`` where its page is not the one that was made.
    seconds
        From the start of its process to the end.
    path
        Which way the notebook ran: ``warm`` or ``ordinary``; empty when its process gave no answer.
    attempts
        How often it was tried.
    reason
        Why it failed, was not run, or was made.
    started
        Seconds from the start of the run to that of its process.
    worker
        Which of the processes at the same time.
    finished
        Date and time, UTC.
    """

    target: str
    fingerprint: str
    status: Status
    seconds: float = 0.0
    path: str = ""
    attempts: int = 0
    reason: str = ""
    finished: str = ""
    started: float = 0.0
    worker: int = 0


def now() -> str:
    """Return the present date and time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def append_records(processed_dir: Path, records: Iterable[TargetRecord]) -> None:
    """Add lines to the journal."""
    lines = [json.dumps(vars(record), ensure_ascii=False, sort_keys=True) for record in records]
    append_lines(processed_dir / JOURNAL_NAME, lines)


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Add lines to a file, safe on the disk when this returns.

    One write: a reader sees all of it, and a killed run leaves at most its last line in part, which the next
    line does not continue.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    if not content:
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        _write_all(handle, b"\n" + content if torn else content)
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def read_journal(processed_dir: Path) -> dict[str, TargetRecord]:
    """Return the last record of each target; a line that a killed run left in part is passed over."""
    path = processed_dir / JOURNAL_NAME
    if not path.is_file():
        return {}
    complete = path.read_text(encoding="utf-8", errors="replace").split("\n")
    records = [_record(line) for line in complete if line]
    return {record.target: record for record in records if record}


def _record(line: str) -> TargetRecord | None:
    try:
        return TargetRecord(**json.loads(line))
    except (json.JSONDecodeError, TypeError):
        return None


def write_run(processed_dir: Path, content: Mapping[str, Any]) -> None:
    """Write the summary of a run."""
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_bytes_atomically(processed_dir / RUN_NAME, text.encode())
