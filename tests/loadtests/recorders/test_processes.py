"""Bursts, over-admission and disconnects: what is sent, what is recorded, and when it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assertions.probes.behaviour import AFTER_DISCONNECT, DISCONNECTED, REST_AFTER_DISCONNECT
from assertions.probes.over_admission import judge_round
from assertions.record.phases import BURSTS, DISCONNECTS, OVER_ADMISSION
from assertions.record.types import Fetch, Hit, PhaseRun, Probe, ProcessSample
from loadtests.client.clock import start_clock
from loadtests.client.target import Target
from loadtests.client.target_settings import parse_target
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.examiner import bursts, disconnects, over_admission
from loadtests.plan.plan import build_plan, cases_of
from loadtests.plan.profile import parse_profile
from tests.loadtests.examiner.sessions import make_session, probe_plan, small_templates
from tests.loadtests.fake_target import FakeTarget, Manners, fake_target
from tests.targets.fixtures.entry import all_targets
from tests.targets.recording.run import alive

PROFILE = b"""
behaviour = true
[leak]
case = ["csv-1k", "pdf-250"]
count = 40
[[phase]]
name = "one"
mode = "sequence"
mix = [{ case = "csv-1k" }]
"""


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """A running target of the catalogue, the one that the test names."""
    target = next(target for target in all_targets() if target.name == request.param)
    with alive(target, tmp_path) as (url, _):
        yield parse_target(url, start_clock(), timeout_s=20.0)


def burst(fake: FakeTarget, solo_s: float) -> tuple[PhaseRun, list[Hit], list[Fetch], list[int]]:
    """The run, its hits, its fetches, and how many fetches there were at each sample."""
    profile = parse_profile("p", PROFILE)
    plan = build_plan(profile, {case: make_dataset(case, 1) for case in cases_of(profile)}, 1)
    phase = next(phase for phase in plan.phases if phase.name == BURSTS)
    recorded = make_session(parse_target(fake.url, start_clock()), small_templates("csv-1k"))
    recorded.session.solo_s = [solo_s]
    run = bursts.make_bursts(recorded.session, phase)
    return run, recorded.hits, recorded.fetches, recorded.samples


@pytest.mark.parametrize(("solo_s", "count", "size"), [(0.01, 6, 20), (0.24, 6, 20), (0.25, 5, 12), (0.9, 5, 12)])
def test_bursts_are_made_at_once_fetched_and_sampled(solo_s: float, count: int, size: int) -> None:
    """A slow target gets fewer and smaller bursts; all of one are under way together, and each is sampled at rest."""
    gate = threading.Barrier(size)

    def together(_: object) -> float:
        gate.wait(20)  # breaks, and the exports fail, where fewer come at once
        return 0.0

    with fake_target(Manners(delay_s=together)) as fake:
        run, hits, fetches, samples = burst(fake, solo_s)
        assert fake.peak == size
    assert (run.planned, run.recorded, run.completed, run.note) == (count * size, count * size, True, None)
    assert [hit.index for hit in hits] == list(range(count * size))
    assert {(hit.phase, hit.case, hit.status) for hit in hits} == {(BURSTS, "csv-1k", 200)}
    assert len({hit.tag for hit in hits}) == len(hits)
    assert [fetch.hit for fetch in fetches] == [hit.id for hit in hits]
    assert samples == [size * number for number in range(1, count + 1)]


def test_bursts_that_take_too_long_are_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No burst begins after the longest time, and too few are noted as such."""
    monkeypatch.setattr(bursts, "LONGEST_S", 0.01)
    with fake_target() as fake:
        run, hits, _, samples = burst(fake, 0.9)
    assert (run.planned, run.recorded, run.completed) == (60, 12, False)
    assert (len(hits), len(samples)) == (12, 1)
    assert run.note is not None and run.note.startswith("only 1 bursts in ")


