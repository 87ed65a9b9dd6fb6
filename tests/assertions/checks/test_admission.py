"""Running at once and waiting, at their limits, and what was seen from outside."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.admission import limits_held, refusals
from assertions.checks.admission.over_admission import read_rounds
from assertions.checks.admission.rest import rest
from assertions.probes.over_admission import Outcome, Round, settled
from assertions.record.types import HealthProbe, Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases.admission import full, refused, with_over_admission
from tests.assertions.healthy.recorder import START
from tests.assertions.healthy.records import changed, each, healthy, values, with_hits, with_pages, with_status

LIMITS = limits_file.load()


def status_said(key: str, value: object) -> ScenarioRecord:
    """The batch, with /export/status saying this once under load."""
    record = healthy("batch")
    first = next(one for one in record.health if one.path == "/export/status" and one.phase == "burst")

    def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
        if probe is not first:
            return None
        return {"answer": json.dumps({**json.loads(probe.answer or ""), key: value})}

    return changed(record, health=each(record.health, edit))


@pytest.mark.parametrize(("peak", "status"), [(4.9, "PASS"), (5, "PASS"), (5.1, "FAIL"), (6, "FAIL"), ("NaN", "FAIL")])
def test_five_at_once_by_the_gauge(peak: float | str, status: str) -> None:
    """Five may run at once, not more; a gauge that is no number is no five."""
    record = with_pages(healthy("batch"), values("export_concurrent_running", lambda value: min(value, 4)))
    record = with_pages(
        record, values("export_concurrent_running", lambda _: peak), lambda one: one is record.scrapes[9]
    )
    assert limits_held.concurrency_target({"batch": without_status(record)}, LIMITS).status == status


def without_status(record: ScenarioRecord) -> ScenarioRecord:
    """/export/status was never asked."""
    return changed(record, health=())


@pytest.mark.parametrize(
    ("running", "waiting", "status"),
    [
        (5, 99, "PASS"),
        (5, 100, "PASS"),
        (5, 101, "FAIL"),
        (5, "+Inf", "FAIL"),
        (0, "+Inf", "FAIL"),
        pytest.param(4, 101, "PASS", id="one is called"),
        pytest.param(2, 103, "PASS", id="three are called"),
        pytest.param(4, 102, "FAIL", id="one more than is called"),
        pytest.param(-3, 106, "FAIL", id="no more than five are called"),
        pytest.param("NaN", 101, "FAIL", id="running is no number"),
    ],
)
def test_a_hundred_waiting_by_the_gauge(running: float | str, waiting: float | str, status: str) -> None:
    """A hundred may wait, and those whose place is free already; not more."""
    quiet = with_hits(healthy("batch"), lambda hit: {"answer": "{}"} if hit.status == 429 else None)

    def page(text: str) -> str:
        return values("export_concurrent_running", lambda _: running)(
            values("export_queue_depth", lambda _: waiting)(text)
        )

    record = with_pages(quiet, page, lambda one: one is quiet.scrapes[9])
    assert limits_held.queue_target({"batch": without_status(record)}, LIMITS).status == status


@pytest.mark.parametrize(("depth", "status"), [(101, "PASS"), (102, "FAIL")])
def test_a_429_may_count_those_that_are_called(depth: int, status: str) -> None:
    """Where a page showed a free place and a full queue, a 429 may have been sent at such a moment."""
    full_once = refused(healthy("batch"), lambda hit: {"answer": full(hit, queueDepth=depth)})
    reported: list[int] = []

    def once(body: dict[str, Any]) -> None:
        if not reported:
            body.update(concurrentExports=4, queueDepth=101)
        reported.append(1)

    assert limits_held.queue_target({"batch": with_status(full_once, once)}, LIMITS).status == status


@pytest.mark.parametrize(
    ("reported", "status"), [(100, "PASS"), (101, "FAIL"), (True, "PASS"), ("101", "PASS"), (None, "PASS")]
)
def test_a_hundred_waiting_by_the_status_page(reported: object, status: str) -> None:
    """The status page's word counts where it is a number; its type is judged elsewhere."""
    assert limits_held.queue_target({"batch": status_said("queueDepth", reported)}, LIMITS).status == status


