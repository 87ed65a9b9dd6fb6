"""What recorders would have written of the healthy service, in virtual time."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from assertions.contract import pages_for
from assertions.probes.behaviour import AFTER_DISCONNECT, AFTER_TEXTS, CASES, DISCONNECTED, REST_AFTER_DISCONNECT
from assertions.record.phases import DISCONNECTS
from assertions.record.types import (
    Calibration,
    Fetch,
    FileCheck,
    Generator,
    HealthProbe,
    Hit,
    Mode,
    PhasePlan,
    PhaseRun,
    Plan,
    Probe,
    ProcessSample,
    Record,
    Request,
    Scenario,
    Scrape,
)
from assertions.record.view import ScenarioRecord
from tests.assertions.healthy.answers import MEDIA, answer_of, hung_up_hit, probe_hit
from tests.assertions.healthy.collected import LOG, QUERIES
from tests.assertions.healthy.simulation import Job, Service

START = 1_795_000_000.0
_RECORDS = {"empty": 0, "one": 1, "single": 20, "special": 30, "wide": 40, "1001": 1_001, "nocolumns": 10}
_GAP_S = 0.5
_WAY_S = 0.0008
_PIDS = (100, 101, 102)
_SHA = "{:064x}"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class _Phase:
    name: str
    cases: tuple[str, ...]
    mode: Mode = "sequence"
    clients: int = 1


_PHASES: Mapping[str, tuple[_Phase, ...]] = {
    "smoke": (
        _Phase("warmup", ("csv-1k", "pdf-1k")),
        _Phase("measure", ("csv-1k", "pdf-1k") * 30),
        _Phase("contents", (*(f"csv-{name}" for name in _RECORDS), "pdf-empty", "pdf-one", "pdf-nocolumns")),
        _Phase("behaviour", (), "probe"),
    ),
    "load": (
        _Phase("warmup", ("csv-10k", "pdf-10k")),
        _Phase("solo", ("csv-10k",) * 3 + ("pdf-10k",) * 3),
        _Phase("measure", ("csv-10k", "csv-10k", "csv-10k", "csv-10k", "pdf-10k") * 20, "closed", 5),
        _Phase("leak", ("csv-1k", "pdf-1k") * 60),
    ),
    "batch": (
        _Phase("sequence", ("csv-1k", "csv-5k", "csv-10k", "pdf-1k", "pdf-5k")),
        _Phase("solo", ("pdf-5k",) * 3),
        _Phase("burst", ("pdf-5k",) * 80, "closed", 20),
        _Phase("edge", ("csv-1k",) * 130, "closed", 130),
    ),
}


@dataclass
class Recorder:
    """Walks through a scenario in virtual time and writes down what recorders would see."""

    name: str
    fails: frozenset[str] = frozenset()
    """Ids of the requests that the service answers 500."""
    slow_edge: float = 1.0
    """The edge phase's exports take so many times as long."""
    now: float = START
    service: Service = field(default_factory=Service)
    hits: list[Hit] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)
    files: list[FileCheck] = field(default_factory=list)
    scrapes: list[Scrape] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    health: list[HealthProbe] = field(default_factory=list)
    runs: list[PhaseRun] = field(default_factory=list)
    resting: list[tuple[float, str | None]] = field(default_factory=list)

    def record(self) -> ScenarioRecord:
        for _ in range(2):
            self._rest("before")
        for phase in _PHASES[self.name]:
            self._rest("rest")
            begin = self.now
            self.service.slow = self.slow_edge if phase.name == "edge" else 1.0
            end = self._behaviour() if phase.name == "behaviour" else self._load(phase)
            mine = sum(hit.phase == phase.name for hit in self.hits)
            run = PhaseRun(name=phase.name, start=begin, end=end, planned=mine, recorded=mine, completed=True)
            self.runs.append(run)
            self._watch(run)
            self.now = end + _GAP_S
        self.now += 1.0
        for _ in range(2):
            self._rest("after")
        if self.name == "smoke":
            self._hang_up()
        self.probes = [self._probe(at, phase, True) for at, phase in self.resting] + self.probes
        first = self.fetches[0]
        self.fetches.append(msgspec.structs.replace(first, purpose="again", start=self.now, end=self.now + 0.003))
        return ScenarioRecord(
            scenario=self._scenario(),
            plan=self._plan(),
            hits=tuple(self.hits),
            fetches=tuple(self.fetches),
            files=tuple(self.files),
            scrapes=tuple(sorted(self.scrapes, key=lambda scrape: scrape.start)),
            probes=tuple(sorted(self.probes, key=lambda probe: probe.at)),
            health=tuple(sorted(self.health, key=lambda probe: probe.start)),
            calibration=tuple(calibration_of(index) for index in range(100)),
            queries=QUERIES,
            log=LOG,
        )

    def _rest(self, moment: str) -> None:
        """Readings with nothing in flight, then a little time."""
        self.scrapes.append(self._scrape(self.now, moment, None))
        self.health.append(self._health("/health", self.now + 0.01, None))
        self.health.append(self._health("/export/status", self.now + 0.02, None))
        self.resting.append((self.now + 0.03, None))
        self.now += 0.2

    def _load(self, phase: _Phase) -> float:
        """Each client asks again when it was answered and has fetched its file."""
        free = [(self.now + client * 0.0001, client) for client in range(phase.clients)]
        heapq.heapify(free)
        for index, case in enumerate(phase.cases):
            at, client = heapq.heappop(free)
            heapq.heappush(free, (self._export(phase, index, case, at, client), client))
        return max(at for at, _ in free)

    def _export(self, phase: _Phase, index: int, case: str, at: float, client: int) -> float:
        """One request for an export and, where it was done, the download; returns when its client is free."""
        fmt, _, size = case.partition("-")
        records = _RECORDS[size] if size in _RECORDS else int(size.removesuffix("k")) * 1_000
        start = at + 0.0002
        wanted = 500 if f"{phase.name}-{index}" in self.fails else 200
        job = self.service.submit(start + _WAY_S, fmt, records, "loadtest", wanted)
        answer, status, headers = answer_of(job, start, self.service)
        end = (job.ended if job else start + 0.002) + _WAY_S
        hit = Hit(
            id=f"{phase.name}-{index}",
            phase=phase.name,
            index=index,
            case=case,
            method="POST",
            path="/export/run",
            format=fmt,
            records=records,
            user="loadtest",
            tag=f"T{len(self.hits):09d}",
            bytes_sent=100 + 110 * records,
            intended=at,
            start=start,
            end=end,
            status=status,
            error=None,
            headers=headers,
            answer=answer,
            client=f"locust-0-{client}",
        )
        self.hits.append(hit)
        if job is None or status != 200:
            return end + 0.001
        done = end + 0.003
        self.fetches.append(_fetch(hit, job, end, done))
        self.files.append(_file_check(hit, job))
        if phase.name == "leak" and index % 2 == 1:
            self.resting.append((done + 0.001, "leak"))
        return done + 0.002

    def _behaviour(self) -> float:
        """Every probe of the contract's behaviour, answered as the contract says."""
        at = self.now
        for index, case in enumerate(CASES):
            export = case.kind == "export"
            fmt = case.format or "csv"
            job = self.service.submit(at + 0.001, fmt, len(AFTER_TEXTS), "examiner") if export else None
            if case.rejected:
                self.service.refuse(at + 0.001, case.format, "examiner")
            status = 200 if 200 in case.expect else min(case.expect & {400, 404})
            end = job.ended + _WAY_S if job else at + 0.003
            page = self.service.metrics_page(at + 0.002) if case.kind == "page" else ""
            self.hits.append(probe_hit(case, index, at, end, status, job, page))
            at = self.hits[-1].end + 0.001
        return at

    def _hang_up(self) -> None:
        """Six clients disconnected, a good export was done, and all came to rest; none of it is on the pages."""
        begin = self.now
        cases = [(DISCONNECTED, None)] * 6 + [(AFTER_DISCONNECT, 200), (REST_AFTER_DISCONNECT, 200)]
        for index, (case, status) in enumerate(cases):
            hit = hung_up_hit(case, index, self.now, status, Service().status_page(self.now))
            self.hits.append(hit)
            self.now = hit.end
        count = len(cases)
        run = PhaseRun(name=DISCONNECTS, start=begin, end=self.now, planned=count, recorded=count, completed=True)
        self.runs.append(run)

    def _watch(self, run: PhaseRun) -> None:
        """What happens during a phase: scrapes, calls of /health and /export/status, samples of the processes."""
        steps = int((run.end - run.start - 0.01) / 0.2) + 1
        for at in (run.start + 0.0015 + 0.2 * step for step in range(steps)):
            self.scrapes.append(self._scrape(at, "during", run.name))
            self.health.append(self._health("/health", at, run.name))
            if at + 0.1 < run.end - 0.01:
                self.health.append(self._health("/export/status", at + 0.1, run.name))
            self.probes.append(self._probe(at + 0.05, run.name, False))

    def _scrape(self, at: float, moment: Any, phase: str | None) -> Scrape:
        return Scrape(
            start=at,
            end=at + 0.004,
            moment=moment,
            phase=phase,
            status=200,
            error=None,
            content_type="text/plain; version=0.0.4; charset=utf-8",
            text=self.service.metrics_page(at + 0.002),
        )

    def _health(self, path: str, at: float, phase: str | None) -> HealthProbe:
        ok = json.dumps({"ok": True, "ts": round(at * 1000)})
        answer = ok if path == "/health" else self.service.status_page(at + 0.002)
        return HealthProbe(path=path, phase=phase, start=at, end=at + 0.004, status=200, error=None, answer=answer)

    def _probe(self, at: float, phase: str | None, resting: bool) -> Probe:
        exports = sum(hit.status == 200 and hit.end <= at for hit in self.hits)
        samples = [_sample(_PIDS[0], 60_000_000, 60_000_000, exports)]
        for worker, pid in enumerate(_PIDS[1:]):
            held, peak = self.service.worker_bytes(worker, len(_PIDS) - 1, at)
            samples.append(_sample(pid, held, peak, exports))
        return Probe(at=at, phase=phase, exports_done=exports, resting=resting, processes=tuple(samples))

    def _plan(self) -> Plan:
        def request(hit: Hit) -> Request:
            return Request(
                index=hit.index, case=hit.case, format=hit.format, records=hit.records, user=hit.user, tag=hit.tag
            )

        phases = tuple(
            PhasePlan(
                name=phase.name,
                mode=phase.mode,
                clients=phase.clients,
                requests=tuple(request(hit) for hit in self.hits if hit.phase == phase.name and phase.cases),
                timeout_s=90.0,
                at_once=phase.name in ("burst", "edge"),
            )
            for phase in _PHASES[self.name]
        )
        if self.name == "smoke":
            phases += (PhasePlan(name=DISCONNECTS, mode="probe", clients=1, requests=(), timeout_s=60.0),)
        return Plan(scenario=self.name, profile_sha256=_SHA.format(7), seed=1, phases=phases)

    def _scenario(self) -> Scenario:
        return Scenario(
            name=self.name,
            target="http://127.0.0.1:4001",
            embedded=True,
            target_pid=_PIDS[0],
            pid_note="started by the harness",
            start=START,
            end=self.now,
            phases=tuple(self.runs),
            generator=Generator(
                exit_code=0,
                version="2.47.0",
                cpu_ratio=0.2,
                event_loop_lag_p99_ms=5.0,
                start_delay_p99_ms=None,
                end_marks=1,
                workers=1,
            ),
            exports_folder="exports",
            leftovers=(),
            absent=(),
            shutdown_exit_code=0,
        )


