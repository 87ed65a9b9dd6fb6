"""The check of what is left behind finds what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from tests.leftovers import LOOKS, MARK, SHARED_MEMORY, BlockWatch, blocks_watched, left_by, new_mark, watched
from tests.processes import wait_until

LISTENER = (
    "import os, socket, time; s = socket.create_server(('127.0.0.1', 0)); "
    "print(os.getpid(), s.getsockname()[1], flush=True); time.sleep(60)"
)
ORPHAN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {LISTENER!r}], start_new_session=True)"


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_orphan_with_a_port_is_found(tmp_path: Path) -> None:
    """A process whose parent has ended is found by its mark, with its port; once it is gone nothing is found."""
    with watched(tmp_path) as mark, subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        parent.wait()
        try:
            left = left_by(mark, tmp_path, patience_s=0)
            assert [process.partition(":")[0] for process in left.processes] == [str(pid)]
            assert (left.ports, left.files, left.count) == ((port,), (), 2)
        finally:
            os.kill(pid, signal.SIGKILL)
        assert left_by(mark, tmp_path).count == 0


def test_a_temporary_file_is_found(tmp_path: Path) -> None:
    """A file and a folder that were made where temporary ones go, by this process too; afterwards they go elsewhere."""
    before = tempfile.gettempdir()
    with watched(tmp_path) as mark:
        tempfile.mkdtemp(prefix="a-")
        Path(tempfile.gettempdir(), "b").touch()
    left = left_by(mark, tmp_path, patience_s=0)
    assert [name[:2] for name in left.files] == ["a-", "b"]
    assert (left.count, tempfile.gettempdir()) == (2, before)


BLOCK = """
import sys, time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
block = SharedMemory(create=True, size=16)
resource_tracker.unregister(block._name, "shared_memory")
print(block.name, flush=True)
sys.stdin.read()
"""
"""Makes a block of shared memory, names it, and ends with its stdin: by then the block is there, and nobody's."""
SEMAPHORE = """
import sys
from multiprocessing import get_context, resource_tracker, util
lock = get_context("spawn").Lock()
resource_tracker.unregister(lock._semlock.name, "semaphore")
util._finalizer_registry.clear()
print("sem." + lock._semlock.name.lstrip("/"), flush=True)
sys.stdin.read()
"""


@contextmanager
def making(code: str, mark: str) -> Iterator[str]:
    """Run code with a mark while the block runs; yields the name that it prints, and removes what has that name."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, MARK: mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        try:
            yield name
        finally:
            process.communicate("")
    assert process.returncode == 0


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("code", [BLOCK, SEMAPHORE], ids=["block", "semaphore"])
def test_shared_memory_of_ours_is_found(code: str) -> None:
    """What a process of ours leaves is found once it has ended, and not before."""
    mark = new_mark()
    watch = BlockWatch(mark)
    with making(code, f"{mark}/inner") as name:
        watch.look()
        assert watch.left(patience_s=0) == set()
    try:
        assert watch.left(patience_s=0) == {name}
    finally:
        (SHARED_MEMORY / name).unlink()
    assert watch.left(patience_s=0) == set()


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("code", [BLOCK, SEMAPHORE], ids=["block", "semaphore"])
def test_shared_memory_of_others_is_not(code: str) -> None:
    """What other processes make and leave in the meantime is none of ours, and neither is what was there before."""
    with making(code, "before") as before:
        pass
    watch = BlockWatch(new_mark())
    with making(code, "other") as other:
        for _ in range(LOOKS):
            watch.look()
    try:
        watch.look()
        assert watch.left(patience_s=0) == set()
    finally:
        for name in (before, other):
            (SHARED_MEMORY / name).unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_shared_memory_of_this_process_is_found() -> None:
    """A block that this process made is found when it is closed and not unlinked, by the thread that watches."""
    with blocks_watched(new_mark()) as watch:
        block = SharedMemory(create=True, size=16)
        try:
            wait_until(lambda: watch.knows(block.name))
        finally:
            block.close()
    assert watch.left(patience_s=0) == {block.name}
    block.unlink()
    assert watch.left(patience_s=0) == set()


def test_marks_are_nested(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark that is made under another begins with it."""
    monkeypatch.setenv(MARK, "outer")
    assert new_mark().startswith("outer/")
    monkeypatch.delenv(MARK)
    assert "/" not in new_mark()
