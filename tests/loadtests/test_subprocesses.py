"""Child processes: ready, stopped, killed with their group, and never outliving their parent."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from loadtests import subprocesses

READY = "import signal, sys, time; {}; print('ready', flush=True); time.sleep(60)"


def child(setup: str, folder: Path) -> subprocess.Popen[bytes]:
    """A child that has come to its sleep."""
    words = [sys.executable, "-c", READY.format(setup)]
    process = subprocesses.start(words, cwd=folder, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize(
    ("setup", "number", "code"),
    [
        ("signal.signal(15, lambda *_: sys.exit(3))", signal.SIGTERM, 3),
        ("signal.signal(2, lambda *_: sys.exit(4))", signal.SIGINT, 4),
        ("0", signal.SIGTERM, -15),
    ],
)
@pytest.mark.e2e
def test_a_child_ends_by_itself(tmp_path: Path, setup: str, number: signal.Signals, code: int) -> None:
    """The signal is the one asked for, and the exit code is the child's own."""
    process = child(setup, tmp_path)
    assert subprocesses.end(process, number=number) == code


@pytest.mark.e2e
def test_a_child_that_does_not_end_is_killed_with_its_group(tmp_path: Path) -> None:
    """Patience is over at once here: there is no exit code, and its own children are gone too."""
    grandchild = "import subprocess; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    process = child(f"signal.signal(15, signal.SIG_IGN); {grandchild}", tmp_path)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) == 2
    assert subprocesses.end(process, patience_s=0.01) is None
    assert psutil.wait_procs(family, timeout=10)[1] == []


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.e2e
def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the parent, which can clean nothing up, ends the child in a separate session."""
    program = (
        "import subprocess, sys, time; from pathlib import Path; from loadtests import subprocesses;"
        "words = [sys.executable, '-c', 'import time; time.sleep(60)'];"
        "print(subprocesses.start(words, cwd=Path.cwd(), stdout=subprocess.DEVNULL).pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        grandchild = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert psutil.wait_procs([grandchild], timeout=10)[1] == []


@pytest.mark.e2e
def test_readiness(tmp_path: Path) -> None:
    """What is ready is returned; a child that ended, or a time that is over, is None."""
    process = child("0", tmp_path)
    answers = iter((None, None, "here"))
    assert subprocesses.wait_until_ready(process, lambda: next(answers), 10) == "here"
    assert subprocesses.wait_until_ready(process, lambda: None, 0.01) is None
    subprocesses.end(process)
    assert subprocesses.wait_until_ready(process, lambda: None, 3600) is None


@pytest.mark.e2e
def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """The sentence names the program."""
    process = subprocesses.start([str(tmp_path / "gone")], cwd=tmp_path, stdout=subprocess.PIPE)
    words, _ = process.communicate(timeout=30)
    assert words.decode() == f"{tmp_path / 'gone'} can't be started: No such file or directory\n"
    assert process.returncode == 1
