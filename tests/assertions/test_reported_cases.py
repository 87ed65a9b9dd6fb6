"""Faults reported of the judge itself: a FAIL hidden, a witness accused, a pass from nothing, a cause unnamed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.bundle import ScenarioRecord
from assertions.checks import CHECKS, admission, conduct, contents, counters, latency, metrics, pace, refusals
from assertions.judge import judge
from assertions.records import Finding, Hit
from assertions.summary import runbook_text
from assertions.verdicts import Judgement, failed_for

from .cases import none_done, without
from .cases.conduct import behaving, generated, probes, status
from .cases.contents import fetched
from .honest import changed, drop_samples, each, honest, honest_run, values, with_hits, with_pages, with_scenario

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


# a FAIL seen is a FAIL, whatever else is missing


def test_files_that_are_wrong_fail_though_others_were_not_opened() -> None:
    """The two that could not be opened are named beside."""
    judged = contents.csv_contents(wrong_and_unopened("csv", ("cell",), 2)(honest("load")), LIMITS)
    done = sum(hit.format == "csv" for hit in honest("load").done)
    assert judged.status == "FAIL"
    assert judged.reason.startswith(f"2 of {done} csv files do not hold what was sent; 2 more were not opened; leak-")


def test_bytes_that_can_not_be_fail_though_files_are_missing() -> None:
    """The files that were fetched alone hold more than was counted."""
    record = fetched(lambda _: {"status": 404, "bytes": 0}, hit="measure-3")(honest("smoke"))
    assert counters.bytes_agree(record, LIMITS).status == "NO DATA"
    few = with_pages(record, values('export_bytes_total{format="pdf"', lambda value: value / 2))
    judged = counters.bytes_agree(few, LIMITS)
    assert (judged.status, judged.reason.endswith("; 1 more could not be fetched")) == ("FAIL", True)


def failing_csv(record: ScenarioRecord) -> ScenarioRecord:
    """All csv exports of the load were answered 413."""
    return with_hits(record, lambda hit: {"status": 413} if hit.format == "csv" and hit.phase != "behaviour" else None)


HIDDEN: tuple[tuple[str, Callable[[], Judgement]], ...] = (
    (
        "a page too large, and none after the load",
        lambda: metrics.scrapes(
            with_pages(without("after")(honest("load")), lambda text: text + "# " + "x" * (1 << 20) + "\n"), LIMITS
        ),
    ),
    (
        "a family missing, and no page after the load",
        lambda: metrics.coverage(
            with_pages(without("after")(honest("load")), lambda text: text.replace("export_queue_depth", "queue")),
            LIMITS,
        ),
    ),
    (
        "memory below zero, and no page before the load",
        lambda: metrics.moved(
            with_pages(without("before")(honest("load")), values("export_memory_bytes", lambda _: -1)), LIMITS
        ),
    ),
    (
        "an unknown status, and a family missing",
        lambda: metrics.labels_bounded(
            with_pages(
                honest("load"),
                lambda text: text.replace("export_queue_depth", "queue").replace('format="pdf"', 'format="xls"'),
            ),
            LIMITS,
        ),
    ),
    (
        "six running, read three times",
        lambda: admission.concurrency_target(
            {
                "load": with_pages(
                    changed(honest("load"), scrapes=honest("load").scrapes[:5]),
                    values("export_concurrent_running", lambda _: 6),
                )
            },
            LIMITS,
        ),
    ),
    (
        "a gauge left, and the other missing",
        lambda: admission.rest(
            with_pages(
                with_pages(honest("load"), values("export_queue_depth", lambda _: 2)),
                drop_samples("export_concurrent_running"),
            ),
            LIMITS,
        ),
    ),
    (
        "a status page busy, and no metrics page after the load",
        lambda: admission.rest(without("after")(status(concurrentExports=3)(honest("load"))), LIMITS),
    ),
    (
        "a file from outside, and a probe not made",
        lambda: conduct.behaviour(
            changed(
                behaving("path-encoded", status=200)(honest("smoke")),
                hits=tuple(
                    hit
                    for hit in behaving("path-encoded", status=200)(honest("smoke")).hits
                    if hit.case != "bad-not-json"
                ),
            ),
            LIMITS,
        ),
    ),
    (
        "not well, asked four times",
        lambda: conduct.health(
            changed(
                probes("/health", 4, status=503)(honest("load")),
                health=tuple(
                    one
                    for one in probes("/health", 4, status=503)(honest("load")).health
                    if one.path == "/health" and one.status == 503
                ),
            ),
            LIMITS,
        ),
    ),
    (
        "a wrong status page, asked twice",
        lambda: conduct.status_page(
            changed(
                status(maxConcurrentExports=9)(honest("load")),
                health=status(maxConcurrentExports=9)(honest("load")).health[:4],
            ),
            LIMITS,
        ),
    ),
    ("a data set never made, and no file at all", lambda: contents.csv_contents(failing_csv(honest("load")), LIMITS)),
    (
        "a good request refused, and none done",
        lambda: contents.answers(with_hits(honest("load"), lambda hit: {"status": 413}), LIMITS),
    ),
    (
        "a broken histogram, and a page without any",
        lambda: latency.histogram(
            with_pages(
                with_pages(
                    honest("load"), drop_samples('export_latency_ms_bucket{format="csv",size="small",le="+Inf"}')
                ),
                lambda text: text.replace("export_latency_ms", "other_ms"),
                lambda scrape: scrape.moment == "before",
            ),
            LIMITS,
        ),
    ),
    (
        "four of the batch, one refused",
        lambda: pace.batch(
            changed(
                honest("batch"),
                hits=each(
                    tuple(hit for hit in honest("batch").hits if hit.id != "sequence-4"),
                    lambda hit: {"status": 429} if hit.id == "sequence-1" else None,
                ),
            ),
            LIMITS,
        ),
    ),
    (
        "most failed by one scenario's counters, another's can't be read",
        lambda: counters.success_target(
            {
                "smoke": changed(honest("smoke"), scrapes=()),
                "load": with_pages(
                    honest("load"),
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
    six = with_pages(honest("load"), values("export_concurrent_running", lambda _: 6))
    run = replace(
        honest_run(),
        scenarios={"smoke": honest("smoke"), "load": six},
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
def test_what_no_clock_has_a_part_in_fails_beside_an_unfit_generator(check: str, scenario: str, change: Change) -> None:
    """A generator that measured itself excuses slow answers, not wrong ones."""
    run = honest_run(**{scenario: generated(cpu_ratio=0.99)(change(honest(scenario)))})
    assert "FAIL" in {one.status for one in judge(run, LIMITS).verdicts if one.id == check}


@pytest.mark.parametrize(
    ("check", "scenario", "change"),
    [
        ("status-page", "load", status(maxConcurrentExports=9)),
        ("rejections", "batch", lambda r: with_hits(r, lambda hit: {"headers": {}} if hit.status == 429 else None)),
        ("leftovers", "load", lambda r: with_scenario(r, grew=("export_1_a.csv",))),
    ],
)
def test_what_needs_no_whole_record_fails_beside_a_lost_one(check: str, scenario: str, change: Change) -> None:
    """Requests that are missing in the record excuse counts that differ, not answers that are wrong."""
    run = honest_run(**{scenario: generated(workers=2, end_marks=1)(change(honest(scenario)))})
    verdict = next(one for one in judge(run, LIMITS).verdicts if one.id == check and one.scenario == scenario)
    assert verdict.status == "FAIL", verdict.judgement.reason


# a right witness is not accused


def accepting(record: ScenarioRecord, size: str, names: tuple[str, ...]) -> ScenarioRecord:
    """Bad bodies were answered as finished exports of one record, and the target counts them as such."""

    def edit(hit: Hit) -> dict[str, object] | None:
        if hit.case not in names:
            return None
        result = {"success": True, "bytes": 10, "filename": "exports/export_1_a.csv"}
        body = {"success": True, "result": result, "processingTime": 3.0, "records": 1}
        return {"status": 200, "answer": json.dumps(body)}

    count = len(names)
    bumps = {
        'export_requests_total{format="csv",status="started",user="loadtest"}': float(count),
        'export_requests_total{format="csv",status="succeeded",user="loadtest"}': float(count),
        f'export_latency_ms_count{{format="csv",size="{size}"}}': float(count),
        f'export_latency_ms_sum{{format="csv",size="{size}"}}': 3.0 * count,
        f'export_latency_ms_bucket{{format="csv",size="{size}"': float(count),
        'export_bytes_total{format="csv",status="success"}': 10.0 * count,
    }
    odd = with_hits(record, edit)
    for series, more in bumps.items():
        odd = with_pages(odd, values(series, lambda value, more=more: value + more), lambda s: s.moment == "after")  # type: ignore[misc]
    gone = values('export_requests_total{format="csv",status="rejected"', lambda value: value - count)
    return with_pages(odd, gone, lambda scrape: scrape.moment == "after")


def test_accepted_bad_input_is_no_reason_to_call_right_counters_wrong() -> None:
    """`behaviour` fails alone: what was counted is what was answered."""
    record = accepting(honest("smoke"), "small", ("bad-columns-twice", "bad-record-null", "bad-title-type"))
    assert conduct.behaviour(record, LIMITS).status == "FAIL"
    for check in (counters.latency_counts, latency.sum_agrees, counters.bytes_agree):
        assert check(record, LIMITS).status == "PASS", check(record, LIMITS).reason


def test_accepted_requests_of_no_known_format_may_count_under_any() -> None:
    """A body that names no format may be counted as csv or as nothing; neither is held against the counters."""
    names = ("bad-format-missing", "bad-not-json")
    counted = accepting(honest("smoke"), "small", names)
    not_counted = changed(counted, scrapes=honest("smoke").scrapes)
    for record in (counted, not_counted):
        for check in (counters.latency_counts, latency.sum_agrees, counters.bytes_agree):
            assert check(record, LIMITS).status == "PASS", check(record, LIMITS).reason


def with_delayed_answers(record: ScenarioRecord, delay_s: float, shown: float) -> ScenarioRecord:
    """Each answer's last byte comes later by so much; the status page tells what runs, a share `shown` of the time."""
    late = with_hits(record, lambda hit: {"end": hit.end + delay_s} if hit.status == 200 else None)
    rounds = iter(range(10**6))

    def edit(probe: object) -> dict[str, object] | None:
        body = json.loads(getattr(probe, "answer", None) or "{}")
        if getattr(probe, "path", "") != "/export/status" or getattr(probe, "phase", "") != "measure":
            return None
        told = 5 if next(rounds) % 10 < 10 * shown else 0
        return {"answer": json.dumps(body | {"concurrentExports": told, "queueDepth": 0})}

    return changed(late, health=each(late.health, edit))


