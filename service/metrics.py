"""The nine metrics of the contract, on a separate registry, every known label set there at 0 from the start."""

from __future__ import annotations

import re
import time
from collections import Counter as Counts
from collections import deque
from collections.abc import Callable
from typing import Literal, get_args

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from service.request.export_request import DEFAULT_USER, Format

Status = Literal["started", "succeeded", "failed", "rejected"]
Reason = Literal["client_gone", "disk_full", "internal", "io", "shutdown", "source", "timeout", "worker_died"]

FORMATS: tuple[Format, ...] = ("csv", "pdf")
STATUSES: tuple[Status, ...] = ("started", "succeeded", "failed", "rejected")
REASONS: tuple[Reason, ...] = get_args(Reason)
SIZES = ("small", "medium", "large")
LATENCY_BUCKETS_MS = (
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000,
)  # fmt: skip
USERS_KEPT = 100
USER_LENGTH_KEPT = 100
OTHER_USER = "other"
THROUGHPUT_WINDOW_S = 60.0
LARGEST_EXACT = 2**53
"""Whole numbers up to here are exact in a float."""


_EXPONENT = re.compile(rb" (-?\d\.\d+e\+\d\d)$", re.MULTILINE)


def plain_numbers(page: bytes) -> bytes:
    """Return a metrics page with its values as digits: `1835253` where prometheus_client writes `1.835253e+06`.

    Whole numbers up to 2^53, and fractions below it, keep every digit; people read them with `[\\d.]+`.
    """
    if b"e+" in page:
        page = _EXPONENT.sub(_digits, page)
    return page.replace(b".0\n", b"\n")  # a line that ends so is a sample, whose value ends so


def _digits(match: re.Match[bytes]) -> bytes:
    value = float(match[1])
    return b" " + (repr(value).encode() if abs(value) <= LARGEST_EXACT else match[1])


def size_of(records: int) -> str:
    """The size class of an export: `small` < 1,000 <= `medium` < 10,000 <= `large` records."""
    return "small" if records < 1_000 else "medium" if records < 10_000 else "large"


