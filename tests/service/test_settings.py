"""Options, environment, and what happens when the service can't start."""

from __future__ import annotations

import math
import os
import socket
from pathlib import Path

import pytest

from service.settings import MIB, Settings, SettingsError, parse_duration, parse_size, settings_from
from tests.processes import Ended, end_of, run_module, start_module, wait_until
from tests.service.helpers import ROOT, running


def command(*arguments: str) -> Ended:
    """Run the real command to its end."""
    return run_module("service", *arguments)


def test_the_defaults_are_the_contracts() -> None:
    """Without options: the contract's address, places and limits."""
    made = settings_from([])
    assert made == Settings()
    assert (made.host, made.port, made.max_concurrent, made.max_queue) == ("127.0.0.1", 4001, 5, 100)
    assert made.max_body_bytes == 64 * MIB


def test_an_option_wins_over_its_variable_and_that_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """EXPORT_PORT, EXPORT_MAX_BODY … set what no option sets."""
    monkeypatch.setenv("EXPORT_PORT", "5001")
    monkeypatch.setenv("EXPORT_MAX_BODY", "1MiB")
    monkeypatch.setenv("EXPORT_GUARD_FORMULAS", "true")
    monkeypatch.setenv("EXPORT_ALLOW_HOST", "a.example b.example")
    made = settings_from(["--port", "5002", "--retention", "7d"])
    assert made.allow_host == ("a.example", "b.example")
    assert (made.port, made.max_body_bytes, made.guard_formulas) == (5002, MIB, True)
    assert made.retention_s == 7 * 86_400


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("67108864", 64 * MIB), ("64MiB", 64 * MIB), ("1.5 kB", 1_500), ("2gib", 2_048 * MIB)]
)
def test_sizes(text: str, count: int) -> None:
    """Bytes, or a number with a unit."""
    assert parse_size(text) == count


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("15m", 900), ("24h", 86_400), ("never", math.inf), ("0.5s", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    """Seconds, or a number with a unit, or never."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("arguments", "environment", "word"),
    [
        (["--port", "x"], {}, "--port"),
        (["--port", "65536"], {}, "--port"),
        ([], {"EXPORT_PORT": "-1"}, "EXPORT_PORT"),
        (["--max-concurrent", "0"], {}, "--max-concurrent"),
        (["--max-queue", "-1"], {}, "--max-queue"),
        (["--max-body", "64 apples"], {}, "--max-body: '64 apples'"),
        (["--max-body", "9" * 400], {}, "--max-body"),
        (["--port", "9" * 5_000], {}, "--port"),
        ([], {"EXPORT_GRACE": "-5"}, "EXPORT_GRACE: '-5'"),
        (["--retention", "soon"], {}, "soon"),
        ([], {"EXPORT_LOG_FORMAT": "xml"}, "EXPORT_LOG_FORMAT"),
        ([], {"EXPORT_GUARD_FORMULAS": "maybe"}, "EXPORT_GUARD_FORMULAS"),
        ([], {"EXPORT_TOKEN": "short"}, "EXPORT_TOKEN: a token is at least 16"),
        (["--token-file", "/nowhere"], {}, "--token-file: can't read the token from /nowhere"),
        (["--file-mode", "444"], {}, "--file-mode: '444' is no file mode"),
        (["--export-timeout", "x"], {}, "--export-timeout"),
    ],
)
def test_what_can_not_be_used_is_named(
    arguments: list[str], environment: dict[str, str], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the option or the variable that is wrong."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=word):
        settings_from(arguments)


def assert_one_sentence(done: Ended, *words: str) -> None:
    """Exit 2, one line on stderr that has these words, no traceback."""
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


@pytest.mark.e2e
def test_a_port_in_use_is_exit_2() -> None:
    """Said in one sentence with the address and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_sentence(command("--port", port, "--exports", "exports"), f"127.0.0.1:{port}", "in use", "--port")
    assert not (ROOT / "exports").exists() or not list((ROOT / "exports").glob(".*"))


@pytest.mark.e2e
def test_a_folder_that_can_not_be_written_is_exit_2(tmp_path: Path) -> None:
    """Said in one sentence with the folder and the way out."""
    (tmp_path / "file").touch()
    done = command("--port", "0", "--exports", str(tmp_path / "file"))
    assert_one_sentence(done, str(tmp_path / "file"), "--exports")


@pytest.mark.e2e
@pytest.mark.parametrize("content", [None, b"this is no database, however long it is " * 100])
def test_a_bad_database_is_exit_2(tmp_path: Path, content: bytes | None) -> None:
    """A missing file and one that is no database: one sentence with the file and the way out."""
    path = tmp_path / "d.sqlite"
    if content is not None:
        path.write_bytes(content)
    done = command("--port", "0", "--exports", str(tmp_path / "e"), "--database", str(path))
    assert_one_sentence(done, str(path), "--database")


@pytest.mark.e2e
def test_a_bad_option_is_exit_2() -> None:
    """click's own errors and ours end alike, also where the value is very long."""
    assert_one_sentence(command("--nonsense"), "--nonsense", "--help")
    assert_one_sentence(command("--port", "9" * 5_000), "--port")
    assert_one_sentence(command("--port", "many"), "--port", "many")


@pytest.mark.e2e
def test_help_teaches() -> None:
    """Every option is named, with the variables and the exit codes."""
    done = command("--help")
    assert done.code == 0
    for word in (
        "--host",
        "--port",
        "--exports",
        "--max-body",
        "--database",
        "--retention",
        "EXPORT_PORT",
        "make-data",
    ):
        assert word in done.out


@pytest.mark.e2e
def test_settings_reach_the_service(tmp_path: Path) -> None:
    """Places from the environment and the text log format are used."""
    with running("--max-concurrent", "3", exports=tmp_path / "e", EXPORT_MAX_QUEUE="0") as service:
        assert service.get("/export/status").json()["maxConcurrentExports"] == 3
    process = start_module("service", "--port", "0", "--exports", tmp_path / "e", "--log-format", "text")
    try:
        assert process.stderr is not None
        words = process.stderr.readline().split()
        assert words[1] == "listening"
        assert words[2].startswith("url=http://127.0.0.1:")
        assert words[3] == f"pid={process.pid}"
    finally:
        process.terminate()
        assert end_of(process).code == 0


@pytest.mark.e2e
def test_old_files_are_removed_and_young_ones_stay(tmp_path: Path) -> None:
    """With --retention, finished files beyond that age go while the service runs; nothing else does."""
    exports = tmp_path / "e"
    exports.mkdir()
    old, young, other = (exports / name for name in ("export_1_aaaaaaaaa.csv", "export_2_bbbbbbbbb.pdf", "notes.txt"))
    for path in (old, young, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (1_000, 1_000))
    with running("--retention", "1h", exports=exports) as service:
        wait_until(lambda: not old.exists())
        assert sorted(exports.iterdir()) == [young, other]
        assert service.get("/health").status == 200
