"""The examiner sends every probe to a live target, and records what came back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assertions.contents.tags import tagged
from assertions.probes.behaviour import AFTER, AFTER_PDF, BY_NAME, CASES, judge_behaviour
from assertions.record.types import Fetch, Hit
from loadtests.client.clock import start_clock
from loadtests.client.target import Target
from loadtests.client.target_settings import parse_target
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.examiner import leak
from loadtests.examiner.behaviour import _file_name, behaviour
from tests.loadtests.fake_target import Manners, fake_target
from tests.targets.harness.entry import animals
from tests.targets.harness.run import alive


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """A running animal of the zoo, the one that the test names or the healthy keeper."""
    name = getattr(request, "param", "keeper")
    animal = next(animal for animal in animals() if animal.name == name)
    with alive(animal, tmp_path) as (url, _):
        yield parse_target(url, start_clock(), timeout_s=20.0)


def examine(target: Target) -> tuple[list[Hit], dict[str, str]]:
    """The hits of all probes, and what is wrong by case."""
    hits: list[Hit] = []
    run = behaviour(target, hits.append)
    assert (run.planned, run.recorded, run.completed) == (len(CASES), len(hits), True)
    reasons = {
        hit.case: reason
        for hit in hits
        if (reason := judge_behaviour(BY_NAME[hit.case], hit.status, hit.answer, hit.headers))
    }
    return hits, reasons


@pytest.mark.parametrize("target", ["keeper", "http-server", "base-path"], indirect=True)
def test_a_healthy_target_answers_all_probes_well(target: Target) -> None:
    """Every probe is sent, recorded in order, and answered as the contract says."""
    hits, reasons = examine(target)
    assert reasons == {}
    assert [hit.case for hit in hits] == [case.name for case in CASES]
    assert {hit.client for hit in hits} == {"examiner"}
    assert {hit.id for hit in hits} == {f"behaviour-{index}" for index in range(len(CASES))}
    assert [hit.case for hit in hits if hit.path == "/export/run" and hit.status == 200] == [AFTER_PDF, AFTER]


@pytest.mark.parametrize(
    ("target", "cases"),
    [
        ("bad-no-field", {"bad-format-unknown"}),
        ("keys-unknown", {"bad-unknown-key"}),
        ("traversal", {"path-encoded"}),
        ("link-always-ready", {"download-unknown"}),
        ("media-wrong", {"file-get"}),
        ("bad-crash", {"bad-not-json", "after-bad-input"}),
    ],
    indirect=["target"],
)
def test_a_broken_target_is_found(target: Target, cases: set[str]) -> None:
    """Each fault shows in the probes that were made for it."""
    assert cases <= examine(target)[1].keys()


def test_paths_are_sent_as_they_stand() -> None:
    """Dots, double slashes and encoded signs reach the target unchanged."""
    with fake_target() as fake:
        behaviour(parse_target(fake.url, start_clock()), lambda hit: None)
        wanted = [case.path for case in CASES if case.method == "GET" and "{file}" not in case.path]
        assert [path for path in fake.got if path in wanted] == wanted


def bodies(case: str, tag: str) -> bytes:
    """A small body in place of the case's own."""
    return tagged(encode_body(make_dataset(f"{case.partition('-')[0]}-3", 1)), tag)


def test_equal_exports_are_made_fetched_and_sampled(target: Target) -> None:
    """Each export has its hit, its fetch, its own tag and a sample after it, with one sample before the first."""
    hits: list[Hit] = []
    fetches: list[Fetch] = []
    samples: list[int] = []
    run = leak.leak(
        target, hits.append, fetches.append, lambda: samples.append(len(fetches)), bodies, count=6, seconds=60
    )
    assert (run.name, run.planned, run.recorded, run.completed, run.note) == ("leak", 6, 6, True, None)
    exports = [hit for hit in hits if hit.phase == "leak"]
    assert [hit.case for hit in exports] == ["csv-1k", "pdf-1k"] * 3
    assert [fetch.hit for fetch in fetches] == [hit.id for hit in exports]
    assert {(fetch.status, fetch.error) for fetch in fetches} == {(200, None)}
    assert samples == list(range(7))
    assert len({hit.tag for hit in exports}) == 6
    assert [hit.phase for hit in hits] == ["leak", "refusals", "refusals"] * 6
    assert len({hit.id for hit in hits}) == len(hits)
    assert {hit.case for hit in hits if hit.phase == "refusals" and hit.method == "GET"} == {"file-unknown"}


def test_the_leak_phase_stops_when_its_time_is_over() -> None:
    """After its seconds it stops, but not before it has the least number of exports."""
    hits: list[Hit] = []
    with fake_target() as fake:
        target = parse_target(fake.url, start_clock())
        run = leak.leak(target, hits.append, lambda fetch: None, lambda: None, bodies, count=10**6, seconds=1.0)
    exports = [hit for hit in hits if hit.phase == "leak"]
    assert run.completed and run.planned == run.recorded == len(exports) >= leak.LEAST_EXPORTS
    assert run.note is not None and run.note.startswith("stopped after")


def test_a_slow_target_cuts_the_leak_phase_short() -> None:
    """In no case does it take longer than four times its seconds; too few exports are noted as such."""
    with fake_target(Manners(delay_s=lambda seen: 0.05)) as fake:
        target = parse_target(fake.url, start_clock())
        run = leak.leak(target, lambda hit: None, lambda fetch: None, lambda: None, bodies, count=50, seconds=0.1)
    assert not run.completed and 0 < run.recorded < run.planned == leak.LEAST_EXPORTS
    assert run.note is not None and "are needed" in run.note


def test_an_unreachable_target_is_recorded(target: Target) -> None:
    """Where nobody listens every probe is recorded without an answer, and nothing is raised."""
    gone = parse_target("http://127.0.0.1:9", start_clock())
    hits: list[Hit] = []
    behaviour(gone, hits.append)
    assert {(hit.status, hit.error, hit.answer) for hit in hits} == {(None, "refused", None)}
    assert len(hits) == len(CASES)


def test_the_file_is_found_by_its_link_or_its_name() -> None:
    """A base path before the link, and an answer without a link, both lead to the file's name."""
    name = _file_name
    link = {"downloadUrl": "/base/export/files/export_1_a.csv", "filename": "exports/export_1_b.csv"}
    assert name(json.dumps({"result": link})) == "export_1_a.csv"
    assert name(json.dumps({"result": {"filename": "exports/export_1_b.csv"}})) == "export_1_b.csv"
    assert name("nothing") == name(None) == "export_1000000000000_zzzzzzzzz.csv"
