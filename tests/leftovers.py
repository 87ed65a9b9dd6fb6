"""What tests and sessions leave behind: processes with their ports, temporary files, shared memory.

Processes are known by a variable in their environment, which every descendant inherits, whoever its parent is now.
Shared memory and semaphores are known by the processes that have them mapped: those of other sessions are left alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
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
LOOK_S = 0.02
"""Between two looks for shared memory that is new; where there is none, a look takes some ten microseconds."""
LOOKS = 10
ENDING_S = 20.0
"""How long a process may take to end, once asked, on a busy machine."""


def new_mark() -> str:
    """Return a new mark for what is started next; it begins with the present one, whose watch sees it too."""
    outer = os.environ.get(MARK)
    return f"{outer}/{secrets.token_hex(8)}" if outer else secrets.token_hex(8)


def marked(mark: str) -> list[psutil.Process]:
    """The living processes that were started with this mark. Linux only; elsewhere none are found.

    Not this process, and not the two helpers of its multiprocessing, which end with it.
    """
    own = os.getpid()
    found: list[psutil.Process] = []
    for process in _with_mark(mark):
        try:
            if process.status() == psutil.STATUS_ZOMBIE or (process.ppid() == own and _is_helper(process)):
                continue
            found.append(process)
        except psutil.Error:
            continue  # it has ended
    return found


def _with_mark(mark: str) -> Iterator[psutil.Process]:
    """Yield all other processes with this mark, or one that begins with it."""
    exact = f"{MARK}={mark}".encode()
    inner = exact + b"/"
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            values = path.read_bytes().split(b"\0")
            if any(value == exact or value.startswith(inner) for value in values) and path.parent.name != str(
                os.getpid()
            ):
                yield psutil.Process(int(path.parent.name))
        except (OSError, psutil.Error):
            continue  # it has ended, or is somebody else's


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


class BlockWatch:
    """Shared memory and semaphores that appear, and that this process or one with the mark has mapped.

    Each is looked at some times after it appeared. What none of ours had mapped by then is somebody else's.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._others = set(_blocks())
        self._looks: Counter[tuple[str, int]] = Counter()
        self._ours: set[tuple[str, int]] = set()

    def look(self) -> None:
        """Find out whose those are that are new."""
        new = _blocks() - self._others - self._ours
        if not new:
            return
        mapped = _mapped_by([os.getpid(), *(process.pid for process in _with_mark(self._mark))])
        for block in new:
            self._looks[block] += 1
            if block[1] in mapped:
                self._ours.add(block)
            elif self._looks[block] >= LOOKS:
                self._others.add(block)

    def knows(self, name: str) -> bool:
        """Whether something of this name is ours."""
        return any(block[0] == name for block in self._ours)

    def left(self, patience_s: float = ENDING_S) -> set[str]:
        """Return the names of ours that no process has mapped any more, after some patience.

        A process may end before the helper that removes what it left.
        """
        deadline = time.monotonic() + patience_s
        while True:
            there = self._ours & _blocks()
            if there:
                mapped = _mapped_by([int(path.name) for path in Path("/proc").glob("[0-9]*")])
                there = {block for block in there if block[1] not in mapped}
            if not there or time.monotonic() >= deadline:
                return {name for name, _ in there}
            time.sleep(0.05)


@contextmanager
def blocks_watched(mark: str) -> Iterator[BlockWatch]:
    """Watch shared memory from a thread while the block runs."""
    watch = BlockWatch(mark)
    ending = threading.Event()

    def run() -> None:
        while not ending.wait(LOOK_S):
            watch.look()

    thread = threading.Thread(target=run, name="blocks", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ending.set()
        thread.join()
        watch.look()


def open_descriptors() -> int:
    """Count this process's descriptors, but for those by which the watch of shared memory looks, at any moment."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it is closed again
            count += not str(link.readlink()).startswith((str(SHARED_MEMORY), "/proc/"))
    return count


def _blocks() -> set[tuple[str, int]]:
    """Return the names and inodes of this user's shared memory and semaphores that Python made."""
    found: set[tuple[str, int]] = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(SHARED_MEMORY):
            if entry.name.startswith(OF_PYTHON):
                with contextlib.suppress(OSError):  # it is gone again
                    status = entry.stat(follow_symlinks=False)
                    if status.st_uid == os.getuid():
                        found.add((entry.name, status.st_ino))
    return found


def _mapped_by(numbers: Iterable[int]) -> set[int]:
    """Return the inodes of shared memory that processes have mapped; a semaphore's name there is not its own."""
    found: set[int] = set()
    for number in numbers:
        try:
            lines = Path(f"/proc/{number}/maps").read_bytes().splitlines()
        except OSError:
            continue  # it has ended, or is somebody else's
        found.update(int(line.split(None, 5)[4]) for line in lines if b" /dev/shm/" in line)
    return found


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
    mark = new_mark()
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
