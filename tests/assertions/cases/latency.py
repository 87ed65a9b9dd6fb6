"""Exports that take too long, and clocks that can't both be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import no_hits, none_done, on_moment, table, without
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


def reported(change: Callable[[Hit, float], float | None]) -> Change:
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
    *table(
        "latency-outside",
        "load",
        (
            "12 s from the intended start",
            waited("measure", 12.0),
            "P95 of 100 exports of 10k records: 12 s (limit < 10 s)",
        ),
    ),
    *table(
        "latency-target",
        "load",
        (
            "beyond 10 s by its own buckets",
            lambda r: with_pages(r, _beyond(10_000), on_moment("after")),
            "P95 of 108 exports of 10k records by the target: its histogram has it between 10 s and 30 s",
            ("histogram", "latency-sum", "monotonic"),
        ),
        (
            "bounds of seconds, filled with milliseconds",
            lambda r: with_pages(r, _bounded_by(10)),
            "the histogram's highest bound is 10 ms, and its P95 lies beyond it: neither a person nor an",
            ("buckets",),
        ),
        (
            "beyond its highest bound",
            lambda r: with_pages(r, _beyond(30_000), on_moment("after")),
            "P95 of 108 exports of 10k records by the target: its histogram has it between 30 s and inf s",
            ("buckets", "histogram", "latency-sum", "monotonic"),
        ),
    ),
    *table(
        "latency-agree",
        "load",
        (
            "one without processingTime",
            reported(lambda hit, value: None if hit.id == "measure-0" else value),
            "1 of 228 answers have no processingTime in milliseconds",
        ),
        (
            "seconds reported more than measured",
            reported(lambda hit, value: value + 2_000 if hit.phase == "solo" else value),
            "6 of 228 answers report more time than the client saw: solo-0 reports 2.21 s, the client saw",
            ("latency-sum", "latency-target"),
        ),
        (
            "always 0",
            reported(lambda hit, value: 0),
            "processingTime is 0 or less in most of 108 answers to large exports",
            ("latency-sum", "latency-target"),
        ),
        (
            "always the same",
            reported(lambda hit, value: 200 if (hit.records or 0) >= 5_000 else value),
            "processingTime is 200 ms in all 108 answers to large exports",
            ("latency-sum", "latency-target"),
        ),
        (
            "half the truth",
            reported(lambda hit, value: value / 2),
            "in half of 100 long exports (measure) the target reports less than 63.9 % of the time that the",
            ("latency-sum", "latency-target"),
        ),
    ),
    *table(
        "latency-sum",
        "load",
        (
            "a sum too high",
            lambda r: with_pages(
                r, values(_LARGE % ("sum", "pdf", "}"), lambda value: value * 1.6), on_moment("after")
            ),
            'format="pdf", size="large": export_latency_ms_sum grew by 19.8 s, but the answers\'',
        ),
        (
            "buckets of other times",
            lambda r: with_pages(
                r, values(_LARGE % ("bucket", "csv", ',le="100"'), lambda value: value + 20), on_moment("after")
            ),
            'format="csv", size="large": export_latency_ms_bucket{le="100"} grew by 20, but 0 to 0 answers',
        ),
        (
            "a mean of seconds with failures",
            lambda r: with_pages(
                failing("load", "measure", 1),
                values(_LARGE % ("sum", "csv", "}"), lambda value: value * 6),
                on_moment("after"),
            ),
            "the histogram's mean is",
            ("histogram",),
        ),
    ),
    *table(
        "histogram",
        "batch",
        (
            "no +Inf",
            lambda r: with_pages(r, lambda text: text.replace('le="+Inf"', 'le="60000"'), on_moment("before")),
            'export_latency_ms{format="csv",size="small"}: there is no +Inf bucket',
            ("monotonic",),
        ),
    ),
    *table(
        "smoke-latency",
        "smoke",
        ("a second", waited("measure", 1.5, 54), "P95 of 60 exports of 1k records: 1.5 s (limit < 1 s)"),
    ),
    *table(
        "batch",
        "batch",
        (
            "refused",
            ended(429, None, "sequence-1"),
            "csv-5k of the batch was refused with 429 while nothing else ran",
            ("answers", "bytes-agree", "latency-counts", "rejections", "requests"),
        ),
        (
            "a failure",
            ended(500, None, "sequence-2"),
            "csv-10k of the batch ended with 500",
            ("answers", "bytes-agree", "requests"),
        ),
        ("no answer", ended(None, "timeout", "sequence-2"), "csv-10k of the batch ended without an answer: timeout"),
        ("too long", took(31.0, "sequence-4"), "batch of 5 exports, each answered 200: 31.4 s (limit < 30 s)"),
    ),
    *table(
        "throughput",
        "load",
        (
            "one in half a minute",
            took(3_000.0, "measure-0"),
            "throughput under load: 0.0333 exports/s (limit >= 0.05 exports/s)",
        ),
    ),
    *table(
        "drift",
        "load",
        (
            "a hundredth more each",
            lambda _: healthy("load", growth=1.013),
            "drift of pdf-1k in leak, last quarter as a multiple of the first quarter, 25 ms aside: 3.06",
        ),
    ),
)


def _no_cases(record: ScenarioRecord) -> ScenarioRecord:
    return with_hits(record, lambda hit: {"case": f"case-{hit.id}"})


BLIND = (
    *table(
        "latency-outside",
        "load",
        ("nothing asked", no_hits, "no export of 10k records was answered under load"),
        (
            "58 exports",
            only("measure", 58),
            "P95 of 58 exports of 10k records has no upper bound yet: inconclusive, needs 1 more",
        ),
        (
            "five slow ones of a hundred",
            waited("measure", 12.0, 95),
            "P95 of 100 exports of 10k records: 534 ms (limit < 10 s), but at 95 % confidence it may be as",
        ),
    ),
    *table(
        "latency-target",
        "load",
        (
            "no histogram",
            lambda r: with_pages(r, drop("export_latency_ms")),
            "the target's latency histogram counted no large export",
        ),
        ("none before", without("before"), "the target's latency histogram counted no large export"),
        (
            "nothing gained",
            lambda r: with_pages(r, values("export_latency_ms", lambda _: 0)),
            "the target's latency histogram counted no large export",
        ),
    ),
    *table(
        "latency-agree",
        "load",
        ("none done", none_done, "no export was finished"),
    ),
    *table(
        "latency-sum",
        "load",
        ("no histogram", lambda r: with_pages(r, drop("export_latency_ms")), "the latency histogram could not be read"),
        (
            "no answer tells",
            reported(lambda hit, value: None),
            "no answer has a processingTime, or the histogram has no sum",
        ),
    ),
    *table(
        "histogram",
        "load",
        ("no family", lambda r: with_pages(r, drop("export_latency_ms")), "export_latency_ms is missing"),
        ("no series", lambda r: with_pages(r, drop_samples("export_latency_ms")), "export_latency_ms has no series"),
    ),
    *table(
        "smoke-latency",
        "smoke",
        ("four exports", only("measure", 4), "4 exports of 1k records were answered, and 5 are needed"),
    ),
    *table(
        "batch",
        "batch",
        ("four exports", only("sequence", 4), "4 of the five exports were requested"),
    ),
    *table(
        "throughput",
        "load",
        ("none done", none_done, "no export was finished under load"),
    ),
    *table(
        "drift",
        "load",
        ("no case sixteen times", _no_cases, "no case was exported 16 times in one phase"),
    ),
)
