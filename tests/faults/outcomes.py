"""What a fault did: counts, which of them must be 0, and the table of all."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Side = Literal["service", "harness"]


@dataclass(frozen=True)
class Options:
    """How often, and from which random numbers."""

    long: bool = False
    seed: int = 1
    say: Callable[[str], object] = field(default=lambda line: None, compare=False)
    """Shows a line of progress."""

    def times(self, short: int, long: int) -> int:
        """How often a fault is made."""
        return long if self.long else short

    def dice(self, fault: str) -> random.Random:
        """Random numbers of one fault: the same for the same seed, whatever else is run."""
        return random.Random(f"{self.seed} {fault}")

    def counting(self, of: int, what: str) -> Callable[[], None]:
        """Return a function that shows how many are done, at each tenth; threads may call it."""
        done = itertools.count(1)
        step = max(1, of // 10)

        def count() -> None:
            number = next(done)
            if number % step == 0 or number == of:
                self.say(f"{number} of {of} {what}")

        return count


@dataclass(frozen=True)
class Counted:
    """What was counted while a fault was made."""

    tried: int
    """How often the fault was made."""
    counts: dict[str, int] = field(default_factory=dict)
    """What was counted for information."""
    wrong: dict[str, int] = field(default_factory=dict)
    """What must be 0."""
    longest_s: float | None = None
    """The longest time that something took which must end; None where nothing was timed."""
    details: tuple[str, ...] = ()
    """A line for each thing that was wrong."""


class NoData(Exception):
    """A fault that can't be made here, with the reason."""


Run = Callable[[Options, Path], Counted]


@dataclass(frozen=True)
class Fault:
    """A fault, and how it is made in an empty folder."""

    name: str
    side: Side
    what: str
    """A sentence."""
    run: Run


@dataclass(frozen=True)
class Outcome:
    """A fault and what came of it."""

    fault: str
    side: Side
    what: str
    seconds: float
    counted: Counted | None
    missing: str | None = None
    """Why there is no data."""

    @property
    def word(self) -> str:
        """`held`, `BROKEN` or `NO DATA`."""
        if self.counted is None:
            return "NO DATA"
        return "BROKEN" if any(self.counted.wrong.values()) else "held"


def make(fault: Fault, options: Options) -> Outcome:
    """Make a fault and return what came of it."""
    start = time.monotonic()
    counted: Counted | None = None
    missing = None
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        try:
            counted = fault.run(options, Path(folder))
        except NoData as reason:
            missing = str(reason)
        except Exception as defect:  # what the other faults did must not be lost
            counted = Counted(0, wrong={"defects of this suite": 1}, details=(f"{type(defect).__name__}: {defect}",))
    return Outcome(fault.name, fault.side, fault.what, round(time.monotonic() - start, 1), counted, missing)


def same_again(outcome: dict[str, Any]) -> Outcome:
    """Read an outcome from its JSON."""
    counted = outcome["counted"]
    known = {name: outcome[name] for name in ("fault", "side", "what", "seconds", "missing")}
    if counted is not None:
        counted = Counted(**{**counted, "details": tuple(counted["details"])})
    return Outcome(counted=counted, **known)


def broken(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those in which something was wrong."""
    return [outcome for outcome in outcomes if outcome.word == "BROKEN"]


def table(outcomes: Sequence[Outcome]) -> str:
    """A Markdown table of all."""
    lines = [
        "| side | fault | made | counted | must be 0 | longest | outcome |",
        "|---|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        counted = outcome.counted or Counted(0)
        longest = "" if counted.longest_s is None else f"{counted.longest_s:.1f} s"
        word = outcome.word if outcome.missing is None else f"NO DATA: {outcome.missing}"
        cells = (
            outcome.side, f"**{outcome.fault}**: {outcome.what}", f"{counted.tried:,}", _listed(counted.counts),
            _listed(counted.wrong), longest, word,
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON has it."""
    return {**asdict(outcome), "outcome": outcome.word}


def document(outcomes: Sequence[Outcome], options: Options, facts: dict[str, Any]) -> str:
    """All as JSON."""
    rows = [as_json(outcome) for outcome in outcomes]
    whole = {"schema": 1, "seed": options.seed, "long": options.long, **facts, "outcomes": rows}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