def calibration_of(index: int) -> Calibration:
    """One request to the known server: begun 0.5 ms late, answered after 5 ms, 0.5 ms of transfer each way."""
    due = START - 2 + index / 200
    return Calibration(
        worker=0,
        index=index,
        intended=due,
        start=due + 0.0005,
        server_start=due + 0.0008,
        server_end=due + 0.0058,
        end=due + 0.006,
        status=200,
        error=None,
    )


def _fetch(hit: Hit, job: Job, start: float, end: float) -> Fetch:
    return Fetch(
        hit=hit.id,
        path=f"/export/files/{job.filename}",
        start=start,
        end=end,
        status=200,
        error=None,
        headers={
            "content-type": MEDIA[job.format],
            "content-length": str(job.bytes),
            "content-disposition": f'attachment; filename="{job.filename}"',
        },
        bytes=job.bytes,
        sha256=_SHA.format(job.number),
    )


def _file_check(hit: Hit, job: Job) -> FileCheck:
    return FileCheck(
        hit=hit.id,
        format=job.format,
        records=job.records,
        bytes=job.bytes,
        sha256=_SHA.format(job.number),
        rows=job.records if job.format == "csv" else None,
        pages=pages_for(job.records) if job.format == "pdf" else None,
        findings=(),
        finding_count=0,
        kept=None,
    )


def _sample(pid: int, held: int, peak: int, exports: int) -> ProcessSample:
    noise = (pid * 7919 + exports * 104_729) % 40_000
    return ProcessSample(
        pid=pid,
        name="python",
        uss_bytes=held + noise,
        rss_bytes=held + noise + 10_000_000,
        peak_rss_bytes=peak + 10_040_000,
        cpu_s=0.01 * exports,
        fds=20,
        threads=4,
    )
