"""What a page was made from: every table, slice and configuration read through the studies, by its content.

Belongs here: noting reads. Does not belong here: reading, or telling what the noted names would give now; that is
`evaluation.studies.states` (``current``, ``global_state``). A name stands for something that can be asked again:
``config:catalog``, ``table:scores``, ``region:2024:3273``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_RECORDED: dict[str, str] = {}
_PAUSED: list[bool] = []


def begin() -> None:
    """Forget what was read so far."""
    _RECORDED.clear()


def recorded() -> dict[str, str]:
    """Return name to content hash of everything read since `begin`, sorted by name."""
    return dict(sorted(_RECORDED.items()))


def note(name: str, state: str) -> None:
    """Note that something was read, with the hash of its content."""
    if not _PAUSED:
        _RECORDED[name] = state


@contextmanager
def unrecorded() -> Iterator[None]:
    """Read without noting: for whoever notes the smaller part that it uses."""
    _PAUSED.append(True)
    try:
        yield
    finally:
        _PAUSED.pop()
