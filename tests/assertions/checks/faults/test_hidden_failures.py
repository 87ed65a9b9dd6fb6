"""A FAIL seen is a FAIL, whatever else is missing, in every check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assertions import limits as limits_file
from assertions.checks.admission import limits_held
from assertions.checks.admission.rest import rest
from assertions.checks.conduct import behaviour
from assertions.checks.conduct.health import health
from assertions.checks.conduct.status_page import status_page
from assertions.checks.exports import answers
from assertions.checks.exports.files import csv_contents
from assertions.checks.metrics import metrics_page
from assertions.checks.metrics.exported_bytes import bytes_agree
from assertions.checks.metrics.gauges import moved
from assertions.checks.metrics.histogram import histogram
from assertions.checks.metrics.success import success_target
from assertions.checks.performance import throughput
from assertions.judge import judge
from assertions.record.types import Finding
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement
from tests.assertions.cases import none_done, without
from tests.assertions.cases.behaviour import behaving
from tests.assertions.cases.conduct import probes, status
from tests.assertions.cases.contents import fetched
from tests.assertions.cases.instrument import generated
from tests.assertions.healthy.records import (
    changed,
    drop_samples,
    each,
    healthy,
    healthy_run,
    values,
    with_hits,
    with_pages,
    with_scenario,
)

LIMITS = limits_file.load()
Change = Callable[[ScenarioRecord], ScenarioRecord]


def wrong_and_unopened(fmt: str, codes: tuple[str, ...], unopened: int) -> Change:
    """Files that hold other things than were sent, and so many that were not opened."""
    findings = tuple(Finding(code=code, where="record 7", expected="a", found="b") for code in codes)

    def change(record: ScenarioRecord) -> ScenarioRecord:
        mine = [check for check in record.files if check.format == fmt]
        kept = [check for check in record.files if check not in mine[:unopened]]
        wrong = each(
            kept,
            lambda one: (
                {"findings": findings, "finding_count": len(codes)} if one.format == fmt and one in mine[-2:] else None
            ),
        )
        return changed(record, files=wrong)

    return change


def test_files_that_are_wrong_fail_though_others_were_not_opened() -> None:
    """The two that could not be opened are named too."""
    judged = csv_contents(wrong_and_unopened("csv", ("cell",), 2)(healthy("load")), LIMITS)
    done = sum(hit.format == "csv" for hit in healthy("load").done)
    assert judged.status == "FAIL"
    assert judged.reason.startswith(f"2 of {done} csv files do not hold what was sent; 2 more were not opened; leak-")


def test_bytes_that_can_not_be_fail_though_files_are_missing() -> None:
    """The files that were fetched already hold more than was counted."""
    record = fetched(lambda _: {"status": 404, "bytes": 0}, hit="measure-3")(healthy("smoke"))
    assert bytes_agree(record, LIMITS).status == "NO DATA"
    few = with_pages(record, values('export_bytes_total{format="pdf"', lambda value: value / 2))
    judged = bytes_agree(few, LIMITS)
    assert (judged.status, judged.reason.endswith("; 1 more could not be downloaded")) == ("FAIL", True)


def failing_csv(record: ScenarioRecord) -> ScenarioRecord:
    """All csv exports of the load were answered 413."""
    return with_hits(record, lambda hit: {"status": 413} if hit.format == "csv" and hit.phase != "behaviour" else None)


HIDDEN: tuple[tuple[str, Callable[[], Judgement]], ...] = (
    (
        "a page too large, and none after the load",
        lambda: metrics_page.scrapes(
            with_pages(without("after")(healthy("load")), lambda text: text + "# " + "x" * (1 << 20) + "\n"), LIMITS
        ),
    ),
    (
        "a family missing, and no page after the load",
        lambda: metrics_page.coverage(
            with_pages(without("after")(healthy("load")), lambda text: text.replace("export_queue_depth", "queue")),
            LIMITS,
        ),
    ),
    (
        "memory below zero, and no page before the load",
        lambda: moved(
            with_pages(without("before")(healthy("load")), values("export_memory_bytes", lambda _: -1)), LIMITS
        ),
    ),
    (
        "an unknown status, and a family missing",
        lambda: metrics_page.labels_bounded(
            with_pages(
                healthy("load"),
                lambda text: text.replace("export_queue_depth", "queue").replace('format="pdf"', 'format="xls"'),
            ),
            LIMITS,
        ),
    ),
    (
        "six running, read three times",
        lambda: limits_held.concurrency_target(
            {
                "load": with_pages(
                    changed(healthy("load"), scrapes=healthy("load").scrapes[:5]),
                    values("export_concurrent_running", lambda _: 6),
                )
            },
            LIMITS,
        ),
    ),
    (
        "a gauge left, and the other missing",
        lambda: rest(
            with_pages(
                with_pages(healthy("load"), values("export_queue_depth", lambda _: 2)),
                drop_samples("export_concurrent_running"),
            ),
            LIMITS,
        ),
    ),
    (
        "a status page busy, and no metrics page after the load",
        lambda: rest(without("after")(status(concurrentExports=3)(healthy("load"))), LIMITS),
    ),
    (
        "a file from outside, and a probe not made",
        lambda: behaviour.behaviour(
            changed(
                behaving("path-encoded", status=200)(healthy("smoke")),
                hits=tuple(
                    hit
                    for hit in behaving("path-encoded", status=200)(healthy("smoke")).hits
                    if hit.case != "bad-not-json"
                ),
            ),
            LIMITS,
        ),
    ),
    (
        "not well, asked four times",
        lambda: health(
            changed(
                probes("/health", 4, status=503)(healthy("load")),
                health=tuple(
                    one
                    for one in probes("/health", 4, status=503)(healthy("load")).health
                    if one.path == "/health" and one.status == 503
                ),
            ),
            LIMITS,
        ),
    ),
    (
        "a wrong status page, asked twice",
        lambda: status_page(
            changed(
                status(maxConcurrentExports=9)(healthy("load")),
                health=status(maxConcurrentExports=9)(healthy("load")).health[:4],
            ),
            LIMITS,
        ),
    ),
    ("a data set never made, and no file at all", lambda: csv_contents(failing_csv(healthy("load")), LIMITS)),
    (
        "a good request refused, and none done",
        lambda: answers.answers(with_hits(healthy("load"), lambda hit: {"status": 413}), LIMITS),
    ),
    (
        "a broken histogram, and a page without any",
        lambda: histogram(
            with_pages(
                with_pages(
                    healthy("load"), drop_samples('export_latency_ms_bucket{format="csv",size="small",le="+Inf"}')
                ),
                lambda text: text.replace("export_latency_ms", "other_ms"),
                lambda scrape: scrape.moment == "before",
            ),
            LIMITS,
        ),
    ),
    (
        "four of the batch, one refused",
        lambda: throughput.batch(
            changed(
                healthy("batch"),
                hits=each(
                    tuple(hit for hit in healthy("batch").hits if hit.id != "sequence-4"),
                    lambda hit: {"status": 429} if hit.id == "sequence-1" else None,
                ),
            ),
            LIMITS,
        ),
    ),
    (
        "most failed by one scenario's counters, another's can't be read",
        lambda: success_target(
            {
                "smoke": changed(healthy("smoke"), scrapes=()),
                "load": with_pages(
                    healthy("load"),
                    values('export_requests_total{format="csv",status="failed",user="loadtest"}', lambda v: v + 500),
                    lambda scrape: scrape.moment == "after",
                ),
            },
            LIMITS,
        ),
    ),
)


@pytest.mark.parametrize("judged", [judged for _, judged in HIDDEN], ids=[name for name, _ in HIDDEN])
def test_what_is_missing_hides_no_failure(judged: Callable[[], Judgement]) -> None:
    """NO DATA is said only where nothing was seen to fail."""
    assert judged().status == "FAIL", judged().reason


def test_a_scenario_that_can_not_be_read_hides_no_failure_of_another() -> None:
    """Six exports at once in the load fail the run though the batch's record is malformed."""
    six = with_pages(healthy("load"), values("export_concurrent_running", lambda _: 6))
    run = replace(
        healthy_run(),
        scenarios={"smoke": healthy("smoke"), "load": six},
        problems={"batch": "hits.jsonl line 3 is no Hit: x"},
    )
    verdict = next(one for one in judge(run, LIMITS).verdicts if one.id == "concurrency-target")
    assert verdict.status == "FAIL"


