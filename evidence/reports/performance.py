"""The table of performance: each measure with its target, and figures without a limit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assertions.judge import Report
from assertions.limits import Limit, Limits
from assertions.verdicts import Reading, Verdict
from evidence.reports.information import Information
from evidence.reports.tables import Section, Table
from evidence.reports.units import against, condition, plain, quantity

MEASURES = (
    ("1k export, P95", "smoke_latency_ms", "smoke-latency"),
    ("10k export, P95 by the client", "latency_p95_ms", "latency-outside"),
    ("10k export, P95 by the target", "latency_p95_ms", "latency-target"),
    ("Batch of five", "batch_s", "batch"),
    ("Throughput", "throughput_per_s", "throughput"),
    ("Success rate from outside", "success_ratio", "success-outside"),
    ("Success rate by the target", "success_ratio", "success-target"),
    ("Running at once, peak", "concurrent_exports", "concurrency-target"),
    ("Waiting, peak", "queue_depth", "queue-target"),
    ("Memory an export, from outside", "memory_bytes", "memory"),
    ("Memory an export, by the target", "memory_bytes", "memory-gauge"),
    ("/health under load, P95", "health_p95_ms", "health"),
    ("Memory leak an export", "leak_memory_bytes_per_export", "leak-memory"),
)
"""Title, limit, check."""


def performance(report: Report, limits: Limits, information: Sequence[Information]) -> Section:
    """Return the measures of a run with their limits, the worst scenario of each."""
    rows = tuple(_row(title, limits[limit_id], check, report) for title, limit_id, check in MEASURES)
    tables = [
        Table(columns=("measure", "target", "critical", "measured", "of the limit", "samples", "verdict"), rows=rows)
    ]
    if information:
        tables.append(
            Table(
                columns=("for information, no limit", "measured", "samples", "what it is"),
                rows=tuple(
                    (one.title, one.value, "–" if one.count is None else f"{one.count:,}", plain(one.note))
                    for one in information
                ),
            )
        )
    return Section(title="Performance", tables=tuple(tables))


def _row(title: str, limit: Limit, check: str, report: Report) -> tuple[str, ...]:
    worst = worst_of([verdict for verdict in report.verdicts if verdict.id == check], limit)
    readings = worst.judgement.readings if worst else ()
    reading = readings[0] if readings else None
    used = against(reading.value, limit) if reading is not None else None
    return (
        title,
        condition(limit),
        "–" if limit.critical is None else quantity(limit.critical, limit.unit),
        _measured(reading, by_buckets=check in BY_BUCKETS),
        "–" if used is None else used[1],
        f"{reading.count:,}" if reading is not None and reading.count is not None else "–",
        worst.status if worst else "NO DATA",
    )


BY_BUCKETS = frozenset({"latency-target"})
"""Checks whose reading lies between the bounds of a histogram's bucket, which are no confidence bounds."""


def worst_of(verdicts: Sequence[Verdict], limit: Limit) -> Verdict | None:
    """Return the verdict with the reading furthest on the bad side; the first where none has a reading."""
    read = [one for one in verdicts if one.judgement.readings and one.judgement.readings[0].value is not None]
    sign = -1 if limit.op in (">", ">=") else 1
    ordered = sorted(read, key=lambda one: sign * (one.judgement.readings[0].value or 0.0))
    return ordered[-1] if ordered else (verdicts[0] if verdicts else None)


def _measured(reading: Reading | None, *, by_buckets: bool = False) -> str:
    if reading is None or reading.value is None:
        return "–"
    return "".join(_parts(reading, by_buckets))


def _parts(reading: Reading, by_buckets: bool) -> Iterable[str]:
    yield quantity(reading.value, reading.unit)
    if reading.low is not None and reading.high is not None:
        bounds = f"{quantity(reading.low, reading.unit)} to {quantity(reading.high, reading.unit)}"
        yield f" (its bucket: {bounds})" if by_buckets else f" ({bounds} at 95 %)"
