"""Memory, leaks, conduct and downloads at their limits: just inside, exactly at, just outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.conduct.health import health
from assertions.checks.conduct.shutdown import shutdown
from assertions.checks.conduct.status_page import status_page
from assertions.checks.exports import answers as contents
from assertions.checks.exports.answers import answered
from assertions.checks.exports.downloads import downloads
from assertions.checks.harness.generator import generator
from assertions.checks.resources import leaks, memory
from assertions.record.types import HealthProbe, Probe
from assertions.record.view import ScenarioRecord
from tests.assertions.cases.conduct import lost, no_calls, probes, status
from tests.assertions.cases.instrument import clock, generated
from tests.assertions.cases.resources import by_bursts, by_large, root
from tests.assertions.healthy.records import (
    changed,
    each,
    healthy,
    values,
    with_answers,
    with_hits,
    with_pages,
    with_scenario,
    with_status,
)

LIMITS = limits_file.load()
TICK = 2.0**-10
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(("count", "expected"), [(2, "PASS"), (3, "FAIL")])
def test_one_answer_in_a_hundred_may_be_lost(count: int, expected: str) -> None:
    """Of 228 requests two may break off."""
    assert answered(lost(count)(healthy("load")), LIMITS).status == expected


def slow_health(seconds: float) -> ScenarioRecord:
    """Each call of /health took so long."""

    def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
        return {"end": probe.start + seconds} if probe.path == "/health" else None

    return changed(healthy("load"), health=each(healthy("load").health, edit))


@pytest.mark.parametrize(("seconds", "expected"), [(0.5 - TICK, "PASS"), (0.5, "PASS"), (0.5 + TICK, "FAIL")])
def test_health_at_half_a_second(seconds: float, expected: str) -> None:
    """/health may take half a second under load."""
    judged = health(slow_health(seconds), LIMITS)
    assert (judged.status, judged.readings[0].value) == (expected, seconds * 1000)


@pytest.mark.parametrize(("count", "expected"), [(1, "PASS"), (2, "FAIL")])
def test_one_call_of_each_watched_page_may_fail(count: int, expected: str) -> None:
    """One call may be lost, two may not."""
    assert health(probes("/health", count, status=503)(healthy("load")), LIMITS).status == expected
    assert status_page(probes("/export/status", count, status=503)(healthy("load")), LIMITS).status == expected


def test_a_status_page_is_truthful_even_where_few_were_asked() -> None:
    """Five calls are enough for its fields, though not for its gauges."""
    few = no_calls("/export/status")(healthy("load"))
    rest = [one for one in healthy("load").health if one.phase is None and one.path == "/export/status"]
    assert status_page(changed(few, health=(*few.health, *rest)), LIMITS).status == "PASS"


def spelt(spell: Callable[[datetime], str]) -> ScenarioRecord:
    """Each time of the status page in another form."""

    def change(body: dict[str, Any]) -> None:
        body["timestamp"] = spell(datetime.fromisoformat(body["timestamp"]))

    return with_status(healthy("load"), change)


@pytest.mark.parametrize(
    ("spell", "expected"),
    [
        (lambda at: at.isoformat(), "PASS"),
        (lambda at: at.isoformat().replace("+00:00", "Z"), "PASS"),
        (lambda at: at.isoformat().replace("+00:00", "z").replace("T", "t"), "PASS"),
        (lambda at: at.astimezone(EAST).isoformat(), "PASS"),
        (lambda at: at.astimezone(EAST).replace(tzinfo=None).isoformat(), "PASS"),
        (lambda at: f"{at.astimezone(EAST).replace(tzinfo=None).isoformat()}Z", "FAIL"),
    ],
)
def test_a_time_of_any_iso_form_is_one(spell: Callable[[datetime], str], expected: str) -> None:
    """Offsets, small letters and a Z are all ISO 8601; a local time that calls itself UTC is another time."""
    assert status_page(spelt(spell), LIMITS).status == expected


def test_a_clock_of_minutes_is_one() -> None:
    """Its time is the same for a minute, and near enough."""
    record = spelt(lambda at: at.strftime("%Y-%m-%dT%H:%MZ"))
    assert status_page(record, LIMITS).status == "PASS"
    answers = with_answers(healthy("load"), lambda hit, body: body.update(timestamp=f"{body['timestamp'][:16]}Z"))
    assert contents.answers(answers, LIMITS).status == "PASS"


def test_a_clock_that_stands_still_is_found() -> None:
    """Near enough each time, and the same each time."""
    at = datetime.fromtimestamp(healthy("load").health[0].start, UTC).isoformat()
    judged = status_page(status(timestamp=at)(healthy("load")), LIMITS)
    assert (judged.status, "the clock stands still" in judged.reason) == ("FAIL", True)


def pooled(megabytes: int, *, stays: bool, workers: int) -> ScenarioRecord:
    """The batch in whose sequence so many workers each grew by so much, for a while or for good."""
    record = healthy("batch")
    phase = record.phase("sequence")
    assert phase is not None

    def edit(probe: Probe) -> Mapping[str, Any]:
        first = probe.processes[0]
        there = phase.start <= probe.at <= phase.end or (stays and probe.at > phase.end)
        more = megabytes * 1_000_000 if there else 0
        workers_at_work = [
            msgspec.structs.replace(first, pid=200 + n, uss_bytes=10_000_000 + more) for n in range(workers)
        ]
        return {"processes": (*probe.processes, *workers_at_work)}

    return changed(record, probes=each(record.probes, edit))


@pytest.mark.parametrize(
    ("megabytes", "stays", "workers", "expected"),
    [
        (30, True, 5, "PASS"),  # each worker of a pool loads its fonts when its first export comes
        (120, True, 5, "FAIL"),  # each holds on to what an export took
        (120, True, 1, "FAIL"),
        (120, False, 1, "FAIL"),
        (90, False, 1, "PASS"),
    ],
)
def test_memory_of_an_export_is_not_that_of_a_pool_that_warms_up(
    megabytes: int, stays: bool, workers: int, expected: str
) -> None:
    """What stays is taken of the process in which most stayed, what passes of all."""
    assert memory.memory(pooled(megabytes, stays=stays, workers=workers), LIMITS).status == expected


@pytest.mark.parametrize(("grows", "expected"), [(0, "PASS"), (90, "PASS"), (600, "FAIL")])
@pytest.mark.parametrize("there", [0, 1])
@pytest.mark.parametrize(("scenario", "phase_name"), [("batch", "sequence"), ("load", "measure")])
def test_a_worker_that_is_born_under_load_brings_its_own_size(
    scenario: str, phase_name: str, there: int, grows: int, expected: str
) -> None:
    """Workers of 150 MB come when they are needed, with one idle worker or none; what they keep is an export's."""
    record = healthy(scenario)
    phase = record.phase(phase_name)
    assert phase is not None
    born = phase.start + 0.2 * (phase.end - phase.start)
    grown = phase.start + 0.6 * (phase.end - phase.start)

    def edit(probe: Probe) -> Mapping[str, Any]:
        first = probe.processes[0]
        old = [msgspec.structs.replace(first, pid=200, uss_bytes=150_000_000)] * there
        size = 150_000_000 + (grows * 1_000_000 if probe.at > grown else 0)
        new = [msgspec.structs.replace(first, pid=201 + n, uss_bytes=size) for n in range(4)]
        return {"processes": (first, *old, *(new if probe.at > born else []))}

    assert memory.memory(changed(record, probes=each(record.probes, edit)), LIMITS).status == expected


