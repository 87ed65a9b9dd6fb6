"""Exports that take too long, and clocks that can't both be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, none_done, on_moment, without
from tests.assertions.cases.counters import failing
from tests.assertions.healthy.records import (
    changed,
    drop,
    drop_samples,
    healthy,
    values,
    with_answers,
    with_hits,
    with_pages,
)

Change = Callable[[ScenarioRecord], ScenarioRecord]
_LARGE = 'export_latency_ms_%s{format="%s",size="large"%s'


def waited(phase: str, seconds: float, first: int = 0) -> Change:
    """A change by which a phase's exports, from the first named on, took so long from their intended start."""

    def edit(hit: Hit) -> Mapping[str, Any] | None:
        return {"intended": hit.end - seconds} if hit.phase == phase and hit.index >= first else None

    return lambda record: with_hits(record, edit)


def took(seconds: float, *ids: str) -> Change:
    """A change by which these exports took so long from their start."""
    return lambda record: with_hits(record, lambda hit: {"start": hit.end - seconds} if hit.id in ids else None)


def told(change: Callable[[Hit, float], float | None]) -> Change:
    """A change of the processingTime that answers tell; None drops it."""

    def edit(hit: Hit, body: dict[str, Any]) -> None:
        value = change(hit, body.pop("processingTime"))
        if value is not None:
            body["processingTime"] = value

    return lambda record: with_answers(record, edit)


def only(phase: str, count: int) -> Change:
    """A change that keeps so many hits of a phase."""
    return lambda record: changed(
        record, hits=tuple(hit for hit in record.hits if hit.phase != phase or hit.index < count)
    )


def ended(status: int | None, error: str | None, *ids: str) -> Change:
    """A change by which these exports ended otherwise."""
    return lambda record: with_hits(record, lambda hit: {"status": status, "error": error} if hit.id in ids else None)


def histogram_line(series: str, change: Callable[[float], float | str], *moments: str) -> Change:
    """A change of samples of the histogram."""
    return lambda record: with_pages(record, values(series, change), on_moment(*moments))


def _beyond(bound_ms: int) -> Callable[[str], str]:
    """Every large export beyond a bound, by the target's own buckets."""

    def rewrite(text: str) -> str:
        for bound in (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000):
            for fmt in ("csv", "pdf") if bound <= bound_ms else ():
                text = values(_LARGE % ("bucket", fmt, f',le="{bound}"'), lambda _: 0)(text)
        return text

    return rewrite


def _bounded_by(most_ms: float) -> Callable[[str], str]:
    """No bucket beyond a bound but +Inf."""

    def kept(line: str) -> bool:
        bound = re.search(r'le="([^"]+)"', line)
        return bound is None or bound[1] == "+Inf" or float(bound[1]) <= most_ms

    return lambda text: "".join(line for line in text.splitlines(keepends=True) if kept(line))


def _more_below_100(text: str) -> str:
    return values(_LARGE % ("bucket", "csv", ',le="100"'), lambda value: value + 20)(text)


