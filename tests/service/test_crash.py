"""Stops, gentle and not: what is on the disk afterwards is whole."""

from __future__ import annotations

import csv
import io
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pypdf
import pytest

from tests.service.helpers import FINAL, TIMEOUT_S, Answer, Running, encoded, running, start

pytestmark = pytest.mark.e2e

ROWS = [{"id": number, "text": "text of the row"} for number in range(4_000)]


def ask_for_ever(service: Running, format: str, answers: list[Answer]) -> threading.Thread:
    """Ask again and again until nobody answers."""
    body = encoded(format=format, data=ROWS, columns=["id", "text"])

    def loop() -> None:
        try:
            while True:
                answers.append(service.post(body))
        except OSError:
            return
        except Exception as error:  # http.client has its own for a connection that broke off
            assert type(error).__module__ == "http.client"

    thread = threading.Thread(target=loop)
    thread.start()
    return thread


def test_a_kill_under_load_leaves_no_partial_file_under_a_final_name(tmp_path: Path) -> None:
    """SIGKILL in mid-export: every final file is whole, left-over parts go at the next start, no process stays."""
    exports = tmp_path / "exports"
    service = start(exports=exports)
    try:
        answers: list[Answer] = []
        threads = [ask_for_ever(service, format, answers) for format in ("csv", "pdf", "csv", "pdf")]
        deadline = time.monotonic() + TIMEOUT_S
        while len(answers) < 12 and time.monotonic() < deadline:
            time.sleep(0.01)
        family = psutil.Process(service.process.pid).children(recursive=True)
        service.process.kill()
    finally:
        service.process.kill()
        service.process.wait(TIMEOUT_S)
        assert service.process.stderr is not None
        service.process.stderr.close()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert psutil.wait_procs(family, TIMEOUT_S)[1] == []
    finals = [one for one in exports.iterdir() if FINAL.fullmatch(one.name)]
    assert len(finals) >= len([one for one in answers if one.status == 200]) >= 12
    for path in finals:
        if path.suffix == ".csv":
            rows = list(csv.reader(io.StringIO(path.read_text(), newline="")))
            assert (len(rows), rows[-1]) == (4_001, ["3999", "text of the row"])
        else:
            assert len(pypdf.PdfReader(path, strict=True).pages) == 80
    (exports / ".export_1_aaaaaaaaa.csv.part").write_text("left over")
    with running(exports=exports) as again:
        assert again.event["swept"] >= 1
        assert sorted(exports.iterdir()) == sorted(finals)


@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_runs_and_ends_with_0(tmp_path: Path, number: int, whole_group: bool) -> None:
    """Exports that were admitted are answered 200, then the process ends with exit 0 and no left-overs.

    A terminal's Ctrl-C and a service manager's stop reach the workers and their parent as well.
    """
    with running(exports=tmp_path / "e") as service:
        body = encoded(format="pdf", data=ROWS * 5, columns=["id", "text"])
        answers: list[Answer] = []
        threads = [threading.Thread(target=lambda: answers.append(service.post(body))) for _ in range(4)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + TIMEOUT_S
        while service.get("/export/status").json()["concurrentExports"] < 4 and time.monotonic() < deadline:
            time.sleep(0.002)
        (os.killpg if whole_group else os.kill)(service.process.pid, number)
        for thread in threads:
            thread.join(TIMEOUT_S)
        assert [one.status for one in answers] == [200] * 4
        assert service.process.wait(TIMEOUT_S) == 0
        assert service.process.stderr is not None
        assert "Traceback" not in service.process.stderr.read()
        assert len([one for one in service.exports.iterdir() if FINAL.fullmatch(one.name)]) == 4
        assert len(list(service.exports.iterdir())) == 4


@pytest.mark.parametrize("grace", ["0.05", "0"])
def test_after_the_grace_time_a_stop_kills_and_cleans_up(tmp_path: Path, grace: str) -> None:
    """An export that takes longer than the grace time is broken off; the service still ends, without left-overs."""
    with running("--grace", grace, exports=tmp_path / "e") as service:
        body = encoded(format="pdf", data=ROWS * 60, columns=["id", "text"])
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(service.post(body)))
        thread.start()
        deadline = time.monotonic() + TIMEOUT_S
        while service.get("/export/status").json()["concurrentExports"] < 1 and time.monotonic() < deadline:
            time.sleep(0.002)
        code = service.stop()
        thread.join(TIMEOUT_S)
        assert code == 0
        assert [(one.status, one.headers.get("retry-after") is not None) for one in answers] == [(503, True)]
        assert list(service.exports.iterdir()) == []


def test_an_idle_service_stops_at_once(service: Running) -> None:
    """SIGTERM at rest: exit 0, no processes left."""
    family = psutil.Process(service.process.pid).children(recursive=True)
    assert service.stop() == 0
    assert psutil.wait_procs(family, TIMEOUT_S)[1] == []
