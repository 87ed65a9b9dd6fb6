"""A made-up record of a long soak, written as a stream: pages of 100 kB five times a second, as long as wanted.

    python -m tests.assertions.healthy.long_record DIR --minutes 60 --measure

writes one, and with `--measure` says how much memory and time `assert` and `verify` take for it, each in a process of
its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from assertions import limits
from assertions.contract import FAMILIES, FORMATS, REQUEST_STATUSES, SIZES, size_of
from assertions.record.files import compress, write_lines, write_one
from assertions.record.phases import JudgedFor
from assertions.record.types import (
    Fetch,
    FileCheck,
    Generator,
    HealthProbe,
    Hit,
    PhasePlan,
    PhaseRun,
    Plan,
    Probe,
    ProcessSample,
    Request,
    Scenario,
    Scrape,
)
from evidence.collect import provenance
from evidence.collect.code_version import judge_sha256
from evidence.publish import publish
from tests.assertions.healthy.answers import MEDIA
from tests.assertions.healthy.recorder import calibration_of
from tests.assertions.healthy.simulation import iso

Moment = Literal["before", "during", "rest", "after"]
START = 1_795_000_000.0
STEP_S = 0.2
RATE_PER_S = 4
CASES = (*("csv-1k",) * 8, "pdf-1k", "csv-10k")
USERS = tuple(f"user-{number:02}" for number in range(60))
BOUNDS_MS = ("5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000", "30000", "+Inf")
OTHER_LINES = 830
"""Of families that the contract does not have; with them a page has 100 kB."""
RESTLESS_LINES = 30
"""Of these, so many change on every page."""


@dataclass
class MetricsPage:
    """A metrics page whose numbers change in place."""

    lines: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    recent: dict[str, deque[float]] = field(default_factory=lambda: {fmt: deque() for fmt in FORMATS})
    """When the exports of the last minute ended, by format."""

    def __post_init__(self) -> None:
        for family in FAMILIES:
            self.lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
            for series in _series_of(family.name):
                self.set(series, 1.0 if family.name == "export_success_rate" else 0.0)
        self.lines += ["# HELP other_seconds of something else", "# TYPE other_seconds gauge"]
        for number in range(OTHER_LINES):
            self.set(f'other_seconds{{route="/a/longer/route/of/another/part",number="{number:04}"}}', number * 1.5)
        self.lines.append("")

    def set(self, series: str, value: float) -> None:
        """Set the number of a series."""
        if series not in self.places:
            self.places[series] = len(self.lines)
            self.lines.append("")
        self.values[series] = value
        self.lines[self.places[series]] = f"{series} {value:.15g}"

    def add(self, series: str, value: float = 1.0) -> None:
        """Add to the number of a series."""
        self.set(series, self.values[series] + value)

    def text(self) -> str:
        """The page."""
        return "\n".join(self.lines)

    def count(self, hit: Hit, size_bytes: int) -> None:
        """Count an export that has ended."""
        fmt, took_ms = hit.format or "", (hit.end - hit.start) * 1000 - 1
        for status in ("started", "succeeded"):
            self.add(_requests(hit, status))
        labels = f'format="{fmt}",size="{size_of(hit.records or 0)}"'
        for bound in BOUNDS_MS:
            if took_ms <= float(bound):
                self.add(f'export_latency_ms_bucket{{{labels},le="{bound}"}}')
        self.add(f"export_latency_ms_sum{{{labels}}}", took_ms)
        self.add(f"export_latency_ms_count{{{labels}}}")
        self.add(f'export_bytes_total{{format="{fmt}",status="success"}}', size_bytes)
        self.set(f'export_memory_bytes{{format="{fmt}"}}', 120_000.0 + 800 * (hit.records or 0))
        self.recent[fmt].append(hit.end)

    def age(self, at: float) -> None:
        """Let what is older than a minute leave the throughput."""
        for fmt, ends in self.recent.items():
            while ends and ends[0] <= at - 60:
                ends.popleft()
            self.set(f'export_throughput_ops_per_sec{{format="{fmt}"}}', len(ends) / 60)


def _requests(hit: Hit, status: str) -> str:
    return f'export_requests_total{{format="{hit.format}",status="{status}",user="{hit.user}"}}'


def _series_of(family: str) -> Iterator[str]:
    if family == "export_requests_total":
        for fmt in FORMATS:
            for status in REQUEST_STATUSES:
                yield from (f'{family}{{format="{fmt}",status="{status}",user="{user}"}}' for user in USERS)
    elif family == "export_latency_ms":
        for labels in (f'format="{fmt}",size="{size}"' for fmt in FORMATS for size in SIZES):
            yield from (f'{family}_bucket{{{labels},le="{bound}"}}' for bound in BOUNDS_MS)
            yield from (f"{family}_{part}{{{labels}}}" for part in ("sum", "count"))
    elif family in ("export_concurrent_running", "export_queue_depth"):
        yield family
    else:
        extra = {"export_bytes_total": ',status="success"', "export_fail_total": ',reason="engine"'}.get(family, "")
        yield from (f'{family}{{format="{fmt}"{extra}}}' for fmt in FORMATS)


def exports(minutes: float) -> Iterator[Hit]:
    """Exports at a steady rate, each answered before the next."""
    for index in range(round(minutes * 60 * RATE_PER_S)):
        case = CASES[index % len(CASES)]
        fmt, _, size = case.partition("-")
        records = int(size.removesuffix("k")) * 1000
        start = START + 2 + index / RATE_PER_S
        took_s = (0.03 if fmt == "csv" else 0.06) + records * 5e-6 + index % 7 * 0.001
        body = {
            "success": True,
            "result": {"success": True, "bytes": _bytes(records), "filename": f"exports/{_name(index, fmt)}",
                       "downloadUrl": f"/export/files/{_name(index, fmt)}"},
            "processingTime": took_s * 1000 - 1,
            "records": records,
            "timestamp": iso(start + took_s),
        }  # fmt: skip
        yield Hit(
            id=f"measure-{index}", phase="measure", index=index, case=case, method="POST", path="/export/run",
            format=fmt, records=records, user=USERS[index % len(USERS)], tag=f"T00{index:07}", bytes_sent=110 * records,
            intended=start, start=start, end=start + took_s, status=200, error=None,
            headers={"content-type": "application/json"}, answer=json.dumps(body), client=f"locust-0-{index % 100}",
        )  # fmt: skip


def _bytes(records: int) -> int:
    return 40 + 56 * records


def _name(index: int, fmt: str) -> str:
    tail = f"{(index + 1) * 2_654_435_761 % 2**32:09x}"  # each once, in no order
    return f"export_{round((START + 2 + index / RATE_PER_S) * 1000)}_{tail}.{fmt}"


def scrapes(minutes: float) -> Iterator[Scrape]:
    """Pages before, during and after, each with what had ended by then."""
    page = MetricsPage()
    ended = exports(minutes)
    following = next(ended, None)
    steps = round(minutes * 60 / STEP_S)
    for step in range(-5, steps + 10):
        at = START + 2 + step * STEP_S
        while following is not None and following.end < at:
            page.count(following, _bytes(following.records or 0))
            following = next(ended, None)
        moment: Moment
        phase: str | None
        moment, phase = ("before", None) if step < 0 else ("during", "measure") if step < steps else ("after", None)
        running = [following] if following is not None and following.start < at else []
        page.age(at)
        page.set("export_concurrent_running", float(len(running)))
        started = [
            f'export_requests_total{{format="{hit.format}",status="started",user="{hit.user}"}}' for hit in running
        ]
        for number in range(RESTLESS_LINES):
            page.add(f'other_seconds{{route="/a/longer/route/of/another/part",number="{number:04}"}}', 0.25)
        for series in started:
            page.add(series)
        yield Scrape(
            start=at, end=at + 0.004, moment=moment, phase=phase, status=200, error=None,
            content_type="text/plain; version=0.0.4; charset=utf-8", text=page.text(),
        )  # fmt: skip
        for series in started:
            page.add(series, -1)


def _watched(minutes: float) -> Iterator[tuple[float, str | None]]:
    steps = round(minutes * 60 / STEP_S)
    for step in range(-5, steps + 10):
        yield START + 2.05 + step * STEP_S, "measure" if 0 <= step < steps else None


def _health(minutes: float) -> Iterator[HealthProbe]:
    status = {"status": "ready", "concurrentExports": 0, "queueDepth": 0, "maxConcurrentExports": 5, "version": "1.7.0"}
    for at, phase in _watched(minutes):
        status["timestamp"] = iso(at)
        for path, answer in (("/health", {"ok": True, "ts": round(at * 1000)}), ("/export/status", status)):
            yield HealthProbe(
                path=path, phase=phase, start=at, end=at + 0.003, status=200, error=None, answer=json.dumps(answer)
            )


def _probes(minutes: float) -> Iterator[Probe]:
    for at, phase in _watched(minutes):
        processes = tuple(
            ProcessSample(pid=pid, name="python", uss_bytes=60_000_000, rss_bytes=70_000_000, peak_rss_bytes=80_000_000,
                          cpu_s=round(at - START, 2), fds=12, threads=3)
            for pid in (100, 101, 102)
        )  # fmt: skip
        done = max(round((at - START - 2) * RATE_PER_S), 0) if phase else 0
        yield Probe(at=at, phase=phase, exports_done=done, resting=phase is None, processes=processes)


def _files(minutes: float) -> Iterator[tuple[Fetch, FileCheck]]:
    for hit in exports(minutes):
        size, sha256 = _bytes(hit.records or 0), f"{hit.index:064x}"
        name = _name(hit.index, hit.format or "")
        fetch = Fetch(
            hit=hit.id, path=f"/export/files/{name}", start=hit.end, end=hit.end + 0.003, status=200, error=None,
            headers={"content-type": MEDIA[hit.format or ""], "content-length": str(size),
                     "content-disposition": f'attachment; filename="{name}"'},
            bytes=size, sha256=sha256,
        )  # fmt: skip
        check = FileCheck(
            hit=hit.id, format=hit.format or "", records=hit.records or 0, bytes=size, sha256=sha256,
            rows=hit.records if hit.format == "csv" else None, pages=None, findings=(), finding_count=0,
            kept=None,
        )  # fmt: skip
        yield fetch, check


def write_scenario(folder: Path, minutes: float) -> None:
    """Write the soak's folder; at no time is more than one page held."""
    folder.mkdir(parents=True)
    count = round(minutes * 60 * RATE_PER_S)
    end = START + 2 + minutes * 60
    requests = tuple(
        Request(index=hit.index, case=hit.case, format=hit.format, records=hit.records, user=hit.user, tag=hit.tag,
                intended_s=hit.index / RATE_PER_S)
        for hit in exports(minutes)
    )  # fmt: skip
    judged = (JudgedFor.LATENCY, JudgedFor.HEALTH, JudgedFor.DRIFT, JudgedFor.MEMORY)
    plan = PhasePlan(name="measure", mode="open", clients=100, requests=requests, timeout_s=90.0, judge=judged)
    write_one(folder / "plan.json", Plan(scenario="soak", profile_sha256="", seed=17, phases=(plan,), bodies={}))
    write_lines(folder / "hits.jsonl", exports(minutes))
    write_lines(folder / "fetches.jsonl", (fetch for fetch, _ in _files(minutes)))
    write_lines(folder / "files.jsonl", (check for _, check in _files(minutes)))
    write_lines(folder / "scrapes.jsonl", scrapes(minutes))
    compress(folder / "scrapes.jsonl")
    write_lines(folder / "health.jsonl", _health(minutes))
    write_lines(folder / "probes.jsonl", _probes(minutes))
    write_lines(folder / "calibration.jsonl", (calibration_of(index) for index in range(100)))
    run = PhaseRun(name="measure", start=START + 2, end=end, planned=count, recorded=count, completed=True)
    generator = Generator(exit_code=0, version="2.47.0", cpu_ratio=0.2, event_loop_lag_p99_ms=5.0,
                          start_delay_p99_ms=1.0, end_marks=1, workers=1, scheduling_delay_p99_ms=0.5)  # fmt: skip
    scenario = Scenario(
        name="soak", target="http://127.0.0.1:4001", embedded=False, target_pid=100, pid_note="made up", start=START,
        end=end + 3, phases=(run,), generator=generator, exports_folder=None, leftovers=None,
    )  # fmt: skip
    write_one(folder / "scenario.json", scenario)


