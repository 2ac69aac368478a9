"""An interrupt that Python drops in a destructor still ends a wait."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import Pipe

import pytest

from evaluation.execution.interrupts import CHECK_SECONDS, remembered_interrupts, wait_attentively

LONG = 30.0


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)


class Interrupted:
    """Something that is thrown away just when the interrupt comes."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_dropped_interrupt_ends_the_next_wait() -> None:
    receiver, _sender = Pipe(duplex=False)
    begun = time.monotonic()
    with remembered_interrupts():
        Interrupted()
        with pytest.raises(KeyboardInterrupt):
            wait_attentively([receiver], timeout=LONG)
    assert time.monotonic() - begun < CHECK_SECONDS + LONG / 2


def test_the_handler_is_given_back_and_nothing_is_remembered() -> None:
    before = signal.getsignal(signal.SIGINT)
    with remembered_interrupts(), pytest.raises(KeyboardInterrupt):
        interrupt()
    assert signal.getsignal(signal.SIGINT) is before
    receiver, sender = Pipe(duplex=False)
    assert wait_attentively([receiver], timeout=0.01) == []
    sender.send(1)
    assert wait_attentively([receiver], timeout=LONG) == [receiver]
