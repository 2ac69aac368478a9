"""One run at a time: two would write to the same folders.

The lock is the operating system's, on a file in ``data/processed/``; it goes away with its holder, however
that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from evaluation.errors import RunLockedError
from evaluation.execution.journal import now

LOCK_NAME = ".lock"


@contextlib.contextmanager
def hold_lock(processed_dir: Path) -> Iterator[None]:
    """Hold the lock of a project's runs.

    Raises
    ------
    RunLockedError
        When another run holds it; the message says which.
    """
    processed_dir.mkdir(parents=True, exist_ok=True)
    with (processed_dir / LOCK_NAME).open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise RunLockedError(_who_holds(handle.read())) from None
        handle.truncate(0)
        holder = {"process": os.getpid(), "machine": socket.gethostname(), "since": now()}
        handle.write(json.dumps(holder))
        handle.flush()
        yield


def _who_holds(content: str) -> str:
    try:
        holder = json.loads(content)
        who = f"process {holder['process']} on {holder['machine']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        who = "its holder has not written who it is"
    return f"Another run is writing to this project ({who}). Wait for it, or end it, and run again."
