"""Run directories that are malformed, unfinished, too large or no bundle at all: one sentence each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from assertions.record.files import read_lines, write_lines
from assertions.record.types import Hit
from evidence.bundle import manifest
from evidence.bundle.errors import VerifyError
from evidence.bundle.verify import verify
from evidence.publish import judge_folder, verdict_json
from tests.evidence.bundle.tampering import mend, name_again, problems
from tests.evidence.command import REPORT, run_command
from tests.evidence.conftest import Made

pytestmark = pytest.mark.e2e


def test_a_scenario_that_can_not_be_read(bundle: Path) -> None:
    """A malformed record is NO DATA when judged again, so the stored verdict does not hold."""
    with (bundle / "smoke" / "hits.jsonl").open("a") as file:
        file.write("{\n")
    mend(bundle)
    assert "hits.jsonl line" in problems(bundle)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("run.json", "{", "it can't be judged again"),
        ("run.json", None, "it can't be judged again"),
        ("limits.toml", "[[", "it can't be judged again: limits.toml is no TOML"),
        ("limits.toml", None, "it can't be judged again: the limits file"),
        ("verdict.json", "{", "verdict.json is no verdict"),
        ("verdict.json", '{"schema": 1, "colour": "BLUE"}', "verdict.json is no verdict"),
        ("smoke/scenario.json", "[]", "smoke/smoke"),
    ],
)
def test_malformed_documents(bundle: Path, name: str, text: str | None, words: str) -> None:
    """A malformed or missing document ends the command with 1, no traceback, and a sentence that names it."""
    if text is None:
        (bundle / name).unlink()
    else:
        (bundle / name).write_text(text)
    mend(bundle)
    found = problems(bundle)
    assert Path(name).name in found
    assert words in found or name.startswith("smoke/")


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_no_manifest_is_no_bundle(bundle: Path, text: str | None) -> None:
    """Without a manifest that can be read there is nothing to verify: 2, and one sentence that names it."""
    (bundle / "manifest.json").unlink()
    if text is not None:
        (bundle / "manifest.json").write_text(text)
    with pytest.raises(VerifyError, match=r"copy is no bundle: .*manifest\.json"):
        verify(bundle)


@pytest.mark.parametrize("command", ["verify", "gate"])
def test_no_bundle_by_the_command(tmp_path: Path, command: str) -> None:
    """The command ends with 2 and one sentence where there is nothing to verify."""
    ended = run_command(command, tmp_path)
    assert ended.code == 2
    assert ended.sentence.startswith(f"evidence: {tmp_path} is no bundle: ")


def test_an_unfinished_run_says_why(tmp_path: Path) -> None:
    """A run that never came to its report is no bundle, for the reason that its report gives."""
    (tmp_path / REPORT).write_text("# NO DATA: the run is under way\n")
    with pytest.raises(VerifyError, match="is no bundle: NO DATA: the run is under way"):
        verify(tmp_path)
    (tmp_path / REPORT).write_text("# GREEN\n")
    with pytest.raises(VerifyError, match=r"is no bundle: .*manifest\.json is missing"):
        verify(tmp_path)
    (tmp_path / REPORT).unlink()
    with pytest.raises(VerifyError, match=r"manifest\.json is missing"):
        verify(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    """A folder that does not exist is no run directory: 2 and one sentence that says how to make one."""
    with pytest.raises(VerifyError, match="none is no run directory"):
        verify(tmp_path / "none")
    ended = run_command("verify", tmp_path / "none")
    assert ended.code == 2
    assert ended.sentence.endswith(
        "none is no run directory and no archive of one; make one with `export-at-scale run smoke load batch`"
    )


def test_a_file_that_can_not_be_read(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that can't be read leaves no verdict on the bundle, and is named."""

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(manifest, "sha256", refuse)
    with pytest.raises(VerifyError, match=r"GREEN_EVIDENCE.*can't be read: Permission denied"):
        verify(bundle)


def test_judged_from_files_only(made: Made, tmp_path: Path) -> None:
    """The verdict is the same when the run directory was moved elsewhere."""
    moved = Path(shutil.copytree(made.path, tmp_path / "elsewhere"))
    assert verdict_json(judge_folder(moved)[2]) == (made.path / "verdict.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "then", "now"),
    [
        ("smoke/probes.jsonl", '"threads":', '"threads":1'),
        ("smoke/health.jsonl", '"status":200', '"status":201'),
        ("promtool.json", '"ok": ', '"ok":  '),
        ("smoke/locust.log", "INFO", "info"),
        ("plots/smoke-timeline.svg", "</svg>", "<!-- --></svg>"),
        ("timings.json", '"seconds": ', '"seconds": 1'),
    ],
)
def test_a_raw_file_with_a_mended_manifest(bundle: Path, name: str, then: str, now: str) -> None:
    """An edit of a record, a tool's output, a log or a plot is found though the manifest was mended."""
    text = (bundle / name).read_text()
    assert then in text
    (bundle / name).write_text(text.replace(then, now, 1))
    mend(bundle)
    assert f"{REPORT} was made of other evidence files, or of edited ones" in problems(bundle)


def test_files_that_do_not_fit_each_other(bundle: Path) -> None:
    """Values that no recorder can have written are found whatever the pages say."""
    path = bundle / "smoke" / "hits.jsonl"
    hits = list(read_lines(path, Hit))
    write_lines(path, [replace(hits[0], end=hits[0].start - 1), *hits[1:]])
    name_again(bundle)
    assert "does not lie within the time of its phase, or ends before its start" in problems(bundle)


def test_what_is_no_file_of_a_run(bundle: Path) -> None:
    """A foreign file and an empty folder are found though the manifest was mended."""
    (bundle / "notes.txt").write_text("all well")
    (bundle / "smoke" / "more").mkdir()
    mend(bundle)
    found = problems(bundle)
    assert "notes.txt is no file of a run" in found
    assert "smoke/more is an empty folder" in found


def test_a_pipe_or_a_link_ends_it(bundle: Path) -> None:
    """A named pipe in place of a file neither hangs the command nor is judged; nor is what lies behind a link."""
    for name, put in (("run.json", os.mkfifo), ("smoke/probes.jsonl", lambda path: path.symlink_to("/dev/zero"))):
        (bundle / name).unlink()
        put(bundle / name)
    ended = run_command("verify", bundle)
    assert ended.code == 1
    assert "run.json is neither a file nor a folder: it is a named pipe" in ended.out
    assert "smoke/probes.jsonl is neither a file nor a folder: it is a symbolic link" in ended.out
    assert "it is not judged again: it may hold regular files and folders only" in ended.out


def test_a_bundle_that_needs_too_much_memory(bundle: Path) -> None:
    """A record that no memory holds ends the command with 1 and a sentence."""
    with (bundle / "smoke" / "hits.jsonl").open("r+b") as file:
        file.truncate(1_100_000_000)
    mend(bundle)
    ended = run_command("verify", bundle)
    assert ended.code == 1
    assert "GB of memory" in ended.out


def test_a_document_that_is_nested_deep(bundle: Path) -> None:
    """A document of a million brackets is a sentence, not a crash."""
    (bundle / "run.json").write_text("[" * 1_000_000)
    mend(bundle)
    ended = run_command("verify", bundle)
    assert (ended.code, ended.err) == (1, "")
