"""The inventory of a run directory: files of a run, and nothing else, without opening any."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.bundle import inventory
from evidence.bundle.inventory import InventoryError, alike, foreign, take

USUAL = (
    "GREEN_EVIDENCE_v1.7.md",
    "alerts.json",
    "alerts.json",
    "batch-service.log",
    "batch/plan.json",
    "batch/seed_batch.log",
    "load/prometheus_samples.txt.xz",
    "plots/load-timeline.svg",
    "rules/export.yml",
    "smoke/kept/measure-0.csv",
    "smoke/sent/csv-1k.json",
    "soak-service.log",
    "soak/plan.json",
    "soak/hits.jsonl",
)
FOREIGN = (
    ".hidden",
    "notes.txt",
    "other/hits.jsonl",
    "plots/deep/a.svg",
    "smoke/hits.jsonl.bak",
    "smoke/kept/deep/a.csv",
    "smoke/spool/measure-0.csv",
    "other-service.log",
)


def test_files_of_a_run() -> None:
    """What a run leaves is known, further scenarios by their plan; all else is foreign."""
    assert foreign([*USUAL, *FOREIGN]) == list(FOREIGN)


def test_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with more entries, more bytes or deeper folders than any run leaves is refused with a sentence."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"12")
    assert take(tmp_path).files == {"a/b/c": 2}
    for name, bound, words in (
        ("MOST_ENTRIES", 2, "more than 2 files and folders"),
        ("MOST_BYTES", 1, "more than 0.0 GB"),
        ("MOST_DEPTH", 1, "more than 1 folders deep"),
    ):
        with monkeypatch.context() as patch, pytest.raises(InventoryError, match=words):
            patch.setattr(inventory, name, bound)
            take(tmp_path)


def test_a_loop_of_links(tmp_path: Path) -> None:
    """A link to a folder above is named, and not followed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to("..")
    there = take(tmp_path)
    assert there.irregular == ("a/up is neither a file nor a folder: it is a symbolic link",)
    assert there.empty == ("a",)


def test_names_that_differ_in_case() -> None:
    """Names of which some file systems hold only one are paired."""
    assert alike(["plots/a.svg", "plots/A.svg", "Plots/a.svg", "plots/b.svg"]) == [
        ("plots/a.svg", "plots/A.svg"),
        ("plots/a.svg", "Plots/a.svg"),
    ]
