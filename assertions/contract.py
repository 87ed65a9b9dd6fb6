"""The contract as data: names, labels and counting rules that an export service and this harness share on paper.

The harness knows a target only through the contract page. What that page fixes stands here once, so that the judge, the
alert rules and the dashboard cannot drift apart. Nothing here is taken from any service's code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric family of the contract."""

    name: str
    """As written in its `# TYPE` line of the Prometheus text format; a counter's bears its `_total`."""
    kind: Kind
    """The type that its `# TYPE` line must say."""
    labels: tuple[str, ...]
    """Label names of every series of the family, without `le`; empty for a family of one series."""
    help: str
    """What it counts or measures, with its unit."""
    aliases: tuple[str, ...] = ()
    """Other family names that the metrics assertion takes for this one; rules and panels never use them."""

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the samples that a scrape yields: the name itself, or a histogram's bucket, sum and count."""
        if self.kind == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


FAMILIES: Final[tuple[Family, ...]] = (
    Family(
        name="export_requests_total",
        kind="counter",
        labels=("format", "status", "user"),
        help="requests, by status",
    ),
    Family(
        name="export_latency_ms",
        kind="histogram",
        labels=("format", "size"),
        help="milliseconds from a request's arrival to its answer",
        aliases=("export_latency_ms_bucket",),
    ),
    Family(
        name="export_bytes_total",
        kind="counter",
        labels=("format", "status"),
        help="bytes of finished files",
    ),
    Family(
        name="export_concurrent_running",
        kind="gauge",
        labels=(),
        help="exports running now",
    ),
    Family(
        name="export_queue_depth",
        kind="gauge",
        labels=(),
        help="exports waiting now",
    ),
    Family(
        name="export_fail_total",
        kind="counter",
        labels=("reason", "format"),
        help="failed exports, by a closed set of reasons",
    ),
    Family(
        name="export_memory_bytes",
        kind="gauge",
        labels=("format",),
        help="peak memory in bytes that the latest export of the format added to its process",
    ),
    Family(
        name="export_throughput_ops_per_sec",
        kind="gauge",
        labels=("format",),
        help="exports finished a second, over the last minute",
    ),
    Family(
        name="export_success_rate",
        kind="gauge",
        labels=("format",),
        help="succeeded / (succeeded + failed) since start, a ratio from 0 to 1; 1 before the first",
    ),
)
"""The nine families, in the contract's order."""

RUN_PATH: Final = "/export/run"
"""Path of an export request (POST), below the target's base path as all of these."""

STATUS_PATH: Final = "/export/status"
"""Path of the status page: exports running and waiting."""

METRICS_PATH: Final = "/export/metrics"
"""Path of the metrics page."""

HEALTH_PATH: Final = "/health"
"""Path of the health page."""

FORMATS: Final = ("csv", "pdf")
"""What `format` may be in a request; as a label value `unknown` is added, where the format is not known."""

DEFAULT_USER: Final = "anonymous"
"""Whose export one is that names no user."""

UNKNOWN_FORMAT: Final = "unknown"
"""The label value of `format` on rejected requests whose format is not known."""

REQUEST_STATUSES: Final = ("started", "succeeded", "failed", "rejected")
"""Values of `status` on export_requests_total; `started` counts each accepted request once, besides its end."""

BYTES_STATUS: Final = "success"
"""Value of `status` on export_bytes_total for finished files."""

SIZES: Final = ("small", "medium", "large")
"""Values of `size` on export_latency_ms, by number of records; see `size_of`."""

RECORDS_PER_PAGE: Final = 50
"""Records on one page of a PDF."""

MAX_CONCURRENT: Final = 5
"""Exports that may run at once."""

MAX_QUEUE: Final = 100
"""Exports that may wait; the next one is answered 429."""

FILENAME: Final = re.compile(r"(?:^|[/\\])export_(?P<ms>[0-9]+)_(?P<rand>[A-Za-z0-9]+)\.(?P<format>csv|pdf)\Z")
"""Matches, with `search`, the end of a finished file's path. Groups: ms (Unix milliseconds), rand, format."""


def size_of(records: int) -> str:
    """Return the `size` label of an export: small < 1,000 <= medium < 10,000 <= large. ValueError below 0."""
    _not_negative(records)
    if records < 1_000:
        return "small"
    return "medium" if records < 10_000 else "large"


def pages_for(records: int) -> int:
    """Return the pages of a PDF: max(1, ceil(records / 50)); an empty export has a page too. ValueError below 0."""
    _not_negative(records)
    return max(1, -(-records // RECORDS_PER_PAGE))


def _not_negative(records: int) -> None:
    if records < 0:
        raise ValueError(f"a number of records is 0 or more, not {records}")
