"""Faults that no service can have: of the instrument, of the rules, of a service that the harness ends itself.

Each is a recorded healthy target with one edit of its files: so the harness would have written them, had that gone
wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from assertions.record.files import read_lines, read_one, write_lines, write_one
from assertions.record.types import Calibration, Scenario
from assertions.verdicts import Status
from tests.targets.harness.results import Judged

BASE = "keeper"
"""The healthy target whose record is edited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit of a record that must keep it from being GREEN."""

    name: str
    why: str
    """What is wrong then; one sentence."""
    check: str
    """The check that must see it."""
    status: Status
    """What the check must say: FAIL, or NO DATA of an instrument that blames no target."""
    apply: Callable[[Path], None]
    """Edits an unpacked record."""

    def problem(self, judged: Judged) -> str | None:
        """What is wrong with a judgement; None: the edit was noticed for its reason."""
        if judged.colour == "GREEN":
            return "stays GREEN"
        if self.check not in judged.of(self.status):
            return f"{self.check} does not say {self.status}; {judged.headline}"
        return None


def _scenario(folder: Path, name: str, change: Callable[[Scenario], Scenario]) -> None:
    path = folder / name / "scenario.json"
    write_one(path, change(read_one(path, Scenario)))


def _busy_generator(folder: Path) -> None:
    _scenario(folder, "load", lambda one: replace(one, generator=replace(one.generator, cpu_ratio=1.0)))


def _slow_clock(folder: Path) -> None:
    path = folder / "load" / "calibration.jsonl"
    write_lines(path, [replace(one, end=one.end + 0.2) for one in read_lines(path, Calibration)])


def _killed(folder: Path) -> None:
    _scenario(folder, "load", lambda one: replace(one, embedded=True, shutdown_exit_code=-9))


def _failed_step(name: str, step: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        told = json.loads(path.read_bytes())
        found = next(one for one in told["steps"] if one["name"] == step)
        found["ok"] = told["ok"] = False
        found["output"] = "FAILED"
        path.write_text(json.dumps(told))

    return apply


EDITS = (
    Edit(
        name="generator-busy",
        why="The load generator used a whole core.",
        check="generator",
        status="NO DATA",
        apply=_busy_generator,
    ),
    Edit(
        name="clock-late",
        why="The generator's clock adds 200 ms to each answer of the known server.",
        check="calibration",
        status="NO DATA",
        apply=_slow_clock,
    ),
    Edit(
        name="service-killed",
        why="The embedded service ended by SIGKILL after it was asked to end.",
        check="shutdown",
        status="FAIL",
        apply=_killed,
    ),
    Edit(
        name="rule-refuted",
        why="A test of the alert rules failed.",
        check="rules",
        status="FAIL",
        apply=_failed_step("promtool.json", "test rules"),
    ),
    Edit(
        name="query-misfit",
        why="A panel of the dashboard queries what the contract does not have.",
        check="dashboard",
        status="FAIL",
        apply=_failed_step("dashboard.json", "expressions"),
    ),
)
