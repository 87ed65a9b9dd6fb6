"""The instrument judges itself: real generators against the known server, and generators held back on purpose."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from assertions import limits as limits_file
from assertions.checks.catalogue import CHECKS
from assertions.checks.harness import calibration as instrument
from assertions.checks.performance import latency
from assertions.judge import judge
from assertions.record.files import read_lines
from assertions.record.run import load_run
from assertions.record.types import Calibration
from assertions.verdicts import SCENARIOS
from loadtests.calibration import calibration, reference_server
from loadtests.calibration.reference_server import Schedule
from loadtests.client.clock import start_clock
from loadtests.generator.samples import MOST_SAMPLES, Samples
from loadtests.recorders.shards import calibration_folder, hits_path
from tests.evidence import command as evidence_command
from tests.loadtests.command import read_record, run_command, write_profile
from tests.loadtests.fake_target import fake_target
from tests.processes import end_of

THREE = '[[phase]]\nname = "one"\nmode = "sequence"\nmix = [{ case = "csv-5", count = 3 }]\n'


def measured(folder: Path) -> list[Calibration]:
    """What a scenario's generators measured of the known server."""
    return list(read_lines(folder / "calibration.jsonl", Calibration))


@pytest.mark.e2e
@pytest.mark.parametrize("workers", [1, 2])
def test_every_generator_measures_the_known_server_before_the_target(tmp_path: Path, workers: int) -> None:
    """Each generator leaves one line a request, made by its own clock around the server's, before the first hit."""
    profiles = write_profile(tmp_path / "profiles", THREE)
    out = tmp_path / "out"
    with fake_target() as target:
        words = ("run", "mine", "--target", target.url, "--out", out, "--profiles", profiles)
        ended = run_command(*words, "--workers", str(workers))
        assert len(target.seen) == 3
    assert ended.code == 0, ended.err
    record, made = read_record(out), measured(out)
    assert len(record.hits) == 3
    assert {(one.worker, one.index) for one in made} == {
        (worker, index) for worker in range(workers) for index in range(calibration.COUNT)
    }
    for one in made:
        assert (one.status, one.error) == (200, None)
        assert one.server_start is not None and one.server_end is not None
        assert one.intended <= one.start <= one.server_start <= one.server_end <= one.end
        assert one.server_end - one.server_start >= Schedule().usual_s - 0.001
    assert max(one.end for one in made) < min(hit.start for hit in record.hits)
    slow = sum((one.server_end or 0) - (one.server_start or 0) >= Schedule().slow_s for one in made)
    assert slow >= workers * calibration.COUNT // Schedule().slow_every


@pytest.mark.e2e
def test_no_known_server_stays_behind(tmp_path: Path) -> None:
    """It ends with its block, and by itself when whoever started it is gone."""
    with calibration.reference_server_port(Schedule()) as port:
        assert ask(port)["success"] is True
    with pytest.raises(ConnectionRefusedError):
        ask(port)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = reference_server.command(listener, Schedule())
        with subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=(listener.fileno(),)) as orphan:
            assert ask(listener.getsockname()[1])["success"] is True
            assert orphan.stdin is not None
            orphan.stdin.close()
            assert orphan.wait(20) == 0


