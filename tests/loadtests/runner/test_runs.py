"""Whole runs through the real command, real Locust and real HTTP, against a target that misbehaves on demand."""

from __future__ import annotations

import hashlib
import json
import lzma
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from assertions.contents.tags import TAG_PLACEHOLDER, tagged
from loadtests.datasets.records import encode_body, make_dataset
from tests.loadtests.command import read_record, run_command, start_command, write_profile
from tests.loadtests.fake_target import Manners, Seen, fake_target
from tests.processes import Ended, end_of, wait_until

pytestmark = pytest.mark.e2e

TWO_PHASES = """
[[phase]]
name = "first"
mode = "sequence"
mix = [{ case = "csv-20", count = 2 }, { case = "csv-special", count = 1 }]

[[phase]]
name = "second"
mode = "closed"
clients = 4
mix = [{ case = "csv-20", count = 6 }, { case = "csv-30", count = 2 }]
"""


def one_phase(folder: Path, keys: str, mix: str) -> Path:
    """A folder with a profile of one phase named `one`."""
    return write_profile(folder / "profiles", f'[[phase]]\nname = "one"\n{keys}\nmix = [{{ {mix} }}]\n')


@dataclass(frozen=True)
class Recorded:
    """A run of two phases on a target that takes 0.3 s for an export; read it, don't change it."""

    ended: Ended
    out: Path
    bodies: list[bytes]
    """Of the requests that the target had, in their order."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """One run for all tests that read what a usual one leaves."""
    folder = tmp_path_factory.mktemp("recorded")
    profiles = write_profile(folder / "profiles", TWO_PHASES)
    with fake_target(Manners(delay_s=lambda _: 0.3)) as target:
        ended = run_command("run", "mine", "--target", target.url, "--out", folder / "out", "--profiles", profiles)
        return Recorded(ended, folder / "out", [seen.body for seen in target.seen])


def test_a_run_records_every_planned_request_and_its_file(recorded: Recorded) -> None:
    """Each planned request becomes one hit with the plan's own body, and each answered export one fetched file."""
    out, bodies = recorded.out, recorded.bodies
    assert recorded.ended.code == 0, recorded.ended.err
    record = read_record(out)
    planned = {(phase.name, one.index): one for phase in record.plan.phases for one in phase.requests}
    assert {(hit.phase, hit.index) for hit in record.hits} == set(planned)
    assert len(record.hits) == len(planned) == 11
    for hit in record.hits:
        request = planned[hit.phase, hit.index]
        template = (out / "sent" / f"{hit.case}.json").read_bytes()
        body = tagged(template, hit.tag)
        assert encode_body(make_dataset(hit.case, record.plan.seed)) == template
        assert record.plan.bodies is not None
        assert record.plan.bodies[hit.case] == hashlib.sha256(template).hexdigest()
        assert (hit.case, hit.tag, hit.records) == (request.case, request.tag, request.records)
        assert body in bodies
        assert TAG_PLACEHOLDER.encode() not in body
        assert hit.bytes_sent == len(body)
        spooled = (out / "spool" / f"{hit.id}.{hit.format}").read_bytes()
        fetch = next(one for one in record.fetches if one.hit == hit.id and one.purpose == "file")
        assert spooled == body
        assert (fetch.sha256, fetch.bytes) == (hashlib.sha256(body).hexdigest(), len(body))
        assert hit.intended <= hit.start < hit.end <= fetch.start <= fetch.end
    assert Counter(fetch.purpose for fetch in record.fetches) == {"file": 11, "again": 3}
    assert len(set(bodies)) == len(bodies)
    assert not (out / "parts").exists()
    assert [path.name for path in out.glob("scrapes*")] == ["scrapes.jsonl.xz"]


