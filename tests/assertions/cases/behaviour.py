"""Targets that accept bad input, serve what is not theirs, or lose something to a client that disconnects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from assertions.probes.behaviour import AFTER_DISCONNECT, CASES, PAGE_BY_ACCEPT, REST_AFTER_DISCONNECT
from assertions.record.phases import DISCONNECTS
from assertions.record.types import Probe
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, table
from tests.assertions.healthy.records import changed, drop_samples, values, with_hits

Change = Callable[[ScenarioRecord], ScenarioRecord]


def behaving(case: str, **fields: Any) -> Change:
    """A change of one behaviour probe's hit."""
    return lambda record: with_hits(record, lambda hit: fields if hit.case == case else None)


def other_page(rewrite: Callable[[str], str]) -> Change:
    """A change of the page that is given to who asks for OpenMetrics."""
    return lambda record: with_hits(
        record, lambda hit: {"answer": rewrite(hit.answer or "")} if hit.case == PAGE_BY_ACCEPT else None
    )


def hung(*rises: int) -> Change:
    """A change by which clients hung up in so many rounds, and so many more descriptors were open after each."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        mine = [hit for hit in record.hits if hit.phase == DISCONNECTS]
        again = [hit for _ in rises[1:] for hit in mine]
        rest = record.probes[-1]

        def reading(number: int, rise: int) -> Probe:
            first, *others = rest.processes
            assert first.fds is not None
            more = msgspec.structs.replace(first, fds=first.fds + rise)
            return msgspec.structs.replace(
                rest, phase=DISCONNECTS, exports_done=rest.exports_done + number, processes=(more, *others)
            )

        read = tuple(reading(number, rise) for number, rise in enumerate((0, *rises)))
        return changed(record, hits=(*record.hits, *again), disconnect_probes=read)

    return change


_ALL_FIELDS = (
    '{"success": false, "error": "check format, data, columns, source, title, user and colour", '
    '"timestamp": "2026-11-23T18:00:00Z"}'
)


FAILS: tuple[Case, ...] = (
    *table(
        "behaviour",
        "smoke",
        (
            "an error of another century",
            behaving(
                "bad-columns-twice",
                answer='{"success": false, "error": "`columns` are not distinct", "timestamp": "1999-12-31T23:59:59Z"}',
            ),
            "bad-columns-twice: the error's timestamp is '1999-12-31T23:59:59Z', which is not the time of",
        ),
        (
            "a field not named",
            behaving(
                "bad-columns-twice",
                answer='{"success": false, "error": "bad request", "timestamp": "2026-11-23T18:00:00Z"}',
            ),
            f"1 of {len(CASES)} behaviour probes went wrong; bad-columns-twice: ",
        ),
        (
            "a link to another file",
            behaving("download-get", answer='{"status": "ready", "downloadUrl": "/export/files/another.csv"}'),
            "leads to another file",
        ),
        (
            "one sentence for all",
            lambda r: with_hits(r, lambda hit: {"answer": _ALL_FIELDS} if hit.status == 400 else None),
            "2 kinds of faults: (1) bad colour, column, data, format, source, title, user are all answered",
        ),
        (
            "a file from outside",
            behaving("path-encoded", status=200),
            f"1 of {len(CASES)} behaviour probes went wrong; path-encoded: status 200,",
        ),
        (
            "requests doubled for OpenMetrics",
            other_page(values("export_requests_total", lambda value: 2 * value)),
            "the metrics page in OpenMetrics format has 78",
        ),
        (
            "no buckets for OpenMetrics",
            other_page(drop_samples("export_latency_ms_bucket")),
            "the metrics page in OpenMetrics format lacks",
        ),
        (
            "places lost by a disconnect",
            behaving(REST_AFTER_DISCONNECT, answer='{"concurrentExports": 5, "queueDepth": 1}'),
            "disconnects: after 6 clients disconnected /export/status reports 5 running and 1 waiting with",
        ),
        (
            "no status after a disconnect",
            behaving(REST_AFTER_DISCONNECT, status=None, error="timeout", answer=None),
            "disconnects: after 6 clients disconnected /export/status was answered with timeout",
        ),
        (
            "dead after a disconnect",
            behaving(AFTER_DISCONNECT, status=None, error="timeout", answer=None),
            "disconnects: after 6 clients disconnected a valid export ended with timeout",
        ),
        (
            "descriptors lost by a disconnect",
            hung(6, 12),
            "disconnects: after 12 clients disconnected open descriptors rose by 12, and stayed",
        ),
        (
            "a gauge that a disconnect left behind",
            lambda r: changed(r, final_page=next(timed.page for timed in r.pages if timed.running)),
            "disconnects: after 6 clients disconnected export_concurrent_running still reads 1 with nothing",
        ),
        (
            "a link without a time",
            behaving("download-get", answer='{"status": "ready", "downloadUrl": "/export/files/after.csv"}'),
            "download-get: `timestamp` must be ISO 8601, it is None",
        ),
    ),
)


BLIND: tuple[Case, ...] = (
    *table(
        "behaviour",
        "smoke",
        ("not made", no_hits, f"{len(CASES)} of {len(CASES)} behaviour probes were not made, bad-not-json among them"),
        (
            "nobody hung up",
            lambda r: changed(r, hits=tuple(hit for hit in r.hits if hit.phase != DISCONNECTS)),
            "the disconnect probe was not made",
        ),
    ),
)
