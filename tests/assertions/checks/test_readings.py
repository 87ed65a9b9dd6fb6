"""Pages and counts at their limits: just inside, exactly at, just outside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from assertions import limits as limits_file
from assertions.checks.metrics import counters, metrics_page
from assertions.checks.metrics.exported_bytes import bytes_agree
from assertions.checks.metrics.gauges import throughput_gauge
from assertions.checks.metrics.offered import offered
from assertions.checks.metrics.success import success_gauge, success_outside, success_target
from assertions.record.types import Hit, Scrape
from assertions.record.view import ScenarioRecord
from assertions.stats import more_needed
from assertions.verdicts import Judgement
from tests.assertions.cases import scrapes_failing
from tests.assertions.cases.conduct import lost
from tests.assertions.cases.counters import behaviour_bytes, failing
from tests.assertions.cases.metrics import with_users
from tests.assertions.healthy.records import changed, drop_samples, each, healthy, values, with_hits, with_pages

LIMITS = limits_file.load()
TICK = 2.0**-10


def stretched(gap_s: float) -> ScenarioRecord:
    """Scrapes of the load's measure phase lie so far apart; there are no others under load."""
    record = healthy("load")
    kept = [one for one in record.scrapes if one.moment != "during" or one.phase == "measure"]
    first = next(one.start for one in kept if one.phase == "measure")
    count = iter(range(len(kept)))

    def edit(scrape: Scrape) -> Mapping[str, Any] | None:
        return {"start": first + next(count) * gap_s} if scrape.phase == "measure" else None

    return changed(record, scrapes=each(kept, edit))


@pytest.mark.parametrize(("gap_s", "expected"), [(1 - TICK, "PASS"), (1.0, "PASS"), (1 + TICK, "NO DATA")])
def test_scrapes_a_second_apart(gap_s: float, expected: str) -> None:
    """Peaks from pages more than a second apart are guesses, so there is no verdict."""
    judged = metrics_page.scrapes(stretched(gap_s), LIMITS)
    assert (judged.status, judged.readings[0].value) == (expected, gap_s * 1000)


def test_one_page_under_load_has_no_gap() -> None:
    """A single page is no gap; whether it is enough for a peak is judged elsewhere."""
    record = healthy("load")
    one = next(one for one in record.scrapes if one.moment == "during")
    few = changed(record, scrapes=tuple(x for x in record.scrapes if x.moment != "during" or x is one))
    assert metrics_page.scrapes(few, LIMITS).readings[0].value == 0.0


@pytest.mark.parametrize(("count", "expected"), [(1, "PASS"), (2, "FAIL")])
def test_one_scrape_may_fail(count: int, expected: str) -> None:
    """One page in a hundred, and one in any case, may be lost."""
    assert metrics_page.scrapes(scrapes_failing(count, 500)(healthy("smoke")), LIMITS).status == expected


@pytest.mark.parametrize(("size", "expected"), [((1 << 20) - 1, "PASS"), (1 << 20, "PASS"), ((1 << 20) + 1, "FAIL")])
def test_a_page_of_one_mebibyte(size: int, expected: str) -> None:
    """A page may have 1 MiB, not a byte more."""
    record = with_pages(
        healthy("smoke"),
        lambda text: text + "#" + "x" * (size - len(text.encode()) - 2) + "\n",
        lambda one: one.moment == "after",
    )
    assert metrics_page.scrapes(record, LIMITS).status == expected


@pytest.mark.parametrize(("count", "expected"), [(100, "PASS"), (101, "PASS"), (102, "FAIL")])
def test_a_hundred_users(count: int, expected: str) -> None:
    """A hundred user values are kept, the next one is `other`; one at 0 from the start is there too."""
    assert metrics_page.labels_bounded(with_users(healthy("load"), count), LIMITS).status == expected


def test_other_is_no_user_of_its_own() -> None:
    """`other` comes in addition to the hundred."""
    record = with_pages(with_users(healthy("load"), 101), lambda text: text.replace('"examiner"', '"other"'))
    assert metrics_page.labels_bounded(record, LIMITS).status == "PASS"


def test_an_alias_is_named() -> None:
    """The histogram's other name is taken, and named in the reason of the pass."""
    record = with_pages(healthy("smoke"), lambda text: text.replace("export_latency_ms", "export_latency_ms_bucket"))
    judged = metrics_page.coverage(record, LIMITS)
    expected = "all nine families are on the page, with their types and labels; export_latency_ms has an alias's name"
    assert (judged.status, judged.reason) == ("PASS", expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.69, "FAIL"), (0.71, "PASS"), (1.4, "PASS"), (90, "FAIL"), ("NaN", "FAIL")]
)
def test_the_throughput_gauge_against_what_finished(value: float | str, expected: str) -> None:
    """84 exports in the minute before are at least 0.7 a second, and never as many as 90."""
    record = with_pages(healthy("load"), values('export_throughput_ops_per_sec{format="pdf"', lambda _: value))
    assert throughput_gauge(record, LIMITS).status == expected