FAILS = (
    Case(
        id="latency-outside",
        name="12 s from the intended start",
        on="load",
        change=waited("measure", 12.0),
        reason="P95 of 100 exports of 10k records: 12 s (limit < 10 s)",
    ),
    Case(
        id="latency-target",
        name="beyond 10 s by its own buckets",
        on="load",
        change=lambda r: with_pages(r, _beyond(10_000), on_moment("after")),
        reason="P95 of 108 exports of 10k records by the target: its histogram has it between 10 s and 30 s",
        also=("histogram", "latency-sum", "monotonic"),
    ),
    Case(
        id="latency-target",
        name="bounds of seconds, filled with milliseconds",
        on="load",
        change=lambda r: with_pages(r, _bounded_by(10)),
        reason="the histogram's highest bound is 10 ms, and its P95 lies beyond it: neither a person nor an",
        also=("buckets",),
    ),
    Case(
        id="latency-target",
        name="beyond its highest bound",
        on="load",
        change=lambda r: with_pages(r, _beyond(30_000), on_moment("after")),
        reason="P95 of 108 exports of 10k records by the target: its histogram has it between 30 s and inf s",
        also=("buckets", "histogram", "latency-sum", "monotonic"),
    ),
    Case(
        id="latency-agree",
        name="one without processingTime",
        on="load",
        change=told(lambda hit, value: None if hit.id == "measure-0" else value),
        reason="1 of 228 answers have no processingTime in milliseconds",
    ),
    Case(
        id="latency-agree",
        name="seconds told more than seen",
        on="load",
        change=told(lambda hit, value: value + 2_000 if hit.phase == "solo" else value),
        reason="6 of 228 answers report more time than the client saw: solo-0 reports 2.21 s, the client saw",
        also=("latency-sum", "latency-target"),
    ),
    Case(
        id="latency-agree",
        name="always 0",
        on="load",
        change=told(lambda hit, value: 0),
        reason="processingTime is 0 or less in most of 108 answers to large exports",
        also=("latency-sum", "latency-target"),
    ),
    Case(
        id="latency-agree",
        name="always the same",
        on="load",
        change=told(lambda hit, value: 200 if (hit.records or 0) >= 5_000 else value),
        reason="processingTime is 200 ms in all 108 answers to large exports",
        also=("latency-sum", "latency-target"),
    ),
    Case(
        id="latency-agree",
        name="half the truth",
        on="load",
        change=told(lambda hit, value: value / 2),
        reason="in half of 100 long exports (measure) the target reports less than 63.9 % of the time that the",
        also=("latency-sum", "latency-target"),
    ),
    Case(
        id="latency-sum",
        name="a sum too high",
        on="load",
        change=lambda r: with_pages(
            r, values(_LARGE % ("sum", "pdf", "}"), lambda value: value * 1.6), on_moment("after")
        ),
        reason='format="pdf", size="large": export_latency_ms_sum grew by 19.8 s, but the answers\'',
    ),
    Case(
        id="latency-sum",
        name="buckets of other times",
        on="load",
        change=lambda r: with_pages(
            r, values(_LARGE % ("bucket", "csv", ',le="100"'), lambda value: value + 20), on_moment("after")
        ),
        reason='format="csv", size="large": export_latency_ms_bucket{le="100"} grew by 20, but 0 to 0 answers',
    ),
    Case(
        id="latency-sum",
        name="a mean of seconds with failures",
        on="load",
        change=lambda r: with_pages(
            failing("load", "measure", 1),
            values(_LARGE % ("sum", "csv", "}"), lambda value: value * 6),
            on_moment("after"),
        ),
        reason="the histogram's mean is",
        also=("histogram",),
    ),
    Case(
        id="histogram",
        name="no +Inf",
        on="batch",
        change=lambda r: with_pages(r, lambda text: text.replace('le="+Inf"', 'le="60000"'), on_moment("before")),
        reason='export_latency_ms{format="csv",size="small"}: there is no +Inf bucket',
        also=("monotonic",),
    ),
    Case(
        id="smoke-latency",
        name="a second",
        on="smoke",
        change=waited("measure", 1.5, 54),
        reason="P95 of 60 exports of 1k records: 1.5 s (limit < 1 s)",
    ),
    Case(
        id="batch",
        name="refused",
        on="batch",
        change=ended(429, None, "sequence-1"),
        reason="csv-5k of the batch was refused with 429 while nothing else ran",
        also=("answers", "bytes-agree", "latency-counts", "rejections", "requests"),
    ),
    Case(
        id="batch",
        name="a failure",
        on="batch",
        change=ended(500, None, "sequence-2"),
        reason="csv-10k of the batch ended with 500",
        also=("answers", "bytes-agree", "requests"),
    ),
    Case(
        id="batch",
        name="no answer",
        on="batch",
        change=ended(None, "timeout", "sequence-2"),
        reason="csv-10k of the batch ended without an answer: timeout",
    ),
    Case(
        id="batch",
        name="too long",
        on="batch",
        change=took(31.0, "sequence-4"),
        reason="batch of 5 exports: 31.4 s (limit < 30 s)",
    ),
    Case(
        id="throughput",
        name="one in half a minute",
        on="load",
        change=took(3_000.0, "measure-0"),
        reason="throughput under load: 0.0333 exports/s (limit >= 0.05 exports/s)",
    ),
    Case(
        id="drift",
        name="a hundredth more each",
        on="load",
        change=lambda _: healthy("load", growth=1.013),
        reason="drift of pdf-1k in leak, last quarter as a multiple of the first quarter, 25 ms aside: 3.06",
    ),
)


def _no_cases(record: ScenarioRecord) -> ScenarioRecord:
    return with_hits(record, lambda hit: {"case": f"case-{hit.id}"})


BLIND = (
    Case(
        id="latency-outside",
        name="nothing asked",
        on="load",
        change=no_hits,
        reason="no export of 10k records was answered under load",
    ),
    Case(
        id="latency-outside",
        name="58 exports",
        on="load",
        change=only("measure", 58),
        reason="P95 of 58 exports of 10k records has no upper bound yet: inconclusive, needs 1 more",
    ),
    Case(
        id="latency-outside",
        name="five slow ones of a hundred",
        on="load",
        change=waited("measure", 12.0, 95),
        reason="P95 of 100 exports of 10k records: 534 ms (limit < 10 s), but at 95 % confidence it may be as",
    ),
    Case(
        id="latency-target",
        name="no histogram",
        on="load",
        change=lambda r: with_pages(r, drop("export_latency_ms")),
        reason="the target's latency histogram counted no large export",
    ),
    Case(
        id="latency-target",
        name="none before",
        on="load",
        change=without("before"),
        reason="the target's latency histogram counted no large export",
    ),
    Case(
        id="latency-target",
        name="nothing gained",
        on="load",
        change=lambda r: with_pages(r, values("export_latency_ms", lambda _: 0)),
        reason="the target's latency histogram counted no large export",
    ),
    Case(id="latency-agree", name="none done", on="load", change=none_done, reason="no export was finished"),
    Case(
        id="latency-sum",
        name="no histogram",
        on="load",
        change=lambda r: with_pages(r, drop("export_latency_ms")),
        reason="the latency histogram could not be read",
    ),
    Case(
        id="latency-sum",
        name="no answer tells",
        on="load",
        change=told(lambda hit, value: None),
        reason="no answer has a processingTime, or the histogram has no sum",
    ),
    Case(
        id="histogram",
        name="no family",
        on="load",
        change=lambda r: with_pages(r, drop("export_latency_ms")),
        reason="export_latency_ms is missing",
    ),
    Case(
        id="histogram",
        name="no series",
        on="load",
        change=lambda r: with_pages(r, drop_samples("export_latency_ms")),
        reason="export_latency_ms has no series",
    ),
    Case(
        id="smoke-latency",
        name="four exports",
        on="smoke",
        change=only("measure", 4),
        reason="4 exports of 1k records were answered, and 5 are needed",
    ),
    Case(
        id="batch",
        name="four exports",
        on="batch",
        change=only("sequence", 4),
        reason="4 of the five exports were requested",
    ),
    Case(
        id="throughput",
        name="none done",
        on="load",
        change=none_done,
        reason="no export was finished under load",
    ),
    Case(
        id="drift",
        name="no case sixteen times",
        on="load",
        change=_no_cases,
        reason="no case was exported 16 times in one phase",
    ),
)
