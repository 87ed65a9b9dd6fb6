"""Running scenarios: the other doors in order, their record into one run directory, then judgement and report."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from assertions import limits as limits_file
from assertions.judge import Report, blocks
from assertions.records import RecordError, Scenario, read_one, write_one

from . import context as contexts
from .context import ROOT, Context, interpreter
from .embedded import EmbeddedError, running
from .opening import check_folder
from .publish import CONTEXT, publish, publish_stillborn
from .version import judge_sha256

JOIN_S = 6 * 3600
"""A scenario joins a run this young; later it begins a new one."""
TOOL_TIMEOUT_S = 300.0


class RunError(Exception):
    """The run can't go on; the message is one sentence that says what was wrong and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What was asked for on the command line."""

    scenarios: tuple[str, ...]
    out: Path
    target: str | None
    """None: the embedded service."""
    target_pid: int | None = None
    exports: Path | None = None
    limits: Path = limits_file.DEFAULT_PATH
    profiles: Path | None = None
    waivers: dict[str, str]
    workers: int = 1


Say = Callable[[str], None]


def run(settings: Settings, say: Say) -> tuple[Report, int]:
    """Run the scenarios and report. The code: 0 nothing failed, 1 something did, 2 something could not be measured.

    RunError where nothing could be run. Whatever happens, no older GREEN is left in the run directory.
    """
    context = _begin(settings)
    for name in settings.scenarios:
        try:
            _record(settings, name, say)
        except KeyboardInterrupt:
            _give_up(settings, context, f"{name}: interrupted before its record was complete")
            raise
        except (RunError, EmbeddedError, RecordError, OSError) as error:
            sentence = f"{name}: {error}"
            _give_up(settings, context, sentence)
            raise RunError(sentence) from error
    _tools(settings.out, say)
    report = publish(settings.out, context)
    return report, exit_code(report)


def exit_code(report: Report) -> int:
    """0: green, or nothing failed and scenarios are still to come; 1: something failed; 2: something has no data."""
    if any(verdict.status == "FAIL" for verdict in report.verdicts):
        return 1
    return 2 if any(blocks(verdict) and not verdict.judgement.waiting for verdict in report.verdicts) else 0


def _begin(settings: Settings) -> Context:
    """Make the run directory ready; its old report goes before anything else can go wrong."""
    out = settings.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()) and not (out / CONTEXT).exists():
            raise RunError(f"{out} holds other files and is no run directory; choose an empty --out")
        publish_stillborn(out, "the run is under way, or was ended before its report")
        limits = limits_file.load(settings.limits)
        context = contexts.read(
            target=settings.target or "embedded",
            limits_sha256=limits.sha256,
            profiles_sha256=_profiles_sha256(settings.profiles),
            waivers=settings.waivers,
            harness_sha256=judge_sha256(),
        )
        there = _there(out)
        if there is None or not _joins(there, context, settings):
            _clear(out)
            there = context
            write_one(out / CONTEXT, there)
            shutil.copyfile(settings.limits, out / "limits.toml")
    except limits_file.LimitsError as error:
        publish_stillborn(out, str(error))
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(f"{out} can't be written ({error.strerror or error}); choose another --out") from error
    return there


def _there(out: Path) -> Context | None:
    try:
        return read_one(out / CONTEXT, Context)
    except RecordError:
        return None


def _joins(there: Context, mine: Context, settings: Settings) -> bool:
    """Whether these scenarios complete the run that is there, rather than begin a new one."""
    new = not any((settings.out / name).exists() for name in settings.scenarios)
    return new and there.fits(mine) and 0 <= mine.started - there.started < JOIN_S


def _clear(out: Path) -> None:
    for path in out.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    publish_stillborn(out, "the run is under way, or was ended before its report")


def _profiles_sha256(folder: Path | None) -> str | None:
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.toml")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _give_up(settings: Settings, context: Context, sentence: str) -> None:
    """Report what there is, with what went wrong."""
    context = contexts.with_incident(context, sentence)
    try:
        write_one(settings.out / CONTEXT, context)
        publish(settings.out, context)
    except OSError:
        # a full disk: the report that the run is under way stays, which is not green
        return


def _record(settings: Settings, name: str, say: Say) -> None:
    folder = settings.out / name
    if settings.target is not None:
        _drive(settings, name, settings.target, settings.target_pid, settings.exports, say)
    else:
        log = settings.out / f"{name}-service.log"
        with running(log) as service:
            _drive(settings, name, service.url, service.pid, service.exports, say)
            code = service.stop()
        scenario = replace(read_one(folder / "scenario.json", Scenario), embedded=True, shutdown_exit_code=code)
        write_one(folder / "scenario.json", scenario)
    start = time.monotonic()
    check_folder(folder)
    say(f"{name}: every exported file opened and checked in {time.monotonic() - start:.1f} s")


def _drive(settings: Settings, name: str, url: str, pid: int | None, exports: Path | None, say: Say) -> None:
    """Run the load room's door on one scenario. RunError when it left no whole record."""
    words = [interpreter(), "-m", "loadtests", "run", name, "--target", url, "--out", str(settings.out / name)]
    words += ["--target-pid", str(pid)] if pid is not None else []
    words += ["--exports", str(exports)] if exports is not None else []
    words += ["--profiles", str(settings.profiles.resolve())] if settings.profiles is not None else []
    words += ["--workers", str(settings.workers)] if settings.workers > 1 else []
    words += ["--embedded"] if settings.target is None else []
    # its progress goes straight through; only its last sentence is kept, to be told again
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace")
    assert process.stderr is not None
    last = ""
    try:
        for line in process.stderr:
            say(line.rstrip())
            last = line.strip() or last
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(2)
        process.wait()
        raise
    if code == 2:
        raise RunError(last or "the load generator could not run")
    if code not in (0, 1):
        raise RunError(f"the load generator ended with {code}: {last}")


def _tools(out: Path, say: Say) -> None:
    """promtool on the rules and the check of the dashboard, with what they said written into the run directory."""
    for words, name in (
        (["rules", "check", "--out", str(out)], "promtool"),
        (["dashboards", "check", "--out", str(out)], "dashboard"),
    ):
        try:
            done = subprocess.run(
                [interpreter(), "-m", *words],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=TOOL_TIMEOUT_S,
                check=False,
            )
            say(f"{name}: {(done.stdout.strip() or done.stderr.strip() or '?').splitlines()[-1]}")
        except subprocess.TimeoutExpired:
            say(f"{name}: no answer within {TOOL_TIMEOUT_S:.0f} s")
