"""Showing progress: on a terminal in place, elsewhere as plain lines now and then."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from loadtests.progress import Progress

LINE_EVERY_S = 3.0
"""A plain line follows the one before after so long."""
FILES_EVERY_S = 10.0
REFRESH_EVERY_S = 0.2


class View(Protocol):
    """Where a run shows its progress."""

    def say(self, line: str) -> None:
        """Show a line that stays."""

    def show(self, progress: Progress) -> None:
        """Show how far the load is."""

    def files(self, scenario: str, done: int, of: int) -> None:
        """Show how many files are checked."""


class PlainView:
    """Lines for CI and for files. write: takes one line; clock: seconds from some moment on."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._last_s = clock()

    def say(self, line: str) -> None:
        """Write the line."""
        self._write(line)

    def show(self, progress: Progress) -> None:
        """Write a line every few seconds; a phase that is shorter may have none."""
        if self._clock() - self._last_s >= LINE_EVERY_S:
            self._last_s = self._clock()
            self._write(as_line(progress))

    def files(self, scenario: str, done: int, of: int) -> None:
        """Write a line every ten seconds."""
        if self._clock() - self._last_s >= FILES_EVERY_S:
            self._last_s = self._clock()
            self._write(f"{scenario}: {done} of {of} files opened")


class TerminalView:
    """One line in place, redrawn at most five times a second; lines that stay scroll above it."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bars.add_task("", total=None, figures="", visible=False)
        self._drawn_s = -REFRESH_EVERY_S
        self._name = ""

    def __enter__(self) -> TerminalView:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """Write a line above the one in place."""
        self._console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def show(self, progress: Progress) -> None:
        """Draw phase, requests, rate, P95, errors, what runs and waits, and the time left."""
        figures = (
            f"{progress.rate_per_s:.1f}/s  P95 {_as_ms(progress.p95_ms)}  {progress.failed} not 200  "
            f"{_as_count(progress.running)} running  {_as_count(progress.waiting)} waiting"
        )
        done = progress.answered if progress.phase_answered is None else progress.phase_answered
        self._draw(f"{progress.scenario} {progress.phase}", done, progress.phase_planned, figures)

    def files(self, scenario: str, done: int, of: int) -> None:
        """Draw how many files are checked."""
        self._draw(f"{scenario} files opened", done, of, "")

    def _draw(self, name: str, done: int, of: int | None, figures: str) -> None:
        now = self._clock()
        if name == self._name and now - self._drawn_s < REFRESH_EVERY_S and done != of:
            return
        if name != self._name:
            self._bars.reset(self._task, total=of)
        self._name, self._drawn_s = name, now
        self._bars.update(self._task, description=name, completed=done, total=of, figures=figures, visible=True)
        self._bars.refresh()


def as_line(progress: Progress) -> str:
    """Return one plain line with what is known."""
    answered = progress.answered if progress.phase_answered is None else progress.phase_answered
    figures = [f"{answered} answered", f"{progress.rate_per_s:.1f}/s"]
    if progress.failed:
        figures.append(f"{progress.failed} not 200 so far")
    if progress.p95_ms is not None:
        figures.append(f"P95 so far {_as_ms(progress.p95_ms)}")
    if progress.running is not None and progress.waiting is not None:
        figures.append(f"{progress.running:g} running, {progress.waiting:g} waiting")
    return f"{progress.scenario} {progress.phase}: {', '.join(figures)}"


def _as_ms(value: float | None) -> str:
    """Return a latency with its unit, `-` where it is not known."""
    return "-" if value is None else f"{value:.0f} ms"


def _as_count(value: float | None) -> str:
    """Return a number as it is, `-` where it is not known."""
    return "-" if value is None else f"{value:g}"


@contextlib.contextmanager
def view(stream: TextIO) -> Iterator[View]:
    """Return the view that fits a stream: in place on a terminal, else plain lines. $NO_COLOR and $TERM count."""
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        with TerminalView(Console(file=stream)) as shown:
            yield shown
    else:
        yield PlainView(lambda line: print(line, file=stream, flush=True))
