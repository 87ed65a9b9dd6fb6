"""The examiner sends every probe to a live target, and records what came back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assertions.probes.behaviour import AFTER, AFTER_PDF, BY_NAME, CASES, judge_behaviour
from assertions.record.types import Hit, PhasePlan, PhaseRun, Request
from loadtests.client.clock import start_clock
from loadtests.client.target import Target
from loadtests.client.target_settings import parse_target
from loadtests.errors import EarlyEnd
from loadtests.examiner import leak
from loadtests.examiner.behaviour import file_name, probe_behaviour
from loadtests.examiner.experiments import run_phase
from loadtests.plan.profile import Leak
from tests.loadtests.examiner.sessions import Recorded, make_session, probe_plan, small_templates
from tests.loadtests.fake_target import Manners, fake_target
from tests.targets.fixtures.entry import all_targets
from tests.targets.recording.run import alive


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """A running target of the catalogue, the one that the test names or the healthy reference target."""
    name = getattr(request, "param", "reference")
    target = next(target for target in all_targets() if target.name == name)
    with alive(target, tmp_path) as (url, _):
        yield parse_target(url, start_clock(), timeout_s=20.0)


def examine(target: Target) -> tuple[list[Hit], dict[str, str]]:
    """The hits of all probes, and what is wrong by case."""
    recorded = make_session(target)
    run, hits = probe_behaviour(recorded.session, probe_plan("behaviour")), recorded.hits
    assert (run.planned, run.recorded, run.completed) == (len(CASES), len(hits), True)
    reasons = {
        hit.case: reason
        for hit in hits
        if (reason := judge_behaviour(BY_NAME[hit.case], hit.status, hit.answer, hit.headers))
    }
    return hits, reasons


@pytest.mark.e2e
@pytest.mark.parametrize("target", ["reference", "http-server", "base-path"], indirect=True)
def test_a_healthy_target_answers_all_probes_well(target: Target) -> None:
    """Every probe is sent, recorded in order, and answered as the contract says."""
    hits, reasons = examine(target)
    assert reasons == {}
    assert [hit.case for hit in hits] == [case.name for case in CASES]
    assert {hit.client for hit in hits} == {"examiner"}
    assert {hit.id for hit in hits} == {f"behaviour-{index}" for index in range(len(CASES))}
    assert [hit.case for hit in hits if hit.path == "/export/run" and hit.status == 200] == [AFTER_PDF, AFTER]


@pytest.mark.e2e
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
        probe_behaviour(make_session(parse_target(fake.url, start_clock())).session, probe_plan("behaviour"))
        wanted = [case.path for case in CASES if case.method == "GET" and "{file}" not in case.path]
        assert [path for path in fake.got if path in wanted] == wanted


def leak_series(target: Target, count: int, seconds: float) -> tuple[PhaseRun, Recorded]:
    """Make a leak series of small exports."""
    cases = ("csv-1k", "pdf-1k")
    requests = tuple(Request(index=index, case=cases[index % 2]) for index in range(count))
    phase = PhasePlan(name="leak", mode="sequence", clients=1, requests=requests, timeout_s=60.0)
    recorded = make_session(target, small_templates(*cases), Leak(cases, count, seconds))
    return leak.make_leak_series(recorded.session, phase), recorded


@pytest.mark.e2e
def test_equal_exports_are_made_fetched_and_sampled(target: Target) -> None:
    """Each export has its hit, its fetch, its own tag and a sample after it, with one sample before the first."""
    run, recorded = leak_series(target, 6, 60)
    hits, fetches, samples = recorded.hits, recorded.fetches, recorded.samples
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


@pytest.mark.e2e
def test_the_leak_phase_stops_when_its_time_is_over() -> None:
    """After its seconds it stops, but not before it has the least number of exports."""
    with fake_target() as fake:
        run, recorded = leak_series(parse_target(fake.url, start_clock()), 10**4, 1.0)
    exports = [hit for hit in recorded.hits if hit.phase == "leak"]
    assert run.completed and run.planned == run.recorded == len(exports) >= leak.LEAST_EXPORTS
    assert run.note is not None and run.note.startswith("stopped after")


@pytest.mark.e2e
def test_a_slow_target_cuts_the_leak_phase_short() -> None:
    """In no case does it take longer than four times its seconds; too few exports are noted as such."""
    with fake_target(Manners(delay_s=lambda seen: 0.05)) as fake:
        run, _ = leak_series(parse_target(fake.url, start_clock()), 50, 0.1)
    assert not run.completed and 0 < run.recorded < run.planned == leak.LEAST_EXPORTS
    assert run.note is not None and "are needed" in run.note


@pytest.mark.e2e
def test_an_unreachable_target_is_recorded(target: Target) -> None:
    """Where nobody listens every probe is recorded without an answer, and nothing is raised."""
    gone = parse_target("http://127.0.0.1:9", start_clock())
    recorded = make_session(gone)
    probe_behaviour(recorded.session, probe_plan("behaviour"))
    hits = recorded.hits
    assert {(hit.status, hit.error, hit.answer) for hit in hits} == {(None, "refused", None)}
    assert len(hits) == len(CASES)


def test_the_file_is_found_by_its_link_or_its_name() -> None:
    """A base path before the link, and an answer without a link, both lead to the file's name."""
    name = file_name
    link = {"downloadUrl": "/base/export/files/export_1_a.csv", "filename": "exports/export_1_b.csv"}
    assert name(json.dumps({"result": link})) == "export_1_a.csv"
    assert name(json.dumps({"result": {"filename": "exports/export_1_b.csv"}})) == "export_1_b.csv"
    assert name("nothing") == name(None) == "export_1000000000000_zzzzzzzzz.csv"


def test_the_deadline_ends_a_request_of_the_examiner_as_interrupted() -> None:
    """What we broke off ourselves is not the target's timeout; a shorter timeout of the request's own is."""
    with fake_target(Manners(delay_s=lambda seen: 5.0)) as fake:
        session = make_session(parse_target(fake.url, start_clock())).session
        body = small_templates("csv-1k")["csv-1k"]
        for left_s, timeout_s, error in ((0.1, 60.0, "interrupted"), (60.0, 0.1, "timeout")):
            session.time_left_s = lambda left_s=left_s: left_s  # type: ignore[misc]
            assert session.request("POST", "/export/run", body, {}, timeout_s).error == error


def test_a_scenario_that_must_end_ends_an_experiment_with_its_record() -> None:
    """The phase counts what was made up to then and gives the reason; nothing more is sent."""
    with fake_target() as fake:
        recorded = make_session(parse_target(fake.url, start_clock()))

        def check() -> None:
            if len(recorded.hits) >= 3:
                raise EarlyEnd("deadline", "the longest time is over")

        recorded.session.check = check
        run, early = run_phase(recorded.session, probe_plan("behaviour"))
    assert early is not None and early.ended == "deadline"
    assert (run.ended, run.completed, run.recorded, run.note) == ("deadline", False, 3, "the longest time is over")
