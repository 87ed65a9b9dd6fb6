"""The log of a target that is not embedded: lines written during a scenario are copied into its record's folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def captured(log: Path | None, copy: Path) -> Iterator[None]:
    """Copy what is appended to `log` during the block to `copy`; without a log, or one that can't be read, no copy.

    A log that was rotated or cut meanwhile is not copied: what was in it is not known whole. OSError when the copy
    can't be written.
    """
    copy.unlink(missing_ok=True)
    before = _place(log)
    try:
        yield
    finally:
        after = _place(log)
        if log is not None and before is not None and after is not None and _grew(before, after):
            with log.open("rb") as source, copy.open("wb") as sink:
                source.seek(before[1])
                shutil.copyfileobj(source, sink)


def _place(log: Path | None) -> tuple[int, int] | None:
    """(inode, size); None where there is no file that can be read."""
    if log is None:
        return None
    try:
        with log.open("rb"):
            found = log.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size


def _grew(before: tuple[int, int], after: tuple[int, int]) -> bool:
    return before[0] == after[0] and after[1] >= before[1]
