"""Runs the load tests' real command in a subprocess, and reads the record that it wrote."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assertions.record.files import read_lines, read_one
from assertions.record.types import Fetch, HealthProbe, Hit, PhaseRun, Plan, Probe, Scenario, Scrape
from tests.processes import Ended, end_of, start_module


@dataclass(frozen=True)
class Record:
    """A scenario's whole record."""

    plan: Plan
    scenario: Scenario
    hits: tuple[Hit, ...]
    fetches: tuple[Fetch, ...]
    scrapes: tuple[Scrape, ...]
    probes: tuple[Probe, ...]
    health: tuple[HealthProbe, ...]

    def phase(self, name: str) -> PhaseRun:
        """The run of a phase."""
        return next(phase for phase in self.scenario.phases if phase.name == name)


def start_command(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `python -m loadtests` with these arguments."""
    return start_module("loadtests", *arguments, environment=environment)


def run_command(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Run `python -m loadtests` to its end."""
    return end_of(start_command(*arguments, environment=environment))


def write_profile(folder: Path, text: str, name: str = "mine") -> Path:
    """Write a profile; returns its folder, for `--profiles`."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text, "utf-8")
    return folder


def read_record(folder: Path) -> Record:
    """All that a scenario's folder holds; every file must be there and whole."""
    return Record(
        plan=read_one(folder / "plan.json", Plan),
        scenario=read_one(folder / "scenario.json", Scenario),
        hits=tuple(read_lines(folder / "hits.jsonl", Hit)),
        fetches=tuple(read_lines(folder / "fetches.jsonl", Fetch)),
        scrapes=tuple(read_lines(folder / "scrapes.jsonl", Scrape)),
        probes=tuple(read_lines(folder / "probes.jsonl", Probe)),
        health=tuple(read_lines(folder / "health.jsonl", HealthProbe)),
    )
