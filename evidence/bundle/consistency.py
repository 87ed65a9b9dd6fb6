"""One scenario's raw files held against each other: ids, counts, sizes, times. What a recorder can't have written.

Only what holds for every run is demanded, whatever the target did: interrupted runs and broken targets included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TypeVar

from assertions.record.files import COMPRESSED, read_lines, read_one
from assertions.record.types import (
    Calibration,
    Fetch,
    FileCheck,
    HealthProbe,
    Hit,
    PhasePlan,
    Plan,
    Probe,
    RecordError,
    Scenario,
    Scrape,
)
from assertions.record.view import as_object
from evidence.collect import machine
from evidence.collect.machine import MachineSample

SLACK_S = 5.0
"""Clocks of several processes of one run may be so far apart after a correction."""
EARLY_S = 0.05
"""A timer may fire so early."""
CPU_SLACK_S = 1.0
"""The system's counters of processors may go back a little."""
MOST = 10
"""Sentences about one file; more are counted."""
_HEX = frozenset("0123456789abcdef")

T = TypeVar("T")


@dataclass(frozen=True)
class _Span:
    """When the scenario ran, with the slack of clocks."""

    start: float
    end: float

    def holds(self, start: float, end: float) -> bool:
        """Whether a span of time is one, and lies inside. NaN never does."""
        return self.start - SLACK_S <= start <= end <= self.end + SLACK_S


def problems(folder: Path) -> list[str]:
    """Return what of a scenario's files does not fit together, a sentence each.

    RecordError where a file is malformed. OSError where one can't be read.
    """
    name = folder.name
    scenario = read_one(folder / "scenario.json", Scenario)
    plan = read_one(folder / "plan.json", Plan)
    hits = list(read_lines(folder / "hits.jsonl", Hit))
    fetches = list(read_lines(folder / "fetches.jsonl", Fetch))
    files = list(read_lines(folder / "files.jsonl", FileCheck))
    span = _Span(scenario.start, scenario.end)
    phases = {phase.name for phase in scenario.phases}
    found = [
        *_some(f"{name}/scenario.json", _of_scenario(name, scenario, plan, hits)),
        *_some(f"{name}/plan.json", _of_plan(name, plan)),
        *_some(f"{name}/hits.jsonl", _of_hits(hits, scenario, plan, span)),
        *_some(f"{name}/fetches.jsonl", _of_fetches(fetches, hits, span)),
        *_some(f"{name}/files.jsonl", _of_files(folder, files, hits, fetches)),
        *_some(f"{name}/scrapes.jsonl", _of_scrapes(read_lines(folder / "scrapes.jsonl", Scrape), span, phases)),
        *_some(f"{name}/health.jsonl", _of_health(read_lines(folder / "health.jsonl", HealthProbe), span, phases)),
        *_some(f"{name}/probes.jsonl", _of_probes(read_lines(folder / "probes.jsonl", Probe), span, phases, hits)),
    ]
    calibration = folder / "calibration.jsonl"
    if calibration.is_file():
        found += _some(f"{name}/calibration.jsonl", _of_calibration(read_lines(calibration, Calibration)))
    found += _some(f"{name}/{machine.NAME}", _of_machine(machine.read_samples(folder)))
    return found


def checked(folder: Path) -> list[str]:
    """The same, with a malformed file as a sentence."""
    try:
        return problems(folder)
    except RecordError as error:
        return [str(error).replace(f"{folder.parent}/", "")]


def _some(file: str, sentences: Iterable[str]) -> list[str]:
    """Return the first sentences, each with the name of the file."""
    first = list(islice(sentences, MOST + 1))
    shown = [f"{file}: {sentence}" for sentence in first[:MOST]]
    return [*shown, f"{file}: there is more that does not fit"] if len(first) > MOST else shown


def _twice(values: Iterable[T]) -> list[T]:
    return [value for value, count in Counter(values).items() if count > 1]


def _of_scenario(name: str, scenario: Scenario, plan: Plan, hits: list[Hit]) -> Iterator[str]:
    if scenario.name != name:
        yield f"it is of the scenario {scenario.name}, and lies in the folder {name}"
    if not scenario.start <= scenario.end:
        yield "the scenario ends before its start"
    planned = {phase.name for phase in plan.phases}
    yield from (f"the phase {phase} is there twice" for phase in _twice(phase.name for phase in scenario.phases))
    counts = Counter(hit.phase for hit in hits)
    span = _Span(scenario.start, scenario.end)
    for phase in scenario.phases:
        if phase.name not in planned:
            yield f"the phase {phase.name} is not in the plan"
        if not span.holds(phase.start, phase.end):
            yield f"the phase {phase.name} does not lie within the scenario's time"
        if phase.recorded != counts[phase.name]:
            yield f"the phase {phase.name} recorded {phase.recorded} requests, hits.jsonl has {counts[phase.name]}"
        if phase.completed and phase.recorded != phase.planned:
            yield f"the phase {phase.name} is complete with {phase.recorded} of {phase.planned} requests"
    if scenario.generator.end_marks > scenario.generator.workers:
        yield "more generators ended than there were"


