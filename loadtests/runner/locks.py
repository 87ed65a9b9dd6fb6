"""Runs that must not meet: one at a time in a folder, and one at a time on a target.

Both are held by the system for as long as the process lives, so that nothing stays behind a run that was killed.
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
    """The folder, made where it is missing, is ours alone in the block; FolderError where another run has it."""
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
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):  # a file system that knows no locks
            os.close(handle)
            raise
    try:
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def lock_target(target: Target) -> Iterator[None]:
    """No other run of this machine drives the target in the block; TargetError where one does.

    What each counts would be held against the target by the other. Known on Linux only; runs of other machines are not.
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
                    f"another run drives {target.url} at this moment, and each would spoil what the other counts; "
                    "wait for its end"
                ) from None
        yield


def _addresses(host: str) -> set[str]:
    """A host's addresses; this machine, which has many, is always called the same."""
    return {"here"} if is_local(host) else addresses(host)