class Metrics:
    """Counts exports; only called from the event loop's thread, so that every scrape sees whole steps.

    Shapes: an export is `started` once, then `succeeded` or `failed` once; a refused request is `rejected` once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        # `_created` series would be a tenth family in the text format
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._requests = self._counter("export_requests_total", "Export requests by outcome.", "format status user")
        self._bytes = self._counter("export_bytes_total", "Bytes of finished export files.", "format status")
        self._fails = self._counter("export_fail_total", "Failed exports by reason.", "reason format")
        self._latency = Histogram(
            "export_latency_ms",
            "Milliseconds from a request's arrival to its answer, of succeeded exports.",
            ("format", "size"),
            registry=self._registry,
            buckets=LATENCY_BUCKETS_MS,
        )
        self._running = self._gauge("export_concurrent_running", "Exports running now.", "")
        self._waiting = self._gauge("export_queue_depth", "Exports waiting now.", "")
        self._memory = self._gauge(
            "export_memory_bytes", "Peak memory that the latest export added to its process.", "format"
        )
        self._throughput = self._gauge(
            "export_throughput_ops_per_sec", "Exports finished a second, over the last minute.", "format"
        )
        self._rate = self._gauge(
            "export_success_rate", "Succeeded / (succeeded + failed) since start; 1 before the first.", "format"
        )
        self._users: set[str] = set()
        self._rejected_users: dict[str, Counts[Format]] = {}
        """Users with a place of whom nothing was started, and their rejections."""
        self._finished: dict[str, deque[float]] = {}
        self._outcomes: dict[str, list[int]] = {}
        for format in FORMATS:
            self._finished[format] = deque()
            self._outcomes[format] = [0, 0]
            self._bytes.labels(format, "success")
            self._memory.labels(format)
            self._throughput.labels(format)
            self._rate.labels(format).set(1)
            for size in SIZES:
                self._latency.labels(format, size)
            for reason in REASONS:
                self._fails.labels(reason, format)
        self._make_user(DEFAULT_USER)
        self._make_series(OTHER_USER)

    def _counter(self, name: str, text: str, labels: str) -> Counter:
        return Counter(name, text, labels.split(), registry=self._registry)

    def _gauge(self, name: str, text: str, labels: str) -> Gauge:
        return Gauge(name, text, labels.split(), registry=self._registry)

    def _make_series(self, user: str) -> None:
        for labels in self._label_sets(user):
            self._requests.labels(*labels)

    def _label_sets(self, user: str) -> list[tuple[Format, Status, str]]:
        return [*((format, status, user) for format in FORMATS for status in STATUSES), ("unknown", "rejected", user)]

    def _make_user(self, user: str) -> None:
        self._users.add(user)
        self._make_series(user)

    def user_label(self, user: str) -> str:
        """The label value of a user: itself for the first 100 of at most 100 characters, `other` for all later."""
        if user in self._users:
            return user
        if user == OTHER_USER or len(user) > USER_LENGTH_KEPT or len(self._users) >= USERS_KEPT:
            return OTHER_USER
        self._make_user(user)
        return user

    def rejected(self, format: Format, user: str) -> None:
        """Count a request that was refused before it started (400, 413, 415, 429, 503)."""
        known = user in self._users
        label = self.user_label(user)
        self._requests.labels(format, "rejected", label).inc()
        if label == user and not known:
            self._rejected_users[user] = Counts()
        if user in self._rejected_users:
            self._rejected_users[user][format] += 1

    def started(self, format: Format, user: str) -> None:
        """Count an export that was admitted: it runs or waits."""
        if user not in self._users and len(self._users) >= USERS_KEPT and len(user) <= USER_LENGTH_KEPT:
            self._free_place()
        self._requests.labels(format, "started", self.user_label(user)).inc()
        self._rejected_users.pop(user, None)

    def _free_place(self) -> None:
        """Give up the place of a user who was only ever refused: made-up names must not push real ones out."""
        if not self._rejected_users:
            return
        user = next(iter(self._rejected_users))
        for format, count in self._rejected_users.pop(user).items():
            self._requests.labels(format, "rejected", OTHER_USER).inc(count)
        for labels in self._label_sets(user):
            self._requests.remove(*labels)
        self._users.discard(user)

    def succeeded(
        self, format: Format, user: str, *, records: int, file_bytes: int, latency_ms: float, memory_bytes: int
    ) -> None:
        """A started export's file is complete and durable."""
        self._requests.labels(format, "succeeded", self.user_label(user)).inc()
        self._bytes.labels(format, "success").inc(file_bytes)
        self._latency.labels(format, size_of(records)).observe(latency_ms)
        self._memory.labels(format).set(memory_bytes)
        self._finished[format].append(self._clock())
        self._outcome(format, 0)

    def failed(self, format: Format, user: str, reason: Reason) -> None:
        """A started export ended without a file."""
        self._requests.labels(format, "failed", self.user_label(user)).inc()
        self._fails.labels(reason, format).inc()
        self._outcome(format, 1)

    def _outcome(self, format: Format, which: int) -> None:
        if format == "unknown":
            return  # the disk was full before the body could be read
        counts = self._outcomes[format]
        counts[which] += 1
        self._rate.labels(format).set(counts[0] / (counts[0] + counts[1]))

    def load(self, running: int, waiting: int) -> None:
        """How many exports run and wait now."""
        self._running.set(running)
        self._waiting.set(waiting)

    def page(self, accept: str) -> tuple[bytes, str]:
        """The metrics page and its content type, as the Accept header asks (OpenMetrics or Prometheus text)."""
        since = self._clock() - THROUGHPUT_WINDOW_S
        for format, times in self._finished.items():
            while times and times[0] < since:
                times.popleft()
            self._throughput.labels(format).set(len(times) / THROUGHPUT_WINDOW_S)
        encoder, content_type = choose_encoder(accept)
        return plain_numbers(encoder(self._registry)), content_type