@pytest.mark.parametrize(("count", "status"), [(4, "NO DATA"), (5, "PASS")])
def test_a_peak_needs_five_pages_under_load(count: int, status: str) -> None:
    """From fewer pages no peak can be said."""
    record = healthy("batch")
    during = [one for one in record.scrapes if one.moment == "during"][:count]
    few = changed(record, scrapes=tuple(one for one in record.scrapes if one.moment != "during" or one in during))
    assert limits_held.concurrency_target({"batch": few}, LIMITS).status == status


def together(seconds: float, wave: int = 20) -> ScenarioRecord:
    """The burst's first exports, one a client, all end within 50 ms after so many seconds."""

    def edit(hit: Hit) -> Mapping[str, Any] | None:
        if hit.phase != "burst" or hit.index >= wave:
            return None
        return {"end": hit.start + seconds + hit.index * 0.001}

    return with_hits(healthy("batch"), edit)


def outside(record: ScenarioRecord) -> str:
    """The verdict on running at once from outside, of the healthy load."""
    return limits_held.concurrency_outside({"load": healthy("load"), "batch": record}, LIMITS).status


def test_exports_that_share_the_machine_end_together() -> None:
    """Twenty at once on one machine end all at the end, though none ends early."""
    judged = limits_held.concurrency_outside({"load": healthy("load"), "batch": together(1.05)}, LIMITS)
    assert judged.status == "FAIL"
    assert judged.reason.startswith("20 exports requested at once ended together: the fifth after 1.0")
    assert judged.reason.endswith("five at a time would have ended in turns")


@pytest.mark.parametrize(("seconds", "status"), [(0.6, "PASS"), (1.05, "FAIL")])
def test_a_wave_that_ends_together_must_be_slow_too(seconds: float, status: str) -> None:
    """Ending together within three times what one export takes by itself proves nothing."""
    assert outside(together(seconds)) == status


@pytest.mark.parametrize(("servers", "status"), [(5, "PASS"), (6, "PASS"), (7, "FAIL"), (20, "FAIL")])
def test_at_once_from_outside_by_how_soon_the_burst_ends(servers: int, status: str) -> None:
    """One more than allowed is within the doubt of this source; seven at once are certain."""
    record = with_pages(healthy("batch", servers=servers), lambda text: text)
    assert outside(record) == status


def served(turn: Callable[[int], int], clients: int = 20, each_s: float = 0.25) -> ScenarioRecord:
    """The burst as five servers would have made it, whose next export is at `turn(waiting)` of the line."""
    record = healthy("batch")
    burst = [hit for hit in record.hits if hit.phase == "burst"]
    start = min(hit.start for hit in burst)
    arrivals = [(start, f"client-{client}") for client in range(clients)]
    line, running, moved = list[tuple[float, str]](), list[tuple[float, float, str]](), list[Hit]()
    while len(moved) < len(burst):
        now = min([at for at, _ in arrivals] + [end for end, _, _ in running])
        for one in [one for one in running if one[0] <= now]:
            running.remove(one)
            moved.append(msgspec.structs.replace(burst[len(moved)], start=one[1], end=one[0], client=one[2]))
            arrivals.append((now + 0.004, one[2]))
        line += [one for one in arrivals if one[0] <= now]
        arrivals = [one for one in arrivals if one[0] > now]
        while line and len(running) < 5:
            began, client = line.pop(turn(len(line)))
            running.append((now + each_s * (1 + 0.01 * len(moved)), began, client))
    return changed(record, hits=(*(hit for hit in record.hits if hit.phase != "burst"), *moved[: len(burst)]))