def _of_plan(name: str, plan: Plan) -> Iterator[str]:
    if plan.scenario != name:
        yield f"it is of the scenario {plan.scenario}, and lies in the folder {name}"
    yield from (f"the phase {phase} is there twice" for phase in _twice(phase.name for phase in plan.phases))
    for phase in plan.phases:
        if [request.index for request in phase.requests] != list(range(len(phase.requests))):
            yield f"the requests of the phase {phase.name} are not numbered from 0"


def _of_hits(hits: list[Hit], scenario: Scenario, plan: Plan, span: _Span) -> Iterator[str]:
    phases = {phase.name: phase for phase in plan.phases}
    runs = {run.name: _Span(run.start, run.end) for run in scenario.phases}
    yield from (f"{hit} is there twice" for hit in _twice(hit.id for hit in hits))
    for hit in hits:
        if hit.id != f"{hit.phase}-{hit.index}":
            yield f"{hit.id} is request {hit.index} of the phase {hit.phase}"
        if not runs.get(hit.phase, span).holds(hit.start, hit.end):
            yield f"{hit.id} does not lie within the time of its phase, or ends before its start"
        if not hit.start >= hit.intended - EARLY_S:
            yield f"{hit.id} started before it was to start"
        if (hit.status is None) == (hit.error is None):
            yield f"{hit.id} has neither a status nor an error, or both"
        if hit.bytes_sent < 0:
            yield f"{hit.id} sent {hit.bytes_sent} bytes"
        phase = phases.get(hit.phase)
        if phase is not None and phase.mode != "probe" and hit.method == "POST":  # a status page may be asked for too
            yield from _not_as_planned(hit, phase)
    yield from _sizes_differ(hits, phases)


def _not_as_planned(hit: Hit, phase: PhasePlan) -> Iterator[str]:
    if not 0 <= hit.index < len(phase.requests):
        yield f"{hit.id} is not in the plan"
        return
    request = phase.requests[hit.index]
    for field in ("case", "format", "records", "user", "tag"):
        if getattr(hit, field) != getattr(request, field):
            yield f"{hit.id} has {field} {getattr(hit, field)!r}, the plan {getattr(request, field)!r}"


def _sizes_differ(hits: list[Hit], phases: dict[str, PhasePlan]) -> Iterator[str]:
    """All requests of one case, as one user, have bodies of one length: a tag is as long as any other."""
    sizes: dict[tuple[str, str | None], int] = {}
    for hit in hits:
        phase = phases.get(hit.phase)
        if phase is None or phase.mode == "probe" or hit.tag is None:
            continue
        size = sizes.setdefault((hit.case, hit.user), hit.bytes_sent)
        if hit.bytes_sent != size:
            yield f"{hit.id} sent {hit.bytes_sent} bytes, another request of {hit.case} {size}"


def _of_fetches(fetches: list[Fetch], hits: list[Hit], span: _Span) -> Iterator[str]:
    by_id = {hit.id: hit for hit in hits}
    firsts = [fetch.hit for fetch in fetches if fetch.purpose == "file"]
    yield from (f"the file of {hit} was fetched twice" for hit in _twice(firsts))
    for fetch in fetches:
        hit = by_id.get(fetch.hit)
        if hit is None:
            yield f"{fetch.hit} is not in hits.jsonl"
            continue
        if hit.status != 200:
            yield f"{fetch.hit} was not answered 200, and has no file"
        if not fetch.start >= hit.end - EARLY_S:
            yield f"the file of {fetch.hit} was fetched before its export was answered"
        if not span.holds(fetch.start, fetch.end):
            yield f"the fetch of {fetch.hit} does not lie within the scenario's time, or ends before its start"
        if fetch.bytes < 0 or (fetch.sha256 is not None and not _is_sha256(fetch.sha256)):
            yield f"the fetch of {fetch.hit} has {fetch.bytes} bytes and SHA-256 {fetch.sha256}"
        result = (as_object(hit.answer) or {}).get("result")
        url = result.get("downloadUrl") if isinstance(result, dict) else None
        if isinstance(url, str) and fetch.path != url:
            yield f"the fetch of {fetch.hit} asked for {fetch.path}, its answer names {url}"


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and set(text) <= _HEX


