"""Examples of what went wrong: the first bad request, each kind once and the worst first, with the kept file."""

from __future__ import annotations

from dataclasses import replace as with_fields

from msgspec.structs import replace

from assertions.judge import judge
from assertions.record.run import Run
from assertions.record.types import FileCheck, Finding, Hit
from assertions.record.view import ScenarioRecord
from evidence.reports.examples import MOST, Found, find
from tests.assertions.healthy.records import changed, healthy, healthy_run, with_hits
from tests.evidence.sample_reports import LIMITS


def found_in(record: ScenarioRecord) -> dict[tuple[str, str], Found]:
    """What is found in a healthy run with this record in the place of its own."""
    run: Run = with_fields(healthy_run(), scenarios={**healthy_run().scenarios, record.name: record})
    return find(run, judge(run, LIMITS), LIMITS)


def broken(check: FileCheck, *codes: str, kept: str | None) -> FileCheck:
    """An entry of a file that has one finding of each kind."""
    findings = tuple(Finding(code=code, where="row 17", expected="Ada", found="") for code in codes)
    kinds = dict.fromkeys(codes, 1)
    return replace(check, findings=findings, finding_count=len(codes), kinds=kinds, kept=kept)


def test_a_healthy_run_has_none() -> None:
    """Where everything passes there is nothing to show."""
    assert {key: one for key, one in find(healthy_run(), judge(healthy_run(), LIMITS), LIMITS).items() if one} == {}


def test_each_kind_of_broken_file_once_the_worst_first() -> None:
    """Of four kinds the three worst are shown, with what was asked, what came, and a kept file where there is one."""
    record = healthy("load")
    checks = list(record.files)
    places = [index for index, check in enumerate(checks) if check.format == "csv"]
    checks[places[3]] = broken(checks[places[3]], "cell", "header", kept=None)
    checks[places[5]] = broken(checks[places[5]], "lost", "cell", "order", kept="kept/one.csv")
    found = found_in(changed(record, files=tuple(checks)))["load", "csv-contents"]
    first, second = (next(hit for hit in record.hits if hit.id == checks[places[at]].hit) for at in (3, 5))
    assert [example.kind for example in found.examples] == [
        f"lost in 1 of {len(places)} csv files",
        f"cell in 2 of {len(places)} csv files",
        f"order in 1 of {len(places)} csv files",
    ]
    assert len(found.examples) == MOST
    lost = found.examples[0]
    assert (lost.kept, lost.case, lost.path) == ("load/kept/one.csv", second.case, "POST /export/run")
    assert lost.asked == f"POST /export/run, {second.case} ({second.id}); row 17: 'Ada'"
    assert lost.came == "''"
    assert found.since.endswith(min((first, second), key=lambda hit: hit.start).id)


def test_failed_requests_by_kind() -> None:
    """Requests that failed are grouped by what came, the most frequent first; the earliest of all is the first."""
    record = healthy("smoke")
    ordered = sorted(record.exports, key=lambda hit: hit.start)
    chosen = {hit.id for hit in ordered[2:]}
    bad = with_hits(
        record,
        lambda hit: {"status": 500, "answer": '{"error": "full"}'} if hit.id in chosen else None,
    )
    found = found_in(bad)["run", "success-outside"]
    assert found.examples[0].kind.startswith(f"{len(chosen)} requests answered 500, the first after ")
    assert '"full"' in found.examples[0].came
    assert found.since.endswith(ordered[2].id)


def test_slow_requests() -> None:
    """Of a latency that breaks its limit the first export beyond the limit is the first bad request."""
    record = healthy("load")

    def slow(hit: Hit) -> dict[str, float] | None:
        return {"end": hit.start + 31.0} if (hit.records or 0) >= 10_000 else None

    found = found_in(with_hits(record, slow))["load", "latency-outside"]
    assert "31 s" in found.examples[0].kind
    assert found.examples[0].case.endswith("10k")


def test_a_download_that_fails_is_shown_itself() -> None:
    """Of a file that can't be fetched the example is the download, not the export that was answered 200."""
    record = healthy("smoke")
    first = next(fetch for fetch in record.fetches if fetch.purpose == "file")
    gone = tuple(
        replace(fetch, status=404, bytes=9, sha256=None) if fetch.hit == first.hit else fetch
        for fetch in record.fetches
    )
    example = found_in(changed(record, fetches=gone))["smoke", "downloads"].examples[0]
    assert example.path == f"GET {first.path}"
    assert example.asked.startswith(f"GET {first.path}, the file of ")
    assert example.came.startswith("answered 404, 9 bytes")
