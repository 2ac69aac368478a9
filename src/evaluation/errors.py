"""One family of errors: what is wrong, where, why it matters, what to do.

A user sees the message, never a traceback. Each class carries the exit code of the command line, so that an
unattended run can say why it stopped. Checks collect `Fault` records and raise once, with all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

SHOWN_FAULTS = 10
"""How many faults of one kind a message prints in full; the rest are counted."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong, told so that its reader can mend it.

    Parameters
    ----------
    where
        File and row, cell or field, for example ``data/raw/bps_poverty/undated/bps_poverty.csv, row 17``.
    what
        What is wrong, with the value found.
    why
        Why it matters.
    remedy
        What to do.
    """

    where: str
    what: str
    why: str
    remedy: str


class EvaluationError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(EvaluationError):
    """A command, option or parameter that does not exist or does not fit."""

    exit_code: ClassVar[int] = 2


class BadInputError(EvaluationError):
    """Data or configuration that cannot be used as they stand.

    Parameters
    ----------
    faults
        Every fault found, not only the first.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(format_faults(self.faults))


class TargetsFailedError(EvaluationError):
    """Some targets of a run could not be made; the others were."""

    exit_code: ClassVar[int] = 4


class RunLockedError(EvaluationError):
    """Another run is writing to the same folders."""

    exit_code: ClassVar[int] = 5


def format_faults(faults: Sequence[Fault]) -> str:
    """Return one message for all faults, grouped by remedy, the first ten of each group in full."""
    groups: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        groups.setdefault((fault.why, fault.remedy), []).append(fault)
    noun = "fault" if len(faults) == 1 else "faults"
    blocks = [f"{len(faults)} {noun} found; nothing was written."]
    for (why, remedy), members in groups.items():
        lines = [f"  {fault.where}: {fault.what}" for fault in members[:SHOWN_FAULTS]]
        if len(members) > SHOWN_FAULTS:
            lines.append(f"  ... and {len(members) - SHOWN_FAULTS} more like these")
        blocks.append("\n".join([*lines, f"    why it matters: {why}", f"    what to do: {remedy}"]))
    return "\n\n".join(blocks)


def raise_if_any(faults: Iterable[Fault]) -> None:
    """Raise `BadInputError` with all faults, or do nothing when there is none."""
    collected = tuple(faults)
    if collected:
        raise BadInputError(collected)