@pytest.mark.parametrize(("delay_s", "judged"), [(0.0, "FAIL"), (0.6, "PASS")])
def test_an_answer_under_way_is_no_running_export(delay_s: float, judged: str) -> None:
    """Of a request most of which is the answer's way nothing can be told; where the export fills it, it can."""
    record = with_delayed_answers(honest("load"), delay_s, 0.2)
    assert conduct.status_page(record, LIMITS).status == judged


def test_too_few_readings_are_no_comparison() -> None:
    """Gauges are held against exports only where enough readings fell into one."""
    record = honest("load")
    cut = changed(record, scrapes=tuple(one for one in record.scrapes if one.phase != "measure")[:4])
    judged = admission.concurrency_agree(cut, LIMITS)
    assert (judged.status, "8 are needed" in judged.reason) == ("NO DATA", True)


# no pass from nothing


def test_a_histogram_of_failed_probes_is_no_latency_of_large_exports() -> None:
    """Where no 10k export was done the target's own P95 is of nothing that was asked."""
    refused = with_hits(honest("load"), lambda hit: {"status": 413} if (hit.records or 0) >= 10_000 else None)
    judged = latency.p95_target(refused, LIMITS)
    assert (judged.status, judged.reason) == (
        "NO DATA",
        "no export of 10k records was done, whatever the target's histogram counts",
    )


