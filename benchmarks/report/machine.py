"""Where and with what a run is made: read once, written down; no host name."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

from benchmarks.http_service import ROOT
from benchmarks.report.types import Machine

PACKAGES = (
    "aiohttp", "duckdb", "fastapi", "fpdf2", "isal", "msgspec", "polars", "pyarrow", "pydyf", "reportlab", "uvicorn",
)  # fmt: skip
TIMEOUT_S = 20


def read_machine() -> Machine:
    """Return the machine and the versions."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cpu=_cpu(),
        cores=os.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        python=platform.python_version(),
        node=_output("node", "--version"),
        packages={name: _version(name) for name in PACKAGES} | _node_packages(),
    )


def read_commit() -> tuple[str | None, bool | None]:
    """Return the commit of this tree, and whether tracked files differ from it; None: unknown."""
    commit = _output("git", "rev-parse", "HEAD")
    status = _output("git", "status", "--porcelain", "--untracked-files=no")
    return commit, None if status is None else bool(status)


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or "unknown"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _node_packages() -> dict[str, str]:
    folder = Path(__file__).resolve().parents[1] / "peers" / "node" / "node_modules"
    found = {}
    for name in ("csv-stringify", "csv-writer", "fastify", "pdfkit", "prom-client"):
        path = folder / name / "package.json"
        match = re.search(r'"version":\s*"([^"]+)"', path.read_text("utf-8")) if path.is_file() else None
        found[name] = match[1] if match else "not installed"
    return found


def _output(*words: str) -> str | None:
    if shutil.which(words[0]) is None:
        return None
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
