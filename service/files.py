"""Files of the exports folder: their names, how they are published, how old and left-over ones go."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import string
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from service.errors import ServiceError

ALPHABET = string.ascii_lowercase + string.digits
FINAL_NAME = re.compile(r"export_\d{1,20}_[a-z0-9]{9}\.(csv|pdf)")
PART_NAME = re.compile(r"\.export_\d+_[a-z0-9]{9}\.(csv|pdf|body)\.part")


PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


class Cancelled(ServiceError):
    """The part file was deleted: nobody wants the export any more."""


def new_name(suffix: str) -> str:
    """`export_<ms since epoch>_<9 random letters or digits>.<suffix>`."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(9))
    return f"export_{time.time_ns() // 1_000_000}_{letters}.{suffix}"


def part_path(folder: Path, name: str) -> Path:
    """Where a file is while it is not complete."""
    return folder / f".{name}.part"


def open_private(path: Path) -> BinaryIO:
    """Create a file that only this user can read; FileExistsError where there is one, so no two exports share it."""
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE), "wb", buffering=0
    )


class PartFile:
    """A file that gets its final name only when it is complete and on the disk; on any error it goes without a trace.

    OSError from the file system comes through as it is; Cancelled when the part file was removed meanwhile.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._final = folder / name
        self._part = part_path(folder, name)
        if self._final.exists():
            raise FileExistsError(f"{name} was used before")
        self.file = open_private(self._part)

    def write(self, data: bytes) -> None:
        """Append all of it."""
        view = memoryview(data)
        while view:
            view = view[self.file.write(view) :]

    @property
    def wanted(self) -> bool:
        """False when the part file was removed."""
        return os.fstat(self.file.fileno()).st_nlink > 0

    def check_wanted(self) -> None:
        """Cancelled if the part file was removed."""
        if not self.wanted:
            raise Cancelled

    def publish(self, mode: int = PRIVATE_FILE) -> int:
        """Make it durable under its final name, with these permissions; its size in bytes."""
        if mode != PRIVATE_FILE:
            os.fchmod(self.file.fileno(), mode)
        os.fsync(self.file.fileno())
        size = os.fstat(self.file.fileno()).st_size
        self.file.close()
        try:
            self._part.rename(self._final)
        except FileNotFoundError:
            raise Cancelled from None
        sync_folder(self._folder)
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        self._part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def claim_folder(folder: Path) -> tuple[int, int]:
    """Make the folder, test that it can be written, share its lock, remove what a killed service left.

    Returns the lock's descriptor, held while the service lives, and how many left-over files were removed; none are
    when another living service shares the folder. OSError: the folder can't be used.
    """
    folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    probe = folder / f".probe_{secrets.token_hex(8)}"
    probe.touch(exist_ok=False)
    probe.unlink()
    lock = os.open(folder, os.O_RDONLY)
    removed = 0
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for entry in _listed(folder):
            if PART_NAME.fullmatch(entry.name):
                Path(entry.path).unlink(missing_ok=True)
                removed += 1
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock, removed


def remove_old(folder: Path, age_s: float, now_s: float) -> int:
    """Remove finished files older than `age_s`; how many."""
    removed = 0
    for entry in _listed(folder):
        with contextlib.suppress(FileNotFoundError):
            if FINAL_NAME.fullmatch(entry.name) and now_s - entry.stat().st_mtime > age_s:
                Path(entry.path).unlink()
                removed += 1
    return removed


def _listed(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries
