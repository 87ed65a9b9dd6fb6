"""Samples of exported files in a scenario's folder `kept`; a large CSV file is compressed."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path
from typing import BinaryIO, cast

from assertions.record.files import COMPRESSED, compress

KEPT = "kept"
PLAIN_MOST_BYTES = 200_000
"""A larger CSV file is compressed, to a tenth or less; a PDF file is compressed in itself."""
_READ_BYTES = 1024**2


def keep_file(file: Path, folder: Path) -> str:
    """Move an exported file into the folder `kept` of a scenario's folder; return where it is, relative to the latter.

    OSError when it can't be written.
    """
    place = folder / KEPT / file.name
    place.parent.mkdir(exist_ok=True)
    shutil.move(file, place)
    if place.suffix == ".csv" and place.stat().st_size > PLAIN_MOST_BYTES:
        place = compress(place)
    return f"{KEPT}/{place.name}"


def read_kept(path: Path, most_bytes: int) -> bytes:
    """Return a kept file as it was exported, at most `most_bytes` and one more. OSError when it can't be read."""
    try:
        with _open(path) as file:
            return file.read(most_bytes + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise OSError(f"{path.name} can't be decompressed: {error}") from error


def unpack_kept(path: Path, folder: Path, most_bytes: int) -> Path:
    """Return a kept file as a plain file, written into a folder where it is compressed; at most `most_bytes` and one.

    OSError when it can't be read or written.
    """
    if path.suffix != COMPRESSED:
        return path
    place = folder / path.stem
    left = most_bytes + 1
    try:
        with _open(path) as file, place.open("wb") as out:
            while left > 0 and (piece := file.read(min(left, _READ_BYTES))):
                out.write(piece)
                left -= len(piece)
    except (lzma.LZMAError, EOFError) as error:
        raise OSError(f"{path.name} can't be decompressed: {error}") from error
    return place


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, lzma.open(path, "rb")) if path.suffix == COMPRESSED else path.open("rb")
