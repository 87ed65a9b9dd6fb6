"""The benchmark results that are there for a commit: `evidence/bench/results.json`, written by `nox -s bench`."""

from __future__ import annotations

from pathlib import Path

import msgspec

WRITTEN_BY = "nox -s bench"


class _Results(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of a results file; its other keys are passed over."""

    commit: str | None
    dirty: bool | None
    summary: tuple[str, ...] = ()


def benchmark_lines(root: Path, commit: str | None, dirty: bool | None) -> tuple[str, ...]:
    """Return the results' summary, where they are of the same commit and neither side had changes; else nothing."""
    if commit is None or dirty is not False:
        return ()
    try:
        results = msgspec.json.decode((root / "evidence" / "bench" / "results.json").read_bytes(), type=_Results)
    except (OSError, msgspec.DecodeError):
        return ()
    return results.summary if (results.commit, results.dirty) == (commit, False) else ()
