"""Latencies as the report shows them: by case, phase and number of clients, so that unlike load is never mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assertions.checks.performance.latency import latency_ms
from assertions.record.phases import LEAK, PROBING
from assertions.record.view import ScenarioRecord
from assertions.stats import percentile

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


def table(rows: Sequence[Latencies], plain: Callable[[str], str]) -> Iterable[str]:
    """Yield the Markdown table; plain: makes text that may come from elsewhere harmless."""
    if not rows:
        return
    names = " | ".join(name for name, _, _ in SHOWN)
    yield (
        f"| scenario, phase | clients | case | n | mean ms | {names} | longest ms | planned start: P95 | longest ms "
        "| requests/s | MB/s |"
    )
    yield "|---|---|---|---|---|" + "---|" * len(SHOWN) + "---|---|---|---|---|"
    for row in rows:
        values, planned = row.started_ms, row.planned_ms
        quantiles = " | ".join(_quantile(values, q, least) for _, q, least in SHOWN)
        late = _quantile(planned, 0.95, SHOWN[2][2])
        rated = row.seconds > 0 and len(values) >= RATED_LEAST
        rates = " | ".join(f"{n / row.seconds:,.3g}" if rated else "–" for n in (len(values), row.bytes / 1e6))
        clients = "–" if row.clients is None else str(row.clients)
        yield (
            f"| {plain(f'{row.scenario}, {row.phase}')} | {clients} | {plain(row.case)} "
            f"| {len(values)} | {sum(values) / len(values):,.1f} | {quantiles} | {max(values):,.1f} | {late} "
            f"| {max(planned):,.1f} | {rates} |"
        )
    yield ""
    least = ", ".join(f"{name} from {number}" for name, _, number in SHOWN)
    yield (
        "n: exports that were answered 200. Times are the client's, from when the request was sent; planned start: "
        "from when it was due, by its arrival's moment or because its client was free, so what a target that stalls "
        "keeps waiting shows there alone. Percentiles are nearest rank, exact, and shown with enough samples only "
        f"({least}). Requests and MB of files a second, from {RATED_LEAST} exports, are over the phase's whole length, "
        f"in which its other cases ran too. The phases {', '.join(LEFT_OUT)} have no rows."
    )
    yield ""


def _quantile(values: Sequence[float], q: float, least: int) -> str:
    return f"{percentile(values, q):,.1f}" if len(values) >= least else "–"
