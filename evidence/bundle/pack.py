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
MOST_BYTES = inventory.MOST_BYTES
"""Of an archive's files, unpacked."""
MOST_TIMES, BYTES_ANYWAY = 200, 100_000_000
"""Unpacked, an archive of more bytes than these is at most so many times as large: a usual run is 4 times as large, and
an archive made to fill disks 1,000 times."""
MOST_SHOWN = 80
"""Characters of a name in a sentence."""
_MOST_NAME_BYTES = 255
"""Of one part of a path, as file systems have it."""
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
            _check(entries, archive.stat().st_size)
            for entry in entries:
                _write(packed, entry, folder / entry.filename)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise PackError(f"it is no archive that can be read: {error}") from error
    except zlib.error as error:
        raise PackError(f"it is no archive that can be read: {error}") from error


def _check(entries: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    if len(entries) > inventory.MOST_ENTRIES:
        raise PackError(f"it holds more than {inventory.MOST_ENTRIES:,} files; no run leaves so many")
    unpacked_bytes = sum(entry.file_size for entry in entries)
    if unpacked_bytes > MOST_BYTES:
        raise PackError(f"unpacked it has more than {MOST_BYTES / 1e9:.1f} GB; no run leaves so much")
    if unpacked_bytes > max(BYTES_ANYWAY, MOST_TIMES * packed_bytes):
        times = unpacked_bytes / packed_bytes
        raise PackError(f"unpacked it is {times:,.0f} times as large; no run's archive is more than {MOST_TIMES} times")
    names: set[str] = set()
    for entry in entries:
        name, mode = entry.filename, entry.external_attr >> 16
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ":" in name or ".." in parts or "/".join(parts) != name:
            raise PackError(f"it holds {name[:MOST_SHOWN]!r}, which is no path below a run directory")
        if len(parts) > inventory.MOST_DEPTH:
            raise PackError(f"it holds {name[:MOST_SHOWN]!r}, deeper than any file of a run")
        if any(len(part.encode("utf-8", "surrogateescape")) > _MOST_NAME_BYTES for part in parts):
            raise PackError(f"it holds {name[:MOST_SHOWN]!r}…, a longer name than any file of a run has")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise PackError(f"{name} is neither a file nor a folder")
        if name in names:
            raise PackError(f"{name} is in it twice")
        names.add(name)
    for first, name in inventory.alike(sorted(names)):
        raise PackError(f"it holds {first} and {name}, which differ in case only")
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for name in sorted(names & folders):
        raise PackError(f"{name} is a file and a folder in it")


def _write(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with packed.open(entry) as file, path.open("xb") as into:
        while piece := file.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise PackError(f"{entry.filename} is larger than the archive says")
            into.write(piece)
