"""Interrupts that end a run once, and leave a complete record."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block at the first SIGINT, SIGTERM or SIGHUP, and ignore later ones.

    Closing the record takes seconds and must not be interrupted: without its end the record is worth nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    raised = False

    def once(_signal: int, _frame: FrameType | None) -> None:
        nonlocal raised
        if not raised:
            raised = True
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, once)
    try:
        yield
    finally:
        raised = True