def test_the_run_rests_between_phases_and_watches_the_target_all_along(recorded: Recorded) -> None:
    """Scrapes are there before, between and after the phases, with nothing in flight then; both paths are watched."""
    record = read_record(recorded.out)
    first, second = record.phase("first"), record.phase("second")
    moments = {scrape.moment for scrape in record.scrapes}
    assert moments == {"before", "during", "rest", "after"}
    resting = [scrape for scrape in record.scrapes if scrape.moment == "rest"]
    assert any(first.end <= scrape.start and scrape.end <= second.start for scrape in resting)
    for scrape in record.scrapes:
        if scrape.moment != "during":
            assert "export_concurrent_running 0" in scrape.text
            assert all(hit.end <= scrape.start or hit.start >= scrape.end for hit in record.hits)
    assert any("export_concurrent_running 4" in scrape.text for scrape in record.scrapes)
    assert {probe.path for probe in record.health} == {"/health", "/export/status"}
    assert record.scenario.target_pid == psutil.Process().pid
    assert record.probes[0].resting
    assert record.probes[-1].exports_done == 11
    assert any(not probe.resting for probe in record.probes)


def test_requests_that_hang_are_recorded_as_timeouts(tmp_path: Path) -> None:
    """A request without an answer is a hit with the error `timeout`, whose time is the timeout, not less."""
    profiles = one_phase(tmp_path, 'mode = "closed"\nclients = 3\ntimeout_s = 1.5', 'case = "csv-5", count = 3')
    with fake_target(Manners(delay_s=lambda _: 10.0)) as target:
        ended = run_command("run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles)
        assert len(target.seen) == 3  # one attempt each
    assert ended.code == 1, ended.err
    record = read_record(tmp_path / "out")
    hits = record.hits
    assert (record.phase("one").completed, record.phase("one").ended) == (False, "timed out")
    assert [(hit.status, hit.error) for hit in hits] == [(None, "timeout")] * 3
    assert all(hit.end - hit.start >= 1.5 for hit in hits)


def test_dropped_connections_and_redirects_are_recorded_once_and_not_followed(tmp_path: Path) -> None:
    """A dropped connection is `reset`, never tried again; a redirect is an answer like any other."""
    profiles = one_phase(tmp_path, 'mode = "sequence"', 'case = "csv-5", count = 2')
    with fake_target(Manners(status=lambda _: 0)) as target:
        assert (
            run_command("run", "mine", "--target", target.url, "--out", tmp_path / "a", "--profiles", profiles).code
            == 0
        )
        assert len(target.seen) == 2
    assert [(hit.status, hit.error) for hit in read_record(tmp_path / "a").hits] == [(None, "reset")] * 2
    with fake_target(Manners(redirect=True)) as target:
        assert (
            run_command("run", "mine", "--target", target.url, "--out", tmp_path / "b", "--profiles", profiles).code
            == 0
        )
        assert len(target.seen) == 2
    record = read_record(tmp_path / "b")
    assert [hit.status for hit in record.hits] == [307, 307]
    assert record.fetches == ()


def test_refusals_are_recorded_with_their_headers(tmp_path: Path) -> None:
    """Each 429 is a hit with its own status, Retry-After and body; nothing is fetched for it."""
    profiles = one_phase(tmp_path, 'mode = "closed"\nclients = 12\nat_once = true', 'case = "csv-5", count = 12')
    with fake_target(Manners(delay_s=lambda _: 1.0, running_limit=5)) as target:
        ended = run_command("run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles)
    assert ended.code == 0, ended.err
    record = read_record(tmp_path / "out")
    assert Counter(hit.status for hit in record.hits) == {200: 5, 429: 7}
    refused = [hit for hit in record.hits if hit.status == 429]
    assert all(hit.headers["retry-after"] == "1" for hit in refused)
    assert all(json.loads(hit.answer or "")["success"] is False for hit in refused)
    assert {fetch.hit for fetch in record.fetches} == {hit.id for hit in record.hits if hit.status == 200}


def test_130_at_once_are_all_in_flight_together(tmp_path: Path) -> None:
    """No pool of the generator's holds requests back: all run at once, and each one's latency is the target's own."""
    profiles = one_phase(tmp_path, 'mode = "closed"\nclients = 130\nat_once = true', 'case = "csv-1", count = 130')
    with fake_target(Manners(delay_s=lambda _: 2.0)) as target:
        ended = run_command("run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles)
        assert target.peak == 130
    assert ended.code == 0, ended.err
    latencies = sorted(hit.end - hit.start for hit in read_record(tmp_path / "out").hits)
    assert len(latencies) == 130
    # a pool of ten would show 2, 4, … 26 seconds
    assert latencies[0] >= 2.0
    assert latencies[-1] < 4.0


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    """Two runs at the same moment, each with two generators, get all of their own requests and none of the other's."""
    profiles = one_phase(tmp_path, 'mode = "closed"\nclients = 4', 'case = "csv-5", count = 20')
    with fake_target() as left, fake_target() as right:
        runs = [
            start_command(
                "run",
                "mine",
                "--target",
                target.url,
                "--out",
                tmp_path / name,
                "--profiles",
                profiles,
                "--workers",
                "2",
            )
            for target, name in ((left, "left"), (right, "right"))
        ]
        ended = [end_of(run) for run in runs]
        assert [one.code for one in ended] == [0, 0], ended
        assert (len(left.seen), len(right.seen)) == (20, 20)
    for name in ("left", "right"):
        record = read_record(tmp_path / name)
        assert sorted(hit.index for hit in record.hits) == list(range(20))
        assert record.scenario.generator.end_marks == record.scenario.generator.workers == 2
        assert {hit.client.split("-")[1] for hit in record.hits} == {"0", "1"}


def test_a_killed_generator_is_seen(tmp_path: Path) -> None:
    """A generator killed in mid-run, after which Locust still exits 0, makes its phases incomplete and the exit 1."""
    profiles = one_phase(
        tmp_path, 'mode = "closed"\nclients = 4\nseconds = 5\nmax_count = 5000', 'case = "csv-5", count = 20'
    )
    with fake_target(Manners(delay_s=lambda _: 0.1)) as target:
        run = start_command(
            "run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles, "--workers", "2"
        )
        wait_until(lambda: len(target.seen) > 40)
        generators = [one for one in psutil.Process(run.pid).children(recursive=True) if one.ppid() != run.pid]
        assert len(generators) == 2
        generators[0].kill()
        ended = end_of(run)
    record = read_record(tmp_path / "out")
    assert ended.code == 1, ended.err
    phase = record.phase("one")
    assert not phase.completed
    assert "ended early" in (phase.note or "")
    assert phase.recorded == len(record.hits) < phase.planned
    assert record.scenario.generator.end_marks == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_completes_its_record_and_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    """On Ctrl-C what was in flight is recorded as interrupted, missing phases are named, and no process stays."""
    profiles = write_profile(tmp_path / "profiles", TWO_PHASES)
    with fake_target(Manners(delay_s=lambda _: 30.0)) as target:
        run = start_command("run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles)
        wait_until(lambda: len(target.seen) == 1)
        family = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(number)
        ended = end_of(run)
    record = read_record(tmp_path / "out")
    assert ended.code == 1, ended.err
    assert "Traceback" not in ended.err
    assert [(hit.status, hit.error) for hit in record.hits] == [(None, "interrupted")]
    assert [(phase.name, phase.completed) for phase in record.scenario.phases] == [("first", False), ("second", False)]
    assert record.phase("first").planned == 3
    assert record.phase("second").note == "never began"
    assert family
    assert not any(one.is_running() for one in family)


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """Where files can't grow the run ends with exit 2 and one sentence, and leaves no process behind."""
    profiles = one_phase(tmp_path, 'mode = "sequence"', 'case = "csv-2k", count = 3')
    with fake_target() as target:
        # the template of 2,000 records fits (0.4 MB), its downloads and the rest do not all: the limit is a file's size
        run = start_command("run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles)
        wait_until((tmp_path / "out" / "parts" / "generator.json").exists)
        # the parent first: what it starts from then on inherits the limit, and what it had started is found below it
        parent = psutil.Process(run.pid)
        parent.rlimit(psutil.RLIMIT_FSIZE, (20_000, 20_000))
        for one in parent.children(recursive=True):
            one.rlimit(psutil.RLIMIT_FSIZE, (20_000, 20_000))
        ended = end_of(run)
    assert ended.code == 2
    assert len([line for line in ended.err.splitlines() if line.startswith("loadtests: ")]) == 1
    assert "Traceback" not in ended.err
    assert "File too large" in ended.err


def test_base_paths_and_secret_headers(tmp_path: Path) -> None:
    """Below a base path every call bears the base and the token; the token stands in no file of the record."""
    profiles = one_phase(tmp_path, 'mode = "sequence"', 'case = "csv-5", count = 1')
    secret = "s3cr3t-token-value"
    with fake_target(Manners(base_path="/base")) as target:
        ended = run_command(
            "run", "mine", "--target", f"{target.url}/", "--out", tmp_path / "out", "--profiles", profiles,
            environment={"EXPORT_TARGET_TOKEN": secret, "EXPORT_TARGET_HEADERS": "X-Team: blue\n"},
        )  # fmt: skip
        assert [(seen.headers["authorization"], seen.headers["x-team"]) for seen in target.seen] == [
            (f"Bearer {secret}", "blue")
        ]
        assert all(path.startswith("/base/") for path in target.got)
    assert ended.code == 0, ended.err
    assert secret not in ended.out + ended.err
    assert [fetch.status for fetch in read_record(tmp_path / "out").fetches] == [200, 200]
    files = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    pages = lzma.decompress((tmp_path / "out" / "scrapes.jsonl.xz").read_bytes())
    assert not any(secret.encode() in data for data in (pages, *(file.read_bytes() for file in files)))


def test_links_to_another_origin_are_not_followed(tmp_path: Path) -> None:
    """A download link to another host is recorded as `other-origin`, and nothing is fetched."""
    profiles = one_phase(tmp_path, 'mode = "sequence"', 'case = "csv-5", count = 1')
    with fake_target(Manners(other_origin=True)) as target:
        run_command("run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles)
    fetches = read_record(tmp_path / "out").fetches
    assert [(one.status, one.error, one.purpose) for one in fetches] == [
        (None, "other-origin", "file"),
        (None, "other-origin", "again"),
    ]


def test_settings_of_locust_from_elsewhere_have_no_effect(tmp_path: Path) -> None:
    """LOCUST_* in the environment, which Locust would obey, do not reach it."""
    profiles = one_phase(tmp_path, 'mode = "sequence"', 'case = "csv-5", count = 3')
    with fake_target() as target:
        ended = run_command(
            "run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles,
            environment={"LOCUST_USERS": "7", "LOCUST_RUN_TIME": "1s", "LOCUST_CSV": str(tmp_path / "csv")},
        )  # fmt: skip
        assert len(target.seen) == 3
    assert ended.code == 0, ended.err
    assert not list(tmp_path.glob("csv*"))


def test_an_open_phase_sees_a_stall_that_waiting_clients_would_miss(tmp_path: Path) -> None:
    """P95 from the planned moments is that of the target's own stall schedule, within a quarter of a second."""
    profiles = one_phase(
        tmp_path, 'mode = "open"\nclients = 200\nrate_per_s = 50\nseconds = 10\narrivals = "poisson"', 'case = "csv-1"'
    )
    began: list[float] = []

    def stall(seen: Seen) -> float:
        """The last second of every five stands still."""
        began.append(seen.at)
        into = (seen.at - began[0]) % 5
        return max(5 - into, 0) if into >= 4 else 0.0

    with fake_target(Manners(delay_s=stall)) as target:
        ended = run_command("run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles)
    assert ended.code == 0, ended.err
    record = read_record(tmp_path / "out")
    dues = [request.intended_s or 0.0 for request in record.plan.phases[0].requests]
    assert len(record.hits) == len(dues) > 400
    zero = began[0] - record.phase("one").start
    true = sorted(max(5 - (due - zero) % 5, 0) if due >= zero and (due - zero) % 5 >= 4 else 0.0 for due in dues)
    measured = sorted(hit.end - hit.intended for hit in record.hits)
    place = -(-len(dues) * 95 // 100) - 1
    assert true[place] > 0.5
    assert measured[place] == pytest.approx(true[place], abs=0.25)
    assert record.scenario.generator.start_delay_p99_ms is not None
