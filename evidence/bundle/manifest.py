"""The manifest: path, SHA-256 and size of every file of a run directory."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from assertions.record.files import read_one, write_one
from assertions.record.types import Record, RecordError
from evidence.bundle import inventory
from evidence.bundle.inventory import Inventory

NAME = "manifest.json"
ATTESTATION = "attestation.json"
"""A signed statement on the manifest, which therefore does not list it."""
UNLISTED = frozenset({NAME, ATTESTATION})
MOST_BYTES = 32 * 1024**2
"""Of a manifest that is read."""


class Artifact(Record, frozen=True, kw_only=True):
    """One file."""

    path: str
    """Relative to the run directory, with forward slashes."""
    sha256: str
    bytes: int


class Manifest(Record, frozen=True, kw_only=True):
    """All files but the manifest itself and the statement on it, sorted by path."""

    run_id: str
    artifacts: tuple[Artifact, ...]


def sha256(path: Path) -> str:
    """Hash a file without holding it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(folder: Path, run_id: str) -> Manifest:
    """List every file below the folder. OSError when one can't be read, InventoryError when there are too many."""
    return Manifest(run_id=run_id, artifacts=_artifacts(folder, inventory.take(folder).files))


def _artifacts(folder: Path, sizes: Mapping[str, int]) -> tuple[Artifact, ...]:
    raw = {inventory.shown_name(name): name for name in _raw_names(folder)}
    return tuple(
        Artifact(path=name, sha256=sha256(folder / raw[name]), bytes=size)
        for name, size in sizes.items()
        if name not in UNLISTED
    )


def _raw_names(folder: Path) -> list[str]:
    return [
        os.path.relpath(os.path.join(place, name), folder)  # noqa: PTH118
        for place, _, names in os.walk(folder)
        for name in names
    ]


def write(folder: Path, run_id: str) -> None:
    """Write the manifest of a folder into it. OSError when it can't be written."""
    write_one(folder / NAME, make(folder, run_id))


def read(folder: Path) -> Manifest:
    """Read a folder's manifest; RecordError where there is none, or it is malformed or no regular file."""
    path = folder / NAME
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise RecordError(f"{path} is no regular file")
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise RecordError(f"{path} is larger than {MOST_BYTES // 1024**2} MB")
    return read_one(path, Manifest)


def differences(folder: Path, manifest: Manifest, there: Inventory | None = None) -> list[str]:
    """What is not as the manifest says: one sentence a file. OSError when a file can't be read.

    there: the folder's inventory, where it was taken before. Files of another size are not read.
    """
    there = there or inventory.take(folder)
    said = {artifact.path: artifact for artifact in manifest.artifacts}
    now = {name: size for name, size in there.files.items() if name not in UNLISTED}
    same = {name: size for name, size in now.items() if name in said and said[name].bytes == size}
    hashed = {artifact.path: artifact for artifact in _artifacts(folder, same)}
    problems = [f"{path} is missing" for path in said if path not in now]
    problems += [f"{path} is not in the manifest" for path in now if path not in said]
    problems += [
        f"{path} was changed: {now[path]} bytes, where the manifest says {artifact.bytes} bytes"
        for path, artifact in said.items()
        if path in now and path not in same
    ]
    problems += [
        f"{path} was changed: SHA-256 {artifact.sha256[:12]}…, where the manifest says {said[path].sha256[:12]}…"
        for path, artifact in hashed.items()
        if artifact != said[path]
    ]
    counts = Counter(artifact.path for artifact in manifest.artifacts)
    problems += [f"{path} is in the manifest {count} times" for path, count in counts.items() if count > 1]
    problems += there.irregular
    problems += [f"{name} is an empty folder" for name in there.empty]
    return problems
