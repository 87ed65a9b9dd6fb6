"""Load from other machines: real Locust workers that know no more than the master's address, and those that lie."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from assertions.record.files import read_lines
from assertions.record.types import Calibration, Plan
from loadtests.client.clock import start_clock
from loadtests.protocol import messages
from loadtests.protocol.channel import Channel, unpack
from loadtests.protocol.clock_sync import read_clock
from loadtests.protocol.server import ControlServer, RemoteSetup
from loadtests.runner.locust_process import free_port
from tests.loadtests.command import read_record, run_command, start_command, write_profile
from tests.loadtests.fake_target import Manners, fake_target
from tests.processes import ROOT, end_of, wait_until

pytestmark = pytest.mark.e2e

PROFILE = """
[[phase]]
name = "first"
mode = "sequence"
mix = [{ case = "csv-20", count = 1 }, { case = "csv-special", count = 1 }]

[[phase]]
name = "second"
mode = "closed"
clients = 4
mix = [{ case = "csv-20", count = 20 }, { case = "pdf-30", count = 10 }]
"""


@contextmanager
def workers(port: int, count: int, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Locust's own command for workers, from a home and a working folder of their own."""
    home.mkdir()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--worker",
            "--master-host", "127.0.0.1", "--master-port", str(port), "--processes", str(count),
        ],
        cwd=home,
        env={**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT), "TMPDIR": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # they end by themselves, mostly
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def two_ports() -> int:
    """A free port whose neighbour is free too."""
    while True:
        port = free_port()
        try:
            socket.create_server(("127.0.0.1", port + 1)).close()
        except OSError:
            continue
        return port


def is_listening(run: psutil.Process, port: int) -> bool:
    """Whether a child of the run listens at this port."""
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for child in run.children(recursive=True)
        for connection in child.net_connections("tcp")
    )