def ask(port: int, body: bytes = b"{}", method: str = "POST") -> dict[str, object]:
    """The known server's answer to one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, "/export/run", body)
        answer = connection.getresponse()
        assert answer.status == 200
        said = json.loads(answer.read())
        assert isinstance(said, dict)
        return said
    finally:
        connection.close()


@pytest.mark.e2e
def test_the_known_server_takes_whole_requests_of_any_size() -> None:
    """A head in pieces, a body of megabytes and several requests on one connection are each answered once."""
    with calibration.reference_server_port(Schedule(usual_s=0.0, slow_every=0)) as port:
        assert ask(port, method="GET") == {"ok": True}
        said = ask(port, b"x" * 3_000_000)
        assert float(str(said["left"])) >= float(str(said["arrived"]))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line, line.makefile("rb") as reader:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(2):
                for piece in (b"POST / HT", b"TP/1.1\r\nCONTENT-length: 4\r\n", b"\r\nab", b"cd"):
                    line.sendall(piece)
                    time.sleep(0.02)
                head = [reader.readline() for _ in range(4)]
                assert head[0] == b"HTTP/1.1 200 OK\r\n"
                reader.read(int(head[2].split(b":")[1]))


def test_the_schedule_is_a_pure_function() -> None:
    """Every fourth request is slow; in a stall each waits until it is over."""
    schedule = Schedule(usual_s=0.01, slow_s=0.5, slow_every=4, stall_every_s=5.0, stall_s=1.0, zero_s=100.0)
    assert [schedule.takes_s(number, 101.0) for number in range(1, 9)] == [0.01, 0.01, 0.01, 0.5] * 2
    for moment, left in ((100.0, 0.0), (103.9, 0.0), (104.0, 1.0), (104.25, 0.75), (109.5, 0.5), (110.0, 0.0)):
        assert schedule.stalls_s(moment) == pytest.approx(left)
    assert Schedule().stalls_s(7.0) == 0.0
    assert Schedule(slow_every=0, usual_s=0.2).takes_s(25, 0.0) == 0.2


def test_what_a_generator_left_unfinished_is_gathered_as_far_as_it_goes(tmp_path: Path) -> None:
    """A missing file has no line, a cut one its whole lines, a foreign answer no times of the server."""
    folder = calibration_folder(tmp_path)
    folder.mkdir()
    hit = (
        '{"id":"calibration-0","phase":"calibration","index":0,"case":"known","method":"POST","path":"/export/run",'
        '"format":null,"records":null,"user":null,"tag":null,"bytes_sent":9,"intended":1.0,"start":1.5,"end":2.0,'
        '"status":200,"error":null,"headers":{},"answer":"{\\"success\\":true}","client":"locust-0-1"}\n'
    )
    hits_path(folder, 1).write_text(hit + hit[:50])
    into = tmp_path / "calibration.jsonl"
    calibration.gather(tmp_path, 2, start_clock(), {}, into)
    (one,) = read_lines(into, Calibration)
    assert (one.worker, one.index, one.status, one.server_start, one.server_end) == (1, 0, 200, None, None)
    assert instrument.bias_ms(one) is None


def test_samples_stay_bounded_and_even() -> None:
    """However many are added, those that are kept stand at equal distances over all of them."""
    samples = Samples()
    for value in range(5 * MOST_SAMPLES):
        samples.add(float(value))
    assert samples.values == [float(value) for value in range(0, 5 * MOST_SAMPLES, 8)]


@pytest.mark.e2e
def test_a_generator_held_back_judges_nothing(tmp_path: Path) -> None:
    """A generator that gets half of its time, in pieces, ends in NO DATA: in no PASS, and in no FAIL either."""
    out = tmp_path / "run"
    text = evidence_command.PROFILE.replace("count = 6 ", "count = 60 ").replace("max_seconds = 20", "max_seconds = 90")
    words = ("run", "smoke", "--out", out, "--profiles", evidence_command.profiles(tmp_path / "profiles", text))
    with evidence_command.reference_target(tmp_path) as target:
        run = evidence_command.start_command(*words, "--target", target.url, "--exports", target.exports)
        with held_back(run.pid):
            ended = end_of(run, 180)
    assert "Traceback" not in ended.err, ended.err
    record = load_run(out, SCENARIOS)
    errors = instrument.biases_ms(record.scenarios["smoke"].calibration)
    assert len(errors) == calibration.COUNT, ended.err
    generous = limits_file.load()
    strict = limits_file.load(evidence_command.impossible_limits(tmp_path / "strict.toml"))
    for limits in (generous, strict):
        verdicts = {one.id: one for one in judge(record, limits).verdicts if one.scenario == "smoke"}
        assert verdicts["calibration"].status == "NO DATA"
        assert "P95 of the generator's error over 160 requests" in verdicts["calibration"].judgement.reason
        by_clock = {check.id for check in CHECKS if check.by_clock} & verdicts.keys()
        assert "smoke-latency" in by_clock
        assert {verdicts[name].status for name in by_clock} == {"NO DATA"}
        assert "the generator was not fit in smoke" in verdicts["smoke-latency"].judgement.reason
    # without the instrument's word about itself it would have been a verdict
    assert latency.smoke_latency(record.scenarios["smoke"], strict).status == "FAIL"


@contextmanager
def held_back(pid: int) -> Iterator[None]:
    """While the block runs, the Locust below a process stands still for every other fifth of a second."""
    over = threading.Event()

    def hold() -> None:
        while not over.wait(0.01):
            with contextlib.suppress(psutil.Error):
                for one in psutil.Process(pid).children(recursive=True):
                    if "--locustfile" in one.cmdline():
                        one.suspend()
                        over.wait(0.2)
                        one.resume()
                        over.wait(0.2)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    try:
        yield
    finally:
        over.set()
        holder.join(10)
