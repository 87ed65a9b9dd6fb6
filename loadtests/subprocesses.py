"""Child processes: start, wait until ready, stop, kill the group. One place for all packages above the judge.

Each child leads a session of its own, so that Ctrl-C in a terminal reaches it once, through its parent; and on Linux
the system kills it as soon as its parent dies, whatever the parent died of.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

STOP_S = 20.0
"""How long a child may take to end by itself after SIGTERM."""
POLL_S = 0.02

_TIED = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]} can't be started: {error.strerror}")
"""
"""Runs a command that is killed (PR_SET_PDEATHSIG, 1) when the process that started it dies.

A program rather than `preexec_fn`, which is unsafe with threads.
"""

Ready = TypeVar("Ready")
Output = int | IO[Any] | None


def tied(words: Sequence[str]) -> list[str]:
    """Return a command that runs `words` for as long as this process lives; the words themselves where it can't be."""
    if sys.platform != "linux":
        return list(words)
    return [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *words]


def start(
    words: Sequence[str],
    *,
    cwd: Path,
    stdout: Output,
    stderr: Output = subprocess.STDOUT,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a child, from the main thread. OSError when it can't be started."""
    return subprocess.Popen(
        tied(words),
        cwd=cwd,
        env=None if environment is None else dict(environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(pass_fds),
        start_new_session=True,
    )


def wait_until_ready(
    process: subprocess.Popen[bytes], ready: Callable[[], Ready | None], seconds: float
) -> Ready | None:
    """Return what `ready` returns as soon as that is not None; None where the child ends or the time is over before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # asked before, so that the last words of a child that ended are not missed
        ended = process.poll() is not None
        found = ready()
        if found is not None or ended:
            return found
        time.sleep(POLL_S)
    return None


def end(
    process: subprocess.Popen[bytes], patience_s: float = STOP_S, number: signal.Signals = signal.SIGTERM
) -> int | None:
    """Send a signal, wait, then kill the whole group. Return the exit code; None when the child had to be killed.

    What the child still writes into a pipe is dropped. Also when the wait is interrupted, the group is gone afterwards.
    """
    process.send_signal(number)
    try:
        process.communicate(timeout=patience_s)
        return process.returncode
    except subprocess.TimeoutExpired:
        return None
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill every process of the child's group, wait for the child, and close the pipes to it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
