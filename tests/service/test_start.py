"""What the service prints when it starts, and that stdout's trouble is never the service's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from service.start_output import start_lines
from tests.processes import end_of, start_module
from tests.service.helpers import call

pytestmark = pytest.mark.e2e


def start(exports: Path, stdout: int, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start the service with that stdout; the process and its url once it listens."""
    process = start_module("service", "--port", "0", "--exports", exports, *arguments, stdout=stdout)
    assert process.stderr is not None
    return process, json.loads(process.stderr.readline())["url"]


def test_the_start_prints_address_and_routes_as_the_runbook_shows(tmp_path: Path) -> None:
    """stdout has the runbook's `[BOOT] listened` line, the version, and every route; stderr has JSON lines only."""
    process, url = start(tmp_path / "e", subprocess.PIPE)
    process.terminate()
    ended = end_of(process)
    assert ended.out == (
        f"[BOOT] listened {{ address: '127.0.0.1', family: 'IPv4', port: {url.rsplit(':', 1)[1]} }}\n"
        "v1.7 Export@Scale plugin registered\n"
        "--- ROUTE TREE ---\n"
        "/export/download/{name} (GET, HEAD)\n"
        "/export/files/{name} (GET, HEAD)\n"
        "/export/metrics (GET, HEAD)\n"
        "/export/run (POST)\n"
        "/export/status (GET, HEAD)\n"
        "/health (GET, HEAD)\n"
        "/openapi.json (GET, HEAD)\n"
    )
    assert [json.loads(line)["event"] for line in ended.err.splitlines()] == ["stopping", "stopped"]


@pytest.mark.parametrize(("family", "name"), [(socket.AF_INET, "IPv4"), (socket.AF_INET6, "IPv6")])
def test_the_address_line_names_the_family(family: int, name: str) -> None:
    """IPv4 and IPv6, as Node's `server.address()` names them."""
    assert start_lines("a", family, 1, []).startswith(f"[BOOT] listened {{ address: 'a', family: '{name}', port: 1 }}")


def test_a_stdout_that_takes_nothing_does_not_stop_the_service(tmp_path: Path) -> None:
    """A full device and a pipe that nobody reads: the service answers, and ends with exit 0."""
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        for number, stdout in enumerate((full, writer)):
            process, url = start(tmp_path / str(number), stdout)
            assert call(url, "GET", "/health").status == 200
            process.terminate()
            assert end_of(process).code == 0
    finally:
        os.close(full)
        os.close(writer)
