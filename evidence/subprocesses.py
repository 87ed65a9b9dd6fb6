"""Ending child processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

STOP_S = 20.0


def end(process: subprocess.Popen[bytes]) -> int | None:
    """SIGTERM, patience, SIGKILL: it is gone afterwards. Its exit code; None when it had to be killed."""
    process.terminate()
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # also when the wait itself is interrupted; its workers are of its group
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


CLOSE_S = 60.0
"""How long the load generator may take to close its record when it is interrupted."""


def interrupt(process: subprocess.Popen[str]) -> None:
    """Let the load generator, the leader of its process group, close its record, and see it gone."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=CLOSE_S)
    except subprocess.TimeoutExpired:
        return
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