@pytest.mark.parametrize(("megabytes", "steps", "expected"), [(240, 8, "PASS"), (600, 1, "FAIL")])
def test_rooms_of_a_pool_of_threads_are_no_one_exports(megabytes: int, steps: int, expected: str) -> None:
    """A process that grows in many steps, one a thread, shows no single export's memory; one large step does."""
    record = healthy("smoke")
    phase = record.phase("measure")
    assert phase is not None

    def edit(probe: Probe) -> Mapping[str, Any]:
        share = min(max((probe.at - phase.start) / (phase.end - phase.start), 0.0), 1.0)
        first = probe.processes[0]
        more = int(share * steps) * megabytes * 1_000_000 // steps
        return {"processes": (msgspec.structs.replace(first, uss_bytes=first.rss_bytes + more),)}

    assert memory.memory(changed(record, probes=each(record.probes, edit)), LIMITS).status == expected


@pytest.mark.parametrize(("cpu", "expected"), [(0.89, "PASS"), (0.9, "PASS"), (0.901, "NO DATA")])
def test_the_generators_share_of_a_core(cpu: float, expected: str) -> None:
    """A generator may use nine tenths of a core."""
    assert generator(generated(cpu_ratio=cpu)(healthy("load")), LIMITS).status == expected


@pytest.mark.parametrize("drift_s", [0.0, 0.0089, -0.0089])
def test_generators_elsewhere_whose_clocks_keep_time(drift_s: float) -> None:
    """Theirs may be another time, as long as they go alike."""
    assert generator(generated(clocks=(clock(drift_s),))(healthy("load")), LIMITS).status == "PASS"


