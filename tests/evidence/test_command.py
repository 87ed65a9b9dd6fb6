"""The command, as users meet it: real commands, exit codes, one sentence, and never an old GREEN."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import resource
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from evidence import command
from tests.evidence.command import (
    REPORT,
    Target,
    colours_in,
    first_line,
    green_before,
    impossible_limits,
    profiles,
    run_command,
    start_command,
)
from tests.evidence.conftest import Made
from tests.processes import ROOT, end_of, wait_until

pytestmark = pytest.mark.e2e

LONG = """\
[[phase]]
name = "measure"
mode = "sequence"
timeout_s = 5
max_seconds = 60
mix = [{ case = "csv-10k", count = 2000 }]
"""


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_whole_smoke_run(made: Made) -> None:
    """A quick run of one scenario leaves every artifact, its own colour, and a code that says what it saw."""
    verdict = json.loads((made.path / "verdict.json").read_bytes())
    failed = [one["id"] for one in verdict["verdicts"] if one["judgement"]["status"] == "FAIL"]
    assert failed == ["smoke-latency"]  # see the limits of this run
    assert "report: " in made.ended.out
    names = {path.name for path in made.path.iterdir()}
    assert names >= {"assert.log", "metrics_snapshot.txt", "sample_1k.csv", "sample_1k.pdf", "seed_batch.log"}
    assert names >= {"promtool_results.txt", REPORT, "manifest.json", "run.json", "limits.toml", "plots"}
    assert not (made.path / "smoke" / "spool").exists()


@pytest.mark.parametrize(
    ("check", "status"),
    [("offered", "PASS"), ("files-present", "PASS"), ("buckets", "PASS"), ("service-log", "NO DATA")],
)
def test_what_is_handed_over_is_judged(made: Made, check: str, status: str) -> None:
    """Queries, folder and buckets of a real run are there to be judged, and pass; a log that nobody named is unseen."""
    verdict = json.loads((made.path / "verdict.json").read_bytes())
    said = [one["judgement"] for one in verdict["verdicts"] if (one["id"], one["scenario"]) == (check, "smoke")]
    assert [one["status"] for one in said] == [status], said


def test_abort_on_fail_leaves_the_other_scenarios(target: Target, tmp_path: Path) -> None:
    """What failed in one scenario ends the run; its evidence is whole, and says what was not run."""
    mine, limits, out = profiles(tmp_path / "profiles"), impossible_limits(tmp_path / "limits.toml"), tmp_path / "run"
    words: list[str | Path] = ["--profiles", mine, "--limits", limits, "--abort-on-fail", "--out", out]
    ended = run_command("run", "smoke", "load", "batch", "--target", target.url, *words, timeout_s=120)
    assert ended.code == 1
    assert "smoke: smoke-latency is FAIL: " in ended.out
    assert "the run can no longer be GREEN, load, batch not run" in ended.out
    assert first_line(out).startswith("# RED")
    assert not (out / "load").exists()
    assert run_command("verify", out).code == 0


def test_an_unreachable_target(tmp_path: Path) -> None:
    """A target that is down ends the command with 2 within 10 s and names its URL; no older run is touched."""
    url = f"http://127.0.0.1:{closed_port()}"
    out = green_before(tmp_path / "run")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ended = run_command("run", "smoke", "load", "batch", "--target", url, "--out", out, timeout_s=60)
    assert ended.code == 2
    assert ended.sentence.startswith(f"evidence: the target {url} can't be reached")
    assert "is it running?" in ended.sentence
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "smoke", "--target", "localhost:4001"), "must be http://HOST[:PORT][/BASE]"),
        (("run", "smoke", "--target", "http://me:secret@127.0.0.1:1"), "must hold no credentials"),
        (("run", "smoke", "--target", "http://127.0.0.1:nine"), "is no URL"),
        (("run", "smoke", "--waive", "luck=please"), "'luck' can't be waived; known are "),
        (("run", "smoke", "--waive", "memory"), "a waiver needs a reason"),
        (("run", "smoke", "--waive", "memory= "), "a waiver needs a reason"),
        (("run",), "Missing argument 'SCENARIO...'"),
        (("run", "smoke", "--workers", "0"), "0 is not in the range 1<=x<=64"),
        (("run", "smoke", "--workers", "²"), "is not a valid integer range"),
        (("walk",), "No such command 'walk'"),
    ],
)
def test_bad_usage(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    """Bad usage is 2, with what was wrong; credentials are not repeated."""
    code = command.main(words)
    error = capsys.readouterr().err
    assert code == 2
    assert said in error.splitlines()[-1]
    assert "secret" not in error


def test_bad_usage_touches_nothing(tmp_path: Path) -> None:
    """The real command ends with 2 on an unknown waiver, before any folder is made."""
    ended = run_command("run", "smoke", "--waive", "luck=please", "--out", tmp_path / "run")
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


def test_impossible_limits(made: Made) -> None:
    """A limit that can't hold ended the command with 1; the report names limit, reading and file, and verifies."""
    assert (made.ended.code, made.ended.err) == (1, "")
    assert first_line(made.path).startswith("# RED: ")
    text = (made.path / REPORT).read_text()
    reason = text[text.index("(`smoke-latency`)") :]
    measured, where = (
        next(line for line in reason.splitlines() if line.startswith(f"   - {name}: "))
        for name in ("measured", "where")
    )
    assert "limit < 0.001 ms" in measured
    assert " ms (" in measured
    assert "smoke/hits.jsonl" in where
    assert run_command("gate", made.path).code == 1
    assert run_command("verify", made.path).code == 0


