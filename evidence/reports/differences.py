"""Where the target's and the outside's figures are not of the same exports: the difference, counted, with its reason.

Pure: computed from the record and the verdicts; a difference that the record does not explain is called so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from assertions.checks.metrics.counters import FAILED
from assertions.checks.performance.latency import LARGE
from assertions.judge import Report
from assertions.record.phases import PROBING, JudgedFor
from assertions.record.run import Run
from assertions.record.types import Hit
from assertions.verdicts import Reading


def differences(run: Run, report: Report) -> tuple[str, ...]:
    """Return one sentence for each pair of figures of the six assertions that differ though both are right."""
    return (*_exports(run, report), *_bytes(run, report), *_large(run, report))


def _reading(report: Report, check: str) -> Reading | None:
    return next((v.judgement.readings[0] for v in report.verdicts if v.id == check and v.judgement.readings), None)


def _probes(run: Run) -> list[tuple[str, Hit]]:
    """(scenario, hit) of the behaviour probes that are exports: the target counts them like any other."""
    return [
        (name, hit)
        for name, record in run.scenarios.items()
        for hit in record.posts
        if hit.phase in PROBING and (hit.status == 200 or hit.status in FAILED)
    ]


def _exports(run: Run, report: Report) -> Iterable[str]:
    target, outside = _reading(report, "success-target"), _reading(report, "success-outside")
    if target is None or outside is None or target.count is None or outside.count is None:
        return
    apart, probes = target.count - outside.count, len(_probes(run))
    if apart:
        yield (
            f"Success rate: the target counts {target.count:,} ended exports, the outside {outside.count:,}. "
            f"{probes} of the behaviour probes are exports, which the target counts and the outside leaves out"
            f"{_rest(apart - probes, 'exports')}."
        )


def _bytes(run: Run, report: Report) -> Iterable[str]:
    target, outside = _reading(report, "bytes-target"), _reading(report, "bytes-outside")
    if target is None or outside is None or target.value is None or outside.value is None:
        return
    apart = round(target.value - outside.value)
    reported = [size for name, hit in _probes(run) if (size := _reported_bytes(run, name, hit)) is not None]
    if apart:
        yield (
            f"Bytes exported: the target counts {target.value:,.0f}, the files fetched hold {outside.value:,.0f}. "
            f"By their answers the files of {len(reported)} behaviour probes, which are not fetched among them, hold "
            f"{sum(reported):,} bytes{_rest(apart - sum(reported), 'bytes')}."
        )


def _reported_bytes(run: Run, scenario: str, hit: Hit) -> int | None:
    result = run.scenarios[scenario].answers.get(hit.id, {}).get("result")
    reported = result.get("bytes") if isinstance(result, dict) else None
    return reported if isinstance(reported, int) and not isinstance(reported, bool) else None


def _large(run: Run, report: Report) -> Iterable[str]:
    target, outside = _reading(report, "latency-target"), _reading(report, "latency-outside")
    record = run.scenarios.get("load")
    if record is None or target is None or outside is None or target.count is None or outside.count is None:
        return
    apart = target.count - outside.count
    measured = record.names_for(JudgedFor.LATENCY)
    others = Counter(hit.phase for hit in record.done if (hit.records or 0) >= LARGE and hit.phase not in measured)
    if apart:
        named = ", ".join(f"{count} of {phase}" for phase, count in others.items()) or "none"
        yield (
            f"Latency: the target's histogram holds {target.count:,} exports of 10k records, the client's P95 is of "
            f"the {outside.count:,} of {_named(measured)}. A histogram can't distinguish phases; of other phases it "
            f"holds: {named}{_rest(apart - others.total(), 'exports')}."
        )


def _named(phases: Iterable[str]) -> str:
    names = sorted(phases)
    return f"the phase{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _rest(unexplained: int, unit: str) -> str:
    return f"; {unexplained:+,} {unit} are not explained by that" if unexplained else ""
