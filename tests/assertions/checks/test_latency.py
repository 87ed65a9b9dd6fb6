"""The latency checks at their limits: just inside, exactly at, just outside; and histograms broken one way each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.metrics.histogram import _broken, histogram, sum_agrees
from assertions.checks.performance import latency, throughput
from assertions.checks.performance.drift import drift
from assertions.prometheus.exposition import Histogram
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases.counters import failing
from tests.assertions.cases.latency import ended, histogram_line, only, reported, waited
from tests.assertions.healthy.records import changed, drop_samples, healthy, values, with_hits, with_pages

LIMITS = limits_file.load()
TICK = 2.0**-10
"""A millisecond, near enough, that Unix times hold exactly."""
LARGE = 'export_latency_ms_bucket{format="csv",size="large",le="%s"'


def lasting(phase: str, seconds: float, error: str | None = None) -> Callable[[ScenarioRecord], ScenarioRecord]:
    """A phase whose exports took just so long from their start."""

    def edit(hit: Hit) -> Mapping[str, Any] | None:
        if hit.phase != phase:
            return None
        lost = {"status": None, "error": error} if error else {}
        return {"start": hit.end - seconds, "intended": hit.end - seconds, **lost}

    return lambda record: with_hits(record, edit)


@pytest.mark.parametrize(("seconds", "status"), [(10 - TICK, "PASS"), (10.0, "FAIL"), (10 + TICK, "FAIL")])
def test_p95_at_ten_seconds(seconds: float, status: str) -> None:
    """P95 must be less than 10 s, by the client's clock."""
    judged = latency.p95_outside(waited("measure", seconds)(healthy("load")), LIMITS)
    assert (judged.status, judged.critical) == (status, False)
    assert judged.readings[0].value == seconds * 1000
    assert judged.readings[0].count == 100


@pytest.mark.parametrize(("count", "status"), [(58, "NO DATA"), (59, "PASS"), (60, "PASS")])
def test_p95_needs_59_exports(count: int, status: str) -> None:
    """With fewer than 59 exports no verdict on the P95 is possible."""
    assert latency.p95_outside(only("measure", count)(healthy("load")), LIMITS).status == status


@pytest.mark.parametrize(("slow", "status"), [(1, "PASS"), (2, "NO DATA"), (5, "NO DATA"), (6, "FAIL")])
def test_p95_between_its_value_and_its_upper_bound(slow: int, status: str) -> None:
    """Of 100 exports the 95th decides, and the 99th must be within the limit too."""
    assert latency.p95_outside(waited("measure", 12.0, 100 - slow)(healthy("load")), LIMITS).status == status


def test_an_export_that_timed_out_took_as_long_as_its_client_waited() -> None:
    """The slowest exports are not lost because they were given up; what broke off at once is no latency."""
    timed_out = lasting("measure", 90.0, "timeout")(healthy("load"))
    assert latency.p95_outside(timed_out, LIMITS).reason.startswith("P95 of 100 exports of 10k records: 90 s")
    assert latency.p95_outside(timed_out, LIMITS).critical
    assert latency.p95_outside(lasting("measure", 90.0, "reset")(healthy("load")), LIMITS).status == "NO DATA"


def test_one_slow_format_does_not_hide_among_the_other() -> None:
    """With 20 pdf among 1,000 csv exports, slow pdf are seen."""
    record = healthy("load")
    csv = [hit for hit in record.hits if hit.phase == "measure" and hit.format == "csv"]
    more = tuple(msgspec.structs.replace(hit, id=f"{hit.id}-{n}") for hit in csv for n in range(12))
    slow = with_hits(
        changed(record, hits=(*record.hits, *more)),
        lambda hit: {"intended": hit.end - 12.0} if hit.phase == "measure" and hit.format == "pdf" else None,
    )
    judged = latency.p95_outside(slow, LIMITS)
    assert (judged.status, judged.reason) == (
        "FAIL",
        "P95 of 20 pdf exports of 10k records: 12 s (limit < 10 s)",
    )