def test_a_format_that_hardly_finished_is_not_held_to_the_gauge() -> None:
    """Fewer than five exports in the last minute tell no rate."""
    record = with_hits(healthy("load"), lambda hit: {"status": 500} if hit.format == "pdf" else None)
    still = with_pages(record, values('export_throughput_ops_per_sec{format="pdf"', lambda _: 0))
    assert throughput_gauge(still, LIMITS).status == "PASS"


def test_times_of_making_may_change() -> None:
    """A `_created` sample is no count, so it may fall."""
    record = healthy("smoke")
    made = {record.scrapes[0].start: 9, record.scrapes[-1].start: 5}

    def edit(scrape: Scrape) -> Mapping[str, Any] | None:
        if scrape.start not in made:
            return None
        created = f'export_bytes_total_created{{format="csv",status="success"}} {made[scrape.start]}\n'
        return {"text": scrape.text + created}

    record = changed(record, scrapes=each(record.scrapes, edit))
    assert metrics_page.monotonic(record, LIMITS).status == "PASS"


def test_a_time_of_making_is_no_count_of_others() -> None:
    """A `_created` sample of the user `other` tells when it was made, not that any was counted."""
    created = 'export_requests_total_created{format="csv",status="started",user="other"} 1795000000\n'
    record = healthy("smoke")
    record = changed(record, scrapes=each(record.scrapes, lambda scrape: {"text": scrape.text + created}))
    assert metrics_page.labels_bounded(record, LIMITS).status == "PASS"


def test_pages_that_were_read_at_once_are_not_compared() -> None:
    """Two scrapes that overlap may have been answered in either order."""
    record = healthy("load")
    swapped = tuple(sorted(each(record.scrapes, lambda one: {"end": one.end + 1e6}), key=lambda one: -one.start))
    assert metrics_page.monotonic(changed(record, scrapes=swapped), LIMITS).status == "PASS"
    assert metrics_page.monotonic(changed(record, scrapes=record.scrapes[::-1]), LIMITS).status == "PASS"


@pytest.mark.parametrize(
    ("moved_by", "lost_count", "expected"),
    [(-1, 0, "FAIL"), (0, 0, "PASS"), (1, 0, "FAIL"), (-1, 1, "PASS"), (-2, 1, "FAIL"), (0, 1, "PASS"), (1, 1, "FAIL")],
)
def test_a_request_without_an_answer_may_have_counted(moved_by: int, lost_count: int, expected: str) -> None:
    """Counters move by just what was sent, give or take the requests that nobody answered."""
    record = lost(lost_count)(healthy("load"))
    for name in ("started", "succeeded"):
        series = f'export_requests_total{{format="csv",status="{name}",user="loadtest"}}'
        record = with_pages(record, values(series, lambda value: value + moved_by), lambda one: one.moment == "after")
    assert counters.requests(record, LIMITS).status == expected


def succeeded(done: int, asked: int) -> Judgement:
    """The target's counters moved by so many succeeded and failed exports."""
    record = with_pages(
        healthy("smoke"), values("export_requests_total", lambda _: 0), lambda one: one.moment in ("before", "after")
    )
    for name, count in (("succeeded", done), ("failed", asked - done)):
        series = f'export_requests_total{{format="csv",status="{name}",user="loadtest"}}'
        record = with_pages(record, values(series, lambda _, count=count: count), lambda one: one.moment == "after")  # type: ignore[misc]
    return success_target({"smoke": record}, LIMITS)


@pytest.mark.parametrize(
    ("done", "asked", "expected", "critical"),
    [
        (58, 58, "NO DATA", False),
        (59, 59, "PASS", False),
        (2_000, 2_000, "PASS", False),
        (1_951, 2_000, "PASS", False),
        (1_901, 2_000, "NO DATA", False),
        (1_900, 2_000, "NO DATA", False),
        (1_899, 2_000, "FAIL", False),
        (1_800, 2_000, "FAIL", False),
        (1_799, 2_000, "FAIL", True),
        (0, 2_000, "FAIL", True),
    ],
)
def test_success_at_95_percent(done: int, asked: int, expected: str, critical: bool) -> None:
    """95 % is enough only where it is sure; below 90 % is critical."""
    judged = succeeded(done, asked)
    assert (judged.status, judged.critical) == (expected, critical)
    assert judged.readings[0].value == done / asked


def test_how_many_more_exports_would_settle_it() -> None:
    """58 of 58 needs one more; just at the limit no number would do, so the search ends."""
    assert succeeded(58, 58).reason.endswith("inconclusive, needs 1 more export")
    needed = more_needed(95, 100, LIMITS["success_ratio"].target)
    assert 100_000 - 100 <= needed <= 105_000


