"""The embedded service: started, spoken to, and ended in every case."""

from __future__ import annotations

import signal
import stat
import subprocess
import urllib.request
from pathlib import Path

import psutil
import pytest

from evidence.collect import embedded
from evidence.collect.embedded import Embedded, EmbeddedError, running

pytestmark = pytest.mark.e2e


def script(folder: Path, text: str) -> str:
    """A program that stands in for the service's interpreter."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


LISTENING = """echo '{"event": "listening", "url": "http://127.0.0.1:9"}'"""


def gone(service: Embedded) -> bool:
    """Whether the process and its exports folder are no more."""
    return not psutil.pid_exists(service.pid) and not service.exports.exists()


def test_started_and_ended(tmp_path: Path) -> None:
    """The real service listens on a free port, answers, ends with 0, and its folder is removed."""
    with running(tmp_path / "log") as service:
        assert service.exports.is_dir()
        with urllib.request.urlopen(f"{service.url}/health", timeout=10) as answer:
            assert answer.status == 200
        assert service.stop() == 0
    assert gone(service)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_ended_on_exceptions(tmp_path: Path, error: type[BaseException]) -> None:
    """Whatever ends the block ends the service."""
    with pytest.raises(error), running(tmp_path / "log") as service:
        raise error
    assert gone(service)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo first; echo 'no such table' >&2; exit 3", "the embedded service did not start: no such table"),
        ("exit 3", "the embedded service did not start: it wrote no log"),
        ("""echo '{"event": "listening"}'; exit 3""", """did not start: {"event": "listening"}"""),
        ("echo '[]'; exit 3", r"did not start: []"),
    ],
)
def test_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    """A service that does not start is an error with its last words."""
    program = script(tmp_path, text)
    monkeypatch.setattr(embedded, "interpreter", lambda: program)
    with pytest.raises(EmbeddedError) as error, running(tmp_path / "log"):
        pytest.fail("it did not start")
    assert str(error.value).endswith(words)


def test_never_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that never listens is given up, with its last words, and ended."""
    program = script(tmp_path, "echo waiting; exec sleep 60")
    monkeypatch.setattr(embedded, "interpreter", lambda: program)
    monkeypatch.setattr(embedded, "READY_S", 0.5)
    with pytest.raises(EmbeddedError, match="did not start: "), running(tmp_path / "log"):
        pytest.fail("it did not start")


def test_killed_when_it_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that ignores SIGTERM is killed with all its workers, and has no exit code."""
    program = script(tmp_path, f"trap '' TERM; {LISTENING}; sleep 60 & while true; do sleep 1; done")
    monkeypatch.setattr(embedded, "interpreter", lambda: program)
    monkeypatch.setattr("loadtests.subprocesses.STOP_S", 0.2)
    with running(tmp_path / "log") as service:
        workers = psutil.Process(service.pid).children()
        assert service.stop() is None
    assert gone(service)
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)


def test_killed_when_the_wait_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C while the service ends kills it rather than leaving it behind."""
    program = script(tmp_path, f"trap '' TERM; {LISTENING}; while true; do sleep 1; done")
    monkeypatch.setattr(embedded, "interpreter", lambda: program)
    wait = subprocess.Popen.wait

    def interrupted(self: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if timeout is not None:
            raise KeyboardInterrupt
        return wait(self)

    with pytest.raises(KeyboardInterrupt), running(tmp_path / "log") as service:
        monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert gone(service)
    assert service.process.returncode == -signal.SIGKILL