def test_the_plan_ends_with_the_disconnects() -> None:
    """Behaviour, leak series and bursts come before it: nothing is measured once clients have gone."""
    profile = parse_profile("p", PROFILE)
    plan = build_plan(profile, {case: make_dataset(case, 1) for case in cases_of(profile)}, 1)
    assert [phase.name for phase in plan.phases] == ["one", "behaviour", "leak", BURSTS, DISCONNECTS]


def rounds_of(target: Target) -> tuple[PhaseRun, list[Hit], list[Fetch]]:
    """The phase `over_admission` against a target: the run, its hits, its fetches."""
    profile = parse_profile("p", b"over_admission = true\n" + PROFILE[PROFILE.index(b"[[phase]]") :])
    datasets = {case: make_dataset(case, 1) for case in cases_of(profile)}
    phase = next(one for one in build_plan(profile, datasets, 1).phases if one.name == OVER_ADMISSION)
    bodies = {case: encode_body(dataset) for case, dataset in datasets.items()}
    recorded = make_session(target, bodies)
    run, hits, fetches = over_admission.probe_over_admission(recorded.session, phase), recorded.hits, recorded.fetches
    assert (run.planned, run.recorded, run.completed) == (len(hits), len(hits), True)
    assert len({hit.id for hit in hits}) == len(hits)
    assert [fetch.hit for fetch in fetches] == [hit.id for hit in hits if hit.method == "POST" and hit.status == 200]
    return run, hits, fetches


