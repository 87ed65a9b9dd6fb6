"""Results and how they must read, word by word. `python -m tests.rules.golden` rewrites the files next to this one."""

from __future__ import annotations

from pathlib import Path

from rules.records import PromtoolResults, Step
from rules.report import summary, text_report

STEP_OK = Step(name="version", argv=("promtool", "--version"), exit_code=0, output="2.42.0", ok=True)
RESULTS = {
    "green": PromtoolResults(
        version="2.42.0",
        steps=(
            STEP_OK,
            Step(
                name="check rules", argv=("promtool", "check"), exit_code=0, output="Checking\n  SUCCESS\n\n", ok=True
            ),
            Step(name="rule coverage", argv=(), exit_code=None, output="", ok=True, note="9 alerts"),
        ),
        ok=True,
        alerts=("A", "B"),
    ),
    "red": PromtoolResults(
        version="2.42.0",
        steps=(
            STEP_OK,
            Step(name="test rules", argv=("promtool", "test"), exit_code=1, output="  FAILED:\n    why\n", ok=False),
            Step(name="expressions", argv=(), exit_code=None, output="A: one\nB: two", ok=False),
        ),
        ok=False,
        alerts=("A",),
    ),
    "no_promtool": PromtoolResults(
        version=None,
        steps=(Step(name="version", argv=(), exit_code=None, output="", ok=False, note="not made: gone"),),
        ok=False,
        alerts=(),
    ),
}


def whole(name: str) -> str:
    """The page, then what the terminal shows."""
    return f"{text_report(RESULTS[name])}----\n{summary(RESULTS[name])}\n"


def path(name: str) -> Path:
    """Where the golden text is kept."""
    return Path(__file__).parent / f"{name}.txt"
