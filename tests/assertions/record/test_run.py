"""Reading a run directory: what is whole comes back equal, what is broken is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assertions.record.files import read_lines, read_one, write_lines, write_one
from assertions.record.run import load_run, load_scenario
from assertions.record.scrapes import read_scrapes
from assertions.record.types import Hit, RecordError, Scenario
from assertions.record.view import InFlight, as_object
from assertions.verdicts import SCENARIOS
from tests.assertions.healthy.recorder import START
from tests.assertions.healthy.records import changed, each, from_files, healthy, healthy_run, write_run

KINDS = ("hits", "fetches", "files", "scrapes", "probes", "health")
HIT = healthy("smoke").hits[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run directory with the smoke scenario only."""
    run = healthy_run()
    return write_run(replace(run, scenarios={"smoke": run.scenarios["smoke"]}), tmp_path)


def test_a_run_directory_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """All records of all scenarios, and the tools' results, survive the disk."""
    run = healthy_run()
    read = load_run(write_run(run, tmp_path), SCENARIOS)
    assert dict(read.scenarios) == {name: from_files(record) for name, record in run.scenarios.items()}
    assert (read.problems, read.promtool, read.dashboard) == ({}, run.promtool, run.dashboard)


def test_records_are_read_in_order_of_time(folder: Path) -> None:
    """Lines that several threads wrote out of turn are sorted."""
    for kind in ("scrapes", "probes", "health"):
        path = folder / "smoke" / f"{kind}.jsonl"
        path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    assert load_scenario(folder / "smoke") == from_files(healthy("smoke"), queries=None, log=None)


def test_a_log_and_queries_that_are_not_there_are_unknown(folder: Path) -> None:
    """Without a captured log, or with queries that can't be read, a record has neither, and is read all the same."""
    (folder / "smoke-service.log").unlink()
    (folder / "queries.json").write_text("{")
    assert load_run(folder, SCENARIOS).scenarios["smoke"] == from_files(healthy("smoke"), queries=None, log=None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named(folder: Path, kind: str) -> None:
    """Without one of its files a scenario can't be judged, and the reason says which."""
    path = folder / "smoke" / f"{kind}.jsonl"
    path.unlink()
    run = load_run(folder, SCENARIOS)
    assert run.problems == {"smoke": f"smoke/{path.name} is missing; run its scenario again"}
    assert run.scenarios == {}


@pytest.mark.parametrize("name", ["scenario.json", "plan.json"])
@pytest.mark.parametrize(("text", "said"), [(None, "is missing; run its scenario again"), ("{", "is no ")])
def test_a_broken_document_is_named(folder: Path, name: str, text: str | None, said: str) -> None:
    """A document that is missing, or is none, is a problem of its scenario."""
    path = folder / "smoke" / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert load_run(folder, SCENARIOS).problems["smoke"].startswith(f"smoke/{name} {said}")


@pytest.mark.parametrize("name", ["scenario.json", "hits.jsonl"])
def test_a_file_that_can_not_be_opened_is_named(folder: Path, name: str) -> None:
    """A folder in a file's place is a problem that is reported, not a traceback."""
    path = folder / "smoke" / name
    path.unlink()
    path.mkdir()
    assert load_run(folder, SCENARIOS).problems["smoke"] == f"smoke/{name} can't be read: Is a directory"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", [b"{}", b"not json", b"", b'{"id": "\xff"}', b"null"])
def test_a_broken_line_is_named_by_file_and_number(folder: Path, kind: str, line: bytes) -> None:
    """The first line that is no record is reported with its number."""
    path = folder / "smoke" / f"{kind}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], line + b"\n", *lines[3:]]))
    assert load_run(folder, SCENARIOS).problems["smoke"].startswith(f"{kind}.jsonl line 4 is no ")


def test_a_key_that_no_record_has_is_refused(folder: Path) -> None:
    """Records are closed against unknown keys, so that a newer format is not half understood."""
    path = folder / "smoke" / "hits.jsonl"
    first = json.loads(path.read_text().splitlines()[0]) | {"colour": "red"}
    path.write_text(json.dumps(first) + "\n")
    with pytest.raises(RecordError, match=r"hits\.jsonl line 1 is no Hit: Object contains unknown field `colour`"):
        load_scenario(folder / "smoke")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """No folder, no run."""
    with pytest.raises(RecordError, match=r"none is no run directory; make one with `export-at-scale run"):
        load_run(tmp_path / "none", SCENARIOS)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"ok": true}'])
def test_a_tools_result_that_can_not_be_read_is_none(folder: Path, text: str | None) -> None:
    """A result file that is missing or broken counts as not there."""
    (folder / "promtool.json").unlink()
    if text is not None:
        (folder / "promtool.json").write_text(text)
    assert load_run(folder, SCENARIOS).promtool is None