NOTHING_DONE = {
    "concurrency-target",
    "concurrency-outside",
    "queue-target",
    "queue-outside",
    "rest",
    "latency-counts",
    "bytes-agree",
    "memory-gauge",
    "memory-agree",
    "throughput-gauge",
    "names",
    "downloads",
    "latency-outside",
    "latency-target",
    "throughput",
    "drift",
    "moved",
}


def test_where_no_export_was_done_nothing_of_exports_passes() -> None:
    """Each check of what exports do says FAIL or NO DATA where there was none."""
    run = honest_run(**{name: none_done(honest(name)) for name in ("smoke", "load", "batch")})
    said = {(one.id, one.scenario): one.status for one in judge(run, LIMITS).verdicts}
    assert {check for (check, _), word in said.items() if word == "PASS" and check in NOTHING_DONE} == set()
    assert {check.id for check in CHECKS} > NOTHING_DONE


# every kind of fault, the worst first


def test_each_kind_of_fault_of_the_probes_is_told_worst_first() -> None:
    """Reached outside comes before bad input accepted, before a sentence that names nothing."""
    record = honest("smoke")
    record = behaving("bad-columns-twice", answer='{"success": false, "error": "no", "timestamp": "x"}')(record)
    record = behaving("bad-title-type", status=200)(behaving("bad-user-type", status=200)(record))
    record = behaving("path-encoded", status=200, answer="root:x:0:0")(record)
    judged = conduct.behaviour(record, LIMITS)
    assert judged.reason.startswith(
        "4 of 62 behaviour probes went wrong; 3 kinds of faults: (1) path-encoded: status 200,"
    )
    assert [finding.split(":")[0] for finding in judged.findings] == [
        "1 x something outside the exports folder was reached",
        "2 x bad input was accepted",
        "1 x an error answer",
    ]
    assert "(asked 'GET /export/files/%2e%2e%2f" in judged.findings[0]
    assert judged.findings[0].endswith("came 'root:x:0:0')")
    assert "(2) bad-title-type: " in judged.reason
    assert "(3) bad-columns-twice: `error` must name column" in judged.reason
    text = runbook_text(judge(honest_run(smoke=record), LIMITS))
    assert all(f"        {finding}\n" in text for finding in judged.findings)


