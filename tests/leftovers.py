"""What tests and sessions leave behind: processes with their ports, temporary files, shared memory.

Processes are known by a variable in their environment, which every descendant inherits, whoever its parent is now.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "EXPORT_AT_SCALE_STARTED_BY"
SHARED_MEMORY = Path("/dev/shm")
OF_PYTHON = ("psm_", "sem.mp-", "mp-", "pym-")
"""How Python's multiprocessing names shared memory and semaphores."""
HELPERS = ("resource_tracker", "forkserver")
OF_KILLED = "pymp-"
"""The folder of a process's multiprocessing: Python removes it at the process's end, unless SIGKILL was that end."""
ENDING_S = 20.0
"""How long a process may take to end, once asked, on a busy machine."""


def marked(mark: str) -> list[psutil.Process]:
    """The living processes that were started with this mark. Linux only; elsewhere none are found.

    Not this process, and not the two helpers of its multiprocessing, which end with it.
    """
    own = os.getpid()
    needle = f"{MARK}={mark}".encode()
    found: list[psutil.Process] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if needle not in path.read_bytes().split(b"\0") or int(path.parent.name) == own:
                continue
            process = psutil.Process(int(path.parent.name))
            if process.status() == psutil.STATUS_ZOMBIE or (process.ppid() == own and _is_helper(process)):
                continue
            found.append(process)
        except (OSError, psutil.Error):
            continue  # it has ended, or is somebody else's
    return found


def _is_helper(process: psutil.Process) -> bool:
    return any(f"from multiprocessing.{name} import main" in " ".join(process.cmdline()) for name in HELPERS)


def ports_of(processes: list[psutil.Process]) -> list[int]:
    """The ports on which these processes listen."""
    ports: list[int] = []
    for process in processes:
        try:
            ports += [one.laddr.port for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
        except psutil.Error:
            continue
    return sorted(ports)


def unused_shared_memory() -> set[str]:
    """The names of this user's shared memory and semaphores that Python made, and that no living process has mapped."""
    if not SHARED_MEMORY.is_dir():
        return set()
    there = {
        path.name
        for path in SHARED_MEMORY.iterdir()
        if path.name.startswith(OF_PYTHON) and path.stat().st_uid == os.getuid()
    }
    for path in Path("/proc").glob("[0-9]*/maps"):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if there else []
        except OSError:
            continue  # it has ended, or is somebody else's
        there -= {line.rpartition("/")[2] for line in lines if f"{SHARED_MEMORY}/" in line}
    return there


def shared_memory_left(before: set[str], patience_s: float = ENDING_S) -> set[str]:
    """What is unused that was not before, after some patience: a process may end before its tracker has cleaned up."""
    deadline = time.monotonic() + patience_s
    while (there := unused_shared_memory() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    return there


@dataclass(frozen=True)
class Left:
    """What is there that should be gone."""

    processes: tuple[str, ...] = ()
    """Their command lines."""
    ports: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    """In the folder for temporary files."""

    @property
    def count(self) -> int:
        """How many things are left."""
        return len(self.processes) + len(self.ports) + len(self.files)


def left_by(mark: str, folder: Path, patience_s: float = ENDING_S) -> Left:
    """What processes with this mark left, and what lies in their folder for temporary files, after some patience."""
    deadline = time.monotonic() + patience_s
    while (there := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return Left(
        processes=tuple(_command_of(process) for process in there),
        ports=tuple(ports_of(there)),
        files=tuple(sorted(path.name for path in folder.iterdir() if not path.name.startswith(OF_KILLED))),
    )


def _command_of(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid}: ended since"


@contextmanager
def watched(folder: Path) -> Iterator[str]:
    """Mark all processes that are started in the block, and give them and this process a folder for temporary files."""
    mark = secrets.token_hex(8)
    names = (MARK, "TMPDIR")
    before = {name: os.environ.get(name) for name in names}
    own = tempfile.tempdir
    os.environ[MARK], os.environ["TMPDIR"] = mark, str(folder)
    tempfile.tempdir = str(folder)
    try:
        yield mark
    finally:
        tempfile.tempdir = own
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