@pytest.mark.parametrize(("lag", "expected"), [(249.9, "PASS"), (250.0, "PASS"), (250.1, "NO DATA")])
def test_the_generators_lag(lag: float, expected: str) -> None:
    """Its event loop may wake a quarter of a second late."""
    assert generator(generated(event_loop_lag_p99_ms=lag)(healthy("load")), LIMITS).status == expected


def test_a_target_of_others_is_not_ended() -> None:
    """Only the embedded service is ours to end."""
    record = with_scenario(healthy("load"), embedded=False, shutdown_exit_code=None)
    judged = shutdown(record, LIMITS)
    assert (judged.status, judged.reason) == (
        "NO DATA",
        "the target was not started by this run, so it was not stopped either",
    )


@pytest.mark.parametrize(("value", "expected"), [(99_999_999, "PASS"), (100_000_000, "FAIL"), (100_000_001, "FAIL")])
def test_memory_by_the_gauge_at_100_mb(value: int, expected: str) -> None:
    """An export must add less than 100 MB by the target's word."""
    judged = memory.memory_gauge(with_pages(healthy("load"), values("export_memory_bytes", lambda _: value)), LIMITS)
    assert (judged.status, judged.critical) == (expected, False)


@pytest.mark.parametrize(("value", "critical"), [(499_999_999, False), (500_000_000, True)])
def test_memory_by_the_gauge_at_500_mb(value: int, critical: bool) -> None:
    """From 500 MB on it is critical."""
    judged = memory.memory_gauge(with_pages(healthy("load"), values("export_memory_bytes", lambda _: value)), LIMITS)
    assert (judged.status, judged.critical) == ("FAIL", critical)


def grown(more_bytes: int) -> ScenarioRecord:
    """The root of the smoke scenario held just so much more under load than at rest; nothing else is known."""
    record = root(lambda probe, one: {"uss_bytes": None, "rss_bytes": 10 if probe.resting else 10 + more_bytes})(
        healthy("smoke")
    )
    first_only = each(record.probes, lambda probe: {"processes": probe.processes[:1]})
    silent = changed(record, probes=first_only)
    return root(lambda probe, one: {"peak_rss_bytes": None})(silent)


@pytest.mark.parametrize(("value", "expected"), [(99_999_999, "PASS"), (100_000_000, "FAIL"), (100_000_001, "FAIL")])
def test_memory_from_outside_at_100_mb(value: int, expected: str) -> None:
    """The process must grow by less than 100 MB an export; resident memory stands in where no other is reported."""
    judged = memory.memory(grown(value), LIMITS)
    assert (judged.status, judged.readings[0].value) == (expected, value)


def test_a_peak_between_two_samples_is_seen_by_the_high_water_mark() -> None:
    """What no sample caught the kernel's mark holds."""
    record = root(lambda probe, one: {"peak_rss_bytes": 300_000_000 if probe.exports_done else 70_000_000})(
        healthy("smoke")
    )
    judged = memory.memory(record, LIMITS)
    assert (judged.status, "high-water mark" in judged.readings[0].source) == ("FAIL", True)


def test_what_was_never_made_unloaded_is_not_known() -> None:
    """Memory of small exports says nothing of large ones, of which a crowd asked."""
    load = healthy("load")
    crowd = tuple(
        msgspec.structs.replace(phase, clients=60) if phase.name == "measure" else phase for phase in load.plan.phases
    )
    judged = memory.memory(changed(load, plan=msgspec.structs.replace(load.plan, phases=crowd)), LIMITS)
    assert judged.status == "PASS"
    small = with_hits(load, lambda hit: {"records": 20_000, "case": "csv-20k"} if hit.id == "measure-0" else None)
    judged = memory.memory(changed(small, plan=msgspec.structs.replace(load.plan, phases=crowd)), LIMITS)
    assert judged.status == "NO DATA"
    assert judged.reason.startswith("csv-20k, the largest of its format, was never made with at most five")
    assert memory.memory(small, LIMITS).status == "PASS"


