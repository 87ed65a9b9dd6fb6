"""`--abort-on-fail`: the run ends as soon as it can no longer be GREEN, with a whole record."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions import limits as limits_file
from assertions.record.types import Hit, PhasePlan, Plan, Request, Scrape
from loadtests.errors import EarlyEnd
from loadtests.progress import Progress
from loadtests.runner.abort import AbortLimits, AbortWatch
from tests.loadtests.command import read_record, start_command
from tests.loadtests.fake_target import Manners, Seen, fake_target
from tests.processes import Ended, end_of

LIMITS = limits_file.load()


def phase(name: str, clients: int, count: int, records: int = 1_000) -> PhasePlan:
    """A closed phase."""
    requests = tuple(
        Request(index=index, case="csv-1k", format="csv", records=records, user="u", tag=None) for index in range(count)
    )
    return PhasePlan(name=name, mode="closed", clients=clients, requests=requests, timeout_s=9)


def watch(*phases: PhasePlan, elsewhere: int = 0) -> AbortWatch:
    """Of a scenario with these phases."""
    return AbortWatch(Plan(scenario="load", profile_sha256="", seed=1, phases=phases), AbortLimits(LIMITS, elsewhere))


def progress(phase_name: str, failed: int) -> Progress:
    """So many failed since the scenario's start."""
    return Progress(
        scenario="load", phase=phase_name, started=99, answered=99, failed=failed, rate_per_s=1, p95_ms=None
    )


def page(gauge: str, value: float) -> Scrape:
    """A metrics page with one gauge."""
    text = f"# TYPE {gauge} gauge\n{gauge} {value:g}\n"
    return Scrape(
        start=0, end=0, moment="during", phase="a", status=200, error=None, content_type="text/plain", text=text
    )


@pytest.mark.parametrize(("failed", "elsewhere", "ends"), [(5, 0, False), (6, 0, True), (10, 100, False)])
def test_a_share_of_all_exports_may_fail(failed: int, elsewhere: int, ends: bool) -> None:
    """Five in a hundred of what is planned at the most, in all scenarios together."""
    seen = watch(phase("a", 5, 60), phase("b", 5, 40), elsewhere=elsewhere)
    seen.progress(progress("a", failed - 2))
    seen.progress(progress("b", failed))
    assert (seen.sentence is not None) is ends


def test_a_crowd_is_rejected_rightly() -> None:
    """What more than 105 clients are refused is no failure, and what comes after them is counted on its own."""
    seen = watch(phase("edge", 130, 130), phase("after", 5, 20))
    seen.progress(progress("edge", 25))
    assert seen.sentence is None
    seen.progress(progress("after", 25))
    assert seen.sentence is None
    seen.progress(progress("after", 33))
    assert seen.sentence == "8 exports failed, more than >= 95 % allows of the 150 planned at the most"


@pytest.mark.parametrize(("slow", "ends"), [(5, False), (6, True)])
def test_a_twentieth_of_the_large_exports_may_be_slow(slow: int, ends: bool) -> None:
    """So many that even the longest phase could not bring its P95 under the limit."""
    seen = watch(phase("measure", 5, 100, records=10_000))
    for _ in range(slow):
        seen.latencies("measure", (10_000.0, 9_999.0))
    assert (seen.sentence is not None) is ends


def test_small_exports_have_no_part_in_the_latency_limit() -> None:
    """Nor have phases other than the measured one."""
    seen = watch(phase("measure", 5, 10), phase("solo", 1, 10, records=10_000))
    seen.latencies("measure", (99_999.0,) * 10)
    seen.latencies("solo", (99_999.0,) * 10)
    assert seen.sentence is None


@pytest.mark.parametrize(
    ("gauge", "value", "ends"),
    [
        ("export_concurrent_running", 5, False),
        ("export_concurrent_running", 6, True),
        ("export_queue_depth", 100, False),
        ("export_queue_depth", 101, True),
    ],
)
def test_a_gauge_over_its_limit_once_is_enough(gauge: str, value: float, ends: bool) -> None:
    """A peak can't be taken back."""
    seen = watch(phase("a", 5, 10))
    seen.page(page(gauge, value))
    seen.page(page(gauge, 0))
    if not ends:
        seen.check()
        return
    with pytest.raises(EarlyEnd, match=f"{value:g} exports .* by {gauge}"):
        seen.check()


