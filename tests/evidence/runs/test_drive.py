"""The other commands as subprocesses: what they are reported, and that none is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assertions.record.files import write_lines
from assertions.record.types import Scrape
from evidence import stages
from evidence.settings import RunError, request_for
from loadtests.progress import Progress, to_json
from loadtests.runner.request import NAME, read_run_request
from tests.evidence.command import Shown
from tests.evidence.recorded import Recorded, raising, run, settings

Patch = pytest.MonkeyPatch
pytestmark = pytest.mark.e2e


def stand_in(tmp_path: Path, monkeypatch: Patch, text: str) -> None:
    """A program in place of the other commands."""
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nimport sys, json, pathlib, time, signal\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setattr(stages, "interpreter", lambda: str(program))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sys.stderr.write('loadtests: one\\nloadtests: two\\n'); sys.exit(2)", "one; two"),
        ("sys.exit(2)", "the load generator ended with 2 and left no whole record: it wrote nothing"),
        ("raise ValueError('odd')", "the load generator ended with 1 and left no whole record: ValueError: odd"),
        ("sys.exit(0)", "the load generator ended with 0 and left no whole record: it wrote nothing"),
        ("signal.raise_signal(9)", "the load generator ended with -9 and left no whole record: it wrote nothing"),
    ],
)
def test_a_load_generator_that_breaks(tmp_path: Path, monkeypatch: Patch, text: str, words: str) -> None:
    """However the load generator ends without a record, the sentence is its own or says how it ended."""
    stand_in(tmp_path, monkeypatch, text)
    with pytest.raises(RunError) as error:
        drive(tmp_path, Shown())
    assert str(error.value) == words


def drive(out: Path, shown: Shown) -> None:
    """Drive one scenario into a folder, with whatever program stands in."""
    stages.drive(out, request_for(settings(out, "smoke"), "smoke", "http://127.0.0.1:9", None, None), shown)


def test_what_the_load_generator_is_reported(tmp_path: Path, monkeypatch: Patch) -> None:
    """Every option reaches the load generator in one file, with paths that hold from another folder."""
    monkeypatch.chdir(tmp_path)
    asked = settings(Path(), "smoke", target=None, profiles=Path("p"), workers=2, insecure=True, minutes=3.0)
    request = request_for(asked, "smoke", "http://127.0.0.1:9", 7, Path("exports"))
    stand_in(tmp_path, monkeypatch, f"{RECORDS}print(sys.argv[1:], file=sys.stderr)")
    shown = Shown()
    stages.drive(tmp_path, request, shown)
    assert shown.lines == [str(["-m", "loadtests", "run", "--request", str(tmp_path / NAME), "--progress-json"])]
    assert read_run_request(tmp_path / NAME) == request
    assert (request.out, request.exports) == (str(tmp_path / "smoke"), str(tmp_path / "exports"))
    assert (request.profiles, request.workers, request.minutes) == (str(tmp_path / "p"), 2, None)
    assert (request.embedded, request.insecure, request.target_pid) == (True, True, 7)
    assert request_for(asked, "soak", "u", None, None).minutes == 3.0


RECORDS = "out = pathlib.Path('smoke'); pathlib.Path(json.load(open(sys.argv[5]))['out']).mkdir();" + (
    "(pathlib.Path(json.load(open(sys.argv[5]))['out']) / 'scenario.json').write_text('{}');"
)
"""What a program does that leaves a record."""


def test_progress_is_shown_and_lines_are_passed_on(tmp_path: Path, monkeypatch: Patch) -> None:
    """Progress is told apart from lines that stay; empty lines and sentences of trouble are neither."""
    reported = Progress(scenario="smoke", phase="measure", started=4, answered=3, failed=0, rate_per_s=1.5, p95_ms=None)
    words = f"{to_json(reported)}\n\nhalfway\nloadtests: one client was lost"
    stand_in(tmp_path, monkeypatch, f"{RECORDS}print({words!r}, file=sys.stderr)")
    shown = Shown()
    drive(tmp_path, shown)
    assert (shown.progress, shown.lines) == ([reported], ["halfway", "loadtests: one client was lost"])


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
    monkeypatch.setattr(stages, "STARTING_CLOSE_S", 0.5 if ignoring else 20.0)
    shown = Shown()
    monkeypatch.setattr(shown, "say", raising(KeyboardInterrupt()))
    processes = started(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        drive(tmp_path, shown)
    assert processes[0].returncode == (-9 if ignoring else 0)
    assert closed.exists() is not ignoring


def started(monkeypatch: Patch) -> list[subprocess.Popen[bytes]]:
    """Every process that is started from now on."""
    processes: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def noted(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        processes.append(real(*words, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    return processes


def test_tools(tmp_path: Path, monkeypatch: Patch) -> None:
    """What the tools said is passed on in a line each, and their earlier results never stand for new ones."""
    shown = Shown()
    (tmp_path / "promtool.json").write_text("old")
    stand_in(tmp_path, monkeypatch, "print('first'); print(sys.argv[2]) if sys.argv[2] == 'rules' else sys.exit(2)")
    stages.check_tools(settings(tmp_path, "smoke"), shown)
    assert shown.lines == ["promtool: rules", "dashboard: first", "alerts: rules", "package: first"]
    assert not (tmp_path / "promtool.json").exists()
    stand_in(tmp_path, monkeypatch, "")
    stages.check_tools(settings(tmp_path, "smoke"), shown)
    assert shown.lines[4:] == [f"{tool}: it wrote nothing" for tool in ("promtool", "dashboard", "alerts", "package")]


def test_other_work_is_done_while_tools_run(tmp_path: Path, monkeypatch: Patch) -> None:
    """All tools run while the other work is done; where that breaks they are ended, and the error goes on."""
    stand_in(tmp_path, monkeypatch, "print('done')")
    processes = started(monkeypatch)
    running = []
    stages.check_tools(settings(tmp_path, "smoke"), Shown(), lambda: running.extend(processes))
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    stand_in(tmp_path, monkeypatch, "import time; time.sleep(60)")
    processes.clear()
    with pytest.raises(ValueError, match="broken"):
        stages.check_tools(settings(tmp_path, "smoke"), Shown(), raising(ValueError("broken")))
    assert [process.returncode for process in processes] == [-9, -9, -9, -9]


def test_the_targets_own_rules_and_the_captured_page(tmp_path: Path, monkeypatch: Patch) -> None:
    """Rules, their tests, dashboard and the last page at rest are passed on; else ours, built from the limits."""
    (tmp_path / "smoke").mkdir()
    write_lines(tmp_path / "smoke" / "scrapes.jsonl", [scrape(1.0, "a 1\n"), scrape(2.0, "a 2\n"), scrape(3.0, None)])
    stand_in(tmp_path, monkeypatch, "print(sys.argv[6:])")
    shown = Shown()
    page = ["--metrics", str(tmp_path / "metrics_snapshot.txt")]
    own = {"rules": tmp_path / "r.yml", "rules_tests": tmp_path / "t.yml", "dashboard": tmp_path / "d.json"}
    stages.check_tools(settings(tmp_path, "smoke", **own), shown)
    stages.check_tools(settings(tmp_path, "smoke", limits=tmp_path / "mine.toml"), shown)
    assert shown.lines == [
        f"promtool: {['--rules', str(own['rules']), '--rules-tests', str(own['rules_tests']), *page, '--kept']}",
        f"dashboard: {['--dashboard', str(own['dashboard']), *page]}",
        "alerts: []",
        "package: []",
        f"promtool: {['--limits', str(tmp_path / 'mine.toml'), *page, '--kept']}",
        f"dashboard: {['--limits', str(tmp_path / 'mine.toml'), *page]}",
        f"alerts: {[str(tmp_path / 'mine.toml'), '--kept']}",
        "package: []",
    ]
    assert (tmp_path / "metrics_snapshot.txt").read_text() == "a 2\n"


def scrape(start: float, text: str | None) -> Scrape:
    """A page at rest; None: none came."""
    return Scrape(
        start=start, end=start + 0.1, moment="after", phase=None, status=None if text is None else 200, error=None,
        content_type=None, text=text or "",
    )  # fmt: skip


def test_a_tool_that_hangs(tmp_path: Path, monkeypatch: Patch) -> None:
    """A tool that does not end is ended, and said to have given no answer."""
    shown = Shown()
    stand_in(tmp_path, monkeypatch, "time.sleep(60)")
    monkeypatch.setattr(stages, "TOOL_TIMEOUT_S", 0.2)
    processes = started(monkeypatch)
    stages.check_tools(settings(tmp_path, "smoke"), shown)
    assert shown.lines == [f"{tool}: no answer within 0 s" for tool in ("promtool", "dashboard", "alerts", "package")]
    assert [process.returncode for process in processes] == [-9, -9, -9, -9]


def test_a_targets_log_is_copied_to_its_record(recorded: Recorded, tmp_path: Path) -> None:
    """With a log named, what the target wrote while its scenario ran is kept; without one there is no copy."""
    log = tmp_path / "target.log"
    log.write_text("before\n")

    def drive_and_log(out: Path, request: Any, view: Any) -> None:
        recorded.drive(out, request, view)
        (out / "smoke-service.log").unlink()
        with log.open("a") as sink:
            sink.write("during\n")

    copy = tmp_path / "run" / "smoke-service.log"
    run(settings(tmp_path / "run", "smoke", log=log), recorded.but(drive=drive_and_log))
    assert copy.read_text() == "during\n"
    run(settings(tmp_path / "run", "smoke"), recorded.but(drive=drive_and_log))
    assert not copy.exists()
