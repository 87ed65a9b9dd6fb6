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

from tests.processes import wait_until
from tests.service.helpers import (
    FINAL,
    TIMEOUT_S,
    Answer,
    Running,
    assert_identity,
    encoded,
    running,
    sample,
    start,
    workers_of,
)

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
        wait_until(lambda: len(answers) >= 12)
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
        body = encoded(format="pdf", data=ROWS * 60, columns=["id", "text"])  # so long that they overlap
        answers: list[Answer] = []
        threads = [threading.Thread(target=lambda: answers.append(service.post(body))) for _ in range(4)]
        for thread in threads:
            thread.start()
        # on a busy machine the first may be answered before the last begins
        wait_until(lambda: len(answers) + service.get("/export/status").json()["concurrentExports"] >= 4)
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
        wait_until(lambda: service.get("/export/status").json()["concurrentExports"] >= 1)
        code = service.stop()
        thread.join(TIMEOUT_S)
        assert code == 0
        assert [(one.status, one.headers.get("retry-after") is not None) for one in answers] == [(503, True)]
        assert list(service.exports.iterdir()) == []


@pytest.mark.parametrize("which", ["all workers", "their parent"])
def test_stopped_processes_do_not_keep_the_service_from_ending(tmp_path: Path, which: str) -> None:
    """SIGSTOP to the checker and the workers, or to the process that starts them: SIGTERM still ends all, with 0."""
    with running("--grace", "1", exports=tmp_path / "e") as service:
        family = psutil.Process(service.process.pid).children(recursive=True)
        workers = workers_of(service)
        parents = {process.ppid() for process in workers}
        for process in family:
            if process in workers if which == "all workers" else process.pid in parents:
                process.suspend()
        assert service.stop() == 0
        assert psutil.wait_procs(family, TIMEOUT_S)[1] == []


def test_a_stopped_parent_of_workers_is_replaced(tmp_path: Path) -> None:
    """When workers die while the process that starts them is stopped, the service goes on with a new one."""
    with running(exports=tmp_path / "e") as service:
        workers = workers_of(service)
        parent = psutil.Process(workers[0].ppid())
        parent.suspend()
        # a stop takes effect when its process next runs, which on a busy machine may be after the next export begins
        wait_until(lambda: parent.status() == psutil.STATUS_STOPPED)
        for worker in workers:
            worker.kill()
        answers = [service.run(format="csv", columns=["a"], data=[{"a": 1}]).status for _ in range(4)]
        assert answers[-2:] == [200, 200]
        assert service.get("/health").status == 200


def test_files_are_private(tmp_path: Path) -> None:
    """Files 0600 in a folder 0700, whatever the umask; --file-mode opens the files."""
    for arguments, mode in (((), 0o600), (("--file-mode", "640"), 0o640)):
        exports = tmp_path / f"{mode:o}"
        with running(*arguments, exports=exports) as service:
            for format in ("csv", "pdf"):
                assert service.run(format=format, columns=["a"], data=[{"a": 1}]).status == 200
            assert exports.stat().st_mode & 0o777 == 0o700
            assert {path.stat().st_mode & 0o777 for path in exports.iterdir()} == {mode}


def test_an_export_that_takes_too_long_is_500_and_counted(tmp_path: Path) -> None:
    """After --export-timeout its worker is replaced, nothing is left behind, and the next export works."""
    rows = [{"id": number, "text": "רחוב הרצל 15 " * 20} for number in range(10_000)]  # many times the time allowed
    with running("--export-timeout", "1s", exports=tmp_path / "e") as service:
        answer = service.post(encoded(format="pdf", data=rows, columns=["id", "text"]))
        assert (answer.status, answer.json()["error"]) == (500, "the export failed: not done in 1 s")
        assert list(service.exports.iterdir()) == []
        assert sample(service.metrics(), "export_fail_total", reason="timeout", format="pdf") == 1
        assert_identity(service.metrics())
        assert service.run(format="csv", columns=["a"], data=[{"a": 1}]).status == 200


def test_an_export_that_takes_too_long_is_500_though_the_parent_of_workers_is_stopped(tmp_path: Path) -> None:
    """The process that would report the end of the killed worker is stopped in mid-export: it is replaced in time."""
    rows = [{"id": number, "text": "רחוב הרצל 15 " * 20} for number in range(10_000)]
    with running("--export-timeout", "2s", exports=tmp_path / "e") as service:
        answers: list[Answer] = []
        body = encoded(format="pdf", data=rows, columns=["id", "text"])
        thread = threading.Thread(target=lambda: answers.append(service.post(body)))
        thread.start()
        wait_until(lambda: service.get("/export/status").json()["concurrentExports"] >= 1)
        psutil.Process(workers_of(service)[0].ppid()).suspend()
        thread.join(TIMEOUT_S)
        assert [answer.status for answer in answers] == [500]
        assert service.run(format="csv", columns=["a"], data=[{"a": 1}]).status == 200


def test_an_unfinished_file_that_was_removed_is_no_client_that_left(tmp_path: Path) -> None:
    """Somebody empties the exports folder in mid-export: the client who waits gets an error, counted as io."""
    with running(exports=tmp_path / "e") as service:
        answers: list[Answer] = []
        body = encoded(format="pdf", data=ROWS * 60, columns=["id", "text"])
        thread = threading.Thread(target=lambda: answers.append(service.post(body)))
        thread.start()
        deadline = time.monotonic() + TIMEOUT_S
        parts: list[Path] = []
        while not parts and time.monotonic() < deadline:
            parts = list(service.exports.glob(".export_*.pdf.part"))
        for path in parts:
            path.unlink()
        thread.join(TIMEOUT_S)
        assert [answer.status for answer in answers] == [500]
        assert "removed from the exports folder" in answers[0].json()["error"]
        page = service.metrics()
        assert sample(page, "export_fail_total", reason="io", format="pdf") == 1
        assert sample(page, "export_fail_total", reason="client_gone", format="pdf") == 0


def test_an_idle_service_stops_at_once(service: Running) -> None:
    """SIGTERM at rest: exit 0, no processes left."""
    family = psutil.Process(service.process.pid).children(recursive=True)
    assert service.stop() == 0
    assert psutil.wait_procs(family, TIMEOUT_S)[1] == []