def _of_files(folder: Path, files: list[FileCheck], hits: list[Hit], fetches: list[Fetch]) -> Iterator[str]:
    by_id = {hit.id: hit for hit in hits}
    fetched = {fetch.hit: fetch for fetch in fetches if fetch.purpose == "file"}
    yield from (f"the file of {hit} was checked twice" for hit in _twice(check.hit for check in files))
    for check in files:
        hit, fetch = by_id.get(check.hit), fetched.get(check.hit)
        if hit is None or fetch is None:
            where = "hits.jsonl" if hit is None else "fetches.jsonl"
            yield f"{check.hit} is not in {where}"
            continue
        if (check.format, check.records) != (hit.format or "", hit.records or 0):
            yield f"the file of {check.hit} is of {check.records} records as {check.format}, which was not asked for"
        if (check.bytes, check.sha256) != (fetch.bytes, fetch.sha256):
            yield f"the file of {check.hit} is not the one that was fetched: {check.bytes} and {fetch.bytes} bytes"
        if check.finding_count < len(check.findings) or (
            check.kinds and sum(check.kinds.values()) != check.finding_count
        ):
            yield f"the findings of {check.hit} are not as many as it says"
        if not check.finding_count and check.format == "csv" and check.rows != check.records:
            yield f"the file of {check.hit} has {check.rows} rows of {check.records} and no finding"
        if check.kept is not None:
            yield from _kept_differs(folder, check)
    kept = {check.kept for check in files if check.kept is not None}
    if (folder / "kept").is_dir():
        lying = sorted(f"kept/{path.name}" for path in (folder / "kept").iterdir())
        yield from (f"{path} is no file of it" for path in lying if path not in kept)


def _kept_differs(folder: Path, check: FileCheck) -> Iterator[str]:
    plain = f"kept/{check.hit}.{check.format}"
    if check.kept not in (plain, plain + COMPRESSED):
        yield f"the file of {check.hit} is kept as {check.kept}"
    elif not (folder / check.kept).is_file():
        yield f"{check.kept} is missing"
    elif check.kept == plain and (folder / plain).stat().st_size != check.bytes:
        yield f"{check.kept} has {(folder / plain).stat().st_size} bytes, not {check.bytes}"


def _of_scrapes(scrapes: Iterable[Scrape], span: _Span, phases: set[str]) -> Iterator[str]:
    last = float("-inf")
    over = False
    for number, scrape in enumerate(scrapes, 1):
        yield from _call_problems(f"line {number}", scrape, span, phases)
        if not scrape.end >= last - SLACK_S:
            yield f"line {number} ended long before the line above"
        last = max(last, scrape.end)
        if over and scrape.moment == "before":
            yield f"line {number} is from before the load, and stands behind the load"
        over = over or scrape.moment != "before"
        if scrape.status is None and scrape.text:
            yield f"line {number} holds a page and no answer"


def _of_health(health: Iterable[HealthProbe], span: _Span, phases: set[str]) -> Iterator[str]:
    for number, probe in enumerate(health, 1):
        yield from _call_problems(f"line {number}", probe, span, phases)


def _call_problems(where: str, call: Scrape | HealthProbe, span: _Span, phases: set[str]) -> Iterator[str]:
    if not span.holds(call.start, call.end):
        yield f"{where} does not lie within the scenario's time, or ends before its start"
    if (call.status is None) == (call.error is None):
        yield f"{where} has neither a status nor an error, or both"
    if call.phase is not None and call.phase not in phases:
        yield f"{where} is of the phase {call.phase}, which there is not"


def _of_probes(probes: Iterable[Probe], span: _Span, phases: set[str], hits: list[Hit]) -> Iterator[str]:
    last = float("-inf")
    for number, probe in enumerate(probes, 1):
        if not span.holds(probe.at, probe.at):
            yield f"line {number} does not lie within the scenario's time"
        if not probe.at >= last - SLACK_S:
            yield f"line {number} is from long before the line above"
        if not 0 <= probe.exports_done <= len(hits):
            yield f"line {number} counts {probe.exports_done} exports of {len(hits)}"
        if probe.phase is not None and probe.phase not in phases:
            yield f"line {number} is of the phase {probe.phase}, which there is not"
        last = max(last, probe.at)
        for process in probe.processes:
            uss, peak = process.uss_bytes, process.peak_rss_bytes
            if min(process.rss_bytes, uss or 0, peak or 0, process.threads, process.fds or 0) < 0:
                yield f"line {number} has a negative size of process {process.pid}"


def _of_calibration(lines: Iterable[Calibration]) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    for number, line in enumerate(lines, 1):
        if (line.worker, line.index) in seen:
            yield f"line {number} repeats request {line.index} of generator {line.worker}"
        seen.add((line.worker, line.index))
        if not line.start <= line.end:
            yield f"line {number} ends before its start"
        if (line.status is None) == (line.error is None):
            yield f"line {number} has neither a status nor an error, or both"


def _of_machine(samples: Sequence[MachineSample]) -> Iterator[str]:
    for number, (before, after) in enumerate(pairwise(samples), 2):
        if not before.at <= after.at:
            yield f"line {number} is earlier than the line before"
        if not before.busy_s <= after.busy_s + CPU_SLACK_S:
            yield f"line {number} has fewer CPU seconds than the line before"
    for number, sample in enumerate(samples, 1):
        if sample.work_ms <= 0 or sample.cpus < 1:
            yield f"line {number} has no CPU time or no processor"
