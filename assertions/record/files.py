"""Reading and writing the record's files: JSON lines and single JSON documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from assertions.record.types import R, Record, RecordError


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON lines, replacing the file."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for record in records:
            file.write(encode(record) + b"\n")


def read_lines(path: Path, kind: type[R]) -> Iterator[R]:
    """Yield the records of a JSON-lines file; RecordError names the file and the line of the first bad one."""
    decode = msgspec.json.Decoder(kind).decode
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise RecordError(f"{path.name} line {number} is no {kind.__name__}: {error}") from error
    except FileNotFoundError:
        raise RecordError(f"{path} is missing; run its scenario again") from None
    except OSError as error:
        raise RecordError(f"{path} can't be read: {error.strerror}") from error


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