times = st.floats(0, 4_000_000_000, allow_nan=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(times, texts, st.none() | st.integers(100, 599)), max_size=5), st.dictionaries(texts, texts))
def test_hits_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str, int | None]], headers: dict[str, str]
) -> None:
    """Any hits come back equal from a file, line breaks and odd signs in them included."""
    path = tmp_path_factory.mktemp("hits") / "hits.jsonl"
    hits = [
        msgspec.structs.replace(HIT, start=start, answer=answer, status=status, headers=headers)
        for start, answer, status in rows
    ]
    write_lines(path, hits)
    assert list(read_lines(path, Hit)) == hits


def test_one_record_round_trips(tmp_path: Path) -> None:
    """A document comes back equal, and is written for people to read."""
    scenario = healthy("load").scenario
    write_one(tmp_path / "scenario.json", scenario)
    assert read_one(tmp_path / "scenario.json", Scenario) == scenario
    assert (tmp_path / "scenario.json").read_text().startswith('{\n  "name": "load",\n')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        (None, None),
        ("", None),
        ("{", None),
        ("[1]", None),
        ("5", None),
        ("[" * 100_000, None),
    ],
)
def test_only_a_json_object_is_one(text: str | None, expected: dict[str, int] | None) -> None:
    """Anything else, however deep, is None."""
    assert as_object(text) == expected


spans = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=12)


@settings(deadline=None)
@given(spans, st.integers(0, 25), st.integers(0, 6))
def test_requests_under_way_against_counting_them_one_by_one(
    given_spans: list[tuple[int, int]], start: int, length: int
) -> None:
    """At a moment, at most and at least in a stretch: equal to counting each quarter second of a Unix time."""
    hits = [msgspec.structs.replace(HIT, start=START + begin, end=START + begin + took) for begin, took in given_spans]
    flight, end = InFlight(hits), start + length

    def at(moment: float) -> int:
        return sum(hit.start <= moment <= hit.end for hit in hits)

    quarters = [START + start + step / 4 for step in range(4 * length + 1)]
    assert flight.at(START + start) == at(START + start)
    assert flight.least(START + start, START + end) == min(map(at, quarters))
    touching = [hit for hit in hits if hit.start <= START + end and hit.end >= START + start]
    assert flight.most(START + start, START + end) == len(touching)


def test_the_slack_counts_requests_that_have_just_ended() -> None:
    """A gauge may lag, so a request counts a little longer than its client saw it."""
    flight = InFlight([msgspec.structs.replace(HIT, start=START, end=START + 1)])
    assert [flight.most(START + 1.25, START + 2, slack) for slack in (0.0, 0.25, 0.5)] == [0, 1, 1]
    assert flight.most(START + 1.5, START + 2, 0.25) == 0


def test_pages_are_those_that_were_answered() -> None:
    """A scrape that failed is no page; the last before and the last after are the ones compared."""
    record = healthy("smoke")
    failing = changed(
        record, scrapes=each(record.scrapes, lambda one: {"status": 500} if one is record.scrapes[-1] else None)
    )
    assert len(failing.pages) == len(record.pages) - 1
    assert failing.after is failing.pages[-1].page
    assert failing.pages[-1].scrape is record.scrapes[-2]
    assert record.before is record.pages[1].page


def test_a_counter_that_was_not_there_before_counts_from_zero() -> None:
    """A counter changes even where its series came with the first request; None where it never came."""
    record = healthy("smoke")
    assert record.delta("export_requests_total", status="succeeded") == 74
    assert record.delta("export_requests_total", status="succeeded", format="xml") is None
    assert changed(record, scrapes=()).delta("export_requests_total") is None


def test_a_phase_is_found_by_its_name() -> None:
    """Phases that did not run are None."""
    record = healthy("load")
    leak = record.phase("leak")
    assert (leak is not None and leak.recorded, record.phase("burst")) == (120, None)


def test_what_is_read_after_clients_hung_up_is_left_out(tmp_path: Path) -> None:
    """Pages and samples from then on count requests of which nobody knows how they end; they are not judged."""
    record = healthy("smoke")
    gone = record.phase("disconnects")
    assert gone is not None
    late = msgspec.structs.replace(record.scrapes[-1], start=gone.start + 0.1, end=gone.start + 0.2)
    run = healthy_run(smoke=changed(record, scrapes=(*record.scrapes, late)))
    read = load_scenario(write_run(run, tmp_path) / "smoke")
    assert (read.scrapes, read.hits) == (read_scrapes(record.scrapes).scrapes, record.hits)
    assert not any(hit.phase == "disconnects" for hit in read.posts)


def test_pages_stay_and_their_text_goes(tmp_path: Path) -> None:
    """Read from files, each page is what it is in memory; of the texts only the last page's stays."""
    record = healthy("load")
    read = load_scenario(write_run(healthy_run(load=record), tmp_path) / "load")
    assert [timed.page.errors for timed in read.pages] == [timed.page.errors for timed in record.pages]
    for mine, theirs in zip(read.pages, record.pages, strict=True):
        assert mine.page.families == theirs.page.families
        assert mine.bytes == len(theirs.scrape.text.encode())
    assert [scrape.text for scrape in read.scrapes[:-1]] == [""] * (len(record.scrapes) - 1)
    assert read.pages[-1].scrape.text == record.scrapes[-1].text != ""