@pytest.mark.parametrize(
    "turn",
    [lambda waiting: 0, lambda waiting: waiting - 1, lambda waiting: waiting // 2, random.Random(3).randrange],
    ids=["first", "last", "middle", "any"],
)
def test_a_queue_may_be_served_in_any_order(turn: Callable[[int], int]) -> None:
    """The contract says how many run, not whose turn it is."""
    assert outside(served(turn)) == "PASS"


def test_a_burst_that_is_too_small_shows_nothing() -> None:
    """Nine clients are too few to tell."""
    record = healthy("batch")
    few = changed(record, hits=tuple(hit for hit in record.hits if hit.phase != "burst" or hit.client[-2:] < "-9"))
    assert outside(few) == "NO DATA"


@pytest.mark.parametrize(
    ("value", "usable"),
    [
        ("2", True),
        (" 2 ", True),
        ("0", True),
        (format_datetime(datetime.fromtimestamp(START, UTC), usegmt=True), True),
        ("Mon, 23 Nov 2015 18:19:38 GMT", False),
        ("Mon, 23 Nov 2099 18:19:38 GMT", False),
        ("23 Nov 18:19 GMT", False),
        ("Mon, 23 Nov 2026 18:19:38 +99999999999999", False),
        ("GMT", False),
        ("", False),
        ("soon", False),
        ("-1", False),
        ("1.5", False),
        (None, False),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, usable: bool) -> None:
    """What a client can wait by."""
    headers = {} if value is None else {"retry-after": value}
    record = refused(healthy("batch"), lambda hit: {"headers": headers}, True)
    assert refusals.rejections(record, LIMITS).status == ("PASS" if usable else "FAIL")


@pytest.mark.parametrize(("under_way", "status"), [(105, "FAIL"), (106, "PASS")])
def test_a_429_needs_a_hundred_and_five_inside(under_way: int, status: str) -> None:
    """The 106th may be rejected, the 105th may not."""
    record = healthy("batch")
    edge = [hit for hit in record.hits if hit.phase == "edge"][:under_way]
    inside = [msgspec.structs.replace(hit, start=START, end=START + 5, status=200) for hit in edge[:-1]]
    refusal = next(hit for hit in record.hits if hit.status == 429)
    last = msgspec.structs.replace(refusal, start=START + 1, end=START + 2)
    assert refusals.rejections(changed(record, hits=(*inside, last)), LIMITS).status == status


def inside_for(count: int, seconds: float) -> ScenarioRecord:
    """So many exports of the edge were inside for so long, and none was rejected."""
    record = healthy("batch")
    edge = [hit for hit in record.hits if hit.phase == "edge"]
    hits = [msgspec.structs.replace(hit, start=START, end=START + seconds, status=200) for hit in edge[:count]]
    return changed(record, hits=tuple(hits))


@pytest.mark.parametrize(
    ("count", "seconds", "status"), [(115, 10.0, "PASS"), (116, 10.0, "FAIL"), (130, 2.9, "PASS"), (130, 3.1, "FAIL")]
)
def test_a_queue_beyond_its_limit_seen_from_outside(count: int, seconds: float, status: str) -> None:
    """Five run, a hundred wait, ten are in doubt: one more inside for a second without a 429 fails."""
    judged = limits_held.queue_outside({"batch": inside_for(count, seconds)}, LIMITS)
    assert judged.status == status


def test_the_burst_stands_in_where_there_is_no_edge() -> None:
    """A profile without the edge phase is judged by its burst."""
    burst = with_hits(inside_for(120, 10.0), lambda hit: {"phase": "burst"})
    assert limits_held.queue_outside({"batch": burst}, LIMITS).status == "FAIL"


def test_without_an_edge_nothing_waits() -> None:
    """A batch of single exports shows no queue."""
    record = healthy("batch")
    single = changed(record, hits=tuple(hit for hit in record.hits if hit.phase in ("sequence", "solo")))
    judged = limits_held.queue_outside({"batch": single}, LIMITS)
    assert (judged.status, judged.readings[0].value) == ("PASS", 0)


@pytest.mark.parametrize("change", [lambda body: None, lambda body: body.update(concurrentExports=1)])
def test_rest_without_late_calls_rests_on_the_page(change: Callable[[dict[str, Any]], None]) -> None:
    """A status page that was not asked after the load can't contradict it."""
    record = with_status(healthy("load"), change)
    early = changed(record, health=tuple(one for one in record.health if one.phase is not None))
    assert rest(early, LIMITS).status == "PASS"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        pytest.param({}, "overtaken", id="done long before the five"),
        pytest.param({"took_s": 0.5}, "overtaken", id="in half of their time"),
        pytest.param({"took_s": 0.51}, "waited", id="in more than half"),
        pytest.param({"took_s": 1.5}, "waited", id="after the first of them"),
        pytest.param({"took_s": 0.01, "left_s": 0.09}, "open", id="too little time to overtake"),
        pytest.param({"took_s": 0.01, "left_s": 0.11}, "overtaken", id="just time enough"),
        pytest.param({"reported": {"concurrentExports": 4, "queueDepth": 1}}, "open", id="four ran and one waited"),
        pytest.param({"reported": {"concurrentExports": 5, "queueDepth": 1}}, "open", id="one waited already"),
        pytest.param({"reported": {"concurrentExports": 5, "queueDepth": False}}, "open", id="no number"),
        pytest.param({"reported": {}}, "open", id="nothing reported"),
        pytest.param({"five": 4}, "open", id="only four"),
        pytest.param({"status": 500}, "open", id="one of them failed"),
    ],
)
def test_what_a_round_with_an_extra_export_shows(changes: dict[str, Any], outcome: str) -> None:
    """Only what was asked for after five were told to run, and done long before any of them, ran at the same time."""
    record = with_over_admission(healthy("batch"), **({"took_s": 0.05, "left_s": 1.0, "rounds": 1} | changes))
    assert [one.outcome for one in read_rounds(record)] == [outcome]