@pytest.mark.parametrize(
    ("check", "scenario", "change"),
    [
        ("health", "load", probes("/health", 9, status=503)),
        ("batch", "batch", lambda r: with_hits(r, lambda hit: {"status": 500} if hit.id == "sequence-2" else None)),
        ("success-outside", "load", none_done),
    ],
)
def test_what_no_clock_has_a_part_in_fails_with_an_unfit_generator(check: str, scenario: str, change: Change) -> None:
    """A generator that measured itself excuses slow answers, not wrong ones."""
    run = healthy_run(**{scenario: generated(cpu_ratio=0.99)(change(healthy(scenario)))})
    assert "FAIL" in {one.status for one in judge(run, LIMITS).verdicts if one.id == check}


@pytest.mark.parametrize(
    ("check", "scenario", "change"),
    [
        ("status-page", "load", status(maxConcurrentExports=9)),
        ("rejections", "batch", lambda r: with_hits(r, lambda hit: {"headers": {}} if hit.status == 429 else None)),
        ("leftovers", "load", lambda r: with_scenario(r, grew=("export_1_a.csv",))),
    ],
)
def test_what_needs_no_whole_record_fails_with_a_lost_one(check: str, scenario: str, change: Change) -> None:
    """Requests that are missing in the record excuse counts that differ, not answers that are wrong."""
    run = healthy_run(**{scenario: generated(workers=2, end_marks=1)(change(healthy(scenario)))})
    verdict = next(one for one in judge(run, LIMITS).verdicts if one.id == check and one.scenario == scenario)
    assert verdict.status == "FAIL", verdict.judgement.reason
