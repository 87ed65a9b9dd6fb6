"""A bundle as one archive: the same bytes from the same files, and read again without trusting it."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from assertions.record.types import RecordError
from evidence.bundle import inventory, manifest
from evidence.bundle.inventory import InventoryError

SUFFIX = ".zip"
MOST_BYTES = 4 * 1024**3
"""Of an archive's files, unpacked."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can hold; the files' own times would make each archive another."""
_PLAIN = stat.S_IFREG | 0o644
_PIECE = 1024**2
_LEVEL = 6


class PackError(Exception):
    """A folder can't be packed, or an archive can't be read; one sentence."""


def default_archive(folder: Path) -> Path:
    """Return the path of a run directory's archive, in the same folder."""
    place = folder.resolve()
    return place.with_name(f"{place.name}{SUFFIX}")


def pack(folder: Path, archive: Path) -> int:
    """Write the archive of a bundle, and return its size in bytes. PackError where the bundle does not hold. OSError.

    Equal bundles make equal archives: entries in order, one time, one mode. The archive appears when it is whole.
    """
    try:
        there = inventory.take(folder)
        problems = manifest.differences(folder, manifest.read(folder), there)
    except (RecordError, InventoryError) as error:
        raise PackError(f"{folder} is no bundle that can be packed: {error}") from error
    if problems:
        raise PackError(f"{folder} does not hold, so it is not packed: {problems[0]}; see `verify`")
    part = archive.with_name(f"{archive.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as packed:
            for name in there.files:
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr, entry.create_system = _PLAIN << 16, 3
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.file_size = there.files[name]
                with packed.open(entry, "w") as into, (folder / name).open("rb") as file:
                    while piece := file.read(_PIECE):
                        into.write(piece)
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)
    return archive.stat().st_size


def unpack(archive: Path, folder: Path) -> None:
    """Write an archive's files below an empty folder. PackError where it holds what no bundle holds. OSError.

    Nothing is written outside the folder, no link is made, and no more bytes than the archive declares.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = packed.infolist()
            _check(entries)
            for entry in entries:
                _write(packed, entry, folder / entry.filename)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise PackError(f"it is no archive that can be read: {error}") from error
    except zlib.error as error:
        raise PackError(f"it is no archive that can be read: {error}") from error


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > inventory.MOST_ENTRIES:
        raise PackError(f"it holds more than {inventory.MOST_ENTRIES:,} files; no run leaves so many")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise PackError(f"unpacked it has more than {MOST_BYTES / 1e9:.1f} GB; no run leaves so much")
    names: set[str] = set()
    for entry in entries:
        name, mode = entry.filename, entry.external_attr >> 16
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ":" in name or ".." in parts or "/".join(parts) != name:
            raise PackError(f"it holds {name!r}, which is no path below a run directory")
        if len(parts) > inventory.MOST_DEPTH:
            raise PackError(f"it holds {name!r}, deeper than any file of a run")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise PackError(f"{name} is neither a file nor a folder")
        if name in names:
            raise PackError(f"{name} is in it twice")
        names.add(name)


def _write(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with packed.open(entry) as file, path.open("xb") as into:
        while piece := file.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise PackError(f"{entry.filename} is larger than the archive says")
            into.write(piece)