@pytest.mark.parametrize("text", ["[[", "[[limit]]\nid = 'x'\n", None])
def test_broken_limits(tmp_path: Path, text: str | None) -> None:
    """Limits that can't be used end the command with 2 and one sentence, and no older run is touched."""
    limits = tmp_path / "mine.toml"
    if text is not None:
        limits.write_text(text)
    out = green_before(tmp_path / "run")
    ended = run_command("run", "smoke", "--limits", limits, "--out", out)
    assert ended.code == 2
    assert "mine.toml" in ended.sentence
    assert first_line(out) == "# GREEN"
    assert not (tmp_path / "run.history").exists()


@pytest.mark.parametrize("place", ["file", "file/below", "others"])
def test_an_out_that_is_no_run_directory(tmp_path: Path, place: str) -> None:
    """--out that is a file, under a file, or a folder of somebody else's ends the command with 2, untouched."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "run.json").write_text('{"name": "mine"}')
    (tmp_path / "others" / "smoke").mkdir()
    before = sorted((path.relative_to(tmp_path), path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    ended = run_command("run", "smoke", "--out", tmp_path / place)
    assert ended.code == 2
    assert str(tmp_path / place) in ended.sentence
    assert "choose a" in ended.sentence
    assert sorted((path.relative_to(tmp_path), path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGINT,), (signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGHUP), (signal.SIGHUP, signal.SIGTERM)],
)
def test_interrupted(target: Target, tmp_path: Path, numbers: tuple[signal.Signals, ...]) -> None:
    """Any signals in the middle of the load end the command with 2, all it started with it, and no GREEN stays."""
    out = green_before(tmp_path / "run")
    words = ("run", "smoke", "--target", target.url, "--out", out, "--profiles", profiles(tmp_path / "p", LONG))
    process = start_command(*words)
    assert process.stdout is not None
    for line in process.stdout:
        if "smoke measure: " in line:
            break
    assert colours_in(out) == []
    children = psutil.Process(process.pid).children(recursive=True)
    for number in numbers:
        process.send_signal(number)
    ended = end_of(process)
    assert ended.code == 2
    assert ended.sentence == "evidence: interrupted; the report says so"
    assert first_line(out).startswith("# NO DATA: smoke: interrupted before the record was complete")
    assert colours_in(out) == []
    assert not (out / "smoke" / "spool").exists()
    assert not (out / "smoke" / "parts").exists()
    assert children
    wait_until(lambda: not any(child.is_running() for child in children), timeout_s=20)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not end children")
def test_a_killed_command_leaves_no_process(tmp_path: Path) -> None:
    """SIGKILL ends load generator, Locust, reference server and embedded service with the command."""
    words = ("run", "smoke", "--out", tmp_path / "run", "--profiles", profiles(tmp_path / "p", LONG))
    # what a killed process leaves there is removed here: it can't remove it itself
    with tempfile.TemporaryDirectory(prefix="killed-") as temporary:
        process = start_command(*words, environment={"TMPDIR": temporary})
        assert process.stdout is not None
        for line in process.stdout:
            if "smoke measure: " in line:
                break
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        end_of(process)
        assert len(children) >= 4
        assert psutil.wait_procs(children, timeout=20)[1] == []


def limited(bytes_most: int, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The real command in a process that can write no longer files than this, as on a full disk."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_most, bytes_most))

    return subprocess.run(
        [sys.executable, "-B", "-m", "evidence", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        preexec_fn=limit,
        check=False,
        env={**os.environ},
    )


@pytest.mark.parametrize("most", [0, 50, 1000, 20_000])
def test_a_full_disk(target: Target, tmp_path: Path, most: int) -> None:
    """Where nothing more can be written the command ends with 2, one sentence, no traceback, and no GREEN stays."""
    out = green_before(tmp_path / "run")
    done = limited(most, "run", "smoke", "--target", target.url, "--out", out, "--profiles", profiles(tmp_path / "p"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("evidence: ")
    assert "File too large" in line or "can't be written" in line
    assert colours_in(out) == []
    (older,) = (tmp_path / "run.history").iterdir()
    assert first_line(older) == "# GREEN"


def test_help_teaches(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """--help shows the exit codes, examples and every subcommand, whose own help can be asked for."""
    monkeypatch.setattr(sys, "argv", ["evidence", "--help"])
    monkeypatch.delitem(sys.modules, "evidence.__main__", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("evidence", run_name="__main__")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "exit codes:" in shown
    for name in (
        "run",
        "verify",
        "gate",
        "evidence",
        "history",
        "assert",
        "seed",
        "stress",
        "serve",
        "checks",
        "rules",
        "dashboards",
    ):
        assert re.search(rf"^  {name} +\S", shown, re.MULTILINE), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("checks",), "Alert rules tested"),
        (("rules", "--help"), "promtool"),
        (("seed", "--help"), "--batch"),
    ],
)
def test_the_other_packages_commands(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    """The one command reaches the other packages' commands."""
    try:
        code: int | str | None = command.main(words)
    except SystemExit as ended:  # an argument parser's
        code = ended.code
    assert code == 0
    assert said in capsys.readouterr().out


