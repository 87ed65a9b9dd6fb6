"""Faults reported of the judge itself: a right source that fails, a pass from nothing, a cause unnamed."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.admission import limits_held, refusals
from assertions.checks.catalogue import CHECKS
from assertions.checks.conduct import behaviour
from assertions.checks.conduct.status_page import status_page
from assertions.checks.exports.downloads import downloads
from assertions.checks.exports.files import pdf_contents
from assertions.checks.metrics import counters, metrics_page
from assertions.checks.metrics.exported_bytes import bytes_agree
from assertions.checks.metrics.histogram import sum_agrees
from assertions.checks.performance import latency
from assertions.judge import judge
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.summary import runbook_text
from assertions.verdicts import Judgement, failed_for
from tests.assertions.cases import none_done
from tests.assertions.cases.behaviour import behaving
from tests.assertions.checks.faults.test_hidden_failures import wrong_and_unopened
from tests.assertions.healthy.records import changed, each, healthy, healthy_run, values, with_hits, with_pages

LIMITS = limits_file.load()
Change = Callable[[ScenarioRecord], ScenarioRecord]


# A right source does not fail


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
    """Only `behaviour` fails: what was counted is what was answered."""
    record = accepting(healthy("smoke"), "small", ("bad-columns-twice", "bad-record-null", "bad-title-type"))
    assert behaviour.behaviour(record, LIMITS).status == "FAIL"
    for check in (counters.latency_counts, sum_agrees, bytes_agree):
        assert check(record, LIMITS).status == "PASS", check(record, LIMITS).reason


def test_accepted_requests_of_no_known_format_may_count_under_any() -> None:
    """A body that names no format may be counted as csv or as nothing; neither is held against the counters."""
    names = ("bad-format-missing", "bad-not-json")
    counted = accepting(healthy("smoke"), "small", names)
    not_counted = changed(counted, scrapes=healthy("smoke").scrapes)
    for record in (counted, not_counted):
        for check in (counters.latency_counts, sum_agrees, bytes_agree):
            assert check(record, LIMITS).status == "PASS", check(record, LIMITS).reason


def with_delayed_answers(record: ScenarioRecord, delay_s: float, shown: float) -> ScenarioRecord:
    """Each answer's last byte comes later by so much; the status page says what runs, a share `shown` of the time."""
    late = with_hits(record, lambda hit: {"end": hit.end + delay_s} if hit.status == 200 else None)
    rounds = iter(range(10**6))

    def edit(probe: object) -> dict[str, object] | None:
        body = json.loads(getattr(probe, "answer", None) or "{}")
        if getattr(probe, "path", "") != "/export/status" or getattr(probe, "phase", "") != "measure":
            return None
        reported = 5 if next(rounds) % 10 < 10 * shown else 0
        return {"answer": json.dumps(body | {"concurrentExports": reported, "queueDepth": 0})}

    return changed(late, health=each(late.health, edit))


@pytest.mark.parametrize(("delay_s", "judged"), [(0.0, "FAIL"), (0.6, "PASS")])
def test_an_answer_under_way_is_no_running_export(delay_s: float, judged: str) -> None:
    """Of a request most of which is the answer's way nothing can be said; where the export fills it, it can."""
    record = with_delayed_answers(healthy("load"), delay_s, 0.2)
    assert status_page(record, LIMITS).status == judged


def test_too_few_readings_are_no_comparison() -> None:
    """Gauges are held against exports only where enough readings fell into one."""
    record = healthy("load")
    cut = changed(record, scrapes=tuple(one for one in record.scrapes if one.phase != "measure")[:4])
    judged = limits_held.concurrency_agree(cut, LIMITS)
    assert (judged.status, "8 are needed" in judged.reason) == ("NO DATA", True)


# no pass from nothing


