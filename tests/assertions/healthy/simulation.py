"""A healthy export service on virtual time: five servers, one queue, and its metrics page at any moment."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assertions.contract import FAMILIES, FORMATS, MAX_CONCURRENT, MAX_QUEUE, REQUEST_STATUSES, SIZES, size_of

BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, float("inf"))
REASONS = ("engine", "disk")
USERS = ("anonymous", "loadtest", "examiner")
_PER_RECORD_S = {"csv": 20e-6, "pdf": 50e-6}
_PER_RECORD_BYTES = {"csv": 56, "pdf": 100}
_JITTER = (0.98, 1.03, 1.0, 0.96, 1.02, 0.99, 1.04)
_BASE_BYTES = 45_000_000


@dataclass(frozen=True)
class Job:
    """One export inside the service."""

    number: int
    arrived: float
    began: float
    ended: float
    format: str
    records: int
    user: str
    status: int
    """200, or 500 where it failed."""

    @property
    def bytes(self) -> int:
        """Size of its file."""
        return 40 + _PER_RECORD_BYTES[self.format] * self.records

    @property
    def memory_bytes(self) -> int:
        """What it adds to its worker."""
        return 120_000 + 800 * self.records

    @property
    def latency_ms(self) -> float:
        return (self.ended - self.arrived) * 1000

    @property
    def filename(self) -> str:
        tail = f"{(self.number + 1) * 2_654_435_761 % 2**32:09x}"  # each once, in no order
        return f"export_{int(self.arrived * 1000)}_{tail}.{self.format}"


@dataclass
class Service:
    """What the service remembers; every page is a function of this and the moment."""

    jobs: list[Job] = field(default_factory=list)
    refusals: list[tuple[float, str, str]] = field(default_factory=list)
    """(moment, format, user) of each 400 and 429."""
    servers: int = MAX_CONCURRENT
    """How many run at once; the healthy number unless set otherwise."""
    queue: int = MAX_QUEUE
    """How many may wait; the healthy number unless set otherwise."""
    growth: float = 1.0
    """How many times as long each export takes as the one before it."""
    slow: float = 1.0
    """All exports take so many times as long."""
    _free: list[float] = field(default_factory=list)

    def submit(self, at: float, fmt: str, records: int, user: str, status: int = 200) -> Job | None:
        """Take in an export, or None where five run and a hundred wait. Calls come in order of time."""
        if sum(job.began > at for job in self.jobs) >= self.queue:
            self.refuse(at, fmt, user)
            return None
        number = len(self.jobs)
        self._free = self._free or [0.0] * self.servers
        began = max(at, heapq.heappop(self._free))
        takes = (0.012 + records * _PER_RECORD_S[fmt]) * _JITTER[number % len(_JITTER)] * self.slow
        ended = began + takes * self.growth**number
        heapq.heappush(self._free, ended)
        job = Job(number, at, began, ended, fmt, records, user, status)
        self.jobs.append(job)
        return job

    def refuse(self, at: float, fmt: str | None, user: str) -> None:
        """Count a request that was rejected before it started."""
        self.refusals.append((at, fmt or "unknown", user))

    def running(self, at: float) -> list[Job]:
        return [job for job in self.jobs if job.began <= at < job.ended]

    def waiting(self, at: float) -> int:
        return sum(job.arrived <= at < job.began for job in self.jobs)

    def done(self, at: float, fmt: str) -> list[Job]:
        """Exports of a format that succeeded by then, in the order of their end."""
        ended = [job for job in self.jobs if job.format == fmt and job.ended <= at and job.status == 200]
        return sorted(ended, key=lambda job: job.ended)

    def failed(self, at: float, fmt: str) -> list[Job]:
        return [job for job in self.jobs if job.format == fmt and job.ended <= at and job.status != 200]

    def status_page(self, at: float) -> str:
        """What /export/status says."""
        body = {
            "status": "ready",
            "concurrentExports": len(self.running(at)),
            "queueDepth": self.waiting(at),
            "maxConcurrentExports": MAX_CONCURRENT,
            "timestamp": iso(at),
            "version": "1.7.0-export-scale",
        }
        return json.dumps(body)

    def metrics_page(self, at: float) -> str:
        """The page in the Prometheus text format."""
        lines = []
        for family in FAMILIES:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
            lines += [f"{name}{_labels(labels)} {value!r}" for name, labels, value in self._series(family.name, at)]
        return "\n".join([*lines, ""])

    def _series(self, family: str, at: float) -> Iterator[tuple[str, Mapping[str, str], float]]:
        if family == "export_requests_total":
            for (fmt, status, user), count in self._requests(at).items():
                yield family, {"format": fmt, "status": status, "user": user}, count
        elif family == "export_concurrent_running":
            yield family, {}, len(self.running(at))
        elif family == "export_queue_depth":
            yield family, {}, self.waiting(at)
        else:
            for fmt in FORMATS:
                yield from self._of_format(family, fmt, at)

    def _of_format(self, family: str, fmt: str, at: float) -> Iterator[tuple[str, Mapping[str, str], float]]:
        done, failed = self.done(at, fmt), self.failed(at, fmt)
        match family:
            case "export_latency_ms":
                for size in SIZES:
                    times = [job.latency_ms for job in done if size_of(job.records) == size]
                    yield from _histogram(family, {"format": fmt, "size": size}, times)
            case "export_bytes_total":
                yield family, {"format": fmt, "status": "success"}, sum(job.bytes for job in done)
            case "export_fail_total":
                for reason in REASONS:
                    yield family, {"reason": reason, "format": fmt}, len(failed) if reason == REASONS[0] else 0
            case "export_memory_bytes":
                yield family, {"format": fmt}, done[-1].memory_bytes if done else 0
            case "export_throughput_ops_per_sec":
                yield family, {"format": fmt}, sum(job.ended > at - 60 for job in done) / 60
            case _:
                ended = len(done) + len(failed)
                yield family, {"format": fmt}, len(done) / ended if ended else 1.0

    def _requests(self, at: float) -> dict[tuple[str, str, str], int]:
        counts = {(fmt, status, user): 0 for fmt in FORMATS for status in REQUEST_STATUSES for user in USERS}
        counts |= {("unknown", "rejected", user): 0 for user in USERS}
        for job in self.jobs:
            if job.arrived <= at:
                counts[job.format, "started", job.user] += 1
            if job.ended <= at:
                counts[job.format, "succeeded" if job.status == 200 else "failed", job.user] += 1
        for moment, fmt, user in self.refusals:
            if moment <= at:
                counts[fmt, "rejected", user] += 1
        return counts

    def worker_bytes(self, worker: int, workers: int, at: float) -> tuple[int, int]:
        """(memory held, most ever held) by one of the workers, which take exports in turn."""
        mine = [job for job in self.jobs if job.number % workers == worker and job.began <= at]

        def held(moment: float) -> int:
            return _BASE_BYTES + sum(job.memory_bytes for job in mine if job.began <= moment < job.ended)

        return held(at), max((held(job.began) for job in mine), default=_BASE_BYTES)


def _histogram(
    name: str, labels: Mapping[str, str], times: Iterable[float]
) -> Iterator[tuple[str, Mapping[str, str], float]]:
    times = list(times)
    for bound in BOUNDS_MS:
        le = "+Inf" if bound == float("inf") else str(bound)
        yield f"{name}_bucket", {**labels, "le": le}, sum(time <= bound for time in times)
    yield f"{name}_sum", labels, sum(times)
    yield f"{name}_count", labels, len(times)


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""


def iso(at: float) -> str:
    """A moment as the contract writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
