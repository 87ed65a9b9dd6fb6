"""The peers: side by side on the same records, with outputs compared; what is not installed is NO DATA."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from benchmarks.peers import race, runners
from benchmarks.peers.race import race_services, race_writers
from benchmarks.peers.runners import INSTALL, NODE_FOLDER, WRITERS, NoNode, Writer, node
from benchmarks.report.types import Race


def silent(_: str) -> None:
    """Hear of no progress."""


def test_the_lock_file_names_no_registry() -> None:
    """package-lock.json has a hash for each package and no address to fetch it from."""
    text = (NODE_FOLDER / "package-lock.json").read_text("utf-8")
    assert "resolved" not in text
    assert len(re.findall(r'"integrity": "sha512-', text)) == text.count('"node_modules/')


def test_without_node_its_peers_have_no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where Node, or its packages, are missing, the message says what to do."""
    monkeypatch.setattr(runners, "NODE_FOLDER", tmp_path)
    monkeypatch.setattr("benchmarks.peers.runners.shutil.which", lambda _: "/usr/bin/node")
    with pytest.raises(NoNode, match=INSTALL):
        node()
    monkeypatch.setattr("benchmarks.peers.runners.shutil.which", lambda _: None)
    with pytest.raises(NoNode, match="not installed"):
        node()


def assert_whole(found: Race, rounds: int, needed: set[str]) -> None:
    """Assert that each runner has a time for each round, or a reason, and that the needed ones have times."""
    for runner in found.runners:
        assert (len(runner.wall_s), len(runner.cpu_s)) == ((0, 0) if runner.no_data else (rounds, rounds)), runner
    assert {runner.name for runner in found.runners if runner.wall_s} >= needed


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("format", "needed"),
    [
        ("csv", {"Export@Scale", "csv.writer", "csv.DictWriter", "unquoted join", "same bytes to disk"}),
        ("pdf", {"Export@Scale", "reportlab canvas", "reportlab platypus", "hand-made", "same bytes to disk"}),
    ],
)
def test_writers_run_in_turn(format: Literal["csv", "pdf"], needed: set[str], tmp_path: Path) -> None:
    """Each writer that is installed writes the records, in every round; the others say why not."""
    found = race_writers(format, 120, 2, tmp_path, silent)
    assert_whole(found, 2, needed)
    assert all((runner.kernel_peak_bytes or 0) > 5_000_000 for runner in found.runners if runner.wall_s)


@pytest.mark.e2e
def test_a_writer_of_something_else_has_no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A runner whose file does not hold the records is left out with the first difference, not measured."""
    wrong = Writer("another format", "reportlab canvas", "csv", "peer", "a PDF where a CSV is asked for")
    monkeypatch.setattr(race, "WRITERS", (WRITERS[0], wrong))
    ours, other = race_writers("csv", 60, 1, tmp_path, silent).runners
    assert (ours.no_data, len(ours.wall_s)) == (None, 1)
    assert other.wall_s == ()
    assert other.no_data


@pytest.mark.e2e
def test_services_run_in_turn(tmp_path: Path) -> None:
    """Each service that is installed exports over HTTP, in every round, and its file is fetched and compared."""
    found = race_services("csv", 120, 2, tmp_path, silent)
    assert_whole(found, 2, {"Export@Scale"})
    assert [runner.name for runner in found.runners] == ["Export@Scale", "Fastify (Node)", "FastAPI"]
