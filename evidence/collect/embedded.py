"""The embedded target: the built-in service as a separate process, spoken to over HTTP like any other."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evidence.collect.provenance import ROOT, interpreter
from loadtests import subprocesses

READY_S = 20.0
INTERRUPTED_STOP_S = 1.0
"""How long the service may take to end when the run was interrupted."""


class EmbeddedError(Exception):
    """The embedded service did not start; the message holds its last line of log."""


@dataclass
class Embedded:
    """The running service."""

    url: str
    pid: int
    exports: Path
    """Its exports folder."""
    process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> int | None:
        """Send SIGTERM and return the exit code; None when the service had to be killed."""
        return subprocesses.end(self.process, subprocesses.STOP_S)


@contextlib.contextmanager
def running(
    log: Path, environment: Mapping[str, str] | None = None, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[Embedded]:
    """Start the service on a free port of 127.0.0.1 with a separate folder; end it in any case.

    EmbeddedError when it does not listen within 20 s; OSError when the log can't be written. Its log goes to `log`.
    environment: None: this process's. meanwhile: done while the service starts.
    """
    with tempfile.TemporaryDirectory(prefix="exports-", ignore_cleanup_errors=True) as exports, log.open("wb") as sink:
        # Ctrl-C in a terminal does not reach the service: it answers until the load generator has closed its record
        process = subprocesses.start(
            [interpreter(), "-m", "service", "--port", "0", "--exports", exports, "--log-format", "json"],
            cwd=ROOT,
            stdout=sink,
            environment=environment,
        )
        try:
            meanwhile()
            url = subprocesses.wait_until_ready(process, lambda: _address(log), READY_S)
            if url is None:
                lines = _lines(log)
                raise EmbeddedError(f"the embedded service did not start: {lines[-1] if lines else 'it wrote no log'}")
            yield Embedded(url=url, pid=process.pid, exports=Path(exports), process=process)
        except BaseException:
            subprocesses.end(process, INTERRUPTED_STOP_S)
            raise
        subprocesses.end(process, subprocesses.STOP_S)


def _address(log: Path) -> str | None:
    for line in _lines(log):
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("event") == "listening" and isinstance(entry.get("url"), str):
                return str(entry["url"])
    return None


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