def test_a_histogram_of_failed_probes_is_no_latency_of_large_exports() -> None:
    """Where no 10k export was done the target's own P95 is of nothing that was asked."""
    refused = with_hits(healthy("load"), lambda hit: {"status": 413} if (hit.records or 0) >= 10_000 else None)
    judged = latency.p95_target(refused, LIMITS)
    assert (judged.status, judged.reason) == (
        "NO DATA",
        "no export of 10k records was finished, whatever the target's histogram counts",
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
    run = healthy_run(**{name: none_done(healthy(name)) for name in ("smoke", "load", "batch")})
    said = {(one.id, one.scenario): one.status for one in judge(run, LIMITS).verdicts}
    assert {check for (check, _), word in said.items() if word == "PASS" and check in NOTHING_DONE} == set()
    assert {check.id for check in CHECKS} > NOTHING_DONE


# every kind of fault, the worst first


def test_each_kind_of_fault_of_the_probes_is_reported_worst_first() -> None:
    """Reached outside comes before bad input accepted, before a sentence that names nothing."""
    record = healthy("smoke")
    record = behaving("bad-columns-twice", answer='{"success": false, "error": "no", "timestamp": "x"}')(record)
    record = behaving("bad-title-type", status=200)(behaving("bad-user-type", status=200)(record))
    record = behaving("path-encoded", status=200, answer="root:x:0:0")(record)
    judged = behaviour.behaviour(record, LIMITS)
    assert judged.reason.startswith(
        "4 of 64 behaviour probes went wrong; 3 kinds of faults: (1) path-encoded: status 200,"
    )
    assert [finding.split(":")[0] for finding in judged.findings] == [
        "1 x something outside the exports folder was reached",
        "2 x bad input was accepted",
        "1 x an error answer",
    ]
    assert "(sent 'GET /export/files/%2e%2e%2f" in judged.findings[0]
    assert judged.findings[0].endswith("answered 'root:x:0:0')")
    assert "(2) bad-title-type: " in judged.reason
    assert "(3) bad-columns-twice: `error` must name column" in judged.reason
    text = runbook_text(judge(healthy_run(smoke=record), LIMITS))
    assert all(f"        {finding}\n" in text for finding in judged.findings)


def test_a_missing_retry_after_is_reported_with_a_refusal_within_the_limits() -> None:
    """One fault of a refusal does not hide another."""
    record = with_hits(healthy("batch"), lambda hit: {"headers": {}} if hit.status == 429 else None)
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
    judged = pdf_contents(wrong_and_unopened("pdf", codes, 0)(healthy("smoke")), LIMITS)
    assert [finding.partition(":")[0] for finding in judged.findings] == ["6 x lost", "4 x cell", "2 x pages"]
    assert judged.reason.count(" at record 7, expected 'a', found 'b'") == 3


def test_a_compressed_file_names_its_cause() -> None:
    """What a gzip layer breaks is reported as gzip by `downloads`."""
    record = healthy("smoke")
    zipped = each(record.fetches, lambda one: {"headers": {**one.headers, "content-encoding": "gzip"}})
    assert "came compressed (Content-Encoding: gzip) though identity was requested" in (
        downloads(changed(record, fetches=zipped), LIMITS).reason
    )
    identity = each(record.fetches, lambda one: {"headers": {**one.headers, "content-encoding": "identity"}})
    assert downloads(changed(record, fetches=identity), LIMITS).status == "PASS"


def test_a_burst_that_was_refused_is_reported_as_such() -> None:
    """Of twenty at once only five were let in: the burst was sent, and says why nothing can be seen in it."""
    refused = with_hits(
        healthy("batch"), lambda hit: {"status": 413} if hit.phase == "burst" and hit.index not in range(5) else None
    )
    judged = limits_held.concurrency_outside({"batch": refused}, LIMITS)
    assert (judged.status, judged.reason) == (
        "NO DATA",
        "of 20 exports requested at once 5 were finished, the others ended with 413; "
        "10 exports finished of one burst are needed to see how many run at once",
    )


def test_all_missing_families_are_named() -> None:
    """An author who lacks three mends them in one round."""
    bare = with_pages(
        healthy("smoke"),
        lambda text: "".join(
            line
            for line in text.splitlines(keepends=True)
            if "export_queue_depth" not in line and "export_fail_total" not in line
        ),
    )
    judged = metrics_page.coverage(bare, LIMITS)
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