def test_without_phases_no_mark_is_set_against_a_start() -> None:
    """A scenario of which no phase ran has no reading of memory."""
    judged = memory.memory(with_scenario(healthy("load"), phases=()), LIMITS)
    assert (judged.status, judged.reason) == (
        "NO DATA",
        "no export was made after a warmup and a pause with at most five in flight",
    )


def test_a_leak_that_is_not_sure_is_inconclusive() -> None:
    """Memory that rose in two single steps is neither sure to leak nor sure not to."""
    last = max(probe.exports_done for probe in healthy("load").probes if probe.phase == "leak")

    def stepped(done: int) -> int:
        """12 MB more after each of the last two times thirty exports."""
        return 60_000_000 + 12_000_000 * max(0, (done - last - 2 + 90) // 30)

    record = root(lambda probe, one: {"uss_bytes": stepped(probe.exports_done)})(healthy("load"))
    judged = leaks.leak_memory(record, LIMITS)
    assert (judged.status, judged.reason.endswith("inconclusive, needs more exports")) == ("NO DATA", True)


@pytest.mark.parametrize(("every", "expected"), [(49, "PASS"), (0, "PASS"), (10, "FAIL")])
def test_descriptors_that_leak_and_those_that_do_not(every: int, expected: str) -> None:
    """One in fifty exports is a pool's growth, one in ten is a leak."""
    record = root(lambda probe, one: {"fds": 20 + (probe.exports_done // every if every else 0)})(healthy("load"))
    assert leaks.leak_fds(record, LIMITS).status == expected


@pytest.mark.parametrize(("again", "expected"), [(404, "PASS"), (None, "PASS"), (200, "FAIL")])
def test_a_file_may_go_but_not_change(again: int | None, expected: str) -> None:
    """How long files are kept is the service's affair; what a name stands for is not."""
    record = healthy("smoke")
    fetches = each(
        record.fetches, lambda one: {"status": again, "sha256": "e" * 64} if one.purpose == "again" else None
    )
    assert downloads(changed(record, fetches=fetches), LIMITS).status == expected


def test_a_file_that_came_compressed_is_named_as_such() -> None:
    """Identity was asked; Content-Length is of what was sent, which a content encoding makes another: one fault."""
    record = healthy("smoke")
    fetches = each(
        record.fetches, lambda one: {"headers": {**one.headers, "content-length": "7", "content-encoding": "gzip"}}
    )
    judged = downloads(changed(record, fetches=fetches), LIMITS)
    more = len(record.done) - 1
    assert (judged.status, judged.reason) == (
        "FAIL",
        "the csv file of warmup-0 came compressed (Content-Encoding: gzip) though identity was requested "
        f"(and {more} more like it)",
    )


def test_a_long_sleep_between_quick_calls_of_health_is_seen() -> None:
    """Two calls of three seconds each are few among many, and yet most of the time nobody was awake."""
    record = healthy("load")
    watched = [probe for probe in record.health if probe.path == "/health" and probe.phase == "measure"]
    asleep = {watched[at].start for at in (3, 9)}

    def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
        return {"end": probe.start + 3.0} if probe.path == "/health" and probe.start in asleep else None

    judged = health(changed(record, health=each(record.health, edit)), LIMITS)
    assert (judged.status, "took longer than 500 ms during 6 s" in judged.reason) == ("FAIL", True)


@pytest.mark.parametrize("field", ["fds", "threads"])
@pytest.mark.parametrize("most", [5, 20, 64])
def test_a_pool_that_grows_under_load_is_no_leak(field: str, most: int) -> None:
    """Threads and connections that come with the first exports of a phase and stay are a pool's."""
    record = by_large(field, 1.0, most)(healthy("load"))
    assert (leaks.leak_fds(record, LIMITS).status, leaks.leak_threads(record, LIMITS).status) == ("PASS", "PASS")


@pytest.mark.parametrize("field", ["fds", "threads"])
def test_a_pool_that_grew_in_the_first_bursts_is_no_leak(field: str) -> None:
    """Twenty at once may take twenty threads, once."""
    record = by_bursts(field, [12, 20, 20, 21, 20, 20])(healthy("load"))
    assert (leaks.leak_fds(record, LIMITS).status, leaks.leak_threads(record, LIMITS).status) == ("PASS", "PASS")
