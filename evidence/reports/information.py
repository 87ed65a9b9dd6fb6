"""Figures that nothing is judged by, shown next to those that decide. Pure: a run's record in, lines out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from assertions.checks.performance.latency import LARGE
from assertions.prometheus.exposition import Histogram
from assertions.record.phases import JudgedFor
from assertions.record.run import Run
from assertions.record.view import ScenarioRecord
from assertions.verdicts import number
from loadtests.datasets.records import COLUMNS

SEED = (("csv-1k", 1_000, 15_000), ("csv-10k", 10_000, 150_000))
"""The runbook's CSV exports of its own seed data: case, records, bytes that it expects."""


@dataclass(frozen=True, kw_only=True)
class Information:
    """One row of Performance without a limit."""

    title: str
    value: str
    count: int | None
    note: str


def information(run: Run) -> tuple[Information, ...]:
    """Return the figures known of this run; a figure that can't is a row with the reason."""
    load = run.scenarios.get("load")
    rows = [*_latency(load)] if load is not None else []
    return (*rows, *(_seed_size(run.scenarios, *one) for one in SEED))


def _latency(record: ScenarioRecord) -> list[Information]:
    large = [hit for hit in record.exports_for(JudgedFor.LATENCY) if (hit.records or 0) >= LARGE and hit.status == 200]
    seen = [(hit.end - hit.start) * 1000 for hit in large]
    mean = f"{number(sum(seen) / len(seen))} ms" if seen else "–"
    rows = [
        Information(
            title="10k export, mean by the client",
            value=mean,
            count=len(seen),
            note="both formats, phase measure; exact",
        )
    ]
    added = _added(record)
    if added is None or not added.count or added.sum is None:
        return rows
    count = round(added.count)
    quantile = added.quantile(0.95)
    value, note = "–", "the buckets hold no export"
    if quantile is not None and math.isinf(quantile):
        highest = max((bound for bound in added.buckets if math.isfinite(bound)), default=None)
        value = "–" if highest is None else f"{number(highest)} ms"
        note = "as PromQL's histogram_quantile has it: it lies beyond the highest finite bound, which stands for it"
    elif quantile is not None:
        value = f"{number(quantile)} ms"
        note = "both formats, over the whole scenario, as PromQL's histogram_quantile interpolates it within a bucket"
    return [
        *rows,
        Information(
            title="10k export, mean by the target",
            value=f"{number(added.sum / added.count)} ms",
            count=count,
            note="export_latency_ms, sum / count; both formats, all phases of load",
        ),
        Information(title="10k export, P95 from the histogram", value=value, count=count, note=note),
    ]


def _added(record: ScenarioRecord) -> Histogram | None:
    if record.before is None or record.after is None:
        return None
    after = record.after.histogram("export_latency_ms", size="large")
    return None if after is None else after.minus(record.before.histogram("export_latency_ms", size="large"))


def _seed_size(records: Mapping[str, ScenarioRecord], case: str, count: int, expected: int) -> Information:
    sizes, sent = [], []
    for record in records.values():
        for hit in record.done:
            fetch = record.fetched.get(hit.id)
            if hit.case == case and fetch is not None and fetch.status == 200:
                sizes.append(fetch.bytes)
                sent.append(hit.bytes_sent)
    title = f"{case}, bytes a record"
    if not sizes:
        return Information(title=title, value="–", count=0, note="no such file was fetched")
    mean = sum(sizes) / len(sizes)
    return Information(
        title=title,
        value=f"{number(mean / count)} bytes",
        count=len(sizes),
        note=f"{number(round(mean))} bytes a file, for {number(round(sum(sent) / len(sent)))} bytes of JSON sent. The "
        f"runbook's example has ~{number(expected)} bytes, {number(expected / count)} a record, enough for some "
        f"four short values; the harness's records have {len(COLUMNS)} columns ({', '.join(COLUMNS)})",
    )
