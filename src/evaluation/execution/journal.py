"""What was made when, and how long it took: the place of run times, which never stand on a page.

Each finished target adds a line to ``data/processed/journal.jsonl`` at once, so that a run that is killed has
lost nothing of what it knew; ``data/processed/run.json`` sums up the last run. Belongs here: writing and
reading both. Does not belong here: what is printed (`evaluation.execution.progress`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from evaluation.provenance import write_bytes_atomically

JOURNAL_NAME = "journal.jsonl"
RUN_NAME = "run.json"
Status = Literal["ok", "failed", "not run"]


@dataclass(frozen=True, kw_only=True)
class TargetRecord:
    """What became of a target.

    Parameters
    ----------
    target, fingerprint
        Its name, and the fingerprint of what it was made from.
    status
        ``"ok"``, ``"failed"`` or ``"not run"``.
    seconds
        From the start of its process to the end.
    path
        Which way the notebook ran: ``warm`` or ``ordinary``; empty when its process gave no answer.
    attempts
        How often it was tried.
    reason
        Why it failed or was not run.
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


def now() -> str:
    """Return the present date and time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def append_record(processed_dir: Path, record: TargetRecord) -> None:
    """Add a line to the journal and see it safely to the disk's cache."""
    line = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True) + "\n"
    # one write of one line: a reader sees all of it, and a killed run leaves at most its last line in part
    handle = os.open(processed_dir / JOURNAL_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def read_journal(processed_dir: Path) -> dict[str, TargetRecord]:
    """Return the last record of each target; a line that a killed run left in part is passed over."""
    path = processed_dir / JOURNAL_NAME
    if not path.is_file():
        return {}
    complete = path.read_text(encoding="utf-8").split("\n")
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