def test_a_missing_retry_after_is_told_beside_a_refusal_within_the_limits() -> None:
    """One fault of a refusal does not hide another."""
    record = with_hits(honest("batch"), lambda hit: {"headers": {}} if hit.status == 429 else None)
    record = with_hits(record, lambda hit: {"status": 429, "headers": {}} if hit.id == "sequence-0" else None)
    judged = refusals.rejections(record, LIMITS)
    assert [finding.partition(" x ")[2].partition(":")[0] for finding in judged.findings] == [
        "refused within the limits",
        "no usable Retry-After",
        "an incomplete answer",
    ]


def test_each_kind_of_finding_in_files_is_named_once_with_its_count() -> None:
    """Pages too many do not hide letters destroyed and records lost."""
    codes = ("pages", "cell", "lost", "lost", "cell", "lost")
    judged = contents.pdf_contents(wrong_and_unopened("pdf", codes, 0)(honest("smoke")), LIMITS)
    assert [finding.partition(":")[0] for finding in judged.findings] == ["6 x lost", "4 x cell", "2 x pages"]
    assert judged.reason.count(" at record 7, expected 'a', found 'b'") == 3


def test_a_compressed_file_names_its_cause() -> None:
    """What a gzip layer breaks is told as gzip by `downloads`."""
    record = honest("smoke")
    zipped = each(record.fetches, lambda one: {"headers": {**one.headers, "content-encoding": "gzip"}})
    assert "came compressed (Content-Encoding: gzip) though identity was asked" in (
        contents.downloads(changed(record, fetches=zipped), LIMITS).reason
    )
    identity = each(record.fetches, lambda one: {"headers": {**one.headers, "content-encoding": "identity"}})
    assert contents.downloads(changed(record, fetches=identity), LIMITS).status == "PASS"


def test_a_burst_that_was_refused_is_told_as_such() -> None:
    """Of twenty at once only five were let in: the burst was sent, and says why nothing can be seen in it."""
    refused = with_hits(
        honest("batch"), lambda hit: {"status": 413} if hit.phase == "burst" and hit.index not in range(5) else None
    )
    judged = admission.concurrency_outside({"batch": refused}, LIMITS)
    assert (judged.status, judged.reason) == (
        "NO DATA",
        "of 20 exports asked for at once 5 were done, the others were answered 413; "
        "10 exports done at once are needed to see how many run",
    )


def test_all_missing_families_are_named() -> None:
    """An author who lacks three mends them in one round."""
    bare = with_pages(
        honest("smoke"),
        lambda text: "".join(
            line
            for line in text.splitlines(keepends=True)
            if "export_queue_depth" not in line and "export_fail_total" not in line
        ),
    )
    judged = metrics.coverage(bare, LIMITS)
    assert (judged.status, judged.reason) == (
        "FAIL",
        "export_queue_depth, export_fail_total are missing (before load)",
    )


def test_one_fault_stays_one_sentence() -> None:
    """Findings are told apart only where there are kinds; without any there is nothing to fail for."""
    assert failed_for([("a", "x is wrong")]).reason == "x is wrong"
    assert failed_for([("a", "x is wrong"), ("a", "y is wrong")], head="two; ").reason == (
        "two; x is wrong (and 1 more like it)"
    )
    assert failed_for([("a", "x"), ("b", "y" * 200)]).reason == f"2 kinds of faults: (1) x; (2) {'y' * 150}…"
    assert failed_for([("a", "x"), ("b", "y" * 200)]).findings == ("1 x a: x", f"1 x b: {'y' * 200}")
    with pytest.raises(ValueError, match="nothing is wrong"):
        failed_for([])
    assert msgspec.json.decode(msgspec.json.encode(failed_for([("a", "x"), ("b", "y")])), type=Judgement).findings
