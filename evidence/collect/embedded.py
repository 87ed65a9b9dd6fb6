"""The embedded target: the reference service as a process of its own, spoken to over HTTP like any other."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evidence.collect.provenance import ROOT, interpreter
from evidence.subprocesses import end

READY_S = 20.0


class EmbeddedError(Exception):
    """The embedded service did not start; the message holds its own last words."""


@dataclass
class Embedded:
    """The running service."""

    url: str
    pid: int
    exports: Path
    """Its exports folder."""
    process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> int | None:
        """SIGTERM, then its exit code; None when it had to be killed."""
        return end(self.process)


@contextlib.contextmanager
def running(log: Path) -> Iterator[Embedded]:
    """Start the service on a free port of 127.0.0.1 with a folder of its own; end it in any case.

    EmbeddedError when it does not listen within 20 s; OSError when the log can't be written. Its log goes to `log`.
    """
    with tempfile.TemporaryDirectory(prefix="exports-", ignore_cleanup_errors=True) as exports, log.open("wb") as sink:
        process = subprocess.Popen(
            [interpreter(), "-m", "service", "--port", "0", "--exports", exports, "--log-format", "json"],
            cwd=ROOT,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            # Ctrl-C in a terminal is ours alone: the service answers until the load generator has closed its record
            start_new_session=True,
        )
        try:
            url = _listening(process, log)
            yield Embedded(url=url, pid=process.pid, exports=Path(exports), process=process)
        finally:
            end(process)


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        # asked before the log is read, so that last words are not missed
        ended = process.poll() is not None
        for line in _lines(log):
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and entry.get("event") == "listening" and isinstance(entry.get("url"), str):
                    return str(entry["url"])
        if ended:
            break
        time.sleep(0.02)
    words = _lines(log)
    raise EmbeddedError(f"the embedded service did not start: {words[-1] if words else 'it said nothing'}")


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
