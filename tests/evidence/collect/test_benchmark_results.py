"""The benchmark results that a run's report names: of the same commit, or none."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evidence.collect.benchmark_results import benchmark_lines

SUMMARY = ["pdf 10,000: reportlab canvas takes 20.00 times our time"]


def results_in(root: Path, **fields: object) -> None:
    """Write a results file."""
    path = root / "evidence" / "bench" / "results.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode({"commit": "abc", "dirty": False, "summary": SUMMARY, "races": [], **fields}))


def test_results_of_the_same_commit_are_named(tmp_path: Path) -> None:
    """A clean tree and clean results of its commit give the summary."""
    results_in(tmp_path)
    assert benchmark_lines(tmp_path, "abc", False) == tuple(SUMMARY)


@pytest.mark.parametrize(("commit", "dirty"), [("abd", False), ("abc", True), ("abc", None), (None, None)])
def test_results_of_another_state_are_not_named(tmp_path: Path, commit: str | None, dirty: bool | None) -> None:
    """Another commit, or changes on this side, give nothing."""
    results_in(tmp_path)
    assert benchmark_lines(tmp_path, commit, dirty) == ()


def test_results_with_changes_are_not_named(tmp_path: Path) -> None:
    """Results that were measured with uncommitted changes belong to no commit."""
    results_in(tmp_path, dirty=True)
    assert benchmark_lines(tmp_path, "abc", False) == ()


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"commit": 1}'])
def test_no_results_or_malformed_ones_are_not_named(tmp_path: Path, content: bytes | None) -> None:
    """A missing or broken file gives nothing, and no error."""
    if content is not None:
        path = tmp_path / "evidence" / "bench" / "results.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert benchmark_lines(tmp_path, "abc", False) == ()
