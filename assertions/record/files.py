"""Reading and writing the record's files: JSON lines, plain or compressed, and single JSON documents."""

from __future__ import annotations

import hashlib
import lzma
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from assertions.record.types import R, Record, RecordError

COMPRESSED: Final = ".xz"
"""Ends the name of a compressed file, after the name that the plain file has."""
_PRESET: Final = 1
"""Its window of 1 MiB spans several metrics pages, which makes a page cost little more than what changed in it."""


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON lines, replacing the file."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for record in records:
            file.write(encode(record) + b"\n")


def read_lines(path: Path, kind: type[R]) -> Iterator[R]:
    """Yield the records of a JSON-lines file, or of its compressed form where only that is there.

    RecordError names the file and the line of the first bad one.
    """
    decode = msgspec.json.Decoder(kind).decode
    try:
        with open_plain(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    yield decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise RecordError(f"{path.name} line {number} is no {kind.__name__}: {error}") from error
    except FileNotFoundError:
        raise RecordError(f"{path} is missing; run its scenario again") from None
    except (lzma.LZMAError, EOFError) as error:
        raise RecordError(f"{path}{COMPRESSED} can't be decompressed: {error}") from error
    except OSError as error:
        raise RecordError(f"{path} can't be read: {error.strerror}") from error


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading, or its compressed form where only that is there; what comes is plain. OSError.

    Reading raises LZMAError or EOFError where the compressed form is damaged.
    """
    there = stored(path)
    return path.open("rb") if there == path else cast(BinaryIO, lzma.open(there, "rb"))


def stored(path: Path) -> Path:
    """Return where a file of a record is: at its own name, or in compressed form next to it."""
    compressed = path.with_name(path.name + COMPRESSED)
    return compressed if compressed.exists() and not path.exists() else path


def compress(path: Path) -> Path:
    """Replace a file by its compressed form, and return where that is. OSError; the plain file stays then."""
    compressed = path.with_name(path.name + COMPRESSED)
    part = compressed.with_name(compressed.name + ".part")
    with path.open("rb") as plain, lzma.open(part, "wb", preset=_PRESET) as out:
        shutil.copyfileobj(plain, out, 1024 * 1024)
    part.replace(compressed)
    path.unlink()
    return compressed


def write_one(path: Path, record: Record) -> None:
    """Write one record as an indented JSON document, replacing the file."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def read_one(path: Path, kind: type[R]) -> R:
    """Read one JSON document; RecordError where it is missing or malformed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise RecordError(f"{path} is missing; run its scenario again") from None
    except OSError as error:
        raise RecordError(f"{path} can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} is no {kind.__name__}: {error}") from error


def sha256(path: Path) -> str:
    """Hash a file without holding it in memory. OSError when it can't be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
