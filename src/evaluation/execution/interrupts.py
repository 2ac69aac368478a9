"""Ctrl-C is never lost.

Python raises `KeyboardInterrupt` wherever the main thread happens to be. In a destructor or in a callback of a weak
reference it is printed and dropped, and a run would go on until its notebooks end by themselves.

Belongs here: remembering that an interrupt came. Does not belong here: what a run does then (`evaluation.execution.runner`).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

CHECK_SECONDS = 1.0
"""How long a dropped interrupt may go unnoticed."""

_CAME = threading.Event()


@contextmanager
def remembered_interrupts() -> Iterator[None]:
    """Remember an interrupt besides raising it, as long as the context lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield  # whoever handles interrupts in a way of its own keeps it
        return
    _CAME.clear()
    signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _CAME.clear()


def wait_attentively(signs: Iterable[Any], *, timeout: float) -> list[Any]:
    """Wait for connections or ends of processes; return those that are ready, none when the time is up.

    Raises
    ------
    KeyboardInterrupt
        Also for an interrupt that was dropped before.
    """
    watched, end = list(signs), time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        ready = wait(watched, timeout=max(0.0, min(CHECK_SECONDS, left)))
        if _CAME.is_set():
            raise KeyboardInterrupt
        if ready or left <= 0:
            return ready


def _remember(number: int, frame: FrameType | None) -> None:
    _CAME.set()
    signal.default_int_handler(number, frame)
