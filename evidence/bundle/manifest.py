"""The manifest: path, SHA-256 and size of every file of a run directory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from assertions.record.files import read_one, write_one
from assertions.record.types import Record

NAME = "manifest.json"


class Artifact(Record, frozen=True, kw_only=True):
    """One file."""

    path: str
    """Relative to the run directory, with forward slashes."""
    sha256: str
    bytes: int


class Manifest(Record, frozen=True, kw_only=True):
    """All files but the manifest itself, sorted by path."""

    run_id: str
    artifacts: tuple[Artifact, ...]


def sha256(path: Path) -> str:
    """Hash a file without holding it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(folder: Path, run_id: str) -> Manifest:
    """List every file below the folder. OSError when one can't be read."""
    paths = sorted(path for path in folder.rglob("*") if _plain(path) and path != folder / NAME)
    return Manifest(
        run_id=run_id,
        artifacts=tuple(
            Artifact(path=_name(folder, path), sha256=sha256(path), bytes=path.stat().st_size) for path in paths
        ),
    )


def write(folder: Path, run_id: str) -> None:
    """Write the manifest of a folder into it. OSError when it can't be written."""
    write_one(folder / NAME, make(folder, run_id))


def read(folder: Path) -> Manifest:
    """Read a folder's manifest; RecordError where there is none or it is malformed."""
    return read_one(folder / NAME, Manifest)


def differences(folder: Path, manifest: Manifest) -> list[str]:
    """What is not as the manifest says: one sentence a file. OSError when a file can't be read."""
    now = {artifact.path: artifact for artifact in make(folder, manifest.run_id).artifacts}
    said = {artifact.path: artifact for artifact in manifest.artifacts}
    problems = [f"{path} is missing" for path in said if path not in now]
    problems += [f"{path} is not in the manifest" for path in now if path not in said]
    problems += [
        f"{path} was changed: {now[path].bytes} bytes, SHA-256 {now[path].sha256[:12]}…, "
        f"where the manifest says {artifact.bytes} bytes, {artifact.sha256[:12]}…"
        for path, artifact in said.items()
        if path in now and now[path] != artifact
    ]
    # a link's contents are elsewhere and may be others tomorrow; a pipe has none
    problems += [
        f"{_name(folder, path)} is neither a file nor a folder"
        for path in sorted(folder.rglob("*"))
        if not _plain(path) and (path.is_symlink() or not path.is_dir())
    ]
    return problems


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _name(folder: Path, path: Path) -> str:
    """The path as it is listed; bytes that are no UTF-8 are shown as escapes, so that it can be written and printed."""
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