def test_one_format_only_is_enough() -> None:
    """A load of csv only is judged as it is."""
    record = with_hits(healthy("load"), lambda hit: {"format": "csv"})
    assert latency.p95_outside(record, LIMITS).status == "PASS"


@pytest.mark.parametrize(("ms", "status"), [(9_999.9, "PASS"), (10_000.0, "FAIL"), (10_000.1, "FAIL")])
def test_p95_by_the_targets_answers_at_ten_seconds(ms: float, status: str) -> None:
    """The target's own P95 must be less than 10 s, where its histogram allows that value."""
    slow = reported(lambda hit, value: ms if (hit.records or 0) >= 10_000 else value)(healthy("load"))
    for bound in (10, 25, 50, 100, 250, 500, 1000, 2500, 5000):
        for fmt in ("csv", "pdf"):
            slow = histogram_line(LARGE.replace("csv", fmt) % bound, lambda _: 0, "after")(slow)
    judged = latency.p95_target(slow, LIMITS)
    assert (judged.status, judged.readings[0].value) == (status, ms)
    assert (judged.readings[0].low, judged.readings[0].high) == (5_000, 10_000)


def test_p95_by_the_histogram_only_where_answers_do_not_report() -> None:
    """Without processingTime the histogram's interpolated value is judged, infinite beyond its last bound."""
    silent = reported(lambda hit, value: None)(healthy("load"))
    judged = latency.p95_target(silent, LIMITS)
    assert (judged.status, judged.readings[0].low, judged.readings[0].high) == ("PASS", 500, 1_000)
    for fmt in ("csv", "pdf"):
        silent = with_pages(silent, drop_finite(fmt), lambda scrape: scrape.moment == "after")
    judged = latency.p95_target(silent, LIMITS)
    assert (judged.status, judged.critical, judged.readings[0].value) == ("FAIL", True, math.inf)
    assert judged.readings[0].high is None


def drop_finite(fmt: str) -> Callable[[str], str]:
    """All large exports of a format in the +Inf bucket."""

    def rewrite(text: str) -> str:
        for bound in (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000):
            text = values(LARGE.replace("csv", fmt) % bound, lambda _: 0)(text)
        return text

    return rewrite


@pytest.mark.parametrize(("seconds", "status"), [(1 - TICK, "PASS"), (1.0, "FAIL"), (1 + TICK, "FAIL")])
def test_smoke_at_one_second(seconds: float, status: str) -> None:
    """1k exports must take less than a second."""
    judged = latency.smoke_latency(waited("measure", seconds)(healthy("smoke")), LIMITS)
    assert (judged.status, judged.readings[0].value) == (status, seconds * 1000)


@pytest.mark.parametrize(("count", "status"), [(4, "NO DATA"), (5, "NO DATA"), (58, "NO DATA"), (59, "PASS")])
def test_smoke_needs_59_exports(count: int, status: str) -> None:
    """Fewer exports give a 95th percentile no upper bound."""
    assert latency.smoke_latency(only("measure", count)(healthy("smoke")), LIMITS).status == status


@pytest.mark.parametrize(("seconds", "status"), [(30 - 5 * TICK, "PASS"), (30.0, "FAIL"), (30 + 5 * TICK, "FAIL")])
def test_batch_at_thirty_seconds(seconds: float, status: str) -> None:
    """The five together must take less than 30 s."""
    judged = throughput.batch(lasting("sequence", seconds / 5)(healthy("batch")), LIMITS)
    assert (judged.status, judged.readings[0].value) == (status, seconds)


@pytest.mark.parametrize(("span_s", "status"), [(19.0, "PASS"), (20.0, "PASS"), (20.0 + TICK, "FAIL")])
def test_throughput_at_one_in_twenty_seconds(span_s: float, status: str) -> None:
    """At least one export in twenty seconds must be finished."""
    judged = throughput.throughput(lasting("measure", span_s)(only("measure", 1)(healthy("load"))), LIMITS)
    assert (judged.status, judged.readings[0].value) == (status, 1 / span_s)


