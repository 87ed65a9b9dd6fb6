"""Results of tools in the user's cache folder, each under a hash of all that it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_DIGEST_BYTES: Final = 32


class Cache:
    """A folder of results. What is damaged, or can't be read or written, is as if it had never been kept."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        """Results kept; those that were not used for longest go first."""

    def get(self, key: str) -> bytes | None:
        """Return what is kept under a key; None where nothing is."""
        path = self._folder / key
        try:
            kept = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, content = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
        return content if hashlib.sha256(content).digest() == digest else None

    def put(self, key: str, content: bytes) -> None:
        """Keep a result; another process reads all of it or nothing."""
        part = self._folder / f"{key}.{os.getpid()}.part"
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(hashlib.sha256(content).digest() + content)
            part.replace(self._folder / key)
            self._prune()

    def _prune(self) -> None:
        for path in sorted(self._folder.iterdir(), key=_used_ns)[: -self._most]:
            path.unlink(missing_ok=True)


def _used_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def key_of(*parts: bytes, code: Sequence[object] = ()) -> str:
    """Return a key: SHA-256 over contents, each apart from the next, and over the source of the code that uses them.

    code: the modules that make the result. OSError where the source of one can't be read.
    """
    digest = hashlib.sha256()
    sources = [Path(str(getattr(module, "__file__", ""))).read_bytes() for module in code]
    for part in (*parts, b"code", *sources):
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()


def file_sha256(path: Path) -> bytes:
    """Return a file's hash. OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
