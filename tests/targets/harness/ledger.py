"""What the service remembers of its work, and the nine families drawn from it."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.targets.harness.page import Family, Page, Sample

FORMATS = ("csv", "pdf")
SIZES = ("small", "medium", "large")
STATUSES = ("started", "succeeded", "failed", "rejected")
REASONS = ("disk_full", "error")
BOUNDS_MS: tuple[float, ...] = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000)
MOST_USERS = 100
WINDOW_S = 60.0


def size_of(records: int) -> str:
    """The size label."""
    return "small" if records < 1000 else "medium" if records < 10_000 else "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished export."""

    form: str
    user: str
    records: int
    size_bytes: int
    memory_bytes: int
    latency_ms: float


class Book:
    """Counters since the start. One thread writes (the event loop's, or the holder of a lock)."""

    bounds_ms = BOUNDS_MS

    def __init__(self) -> None:
        """Start with every label set that is known at 0."""
        self.users = ["anonymous"]
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.sizes_bytes: Counter[str] = Counter()
        self.fails: Counter[tuple[str, str]] = Counter()
        self.buckets: dict[tuple[str, str], list[int]] = {}
        self.latency_sum_ms: dict[tuple[str, str], float] = defaultdict(float)
        self.memory_bytes = dict.fromkeys(FORMATS, 0.0)
        self.finished: dict[str, deque[float]] = {form: deque() for form in FORMATS}
        for form in FORMATS:
            for size in SIZES:
                self.buckets[form, size] = [0] * (len(self.bounds_ms) + 1)

    def user_label(self, user: str) -> str:
        """The first hundred keep their name."""
        if user not in self.users:
            if len(self.users) >= MOST_USERS:
                return "other"
            self.users.append(user)
        return user

    def count(self, form: str, status: str, user: str) -> None:
        """One more request of a status."""
        self.requests[form, status, self.user_label(user)] += 1

    def started(self, form: str, user: str) -> None:
        """An export was admitted, to run or to wait."""
        self.count(form, "started", user)

    def rejected(self, form: str, user: str) -> None:
        """A request was refused before it started."""
        self.count(form, "rejected", user)

    def succeeded(self, done: Done) -> None:
        """An export's file is there, and its answer is about to go."""
        self.count(done.form, "succeeded", done.user)
        self.sizes_bytes[done.form] += done.size_bytes
        self.memory_bytes[done.form] = done.memory_bytes
        self.observe(done.form, size_of(done.records), done.latency_ms)
        self.finished[done.form].append(time.monotonic())

    def failed(self, form: str, user: str, reason: str) -> None:
        """An export failed."""
        self.count(form, "failed", user)
        self.fails[reason, form] += 1

    def observe(self, form: str, size: str, latency_ms: float) -> None:
        """Put one latency into its bucket (kept apart here, summed up on the page)."""
        self.buckets[form, size][bisect_left(self.bounds_ms, latency_ms)] += 1
        self.latency_sum_ms[form, size] += latency_ms

    def total(self, form: str, status: str) -> int:
        """Requests of a format and status, over all users."""
        return sum(count for (one, other, _), count in self.requests.items() if (one, other) == (form, status))

    def success_rate(self, form: str) -> float:
        """succeeded / (succeeded + failed); 1 before the first."""
        good, bad = self.total(form, "succeeded"), self.total(form, "failed")
        return good / (good + bad) if good + bad else 1.0

    def throughput(self, form: str) -> float:
        """Exports finished a second, over the last minute."""
        since = time.monotonic() - WINDOW_S
        while self.finished[form] and self.finished[form][0] < since:
            self.finished[form].popleft()
        return len(self.finished[form]) / WINDOW_S

    def request_samples(self) -> tuple[Sample, ...]:
        """The series of `export_requests_total`."""
        users = [*self.users, "other"]
        keys = [(form, status, user) for form in FORMATS for status in STATUSES for user in users]
        keys += [("unknown", "rejected", user) for user in users]
        return tuple(
            Sample(
                "export_requests_total",
                (("format", form), ("status", status), ("user", user)),
                self.requests[form, status, user],
            )
            for form, status, user in keys
        )

    def latency_samples(self, form: str, size: str) -> list[Sample]:
        """One histogram: its buckets, sum and count."""
        labels = (("format", form), ("size", size))
        samples, total = [], 0
        for bound, count in zip([*map(_bound, self.bounds_ms), "+Inf"], self.buckets[form, size], strict=True):
            total += count
            samples.append(Sample("export_latency_ms_bucket", (*labels, ("le", bound)), total))
        samples.append(Sample("export_latency_ms_sum", labels, self.latency_sum_ms[form, size]))
        samples.append(Sample("export_latency_ms_count", labels, total))
        return samples

    def page(self, running: int, waiting: int) -> Page:
        """All nine families."""
        latency = [sample for form in FORMATS for size in SIZES for sample in self.latency_samples(form, size)]
        return [
            Family("export_requests_total", "counter", "Export requests by status.", self.request_samples()),
            Family("export_latency_ms", "histogram", "Milliseconds from arrival to answer.", tuple(latency)),
            _family(
                "export_bytes_total",
                "counter",
                "Bytes of finished files.",
                {(("format", form), ("status", "success")): self.sizes_bytes[form] for form in FORMATS},
            ),
            _family("export_concurrent_running", "gauge", "Exports running now.", {(): running}),
            _family("export_queue_depth", "gauge", "Exports waiting now.", {(): waiting}),
            _family(
                "export_fail_total",
                "counter",
                "Failed exports by reason.",
                {
                    (("reason", reason), ("format", form)): self.fails[reason, form]
                    for reason in REASONS
                    for form in FORMATS
                },
            ),
            _by_format(
                "export_memory_bytes", "Peak memory that the latest export added.", self.memory_bytes.__getitem__
            ),
            _by_format("export_throughput_ops_per_sec", "Exports a second over the last minute.", self.throughput),
            _by_format("export_success_rate", "Succeeded of finished since start.", self.success_rate),
        ]


def _bound(bound: float) -> str:
    """A bucket's bound as Prometheus writes it."""
    return str(int(bound)) if bound == int(bound) else str(bound)


def _family(name: str, kind: str, text: str, values: dict[tuple[tuple[str, str], ...], float]) -> Family:
    """A family without buckets."""
    return Family(name, kind, text, tuple(Sample(name, labels, value) for labels, value in values.items()))


def _by_format(name: str, text: str, value: Callable[[str], float]) -> Family:
    """A gauge of each format."""
    return _family(name, "gauge", text, {(("format", form),): value(form) for form in FORMATS})