def test_workers_from_elsewhere_bring_their_whole_record(tmp_path: Path) -> None:
    """Each planned request is made once, by both; files, calibration and clocks come to the runner's folder."""
    profiles, port = write_profile(tmp_path / "profiles", PROFILE), two_ports()
    with fake_target() as target:
        run = start_command(
            "run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles,
            "--workers", "2", "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip
        with workers(port, 2, tmp_path / "home") as remote:
            ended = end_of(run)
            said, _ = remote.communicate(timeout=30)
    assert ended.code == 0, ended.err + said
    assert "Traceback" not in said
    assert f"--master-host 127.0.0.1 --master-port {port}" in ended.err
    record = read_record(tmp_path / "out")
    assert sorted((hit.phase, hit.index) for hit in record.hits) == [
        *(("first", index) for index in range(2)),
        *(("second", index) for index in range(30)),
    ]
    assert {hit.client.split("-")[1] for hit in record.hits} == {"0", "1"}
    formats = {hit.id: hit.format for hit in record.hits}
    files = {f"{fetch.hit}.{formats[fetch.hit]}" for fetch in record.fetches}
    assert files == {path.name for path in (tmp_path / "out" / "spool").iterdir()}
    generator = record.scenario.generator
    assert (generator.exit_code, generator.end_marks, generator.workers) == (0, 2, 2)
    assert generator.cpu_ratio is not None
    assert [clock.worker for clock in generator.clocks] == [0, 1]
    for clock in generator.clocks:  # on one machine all read the same time, each reading within its error
        assert abs(clock.offset_s) < 5
        assert clock.error_s > 0
        assert clock.drift_s is not None
        assert abs(clock.drift_s) <= 2 * clock.error_s
    known = list(read_lines(tmp_path / "out" / "calibration.jsonl", Calibration))
    assert {one.worker for one in known} == {0, 1}
    for one in known:
        if one.server_start is not None and one.server_end is not None:
            assert one.start - 1e-5 <= one.server_start <= one.server_end <= one.end + 1e-5
    assert list((tmp_path / "home").glob("export-loadtests-*")) == []


def test_a_worker_elsewhere_that_dies_is_seen(tmp_path: Path) -> None:
    """Its phase is incomplete, its record is missing, and the exit is 1."""
    profiles = write_profile(
        tmp_path / "profiles",
        '[[phase]]\nname = "one"\nmode = "closed"\nclients = 4\nseconds = 5\nmax_count = 5000\n'
        'mix = [{ case = "csv-5", count = 20 }]\n',
    )
    port = two_ports()
    with fake_target(Manners(delay_s=lambda _: 0.1)) as target:
        run = start_command(
            "run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles,
            "--workers", "2", "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip
        with workers(port, 2, tmp_path / "home") as remote:
            wait_until(lambda: len(target.seen) > 40)
            forked = [one for one in psutil.Process(remote.pid).children() if "locust" in " ".join(one.cmdline())]
            assert len(forked) == 2
            forked[0].kill()
            ended = end_of(run)
    record = read_record(tmp_path / "out")
    assert ended.code == 1, ended.err
    assert not record.phase("one").completed
    assert "ended early" in (record.phase("one").note or "")
    assert record.scenario.generator.end_marks == len(record.scenario.generator.clocks) == 1


def test_a_run_that_nobody_comes_to_can_be_interrupted(tmp_path: Path) -> None:
    """Ctrl-C while it waits for workers ends it, and the record says that nothing was done."""
    profiles, port = write_profile(tmp_path / "profiles", PROFILE), two_ports()
    with fake_target() as target:
        run = start_command(
            "run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles,
            "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip
        wait_until(lambda: psutil.Process(run.pid).children())
        wait_until(lambda: is_listening(psutil.Process(run.pid), port))  # Locust waits for workers there
        run.send_signal(signal.SIGINT)
        ended = end_of(run)
    assert ended.code == 1, ended.err
    assert read_record(tmp_path / "out").scenario.generator.end_marks == 0


def test_a_target_that_others_can_not_reach_is_refused(tmp_path: Path) -> None:
    """Other machines would look for a loopback target on themselves."""
    with fake_target() as target:
        ended = run_command("run", "smoke", "--target", target.url, "--out", tmp_path / "out", "--listen", "192.0.2.1")
    assert (ended.code, "name the target as they know it" in ended.err) == (2, True), ended.err


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_that_is_taken_is_reported(tmp_path: Path, offset: int) -> None:
    """One sentence says where it could not listen: where Locust would, or where the runner would."""
    profiles = write_profile(tmp_path / "profiles", PROFILE)
    port = two_ports()
    with fake_target() as target, socket.create_server(("127.0.0.1", port + offset)):
        ended = run_command(
            "run", "mine", "--target", target.url, "--out", tmp_path / "out", "--profiles", profiles,
            "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip
    assert (ended.code, f"can't listen at 127.0.0.1:{port + offset}" in ended.err) == (2, True), ended.err


@pytest.mark.parametrize("text", ["", ":5557", "here:", "here:80", "here:65535", "here:x", "here:٣٠٠٠"])
def test_no_address_to_listen_at(tmp_path: Path, text: str) -> None:
    """A host and a port above the system's own, with a neighbour, are needed."""
    ended = run_command("run", "smoke", "--out", tmp_path / "out", "--listen", text)
    if text == "here:":  # the port may be left out, colon and all
        assert ended.code == 2
        assert "HOST:PORT" not in ended.err
        return
    assert (ended.code, "an address of this machine, HOST or HOST:PORT" in ended.err) == (2, True), ended.err


def test_the_locustfile_only_makes_no_load(tmp_path: Path) -> None:
    """Without a runner there is neither a plan nor a target."""
    ended = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--headless"],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, "with --worker for its --listen" in ended.stderr) == (2, True), ended.stderr


@contextmanager
def control(folder: Path) -> Iterator[ControlServer]:
    """The control server of a run with two generators elsewhere, whose uploads go into two folders."""
    roots = {name: folder / name for name in ("parts", "spool")}
    for root in roots.values():
        root.mkdir(parents=True)
    config = messages.RemoteConfig(
        plan=Plan(scenario="mine", profile_sha256="a" * 64, seed=1, phases=()),
        target="http://127.0.0.1:9",
        insecure=False,
        phases=(),
        templates={},
    )
    made = ControlServer(2, start_clock(), remote=RemoteSetup(config, roots))
    try:
        yield made
    finally:
        made.close()


def upload(worker: int = 0) -> messages.RecordUpload:
    """The message before a tar."""
    return messages.RecordUpload(worker=worker, anchor=1.0, host="far", offset_s=3.0, error_s=0.001, drift_s=0.0)


@contextmanager
def admitted(runner: ControlServer) -> Iterator[Channel]:
    """A generator elsewhere that the runner has numbered."""
    with Channel("127.0.0.1", runner.port) as channel:
        channel.send(messages.Hello(pid=1, makes_load=True, host="far"))
        assert isinstance(channel.receive(), messages.Welcome)
        assert isinstance(channel.receive(), messages.RemoteConfig)
        yield channel


def test_a_cargo_that_nobody_waits_for_is_refused(tmp_path: Path) -> None:
    """Only a generator elsewhere that makes load here brings a record; from others nothing is written."""
    (sent := tmp_path / "sent").mkdir()
    (sent / "hits-0.jsonl").write_bytes(b"hits")
    with control(tmp_path / "runner") as runner:
        with Channel("127.0.0.1", runner.port) as channel, pytest.raises(OSError, match=r".+"):
            channel.send(upload())
            channel.upload({"parts": sent})
        assert not list((tmp_path / "runner" / "parts").iterdir())
        assert (runner.uploads.clocks, runner.events.empty()) == ({}, True)


def test_one_that_never_reads_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line is ended after a while, which tells that it is gone."""
    monkeypatch.setattr("loadtests.protocol.server.SEND_TIMEOUT_S", 1)
    long = messages.RemoteConfig(
        plan=Plan(scenario="x" * 30_000_000, profile_sha256="a" * 64, seed=1, phases=()),
        target="http://127.0.0.1:9", insecure=False, phases=(), templates={},
    )  # fmt: skip
    with control(tmp_path) as runner, admitted(runner):
        start = time.monotonic()
        runner.send(long)
        assert time.monotonic() - start < 10
        assert isinstance(runner.events.get(timeout=10).message, messages.Hello)
        assert runner.events.get(timeout=10).message is None


def test_closing_ends_all_lines(tmp_path: Path) -> None:
    """Those that only asked for the time too, and nobody comes in any more."""
    with control(tmp_path) as runner, Channel("127.0.0.1", runner.port) as channel:
        channel.send(messages.TimeRequest())
        assert isinstance(channel.receive(), messages.TimeReply)
        runner.close()
        assert channel.receive() is None
        with pytest.raises(OSError, match="refused"):
            Channel("127.0.0.1", runner.port)


def test_the_time_is_read_to_and_fro(tmp_path: Path) -> None:
    """What a generator elsewhere takes for the runner's time is wrong by no more than it says."""
    with control(tmp_path) as runner:
        reading = read_clock("127.0.0.1", runner.port)
        assert abs(reading.anchor - runner.clock.anchor) <= reading.error_s + 1e-5
        assert abs(reading.offset_s) < 5


def test_a_cargo_is_stored_and_its_clock_kept(tmp_path: Path) -> None:
    """Folders below the roots come through whole."""
    sent = tmp_path / "sent"
    (sent / "calibration").mkdir(parents=True)
    (sent / "hits-0.jsonl").write_bytes(b"hits")
    (sent / "calibration" / "hits-0.jsonl").write_bytes(b"known")
    with control(tmp_path / "runner") as runner, admitted(runner):
        with Channel("127.0.0.1", runner.port) as channel:
            channel.send(upload())
            channel.upload({"parts": sent})
        with Channel("127.0.0.1", runner.port) as again, pytest.raises(OSError, match=r".+"):
            again.send(upload())  # it has come already
            again.upload({"parts": sent})
        assert (tmp_path / "runner" / "parts" / "hits-0.jsonl").read_bytes() == b"hits"
        assert (tmp_path / "runner" / "parts" / "calibration" / "hits-0.jsonl").read_bytes() == b"known"
        assert (runner.uploads.clocks[0].offset_s, runner.uploads.anchors) == (3.0, {0: 1.0})


@pytest.mark.parametrize("name", ["parts/../../out", "elsewhere/hits-0.jsonl", "parts", "/etc/hits"])
def test_a_cargo_that_would_leave_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    """Whoever brings it, nothing is written outside; the run ends with a sentence."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    (tmp_path / "parts").mkdir()
    with pytest.raises(tarfile.TarError):
        unpack(io.BytesIO(packed.getvalue()), {"parts": tmp_path / "parts"})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_cargo_that_breaks_off_ends_the_run(tmp_path: Path) -> None:
    """Half a tar is reported to the coordinator as trouble, and its clock is not kept."""
    with control(tmp_path) as runner, admitted(runner):
        with Channel("127.0.0.1", runner.port) as channel:
            channel.send(upload())
        # two lines, so either may be heard first
        said = [runner.events.get(timeout=10).message for _ in range(2)]
        assert sum(isinstance(message, messages.Hello) for message in said) == 1
        [trouble] = [message for message in said if isinstance(message, messages.Trouble)]
        assert "generator 0 on far can't be stored" in trouble.text
        assert runner.uploads.clocks == {}


def test_a_generator_too_many_is_reported_nothing(tmp_path: Path) -> None:
    """Only as many as were asked for are numbered; the next learns neither plan nor target."""
    with control(tmp_path) as runner, ExitStack() as channels:
        said: list[tuple[messages.RunnerMessage | None, ...]] = []
        for _ in range(3):
            channel = channels.enter_context(Channel("127.0.0.1", runner.port))
            channel.send(messages.Hello(pid=1, makes_load=True, host="far"))
            if len(said) < 2:
                said.append((channel.receive(), channel.receive()))
        assert [type(one).__name__ for pair in said for one in pair] == ["Welcome", "RemoteConfig"] * 2
        runner.drop(0)
        wait_until(lambda: any(event.message is None for event in [runner.events.get(timeout=10)]))
