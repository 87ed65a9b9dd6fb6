"""The load tests' real command on a known server: what its clients measured, and what the server itself reports."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assertions.record.files import read_lines, read_one
from assertions.record.types import Hit, Scenario
from assertions.stats import percentile
from loadtests.calibration import calibration
from loadtests.calibration.reference_server import Schedule

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 600
TICK_S = 0.005


@dataclass(frozen=True)
class Arrivals:
    """One open phase; all lists in the order of the answers, milliseconds."""

    started_ms: list[float]
    """From the real start."""
    planned_ms: list[float]
    """From the planned start."""
    server_ms: list[float]
    """By the server."""
    truth_ms: list[float]
    """By the server's schedule, had each request come at its planned moment."""
    start_delay_p99_ms: float
    asked: int
    answered: int


def arrivals(schedule: Schedule, rate_per_s: float, seconds: float, folder: Path) -> Arrivals:
    """Send a known server requests at this rate, by `python -m loadtests run`."""
    profiles, out = folder / "profiles", folder / "out"
    profiles.mkdir(parents=True)
    (profiles / "bench.toml").write_text(
        f'[[phase]]\nname = "one"\nmode = "open"\nclients = {CLIENTS}\nrate_per_s = {rate_per_s}\nseconds = {seconds}\n'
        f'arrivals = "uniform"\nmix = [{{ case = "csv-1" }}]\n'
    )
    with calibration.reference_server_port(schedule) as port:
        words = ["run", "bench", "--target", f"http://127.0.0.1:{port}", "--out", out, "--profiles", profiles]
        ended = subprocess.run(
            [sys.executable, "-m", "loadtests", *map(str, words)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
    assert ended.returncode == 0, ended.stderr
    hits = list(read_lines(out / "hits.jsonl", Hit))
    made = read_one(out / "scenario.json", Scenario)
    said = [(hit, json.loads(hit.answer or "{}")) for hit in hits if hit.status == 200]
    anchor = _anchor([(hit.start - one["arrived"], hit.end - one["left"]) for hit, one in said])
    usual_ms = schedule.usual_s * 1000
    return Arrivals(
        started_ms=[(hit.end - hit.start) * 1000 for hit, _ in said],
        planned_ms=[(hit.end - hit.intended) * 1000 for hit, _ in said],
        server_ms=[(one["left"] - one["arrived"]) * 1000 for _, one in said],
        truth_ms=[usual_ms + schedule.stalls_s(hit.intended - anchor) * 1000 for hit, _ in said],
        start_delay_p99_ms=made.generator.start_delay_p99_ms or 0.0,
        asked=made.phases[0].planned,
        answered=len(said),
    )


def _anchor(bounds: Sequence[tuple[float, float]]) -> float:
    """Unix seconds at the monotonic zero: no request comes before it is sent, no answer leaves after it came."""
    return (max(low for low, _ in bounds) + min(high for _, high in bounds)) / 2


@dataclass
class OwnClock:
    """How late a thread that only sleeps is woken while others work: what the machine does to any clock."""

    late_ms: list[float] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        """Of all its sleeps."""
        return percentile(self.late_ms, 0.99) if self.late_ms else 0.0


@contextmanager
def own_clock() -> Iterator[OwnClock]:
    """A sleeper that runs while the block does."""
    seen, over = OwnClock(), threading.Event()

    def sleep() -> None:
        while not over.is_set():
            began = time.monotonic()
            time.sleep(TICK_S)
            seen.late_ms.append((time.monotonic() - began - TICK_S) * 1000)

    sleeper = threading.Thread(target=sleep, daemon=True)
    sleeper.start()
    try:
        yield seen
    finally:
        over.set()
        sleeper.join()
