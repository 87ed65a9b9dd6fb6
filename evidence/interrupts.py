"""Interrupts: the first one ends the run in order, no later one can disturb that."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_S = 0.05
"""After so long an interrupt that Python dropped is raised again, elsewhere in the code."""


def take_signals() -> None:
    """Let the first SIGINT, SIGTERM or SIGHUP raise KeyboardInterrupt, and ignore further ones.

    What follows an interrupt takes a bounded time: children are ended, and what is recorded is judged. A SIGHUP that is
    ignored already (nohup) stays ignored.
    """
    heard = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal heard
        if not heard:
            heard = True
            raise KeyboardInterrupt

    unraisable = sys.unraisablehook

    def dropped(args: UnraisableHookArgs) -> None:
        """Raise an interrupt again that fell into a destructor or a callback, where Python drops exceptions."""
        nonlocal heard
        if not issubclass(args.exc_type, KeyboardInterrupt):
            unraisable(args)
            return
        heard = False
        again = threading.Timer(AGAIN_S, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        again.daemon = True
        again.start()

    sys.unraisablehook = dropped
    for number in NUMBERS:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def ignore_signals() -> None:
    """Ignore interrupts from now on: the exit code stands, and Python's own end would let a signal replace it."""
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)
    # an interrupt that left a text which was executed (dataclasses are made so) would end Python by SIGINT even though
    # it was caught; to execute another one clears that
    exec("")


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Ignore interrupts in the block: a report half written helps nobody."""
    handlers = [signal.signal(number, signal.SIG_IGN) for number in NUMBERS]
    try:
        yield
    finally:
        for number, handler in zip(NUMBERS, handlers, strict=True):
            signal.signal(number, handler)
