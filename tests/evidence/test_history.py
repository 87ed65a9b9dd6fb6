"""The kept runs over time: listed, as JSON, drawn; and how many are kept."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from assertions.judge import Report
from assertions.record.files import write_one
from evidence.bundle import run_folder
from evidence.history import HistoryError, PastRun, plot, read_history
from tests.evidence.command import run_command
from tests.evidence.sample_reports import GREEN, RED, SMOKE_ONLY, context

DAY_S = 86_400


def kept(folder: Path, day: int, report: Report) -> Path:
    """A run that began on the n-th day."""
    folder.mkdir(parents=True)
    started = 1_767_225_600.0 + day * DAY_S
    write_one(folder / "run.json", context(run_id=f"2026010{1 + day}T000000Z-1", started=started))
    (folder / "verdict.json").write_bytes(msgspec.json.encode(report))
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run directory with three older runs, of which one can't be read."""
    older = tmp_path / "export.history"
    kept(older / "first", 0, GREEN)
    kept(older / "second", 1, RED)
    (kept(older / "third", 2, GREEN) / "verdict.json").write_text("{")
    return kept(tmp_path / "export", 3, SMOKE_ONLY)


def test_read(out: Path) -> None:
    """Each run has its colour and figures, the oldest first; one that can't be read is named."""
    runs, problems = read_history(out)
    assert [(run.folder, run.colour, run.p95_10k_ms, run.success_ratio) for run in runs] == [
        ("first", "GREEN", 850.0, 0.996),
        ("second", "RED", 31_000.0, 0.996),
        ("export", "NO DATA", None, None),
    ]
    (problem,) = problems
    assert problem.startswith("third can't be read: ")


@pytest.mark.e2e
def test_the_list_by_the_command(out: Path) -> None:
    """The command prints a table, or the same as JSON that can be read back."""
    ended = run_command("history", out, environment={"COLUMNS": "160"})
    assert ended.code == 0
    assert [word in ended.out for word in ("2026-01-01 00:00", "0.85 s", "99.6 %", "31 s", "NO DATA")] == [True] * 5
    assert ended.err.startswith("third can't be read")
    told = msgspec.json.decode(run_command("history", out, "--json").out, type=list[PastRun])
    assert told == read_history(out)[0]
    assert json.loads(run_command("history", out, "--json").out)[0]["subject"] == "http://127.0.0.1:4001"


@pytest.mark.parametrize(("ending", "first"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_plot(out: Path, tmp_path: Path, ending: str, first: bytes) -> None:
    """The plot is a picture of the kind that its name says."""
    path = tmp_path / f"runs.{ending}"
    plot(read_history(out)[0], path)
    assert path.read_bytes().startswith(first)


def test_no_picture(out: Path, tmp_path: Path) -> None:
    """A name that is no picture's is refused with a sentence."""
    with pytest.raises(HistoryError, match=r"must end in \.png or \.svg"):
        plot(read_history(out)[0], tmp_path / "runs.pdf")


@pytest.mark.e2e
def test_no_runs(tmp_path: Path) -> None:
    """Without any run the command ends with 2."""
    ended = run_command("history", tmp_path / "none")
    assert (ended.code, "holds no run" in ended.sentence) == (2, True)


def test_how_many_are_kept(tmp_path: Path) -> None:
    """The newest are kept, as many as asked for, and the last GREEN one besides."""
    for day, report in enumerate((GREEN, GREEN, RED, RED, RED)):
        kept(tmp_path / f"2026010{day}T000000Z-1", day, report)
    run_folder.prune(tmp_path, keep=2)
    assert sorted(path.name[:8] for path in tmp_path.iterdir()) == ["20260101", "20260103", "20260104"]
