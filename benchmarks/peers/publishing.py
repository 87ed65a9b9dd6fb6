"""How every peer's file is published: as durable as the service's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def publish(path: Path, parts: Iterable[bytes]) -> None:
    """Write, sync, rename, sync the folder."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    move(part, path)


def publish_written(part: Path, path: Path) -> None:
    """Do the same with a file that a library has written."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    move(part, path)


def move(part: Path, path: Path) -> None:
    """Rename a synced file to its final name, and sync the folder."""
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
