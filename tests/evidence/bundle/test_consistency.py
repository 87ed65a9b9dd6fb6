"""Raw files held against each other: the record of a healthy run fits, and one edited value does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_fields
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from assertions.record.files import read_lines, read_one, write_lines, write_one
from assertions.record.types import Fetch, FileCheck, HealthProbe, Hit, Plan, Probe, Record, Scenario, Scrape
from assertions.verdicts import SCENARIOS
from evidence.bundle.consistency import checked
from evidence.collect.machine import NAME, MachineSample
from tests.assertions.healthy.records import healthy, healthy_run, write_run

R = TypeVar("R", bound=Record)
Edit = Callable[[Any], Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A healthy run; read it, don't change it."""
    folder = tmp_path_factory.mktemp("healthy")
    write_run(healthy_run(), folder)
    return folder


@pytest.fixture
def smoke(tmp_path: Path) -> Path:
    """A healthy record of smoke, to be edited."""
    write_run(with_fields(healthy_run(), scenarios={"smoke": healthy("smoke")}), tmp_path)
    return tmp_path / "smoke"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_healthy_record_fits(run: Path, name: str) -> None:
    """Nothing is found in what recorders write."""
    assert checked(run / name) == []


def edit_line(file: Path, kind: type[R], number: int, fields: dict[str, Any]) -> None:
    """Change fields of one line."""
    lines = list(read_lines(file, kind))
    lines[number] = replace(lines[number], **fields)
    write_lines(file, lines)


@pytest.mark.parametrize(
    ("name", "kind", "fields", "words"),
    [
        ("hits", Hit, {"id": "measure-1"}, "measure-1 is there twice"),
        ("hits", Hit, {"index": 99_999}, "is request 99999 of the phase"),
        ("hits", Hit, {"phase": "nobody"}, "is request"),
        ("hits", Hit, {"end": 0.0}, "does not lie within the time of its phase"),
        ("hits", Hit, {"end": 9e9}, "does not lie within the time of its phase"),
        ("hits", Hit, {"intended": 9e9}, "started before it was to start"),
        ("hits", Hit, {"status": None}, "has neither a status nor an error"),
        ("hits", Hit, {"records": 7}, "has records 7, the plan"),
        ("hits", Hit, {"tag": "T123456789"}, "has tag 'T123456789', the plan"),
        ("hits", Hit, {"bytes_sent": 7}, "bytes, another request of csv-1k 7"),
        ("fetches", Fetch, {"hit": "nobody"}, "nobody is not in hits.jsonl"),
        ("fetches", Fetch, {"start": 1.0}, "was fetched before its export was answered"),
        ("fetches", Fetch, {"path": "/elsewhere"}, "asked for /elsewhere, its answer names"),
        ("fetches", Fetch, {"bytes": 7}, "is not the one that was fetched"),
        ("fetches", Fetch, {"sha256": "x"}, "SHA-256 x"),
        ("files", FileCheck, {"hit": "nobody"}, "nobody is not in hits.jsonl"),
        ("files", FileCheck, {"bytes": 7}, "is not the one that was fetched: 7 and"),
        ("files", FileCheck, {"records": 7}, "which was not asked for"),
        ("files", FileCheck, {"finding_count": -1}, "are not as many as it says"),
        ("files", FileCheck, {"kept": "kept/none.csv"}, "is kept as kept/none.csv"),
        ("scrapes", Scrape, {"end": 0.0}, "line 1 does not lie within the scenario's time"),
        ("scrapes", Scrape, {"error": "timeout"}, "line 1 has neither a status nor an error, or both"),
        ("scrapes", Scrape, {"phase": "nobody"}, "line 1 is of the phase nobody, which there is not"),
        ("health", HealthProbe, {"start": 0.0}, "line 1 does not lie within the scenario's time"),
        ("probes", Probe, {"at": 0.0}, "line 1 does not lie within the scenario's time"),
        ("probes", Probe, {"exports_done": 10**6}, "line 1 counts 1000000 exports of"),
    ],
)
def test_one_value(smoke: Path, name: str, kind: type[Record], fields: dict[str, Any], words: str) -> None:
    """One value of one line that no recorder can have written is found, and the file named."""
    edit_line(smoke / f"{name}.jsonl", kind, 0, fields)
    assert words in "\n".join(checked(smoke))


