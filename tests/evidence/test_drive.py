"""The other doors as subprocesses: what they are told, and that none is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evidence import run as running
from evidence.run import RunError
from loadtests.progress import LIVE
from tests.evidence.test_run import Patch, quiet, raising, settings

pytestmark = pytest.mark.e2e


def stand_in(tmp_path: Path, monkeypatch: Patch, text: str) -> None:
    """A program in place of the other doors."""
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nimport sys, json, pathlib, time, signal\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setattr(running, "interpreter", lambda: str(program))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sys.stderr.write('loadtests: one\\nloadtests: two\\n'); sys.exit(2)", "one; two"),
        ("sys.exit(2)", "the load generator ended with 2 and left no whole record: it said nothing"),
        ("raise ValueError('odd')", "the load generator ended with 1 and left no whole record: ValueError: odd"),
        ("sys.exit(0)", "the load generator ended with 0 and left no whole record: it said nothing"),
        ("signal.raise_signal(9)", "the load generator ended with -9 and left no whole record: it said nothing"),
    ],
)
def test_a_load_generator_that_breaks(tmp_path: Path, monkeypatch: Patch, text: str, words: str) -> None:
    """However the load generator ends without a record, the sentence is its own or says how it ended."""
    stand_in(tmp_path, monkeypatch, text)
    with pytest.raises(RunError) as error:
        running._drive(settings(tmp_path, "smoke"), "smoke", "http://127.0.0.1:9", None, None, quiet)
    assert str(error.value) == words


def test_what_the_load_generator_is_told(tmp_path: Path, monkeypatch: Patch) -> None:
    """Every option reaches the load generator, with paths that hold from another folder; its words are passed on."""
    stand_in(
        tmp_path,
        monkeypatch,
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1]); out.mkdir()\n"
        "(out / 'scenario.json').write_text(json.dumps(sys.argv[1:])); print('halfway', file=sys.stderr)",
    )
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    mine = settings(Path(), "smoke", target=None, profiles=Path("p"), workers=2, insecure=True)
    running._drive(mine, "smoke", "http://127.0.0.1:9", 7, Path("exports"), said.append)
    told = json.loads((tmp_path / "smoke" / "scenario.json").read_text())
    assert told == [
        *("-m", "loadtests", "run", "smoke", "--target", "http://127.0.0.1:9", "--out", str(tmp_path / "smoke")),
        *("--target-pid", "7", "--exports", str(tmp_path / "exports"), "--profiles", str(tmp_path / "p")),
        *("--workers", "2", "--embedded", "--insecure"),
    ]
    assert said == ["halfway"]


def test_a_live_line_goes_to_the_terminal_alone(tmp_path: Path, monkeypatch: Patch) -> None:
    """What replaces the line before is told apart from what stays; empty lines and sentences of trouble are neither."""
    stand_in(
        tmp_path,
        monkeypatch,
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1]); out.mkdir()\n"
        "(out / 'scenario.json').write_text(json.dumps(sys.argv[1:]))\n"
        f"print({LIVE!r} + '3 answered\\n\\nhalfway\\nloadtests: one client was lost', file=sys.stderr)",
    )
    shown: list[str] = []
    said: list[str] = []
    running._drive(settings(tmp_path, "smoke"), "smoke", "http://127.0.0.1:9", None, None, said.append, shown.append)
    assert "--live" in json.loads((tmp_path / "smoke" / "scenario.json").read_text())
    assert (shown, said) == (["3 answered"], ["halfway", "loadtests: one client was lost"])


@pytest.mark.parametrize("ignoring", [False, True])
def test_the_load_generator_is_gone_after_an_interrupt(tmp_path: Path, monkeypatch: Patch, ignoring: bool) -> None:
    """Interrupted, the load generator may close its record; one that does not end is killed."""
    handler = "signal.SIG_IGN" if ignoring else "lambda *_: (pathlib.Path('%s').touch(), sys.exit(0))"
    closed = tmp_path / "closed"
    text = (
        f"signal.signal(signal.SIGINT, {handler.replace('%s', str(closed))})\n"
        "print('ready', file=sys.stderr, flush=True); time.sleep(60)"
    )
    stand_in(tmp_path, monkeypatch, text)
    monkeypatch.setattr("evidence.subprocesses.CLOSE_S", 0.5 if ignoring else 20.0)
    processes: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def noted(*words: Any, **options: Any) -> subprocess.Popen[str]:
        processes.append(real(*words, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    with pytest.raises(KeyboardInterrupt):
        running._drive(settings(tmp_path, "smoke"), "smoke", "u", None, None, raising(KeyboardInterrupt()))
    assert processes[0].returncode == (-9 if ignoring else 0)
    assert closed.exists() is not ignoring


def test_tools(tmp_path: Path, monkeypatch: Patch) -> None:
    """What the tools said is passed on in a line each, and their earlier results never stand for new ones."""
    said: list[str] = []
    (tmp_path / "promtool.json").write_text("old")
    stand_in(tmp_path, monkeypatch, "print('first'); print(sys.argv[2]) if sys.argv[2] == 'rules' else sys.exit(2)")
    running._tools(tmp_path, said.append)
    assert said == ["promtool: rules", "dashboard: first"]
    assert not (tmp_path / "promtool.json").exists()
    stand_in(tmp_path, monkeypatch, "")
    running._tools(tmp_path, said.append)
    assert said[2:] == ["promtool: ?", "dashboard: ?"]


def test_a_tool_that_hangs(tmp_path: Path, monkeypatch: Patch) -> None:
    """A tool that does not end is ended, and said to have given no answer."""
    said: list[str] = []
    stand_in(tmp_path, monkeypatch, "time.sleep(60)")
    monkeypatch.setattr(running, "TOOL_TIMEOUT_S", 0.2)
    running._tools(tmp_path, said.append)
    assert said == ["promtool: no answer within 0 s", "dashboard: no answer within 0 s"]


def test_a_targets_log_is_copied_beside_its_record(tmp_path: Path, monkeypatch: Patch) -> None:
    """With a log named, what the target wrote while its scenario ran is kept; without one there is no copy."""
    log = tmp_path / "target.log"
    log.write_text("before\n")

    def drive(*_: object) -> None:
        with log.open("a") as sink:
            sink.write("during\n")

    monkeypatch.setattr(running, "_drive", drive)
    monkeypatch.setattr(running, "check_folder", lambda *_: None)
    running._record(settings(tmp_path, "smoke", log=log), "smoke", quiet)
    assert (tmp_path / "smoke-service.log").read_text() == "during\n"
    running._record(settings(tmp_path, "smoke"), "smoke", quiet)
    assert not (tmp_path / "smoke-service.log").exists()