def write_bundle(out: Path, minutes: float) -> None:
    """Write a run directory with a soak of so many minutes, its report and its manifest."""
    write_scenario(out / "soak", minutes)
    (out / "limits.toml").write_bytes(limits.DEFAULT_PATH.read_bytes())
    context = provenance.read(
        target="http://127.0.0.1:4001", limits_sha256=limits.load(out / "limits.toml").sha256, profiles_sha256=None,
        waivers={}, harness_sha256=judge_sha256(),
    )  # fmt: skip
    write_one(out / "run.json", context)
    publish(out)


def measure(*words: str) -> str:
    """Run a command of `export-at-scale` in a separate process; return its peak memory, time and exit code."""
    start = time.monotonic()
    process = os.posix_spawn(sys.executable, [sys.executable, "-m", "evidence", *words], os.environ)
    _, status, used = os.wait4(process, 0)
    seconds = time.monotonic() - start
    return f"{words[0]}: {used.ru_maxrss / 1024:,.0f} MB, {seconds:.1f} s, exit {os.waitstatus_to_exitcode(status)}"


def main() -> None:
    """Write a record and, where asked, measure what it takes to judge it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--minutes", type=float, default=60.0, metavar="N")
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    if not options.folder.exists():
        write_bundle(options.folder, options.minutes)
    if options.measure:
        for command in ("assert", "verify"):
            sys.stderr.write(f"{measure(command, str(options.folder))}\n")


if __name__ == "__main__":
    main()