@pytest.mark.parametrize(("timeouts", "ends"), [(3, False), (4, True)])
def test_more_than_one_request_in_a_hundred_may_not_time_out(timeouts: int, ends: bool) -> None:
    """Of all that the scenario may send at the most, probes of the examiner included."""
    seen = watch(phase("measure", 5, 100))
    for _ in range(timeouts):
        seen.add_exports(1)
    assert (seen.sentence is not None) is ends


PROFILE = """\
[[phase]]
name = "warmup"
mode = "sequence"
mix = [{ case = "csv-20", count = 2 }]

[[phase]]
name = "measure"
mode = "closed"
clients = 4
mix = [{ case = "csv-20", count = 400 }]

[[phase]]
name = "last"
mode = "sequence"
mix = [{ case = "csv-20", count = 5 }]
"""


def run(folder: Path, manners: Manners, *more: str) -> Ended:
    """Run a small load scenario with `--abort-on-fail`."""
    profiles = folder / "profiles"
    profiles.mkdir()
    for name in ("smoke", "load", "batch"):
        (profiles / f"{name}.toml").write_text(PROFILE)
    with fake_target(manners) as fake:
        words: list[str | Path] = ["run", "load", "--profiles", profiles, "--target", fake.url, "--out", folder / "out"]
        return end_of(start_command(*words, "--abort-on-fail", *more))


@pytest.mark.e2e
def test_a_profile_of_ones_own_is_judged_by_its_own_exports(tmp_path: Path) -> None:
    """Those of smoke, load and batch can't make its success rate good."""
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    (profiles / "mine.toml").write_text(PROFILE)
    with fake_target(Manners(status=lambda _: 500, delay_s=lambda _: 0.02)) as fake:
        words: list[str | Path] = ["run", "mine", "--profiles", profiles, "--target", fake.url, "--out", tmp_path / "o"]
        ended = end_of(start_command(*words, "--abort-on-fail"))
    record = read_record(tmp_path / "o")
    assert (ended.code, "of the 407 planned at the most" in (record.phase("last").note or "")) == (1, True), ended.err
    assert len(record.hits) < 300


def hits_after(hits: tuple[Hit, ...], moment: float) -> int:
    """Requests that began more than a second after a moment."""
    return sum(hit.start > moment + 1.0 for hit in hits)


@pytest.mark.e2e
def test_the_run_ends_within_a_second_and_its_record_is_whole(tmp_path: Path) -> None:
    """From the first failure too many on, nothing new is sent; every phase says why it was cut short or left out."""
    ended = run(tmp_path, Manners(status=lambda seen: 500, delay_s=lambda seen: 0.02))
    assert ended.code == 1
    assert "CUT SHORT: stopped early: " in ended.out and "exports failed, more than >= 95 %" in ended.out
    record = read_record(tmp_path / "out")
    failures = sorted(hit.end for hit in record.hits if hit.status == 500)
    too_many = failures[round(0.05 * 3 * 407)]
    assert hits_after(record.hits, too_many) == 0
    assert len(record.hits) < 300
    assert [phase.completed for phase in record.scenario.phases] == [True, False, False]
    assert record.scenario.phases[1].recorded == sum(hit.phase == "measure" for hit in record.hits)
    assert record.scenario.generator.end_marks == 1


@pytest.mark.e2e
def test_a_peak_of_the_gauge_ends_it_too(tmp_path: Path) -> None:
    """What the target itself says is enough."""

    def waits(seen: Seen) -> float:
        return 0.3

    (tmp_path / "limits.toml").write_text(limits_file.DEFAULT_PATH.read_text().replace("target = 5\n", "target = 3\n"))
    ended = run(tmp_path, Manners(delay_s=waits), "--limits", str(tmp_path / "limits.toml"))
    assert ended.code == 1
    assert "stopped early: 4 exports run by export_concurrent_running, the limit is <= 3" in ended.out


@pytest.mark.e2e
def test_a_good_run_is_not_ended(tmp_path: Path) -> None:
    """Without a reason it goes on to its end."""
    ended = run(tmp_path, Manners())
    assert (ended.code, "CUT SHORT" in ended.out) == (0, False)