def quarters(*seconds: float) -> ScenarioRecord:
    """The leak phase's csv exports took so long in each quarter."""

    def edit(hit: Hit) -> Mapping[str, Any] | None:
        if hit.phase == "measure":
            return {"case": hit.id}
        if hit.phase != "leak":
            return None
        took = seconds[min(hit.index // 30, 3)] if hit.case == "csv-1k" else 0.05
        return {"start": hit.end - took}

    return with_hits(healthy("load"), edit)


@pytest.mark.parametrize(("over_ms", "status"), [(-1.0, "PASS"), (-1e-3, "PASS"), (1.0, "FAIL")])
def test_drift_at_its_limit(over_ms: float, status: str) -> None:
    """The last quarter may take as many times the first as the limit says, and 25 ms."""
    ratio = LIMITS["drift_ratio"].target
    judged = drift(quarters(1.0, 1.1, 1.2, ratio + (25 + over_ms) / 1000), LIMITS)
    assert judged.readings[0].value == pytest.approx(ratio + over_ms / 1000, abs=1e-6)
    assert judged.status == status


def test_drift_is_judged_under_load_where_nothing_ran_one_by_one() -> None:
    """A profile without the leak phase is judged by its measure phase."""
    record = healthy("load")
    judged = drift(changed(record, hits=tuple(hit for hit in record.hits if hit.phase != "leak")), LIMITS)
    assert (judged.status, judged.readings[0].name) == (
        "PASS",
        "drift of csv-10k in measure, last quarter as a multiple of the first quarter",
    )


@pytest.mark.parametrize(
    ("early_s", "seconds", "status"),
    [
        pytest.param(0.2, (0.44, 0.47, 0.50, 0.53), "FAIL", id="slower for long"),
        pytest.param(0.3, (0.44, 0.47, 0.50, 0.53), "PASS", id="by less than the limit"),
        pytest.param(0.2, (0.50, 0.51, 0.52, 0.53), "PASS", id="a neighbour since"),
        pytest.param(0.2, (0.44, 0.55, 0.50, 0.53), "PASS", id="a neighbour now and then"),
        pytest.param(0.01, (0.012, 0.015, 0.018, 0.03), "PASS", id="some milliseconds"),
        pytest.param(0.9, (0.44, 0.47, 0.50, 0.53), "PASS", id="cold at first"),
    ],
)
def test_equal_exports_are_held_against_the_scenarios_first_ones(
    early_s: float, seconds: tuple[float, ...], status: str
) -> None:
    """What grows with each export has grown for long when the equal ones begin."""

    def edit(hit: Hit) -> Mapping[str, Any] | None:
        return {"case": "csv-1k", "start": hit.end - early_s} if hit.phase == "solo" else None

    judged = drift(with_hits(quarters(*seconds), edit), LIMITS)
    assert judged.status == status
    assert status == "PASS" or "a multiple of the scenario's first exports" in judged.reason


@pytest.mark.parametrize("seconds", [(1.0, 9.0, 1.2, 9.0), (1.0, 1.0, 5.0, 9.0), (9.0, 3.0, 2.0, 1.0)])
def test_drift_must_rise_from_quarter_to_quarter(seconds: tuple[float, ...]) -> None:
    """A busy neighbour in one quarter is no drift."""
    judged = drift(quarters(*seconds), LIMITS)
    assert (judged.status, judged.readings[0].value) == ("PASS", 1.0)


def broken(buckets: dict[float, float], total: float | None, count: float | None) -> str | None:
    """What the check objects to in one series."""
    return _broken(Histogram(labels={}, buckets=buckets, count=count, sum=total))


@pytest.mark.parametrize(
    ("buckets", "total", "count", "expected"),
    [
        ({}, 0, 0, "there is no +Inf bucket"),
        ({10.0: 1}, 5, 1, "there is no +Inf bucket"),
        ({math.inf: 1}, 5, 1, "there is no finite bucket, so no quantile can be read"),
        ({10.0: 2, math.inf: 1}, 5, 1, "its buckets are not cumulative"),
        ({10.0: 1, math.inf: 1}, 5, None, "it lacks _count or _sum"),
        ({10.0: 1, math.inf: 1}, None, 1, "it lacks _count or _sum"),
        ({10.0: 1, math.inf: 1}, 5, 2, "its +Inf bucket is 1, its _count 2"),
        ({10.0: 1, math.inf: 1}, math.nan, 1, "its sum is nan"),
        ({10.0: 1, math.inf: 1}, math.inf, 1, "its sum is inf"),
        ({10.0: 1, math.inf: 1}, -1, 1, "its sum is -1"),
        ({10.0: 0, 20.0: 2, math.inf: 2}, 19.9, 2, "its sum 19.9 is less than its buckets allow (20)"),
        ({10.0: 0, 20.0: 2, math.inf: 2}, 20, 2, None),
        ({10.0: 0, 20.0: 2, math.inf: 2}, 40, 2, None),
        ({10.0: 0, 20.0: 2, math.inf: 2}, 40.1, 2, "its sum 40.1 is more than its buckets allow (40)"),
        ({10.0: 0, 20.0: 1, math.inf: 2}, 1e9, 2, None),
        ({10.0: 0, 20.0: 1, math.inf: 2}, 29.9, 2, "its sum 29.9 is less than its buckets allow (30)"),
        ({10.0: 0, math.inf: 0}, 0, 0, None),
    ],
)
def test_histograms_broken_one_way_each(
    buckets: dict[float, float], total: float | None, count: float | None, expected: str | None
) -> None:
    """Every inner contradiction of a histogram is reported, and what just fits is not."""
    assert broken(buckets, total, count) == expected


@pytest.mark.parametrize(("factor", "status"), [(0.5, "PASS"), (2.5, "PASS"), (6, "FAIL")])
def test_with_failures_only_the_order_of_the_mean_is_held(factor: float, status: str) -> None:
    """Failed exports may be in the histogram or not, so half or twice the mean is not objected to."""
    record = failing("load", "measure", 1)
    of_series = 'export_latency_ms_sum{format="csv",size="large"'
    changed_sum = with_pages(record, values(of_series, lambda value: value * factor))
    assert sum_agrees(changed_sum, LIMITS).status == status


def test_with_failures_the_other_series_are_still_held() -> None:
    """A failed csv export says nothing of the pdf ones."""
    of_series = 'export_latency_ms_sum{format="pdf",size="large"'
    changed_sum = with_pages(failing("load", "measure", 1), values(of_series, lambda value: value * 1.6))
    assert sum_agrees(changed_sum, LIMITS).reason.startswith('format="pdf", size="large": export_latency_ms_sum')


@pytest.mark.parametrize(("lost", "status"), [(1, "PASS"), (4, "PASS"), (5, "FAIL")])
def test_a_few_answers_may_claim_more_than_the_client_saw(lost: int, status: str) -> None:
    """Two in a hundred may be off by a clock's hiccup, no more."""
    late = reported(lambda hit, value: value + 5_000 if hit.phase == "leak" and hit.index < lost else value)
    assert latency.answers_agree(late(healthy("load")), LIMITS).status == status


@pytest.mark.parametrize(("share", "status"), [(0.4, "FAIL"), (0.8, "PASS")])
def test_the_target_may_not_claim_much_less_than_the_client_saw(share: float, status: str) -> None:
    """What a proxy or an upload adds is allowed, half the time is not."""
    less = reported(lambda hit, value: value * share)(healthy("batch"))
    assert latency.answers_agree(less, LIMITS).status == status


def test_times_without_any_download_are_judged_too() -> None:
    """Where nothing was fetched no transfer is allowed for."""
    record = changed(healthy("batch"), fetches=())
    assert latency.answers_agree(record, LIMITS).status == "PASS"


@pytest.mark.parametrize("status", [429, 500, None])
def test_an_undone_export_of_the_batch_fails_it(status: int | None) -> None:
    """Each of the five must be done."""
    assert throughput.batch(ended(status, "timeout", "sequence-4")(healthy("batch")), LIMITS).status == "FAIL"


def test_a_page_without_sums_lacks_them() -> None:
    """A histogram without its sum is not consistent."""
    record = with_pages(healthy("smoke"), drop_samples("export_latency_ms_sum"))
    assert histogram(record, LIMITS).reason.endswith("it lacks _count or _sum")
