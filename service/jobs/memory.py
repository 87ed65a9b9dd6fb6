"""How much memory a stretch of work added to its process at its peak."""

from __future__ import annotations

import ctypes
import re
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Peak:
    """`with Peak() as peak: …`, then `peak.added_bytes`; right only when nothing else runs in the process meanwhile.

    On Linux the kernel's high-water mark is reset first (a mark from before would hide the work's own); elsewhere the
    growth of `ru_maxrss` is taken, which is 0 for work that stays under an earlier peak.
    """

    def __init__(self) -> None:
        self.added_bytes = 0
        self._before: int | None = None
        self._rusage_before = 0

    def __enter__(self) -> Self:
        _trim()
        self._rusage_before = _rusage_peak_bytes()
        try:
            _CLEAR.write_text("5")
            self._before = _status_bytes("VmRSS")
        except OSError:
            self._before = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            self.added_bytes = max(0, _status_bytes("VmHWM") - self._before)
        else:
            self.added_bytes = max(0, _rusage_peak_bytes() - self._rusage_before)


def _load_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None  # another C library than glibc
    return trim


_malloc_trim = _load_trim()


def _trim() -> None:
    """Give freed memory back first: work that fills old holes again would show as none."""
    if _malloc_trim is not None:
        _malloc_trim(0)


def _status_bytes(field: str) -> int:
    match = re.search(rf"^{field}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    if match is None:
        raise OSError(f"{_STATUS} has no {field}")
    return int(match[1]) * 1024


def _rusage_peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