def test_a_status_page_from_after_the_extra_export_shows_nothing() -> None:
    """The five may have come to run only then; nor does one from before all five were sent."""
    record = with_over_admission(healthy("batch"), 0.05, 1.0, rounds=1)
    for late_s in (0.11, -0.2):
        moved = with_hits(
            record,
            lambda hit, late_s=late_s: (  # type: ignore[misc]
                {"start": hit.start + late_s, "end": hit.end + late_s} if hit.id == "over-admission-1000" else None
            ),
        )
        assert [one.outcome for one in read_rounds(moved)] == ["open"]


def test_a_round_without_its_status_page_or_its_extra_export_shows_nothing() -> None:
    """What was not recorded is not guessed."""
    record = with_over_admission(healthy("batch"), 0.05, 1.0, rounds=1)
    for gone in ("over-admission-1000", "over-admission-5"):
        less = changed(record, hits=tuple(hit for hit in record.hits if hit.id != gone))
        assert [one.outcome for one in read_rounds(less)] == ["open"]


@pytest.mark.parametrize(("rounds", "status"), [(1, "PASS"), (2, "FAIL"), (3, "FAIL")])
def test_an_extra_export_must_overtake_twice(rounds: int, status: str) -> None:
    """One answer may be held up by chance."""
    assert outside(with_over_admission(healthy("batch"), 0.05, 1.0, rounds=rounds)) == status


def test_an_extra_export_that_waited_is_reported() -> None:
    """The verdict says what makes it surer than only the burst."""
    waited = with_over_admission(healthy("batch"), 1.2, 1.0, rounds=1)
    judged = limits_held.concurrency_outside({"load": healthy("load"), "batch": waited}, LIMITS)
    assert judged.status == "PASS"
    assert judged.reason.endswith("never more than 5 at once: one more export, sent while five ran, had to wait")
    assert judged.catches == (
        "an export beyond the limit would have been finished within half of the 1 s that the others still took"
    )


@pytest.mark.parametrize(
    ("outcomes", "over"),
    [
        ((), False),
        (("open",), False),
        (("open", "waited"), True),
        (("overtaken",), False),
        (("overtaken", "overtaken"), True),
        (("overtaken", "waited"), False),
        (("overtaken", "open", "overtaken"), True),
    ],
)
def test_when_no_further_round_is_needed(outcomes: tuple[Outcome, ...], over: bool) -> None:
    """As soon as the extra export waited, or overtook twice."""
    assert settled([Round(one, "", 0.0, 0.0) for one in outcomes]) is over


@pytest.mark.parametrize(("depths", "status"), [((99,) * 25, "FAIL"), ((99,) * 24 + (100,), "PASS")])
def test_one_429_must_tell_of_a_full_queue(depths: tuple[int, ...], status: str) -> None:
    """A queue that moves is read a little late now and then, not each time."""
    reported = iter(depths)
    record = refused(healthy("batch"), lambda hit: {"answer": full(hit, queueDepth=next(reported))}, True)
    assert refusals.rejections(record, LIMITS).status == status


def test_four_refusals_tell_nothing_of_the_queues_length() -> None:
    """Each of so few may have been read late."""
    record = refused(healthy("batch"), lambda hit: {"answer": full(hit, queueDepth=99)}, True)
    gone = {hit.id for hit in [hit for hit in record.hits if hit.status == 429][4:]}
    few = changed(record, hits=tuple(hit for hit in record.hits if hit.id not in gone))
    assert refusals.rejections(few, LIMITS).status == "PASS"
