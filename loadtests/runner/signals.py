"""Interrupts that end a run once, and leave its record whole."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP raises KeyboardInterrupt here; later ones, and those after it, are ignored.

    Closing the record must not be interrupted: it takes seconds, and a record without its end is worth nothing.
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
