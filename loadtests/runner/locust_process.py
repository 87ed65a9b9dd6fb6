"""Locust as a subprocess: every option explicit, no other settings, no process left behind."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from loadtests import subprocesses
from loadtests.errors import LocustError
from loadtests.protocol.messages import CONFIG_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"


def locust_version() -> str:
    """Return the installed Locust's version."""
    return importlib.metadata.version("locust")


def clean_environment(base: Mapping[str, str], home: Path, config: Path) -> dict[str, str]:
    """Return the environment without LOCUST_*, with a home that has no settings, and with this project's modules."""
    kept = {name: value for name, value in base.items() if not name.startswith("LOCUST_")}
    path = os.pathsep.join(part for part in (str(ROOT), kept.get("PYTHONPATH", "")) if part)
    return kept | {
        "HOME": str(home),
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        CONFIG_VARIABLE: str(config),
    }


def locust_arguments(
    *, workers: int, stop_timeout_s: float, run_time_s: float, port: int, listen: str | None = None
) -> list[str]:
    """Return Locust's command line, one user a process; `workers` above 1 forks that many, with a master on 127.0.0.1.

    listen: address at which a master waits for that many workers of other machines, and forks none.
    """
    arguments = [
        sys.executable, "-m", "locust",
        "--locustfile", str(LOCUSTFILE),
        "--headless",
        "--host", "http://127.0.0.1",  # unused: each connection has the target's address
        "--users", str(workers),
        "--spawn-rate", str(workers),
        "--run-time", f"{int(run_time_s) + 1}s",
        "--stop-timeout", f"{int(stop_timeout_s) + 1}",
        "--exit-code-on-error", "0",
        "--only-summary",
        "--reset-stats",
        "--loglevel", "INFO",
    ]  # fmt: skip
    if listen is not None:
        arguments += [
            "--master",
            "--master-bind-host", listen,
            "--master-bind-port", str(port),
            "--expect-workers", str(workers),
            "--expect-workers-max-wait", "300",
        ]  # fmt: skip
    elif workers > 1:
        arguments += [
            "--processes", str(workers),
            "--master-bind-host", "127.0.0.1",
            "--master-bind-port", str(port),
            "--master-host", "127.0.0.1",
            "--master-port", str(port),
            "--expect-workers-max-wait", "30",
        ]  # fmt: skip
    return [*arguments, "GeneratorUser"]


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class LocustProcess:
    """One run of Locust in a process group of its own, so that a terminal's Ctrl-C reaches only the runner."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            try:
                self._process = subprocesses.start(arguments, cwd=folder, stdout=output, environment=environment)
            except OSError as error:
                raise LocustError(f"Locust can't be started: {error}") from error
        self.pid = self._process.pid

    def running(self) -> bool:
        """Return whether it has not ended."""
        return self._process.poll() is None

    def log_end(self) -> str:
        """Return the last lines of its log, joined to one."""
        texts = [text for text in self.log.read_text("utf-8", "replace").splitlines() if text.strip()]
        return " | ".join(texts[-3:])[-600:] or "its log is empty"

    def cpu_seconds(self) -> dict[int, float]:
        """Return the CPU seconds of each of its processes since their start."""
        found: dict[int, float] = {}
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self.pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    found[process.pid] = times.user + times.system
        return found

    def wait(self, timeout_s: float) -> int | None:
        """Return its exit code; None when it had to be killed after the timeout."""
        try:
            code: int | None = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        self.kill()
        return code

    def kill(self) -> None:
        """End every process of its group, its forked workers too."""
        subprocesses.kill(self._process)
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            try:
                os.killpg(self.pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.01)