def outcomes(hits: list[Hit]) -> list[str]:
    """Of each round."""
    numbers = sorted({hit.index // 6 for hit in hits if hit.index < 1_000})
    return [
        judge_round([hit for hit in hits if hit.index // 6 == number or hit.index == 1_000 + number]).outcome
        for number in numbers
    ]


@pytest.mark.e2e
@pytest.mark.parametrize("target", ["six-clamped"], indirect=True)
def test_an_extra_export_that_runs_with_five_is_seen_twice(target: Target) -> None:
    """Where the extra export overtakes once, one more round is run, and no more than that."""
    _, hits, _ = rounds_of(target)
    seen = outcomes(hits)
    assert (seen.count("overtaken"), seen[-1], "waited" in seen) == (2, "overtaken", False)
    assert [hit.case for hit in hits if hit.index in (0, 5, 1_000)] == ["pdf-2k", "status", "csv-20"]


@pytest.mark.e2e
@pytest.mark.parametrize("target", ["slow-but-legal"], indirect=True)
def test_an_extra_export_that_waits_is_asked_for_once(target: Target) -> None:
    """A healthy service is asked for no more than that, unless it was too quick for the smaller five to be seen."""
    _, hits, _ = rounds_of(target)
    assert outcomes(hits) in (["waited"], ["open", "waited"])


@pytest.mark.e2e
def test_larger_exports_are_asked_for_where_nothing_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that never says that five run is asked for five of each size, and for no extra one."""
    monkeypatch.setattr(over_admission, "full", lambda answer: False)
    with fake_target() as fake:
        _, hits, _ = rounds_of(parse_target(fake.url, start_clock()))
    assert [(hit.case, hit.index) for hit in hits] == [
        *(("pdf-2k", index) for index in range(5)),
        *(("pdf-10k", index) for index in range(12, 17)),
    ]


@pytest.mark.e2e
def test_no_round_begins_after_the_longest_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow target is not asked for ever more."""
    monkeypatch.setattr(over_admission, "LONGEST_S", 0.0)
    with fake_target() as fake:
        _, hits, _ = rounds_of(parse_target(fake.url, start_clock()))
    assert hits == []


def hung_up(target: Target) -> dict[str, list[Hit]]:
    """The hits by case."""
    recorded = make_session(target, sample=lambda: None)
    run, hits = disconnects.probe_disconnects(recorded.session, probe_plan(DISCONNECTS)), recorded.hits
    assert (run.planned, run.recorded, run.completed) == (8, len(hits), True)
    assert len({hit.id for hit in hits}) == len(hits)
    return {
        case: [hit for hit in hits if hit.case == case]
        for case in (DISCONNECTED, AFTER_DISCONNECT, REST_AFTER_DISCONNECT)
    }


@pytest.mark.e2e
@pytest.mark.parametrize("target", ["reference", "http-server", "cancels"], indirect=True)
def test_a_healthy_target_comes_to_rest_after_clients_hung_up(target: Target) -> None:
    """Whether it finishes what nobody waits for or breaks it off: the next export is done and nothing runs."""
    hits = hung_up(target)
    assert [(hit.status, hit.error, hit.answer) for hit in hits[DISCONNECTED]] == [(None, "disconnected", None)] * 6
    assert [hit.status for hit in hits[AFTER_DISCONNECT]] == [200]
    (rest,) = hits[REST_AFTER_DISCONNECT]
    body = json.loads(rest.answer or "")
    assert (rest.path, body["concurrentExports"], body["queueDepth"]) == ("/export/status", 0, 0)


@pytest.mark.e2e
@pytest.mark.parametrize("target", ["slot-lost-on-hangup"], indirect=True)
def test_lost_places_are_found(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where places do not come back it ends all the same, and the record says so."""
    monkeypatch.setattr(disconnects, "STALLED_S", 1.0)
    monkeypatch.setattr(disconnects, "GOOD_TIMEOUT_S", 1.0)
    hits = hung_up(target)
    body = json.loads(hits[REST_AFTER_DISCONNECT][0].answer or "")
    assert body["concurrentExports"] > 0 or hits[AFTER_DISCONNECT][0].status is None


@pytest.mark.parametrize(
    ("descriptors", "rounds"),
    [
        pytest.param(lambda done, reading: 9, 1, id="nothing stays"),
        pytest.param(lambda done, reading: 9 + 20 * (done and reading < 4), 1, id="given back soon"),
        pytest.param(lambda done, reading: 9 + 6 * (done > 0), 2, id="a pool"),
        pytest.param(lambda done, reading: 9 + 6 * done, 2, id="a leak"),
    ],
)
def test_clients_hang_up_once_more_where_something_stayed_for_each(
    descriptors: Callable[[int, int], int], rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second round of disconnects is made only where descriptors rose with the first."""
    monkeypatch.setattr(disconnects, "SETTLE_S", 0.5)
    readings: list[Probe] = []

    def sample() -> Probe:
        done = sum(hit.case == AFTER_DISCONNECT for hit in recorded.hits)
        fds = descriptors(done, len(readings))
        one = ProcessSample(pid=1, name="x", uss_bytes=1, rss_bytes=1, peak_rss_bytes=1, cpu_s=0, fds=fds, threads=1)
        readings.append(Probe(at=0, phase=DISCONNECTS, exports_done=done, resting=True, processes=(one,)))
        return readings[-1]

    with fake_target(Manners()) as fake:
        recorded = make_session(parse_target(fake.url, start_clock()), sample=sample)
        run = disconnects.probe_disconnects(recorded.session, probe_plan(DISCONNECTS))
    assert run.planned == run.recorded == len(recorded.hits) == 8 * rounds
    assert [hit.index for hit in recorded.hits] == list(range(8 * rounds))


@pytest.mark.e2e
def test_all_bodies_are_sent_whole_before_clients_go() -> None:
    """Six requests come whole, three of 10,000 records as CSV and three of 2,000 as PDF, and a good one of 1,000."""
    with fake_target(Manners(delay_s=lambda seen: 0.3 if len(seen.body) > 500_000 else 0.0)) as fake:
        hits = hung_up(parse_target(fake.url, start_clock()))
        counts = [len(json.loads(seen.body)["data"]) for seen in fake.seen]
    assert sorted(counts) == [1_000] + [2_000] * 3 + [10_000] * 3
    assert {hit.error for hit in hits[DISCONNECTED]} == {"disconnected"}


@pytest.mark.e2e
def test_a_target_that_is_not_there_is_recorded() -> None:
    """Where nobody listens each request says so, and nothing is raised."""
    hits = hung_up(parse_target("http://127.0.0.1:9", start_clock()))
    assert {hit.error for some in hits.values() for hit in some} == {"refused"}