def test_rejections_beyond_the_limits_are_nobodys_failure() -> None:
    """What the contract itself rejects is not asked for; within the limits it is a failure."""
    record = healthy("batch")
    assert success_outside({"batch": record}, LIMITS).readings[0].count == 193
    within = with_hits(record, lambda hit: {"status": 429} if hit.id == "solo-0" else None)
    judged = success_outside({"batch": within}, LIMITS)
    assert (judged.readings[0].count, judged.readings[0].value) == (193, 192 / 193)


@pytest.mark.parametrize(("off", "expected"), [(0.0, "PASS"), (0.005, "PASS"), (0.05, "FAIL"), (math.nan, "FAIL")])
def test_the_success_gauge_against_its_counters(off: float, expected: str) -> None:
    """A hundredth more or less is rounding, five are not."""
    record = with_pages(
        failing("load", "leak", 30), values("export_success_rate", lambda value: value - off), lambda one: True
    )
    assert success_gauge(record, LIMITS).status == expected


@pytest.mark.parametrize(("bytes_more", "lost_count", "expected"), [(0, 0, "PASS"), (1, 0, "FAIL"), (-1, 0, "FAIL")])
def test_bytes_to_the_byte(bytes_more: int, lost_count: int, expected: str) -> None:
    """One byte more or less is a difference."""
    record = with_pages(
        lost(lost_count)(healthy("load")),
        values('export_bytes_total{format="pdf"', lambda value: value + bytes_more),
        lambda one: one.moment == "after",
    )
    assert bytes_agree(record, LIMITS).status == expected


def test_a_lost_answer_may_have_made_a_file() -> None:
    """Bytes beyond the files fetched are allowed for where an answer was lost, fewer are not."""
    record = lost(1)(healthy("load"))
    assert bytes_agree(record, LIMITS).status == "PASS"
    less = with_pages(
        record,
        values('export_bytes_total{format="csv"', lambda value: value - 600_000),
        lambda one: one.moment == "after",
    )
    assert bytes_agree(less, LIMITS).status == "FAIL"


def test_a_scenario_of_one_format_has_bytes_of_one() -> None:
    """A format that was not exported is not asked for."""
    record = changed(healthy("load"), hits=tuple(hit for hit in healthy("load").hits if hit.format == "csv"))
    assert bytes_agree(record, LIMITS).status == "PASS"


@pytest.mark.parametrize(
    ("reported", "expected"), [("264", "NO DATA"), (263, "FAIL"), (264, "PASS"), (None, "NO DATA")]
)
def test_the_behaviour_probes_export_is_taken_at_its_word(reported: object, expected: str) -> None:
    """The one export that is not fetched counts by its answer."""
    assert bytes_agree(behaviour_bytes(healthy("smoke"), reported), LIMITS).status == expected


def test_a_lost_format_shows_in_no_requests() -> None:
    """Posts that name no format are counted as rejected only."""

    def edit(hit: Hit) -> Mapping[str, Any] | None:
        return {"format": None} if hit.phase == "warmup" else None

    assert counters.requests(with_hits(healthy("smoke"), edit), LIMITS).status == "FAIL"


def test_success_needs_no_failed_series() -> None:
    """A target that never failed may not show a failed series for a user; its absence counts as 0."""
    record = with_pages(healthy("smoke"), drop_failed)
    assert success_target({"smoke": record}, LIMITS).readings[0].value == 1.0


def drop_failed(text: str) -> str:
    """A page without any failed requests' series."""
    kept = [line for line in text.splitlines() if 'status="failed"' not in line]
    return drop_samples("export_nothing")("\n".join([*kept, ""]))


@pytest.mark.parametrize(
    ("left_out", "ending"),
    [
        ({}, ""),
        (
            {"prometheus_series": ("ALERTS", "up"), "prometheus_labels": ("job",), "recorded_series": ("job:failed",)},
            "; not looked for: series ALERTS, up and labels job, which Prometheus itself adds; "
            "1 series that recording rules make",
        ),
        ({"prometheus_labels": ("job",)}, "; not looked for: labels job, which Prometheus itself adds"),
        ({"recorded_series": ("a", "b")}, "; not looked for: 2 series that recording rules make"),
    ],
)
def test_offered_counts_by_kind_and_names_what_it_leaves_out(left_out: dict[str, tuple[str, ...]], ending: str) -> None:
    """The reason counts alerts, panels and recording rules apart, and names what no target offers."""
    record = healthy("load")
    assert record.queries is not None
    queries = replace(record.queries, **left_out)
    reason = offered(changed(record, queries=queries), LIMITS).reason
    assert reason == f"5 selectors of 1 alert and 2 panels (queries.json) find a series on the last page{ending}"
    one_rule = replace(queries, selectors=(replace(queries.selectors[0], source="rule job:p95"),))
    reason = offered(changed(record, queries=one_rule), LIMITS).reason
    assert reason == f"1 selector of 1 recording rule (queries.json) finds a series on the last page{ending}"
