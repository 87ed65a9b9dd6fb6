"""Latencies as the report shows them: by case, phase and number of clients, so that unlike load is never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assertions.checks.performance.latency import latency_ms
from assertions.record.phases import LEAK, PROBING
from assertions.record.view import ScenarioRecord
from assertions.stats import percentile
from evidence.reports.tables import Section, Table
from evidence.reports.units import plain, quantity

SHOWN = (("P50", 0.5, 2), ("P90", 0.9, 10), ("P95", 0.95, 20), ("P99", 0.99, 100))
"""Name, share, and how many samples it takes; with fewer the percentile is only the longest one by another name."""
RATED_LEAST = 10
"""Exports of a case below which a rate says nothing."""
LEFT_OUT = (LEAK, *PROBING)
"""Phases without a row, made for another purpose; phases that are judged for nothing, such as a warmup, have none."""


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """Client latencies of one case's finished exports in one phase."""

    scenario: str
    phase: str
    clients: int | None
    """How many might ask at once; None: the plan does not say."""
    case: str
    started_ms: Sequence[float]
    """From the moment when the request was really sent."""
    planned_ms: Sequence[float]
    """From the moment when it was due: the planned one, or the one when its client was free."""
    bytes: int
    """Of the files that were fetched."""
    seconds: float
    """From the first start to the last end of the phase's requests, those of its other cases included."""


def by_phase(records: Mapping[str, ScenarioRecord]) -> tuple[Latencies, ...]:
    """Group the finished exports of a run, in order of scenario, phase and case."""
    return tuple(row for record in records.values() for row in _of(record))


def _of(record: ScenarioRecord) -> Iterable[Latencies]:
    unjudged = {phase.name for phase in record.plan.phases if not phase.judged_for}
    clients = {phase.name: phase.clients for phase in record.plan.phases}
    for run in record.scenario.phases:
        if run.name in LEFT_OUT or run.name in unjudged:
            continue
        asked = [hit for hit in record.exports if hit.phase == run.name]
        done = [hit for hit in record.done if hit.phase == run.name]
        for case in sorted({hit.case for hit in done}):
            mine = [hit for hit in done if hit.case == case]
            yield Latencies(
                scenario=record.name,
                phase=run.name,
                clients=clients.get(run.name),
                case=case,
                started_ms=[(hit.end - hit.start) * 1000 for hit in mine],
                planned_ms=[latency_ms(hit) for hit in mine],
                bytes=sum(fetch.bytes for hit in mine if (fetch := record.fetched.get(hit.id)) is not None),
                seconds=max(hit.end for hit in asked) - min(hit.start for hit in asked),
            )


_NOTE = (
    "n: exports that were answered 200. Times are the client's, from when the request was sent; planned start: from "
    "when it was due, by its arrival's moment or because its client was free, so what a target that stalls keeps "
    "waiting shows only there. Percentiles are nearest rank, exact, and shown with enough samples only ({least}). "
    "Requests and MB of files a second, from {rated} exports, are over the phase's whole length, in which its other "
    "cases ran too. No rows: phases {left_out}, and those that are judged for nothing, such as a warmup."
)


def section(rows: Sequence[Latencies]) -> Section | None:
    """Return the table of latencies; None without rows."""
    if not rows:
        return None
    names = tuple(name for name, _, _ in SHOWN)
    columns = ("scenario, phase", "clients", "case", "n", "mean", *names, "longest", "planned start: P95", "longest")
    least = ", ".join(f"{name} from {count}" for name, _, count in SHOWN)
    return Section(
        title="Latencies",
        tables=(
            Table(
                columns=(*columns, "requests/s", "MB/s"),
                rows=tuple(_row(row) for row in rows),
                note=_NOTE.format(least=least, rated=RATED_LEAST, left_out=", ".join(LEFT_OUT)),
            ),
        ),
    )


def _row(row: Latencies) -> tuple[str, ...]:
    values, planned = row.started_ms, row.planned_ms
    rated = row.seconds > 0 and len(values) >= RATED_LEAST
    return (
        plain(f"{row.scenario}, {row.phase}"),
        "–" if row.clients is None else str(row.clients),
        plain(row.case),
        f"{len(values):,}",
        quantity(sum(values) / len(values), "ms"),
        *(_quantile(values, q, least) for _, q, least in SHOWN),
        quantity(max(values), "ms"),
        _quantile(planned, 0.95, SHOWN[2][2]),
        quantity(max(planned), "ms"),
        *(f"{amount / row.seconds:,.3g}" if rated else "–" for amount in (len(values), row.bytes / 1e6)),
    )


def _quantile(values: Sequence[float], q: float, least: int) -> str:
    return quantity(percentile(values, q), "ms") if len(values) >= least else "–"
