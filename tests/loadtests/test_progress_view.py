"""Progress: plain lines now and then, one line in place on a terminal, and the way between two processes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from loadtests.progress import Progress, from_json, to_json
from loadtests.progress_view import PlainView, TerminalView, as_line, view

SEEN = Progress(
    scenario="load", phase="measure", started=9, answered=7, failed=4, rate_per_s=2.25, p95_ms=480.4, running=5.0,
    waiting=None, phase_answered=3,
    phase_planned=80,
)  # fmt: skip
LINE = "load measure: 3 answered, 2.2/s, 4 not 200 so far, P95 so far 480 ms"


def ticking(*seconds: float) -> Callable[[], float]:
    """A clock that shows these seconds, one a look; the last one for ever."""
    left = list(seconds)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(("later_s", "lines"), [(2.9, 0), (3.0, 1), (3.1, 1)])
def test_a_line_comes_every_three_seconds(later_s: float, lines: int) -> None:
    """None comes at once: a phase that has just begun has no figures."""
    said: list[str] = []
    now = [0.0]
    shown = PlainView(said.append, lambda: now[0])
    shown.show(SEEN)
    now[0] = later_s
    shown.show(SEEN)
    assert said == [LINE] * lines


def test_another_phase_has_no_line_of_its_own() -> None:
    """The time since the last line counts, not the phase; what stays is written at once."""
    said: list[str] = []
    shown = PlainView(said.append, ticking(0.0, 3.0, 3.0, 3.1))
    shown.show(SEEN)
    shown.show(replace(SEEN, phase="sequence"))
    shown.say("halfway")
    assert said == [LINE, "halfway"]


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({"failed": 0}, "load measure: 3 answered, 2.2/s, P95 so far 480 ms"),
        ({"waiting": 2.0}, f"{LINE}, 5 running, 2 waiting"),
        ({"p95_ms": None}, "load measure: 3 answered, 2.2/s, 4 not 200 so far"),
        (
            {"phase_answered": None},
            LINE.replace("3 answered", "7 answered"),
        ),
    ],
)
def test_a_line_holds_what_is_known(known: dict[str, Any], line: str) -> None:
    """What is not known, or is none, is left out."""
    assert as_line(replace(SEEN, **known)) == line


@pytest.mark.parametrize(("later_s", "lines"), [(9.9, []), (10.0, ["load: 3 of 9 files opened"])])
def test_files_have_a_line_every_ten_seconds(later_s: float, lines: list[str]) -> None:
    """A short check of files has none."""
    said: list[str] = []
    PlainView(said.append, ticking(0.0, later_s)).files("load", 3, 9)
    assert said == lines


def drawn(**environment: str) -> tuple[Console, io.StringIO]:
    """A terminal of 160 columns in memory."""
    sink = io.StringIO()
    console = Console(file=sink, force_terminal=True, width=160, _environ={"TERM": "xterm", **environment})
    return console, sink


def test_a_terminal_shows_every_figure_and_what_stays() -> None:
    """Phase, requests, P95, errors, what runs and waits stand in place; a line that stays is printed as it is."""
    console, sink = drawn(NO_COLOR="1")
    with TerminalView(console, ticking(0.0, 1.0, 2.0)) as shown:
        shown.show(SEEN)
        shown.say("[bold]halfway[/bold] :smile:")
        shown.files("load", 9, 9)
    text = sink.getvalue()
    for words in ("load measure", "3/80", "2.2/s", "P95 480 ms", "4 not 200", "5 running", "- waiting", "9/9"):
        assert words in text, words
    assert "[bold]halfway[/bold] :smile:\n" in text
    assert "\x1b[3" not in text


def test_a_terminal_is_redrawn_at_most_five_times_a_second() -> None:
    """A thousand progresses at one moment are one drawing."""
    console, sink = drawn()
    with TerminalView(console, lambda: 0.0) as shown:
        shown.show(SEEN)
        once = len(sink.getvalue())
        for _ in range(1000):
            shown.show(SEEN)
        assert len(sink.getvalue()) == once


def test_what_is_no_terminal_gets_plain_lines() -> None:
    """A file, a pipe, CI."""
    sink = io.StringIO()
    with view(sink) as shown:
        shown.say(LINE)
    assert sink.getvalue() == f"{LINE}\n"


@pytest.mark.parametrize("line", ["", "halfway", '{"type":"progress",', '{"type":"progress","scenario":1}', "{}"])
def test_other_lines_are_no_progress(line: str) -> None:
    """They are shown as they are."""
    assert from_json(line) is None


def test_progress_comes_through_whole() -> None:
    """What one process writes the other reads."""
    assert from_json(to_json(SEEN)) == SEEN
