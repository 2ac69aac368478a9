"""What a run shows while it works: a bar on a terminal, one line a target otherwise.

Belongs here: terminal output of a run. Does not belong here: what is kept (`evaluation.execution.journal`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from evaluation.execution.journal import TargetRecord

REASON_LINES = 4
"""Lines of each failure in the closing table; the whole is in the kept notebook and the journal."""


class RunDisplay(Protocol):
    """Shows a run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def started(self, target: str) -> None:
        """Show that a target has been started."""

    def ended(self, record: TargetRecord) -> None:
        """Show what became of a target."""


class LineDisplay:
    """One line a target, for logs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.stdout.flush()

    def started(self, target: str) -> None:
        """Show nothing: the line comes with the end."""

    def ended(self, record: TargetRecord) -> None:
        """Print one line."""
        self._done += 1
        print(f"{_line(record)} done={self._done}/{max(self._total, self._done)}", flush=True)


class _RateColumn(ProgressColumn):
    """Pages a minute, over the last of them."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed * 60:.0f}/min" if speed else "")


class TerminalDisplay:
    """A bar with the rate and the time left; failures stay above it."""

    def __init__(self, total: int) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns)
        self._task = self._progress.add_task("starting", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def started(self, target: str) -> None:
        """Name the target beside the bar."""
        self._progress.update(self._task, description=target)

    def ended(self, record: TargetRecord) -> None:
        """Move the bar."""
        if record.status != "ok":
            self._progress.console.print(Text(_line(record)))
        self._progress.advance(self._task)


def open_display(total: int) -> RunDisplay:
    """Return the display that suits where the output goes."""
    return TerminalDisplay(total) if sys.stdout.isatty() else LineDisplay(total)


def _line(record: TargetRecord) -> str:
    """Return one line of names and values, for people and for programs."""
    parts: dict[str, str] = {"target": record.target, "status": json.dumps(record.status)}
    if " " not in record.status:
        parts["status"] = record.status
    if record.seconds:
        parts["seconds"] = f"{record.seconds:.2f}"
    if record.attempts > 1:
        parts["attempts"] = str(record.attempts)
    if record.reason:
        parts["reason"] = json.dumps(_last_line(record.reason), ensure_ascii=False)
    return " ".join(f"{name}={value}" for name, value in parts.items())


def _last_line(reason: str) -> str:
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def print_failures(records: Sequence[TargetRecord]) -> None:
    """Print a table of what was not made, and why."""
    table = Table("target", "outcome", "why", title="Not made", title_justify="left")
    for record in records:
        why = "\n".join(record.reason.splitlines()[-REASON_LINES:])
        table.add_row(Text(record.target), record.status, Text(why))
    Console(stderr=True, width=None if sys.stderr.isatty() else 120).print(table)
