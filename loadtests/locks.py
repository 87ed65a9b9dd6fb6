"""Locks: one run per folder, and one run per target.

The system holds both for as long as the process lives, so that a killed run leaves no lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from loadtests.client.addresses import addresses, is_local
from loadtests.client.target import Target, TargetError
from loadtests.errors import FolderError


@contextlib.contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """Hold the lock of a folder, made where it is missing, during the block; FolderError where another run holds it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FolderError(f"{path} can't be written ({error.strerror or error}); choose another --out") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise FolderError(f"{path} is in use by another run; wait for its end, or choose another --out") from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):  # a file system without locks
            os.close(handle)
            raise
    try:
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def lock_target(target: Target) -> Iterator[None]:
    """Hold the lock of a target during the block; TargetError where another run of this machine holds it.

    Each run would take the requests of the other for miscounts of the target. Linux only.
    """
    with contextlib.ExitStack() as stack:
        for address in sorted(_addresses(target.host)) if sys.platform == "linux" else ():
            name = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            try:
                name.bind(f"\0export-at-scale:{address}:{target.port}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise TargetError(
                    f"another run of this machine is testing {target.url}, and each would spoil the other's counts; "
                    "wait for its end"
                ) from None
        yield


def _addresses(host: str) -> set[str]:
    """Return a host's addresses; the same word for all addresses of this machine."""
    return {"here"} if is_local(host) else addresses(host)