def test_rows_of_a_file_without_finding(smoke: Path) -> None:
    """A CSV file without a finding has a row for each record."""
    at = next(n for n, check in enumerate(read_lines(smoke / "files.jsonl", FileCheck)) if check.format == "csv")
    edit_line(smoke / "files.jsonl", FileCheck, at, {"rows": 7})
    (problem,) = checked(smoke)
    assert "has 7 rows of 1000 and no finding" in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: replace(s, name="load"), "it is of the scenario load, and lies in the folder smoke"),
        (lambda s: replace(s, end=s.start - 99), "the scenario ends before its start"),
        (lambda s: replace(s, phases=s.phases[:1] * 2), "is there twice"),
        (lambda s: replace(s, phases=(replace(s.phases[0], recorded=7), *s.phases[1:])), "recorded 7 requests"),
        (lambda s: replace(s, phases=(replace(s.phases[0], planned=7), *s.phases[1:])), "of 7 requests"),
        (lambda s: replace(s, phases=(replace(s.phases[0], name="x"), *s.phases[1:])), "the phase x is not in"),
    ],
)
def test_the_scenario(smoke: Path, change: Edit, words: str) -> None:
    """A scenario that doesn't fit the plan, its hits or itself is found."""
    write_one(smoke / "scenario.json", change(read_one(smoke / "scenario.json", Scenario)))
    assert words in "\n".join(checked(smoke))


def test_the_plan(smoke: Path) -> None:
    """A plan of another scenario, or with other requests, is found."""
    plan = read_one(smoke / "plan.json", Plan)
    first = plan.phases[0]
    cut = replace(first, requests=first.requests[1:])
    write_one(smoke / "plan.json", replace(plan, scenario="load", phases=(cut, *plan.phases[1:])))
    found = "\n".join(checked(smoke))
    assert "it is of the scenario load" in found
    assert f"the requests of the phase {first.name} are not numbered from 0" in found


def test_hits_that_are_left_out(smoke: Path) -> None:
    """A slow request that was taken out of hits.jsonl is missing in its phase's count."""
    hits = list(read_lines(smoke / "hits.jsonl", Hit))
    write_lines(smoke / "hits.jsonl", [hit for hit in hits if hit.id != "measure-0"])
    assert "the phase measure recorded" in "\n".join(checked(smoke))


def test_a_malformed_file_is_a_sentence(smoke: Path) -> None:
    """A file that can't be read is named."""
    (smoke / "probes.jsonl").write_text("{\n")
    (problem,) = checked(smoke)
    assert problem.startswith("probes.jsonl line 1 is no Probe")


def test_many_of_one_kind_are_counted(smoke: Path) -> None:
    """So many things that don't fit fill no screen: ten of a file, and that there is more."""
    hits = [replace(hit, bytes_sent=-1) for hit in read_lines(smoke / "hits.jsonl", Hit)]
    write_lines(smoke / "hits.jsonl", hits)
    found = [problem for problem in checked(smoke) if problem.startswith("smoke/hits.jsonl")]
    assert len(found) == 11
    assert found[-1] == "smoke/hits.jsonl: there is more that does not fit"


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ({}, None),
        ({"at": 0.0}, "line 2 is earlier than the line before"),
        ({"busy_s": 1.0}, "line 2 has fewer CPU seconds than the line before"),
        ({"work_ms": 0.0}, "line 2 has no CPU time or no processor"),
        ({"cpus": 0}, "line 2 has no CPU time or no processor"),
    ],
)
def test_samples_of_the_machine(smoke: Path, edit: dict[str, Any], sentence: str | None) -> None:
    """Samples of the machine follow on each other, and each took some CPU time."""
    first = MachineSample(at=10.0, work_ms=1.5, busy_s=100.0, cpus=2)
    write_lines(smoke / NAME, [first, replace(first, **{"at": 10.2, "busy_s": 100.3, **edit})])
    assert checked(smoke) == ([] if sentence is None else [f"smoke/{NAME}: {sentence}"])