def test_serve_becomes_the_service() -> None:
    """`serve` is the service in the same process: one signal ends it, with exit code 0."""
    words = [sys.executable, "-m", "evidence", "serve", "--port", "0", "--log-format", "json"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            listening = next(line for line in process.stdout if '"listening"' in line)
        finally:
            process.terminate()
            code = process.wait(30)
    assert "http://127.0.0.1:" in listening
    assert code == 0


def test_the_gates_help_says_what_opens_it(capsys: pytest.CaptureFixture[str]) -> None:
    """`gate --help` names each condition of its exit code 0."""
    assert command.main(["gate", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for condition in (
        "the bundle holds",
        "its colour is GREEN",
        "smoke, load and batch were run",
        "no check is a FAIL in any scenario",
        "none has NO DATA but optional and waived ones",
    ):
        assert condition in said


def test_progress_on_a_terminal_is_drawn_in_place(target: Target, tmp_path: Path) -> None:
    """A terminal shows phase, requests, rate, errors, what runs and waits in place; what stays has its own lines."""
    mine = profiles(tmp_path / "profiles")
    words = ["run", "smoke", "--target", target.url, "--profiles", str(mine), "--out", str(tmp_path / "run")]
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "evidence", *words], cwd=ROOT, stdout=slave, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(master, 65536):
                shown += chunk
        process.wait(120)
    os.close(master)
    text = shown.decode()
    assert re.search(r"smoke measure .* \d+/\d+ .*/s +P95 .* \d+ not 200 +\d+ running +\d+ waiting", text), text
    assert re.search(r"smoke measure: \d+ of \d+ requests in .*, complete *\r\n", text), text
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", text) is None  # $NO_COLOR


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_no_encoding_changes_an_exit_code(made: Made, encoding: str) -> None:
    """Signs that stdout's encoding lacks are replaced; verdict and exit code are as everywhere."""
    words = [sys.executable, "-m", "evidence", "gate", str(made.path)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=90, check=False, env=environment)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.decode(encoding).replace("\r\n", "\n").endswith("gate: closed\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("-m", "evidence", "gate"), 1),
        (("-m", "evidence", "verify"), 0),
        (("-m", "evidence", "checks"), 0),
        (("-m", "assertions"), 2),
    ],
)
@pytest.mark.parametrize("stdout", ["closed pipe", "/dev/full"])
def test_no_reader_changes_an_exit_code(made: Made, words: tuple[str, ...], code: int, stdout: str) -> None:
    """A pipe that nobody reads and a full device behind stdout end no command, and each keeps its exit code."""
    if stdout == "closed pipe":
        reading, sink = os.pipe()
        os.close(reading)
    else:
        sink = os.open(stdout, os.O_WRONLY)
    folder = [] if words[-1] == "checks" else [str(made.path)]
    command_line = [sys.executable, *words, *folder]
    done = subprocess.run(command_line, cwd=ROOT, stdout=sink, stderr=subprocess.PIPE, timeout=90, check=False)
    os.close(sink)
    assert (done.returncode, done.stderr) == (code, b"")


def test_the_version_is_reported_without_the_rest() -> None:
    """`--version` imports none of the packages, which is what keeps it quick."""
    program = (
        "import sys; from evidence.command import main; code = main(['--version']);"
        "print(sorted({name for name in sys.modules if name in ('locust', 'msgspec', 'matplotlib', 'aiohttp')}), code)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"export-at-scale {command.version()}\n[] 0\n"
