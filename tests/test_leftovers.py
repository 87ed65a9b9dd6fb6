"""The check of what is left behind finds what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from tests.leftovers import left_by, unused_shared_memory, watched

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


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_shared_memory_is_found() -> None:
    """A block of shared memory is listed when no process has it mapped any more, and not before."""
    block = SharedMemory(create=True, size=16)
    try:
        assert block.name not in unused_shared_memory()
        block.close()
        assert block.name in unused_shared_memory()
    finally:
        block.unlink()
    assert block.name not in unused_shared_memory()
