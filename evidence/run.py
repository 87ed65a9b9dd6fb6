"""Running scenarios: the other doors in order, their record into one run directory, then judgement and report."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from assertions import limits as limits_file
from assertions.judge import Report, blocks
from assertions.record.files import read_one, write_one
from assertions.record.types import RecordError, Scenario
from assertions.verdicts import SCENARIOS
from evidence import run_folder as folders
from evidence.collect import provenance as contexts
from evidence.collect import queries
from evidence.collect.code_version import judge_sha256
from evidence.collect.embedded import EmbeddedError, running
from evidence.collect.file_checks import OpeningError, check_folder
from evidence.collect.observed import observed
from evidence.collect.provenance import ROOT, Context, interpreter
from evidence.collect.service_log import captured
from evidence.layout import CONTEXT, LIMITS
from evidence.publish import judge_folder, publish, publish_placeholder
from evidence.subject import Subject
from evidence.subprocesses import interrupt
from loadtests.errors import FolderError
from loadtests.progress import LIVE
from loadtests.runner.locks import lock_folder

TOOL_TIMEOUT_S = 300.0
PROGRESS_S = 10.0
"""Without a terminal a line of progress is written so often at most."""


class RunError(Exception):
    """The run can't go on; the message is one sentence that says what was wrong and what to do."""


_STOPS = (RunError, EmbeddedError, OpeningError, RecordError, limits_file.LimitsError, OSError)
"""What ends a run with a sentence; all else is a defect of ours."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What was asked for on the command line."""

    scenarios: tuple[str, ...]
    out: Path
    target: str | None
    """None: the embedded service."""
    target_pid: int | None = None
    exports: Path | None = None
    log: Path | None = None
    """Where the target writes its log; None: it can't be read. The embedded one's is known."""
    limits: Path = limits_file.DEFAULT_PATH
    profiles: Path | None = None
    waivers: dict[str, str]
    workers: int = 1
    listen: tuple[str, int] | None = None
    """Address for workers of other machines; None: they are of this one."""
    seed: int | None = None
    """Of the made-up data; None: the load generator's own."""
    minutes: float | None = None
    """Stretches the phases that a profile marks so; only scenarios beside smoke, load and batch have such."""
    insecure: bool = False
    """Do not check the target's https certificate."""
    abort_on_fail: bool = False
    """End as soon as no green can come of the run."""
    subject: Subject | None = None
    """What is judged, where somebody named it."""
    jobs: int | None = None
    """Processes that open files at once, when the load is over; None: one a processor."""


Say = Callable[[str], None]


def run(settings: Settings, say: Say, live: Say | None = None) -> tuple[Report, int]:
    """Run the scenarios and report. The code: 0 nothing failed, 1 something did, 2 something could not be measured.

    live: shows a line in place of the one before, for a terminal; None: progress is told in plain lines, seldom.
    RunError where nothing could be run or written. Whatever happens, no older GREEN is left in the run directory, but
    of another run that is under way nothing is touched.
    """
    try:
        with lock_folder(settings.out):
            return _run(settings, say, live)
    except FolderError as error:
        raise RunError(str(error)) from error


def _run(settings: Settings, say: Say, live: Say | None) -> tuple[Report, int]:
    context = _begin(settings)
    doing = ""
    try:
        say(queries.write(settings.out))
        for name in settings.scenarios:
            doing = f"{name}: "
            _record(settings, name, say, live)
            if settings.abort_on_fail and (failed := _failed(settings.out, name)):
                left = settings.scenarios[settings.scenarios.index(name) + 1 :]
                say(f"{name}: {failed}; no green can come of it" + (f", {', '.join(left)} not run" if left else ""))
                break
        doing = ""
        _tools(settings.out, say)
        report = publish(settings.out)
    except KeyboardInterrupt:
        _give_up(settings.out, context, f"{doing}interrupted before {_missing(settings.out, doing)}")
        raise
    except _STOPS as error:
        sentence = f"{doing}{_sentence(error, settings.out)}"
        _give_up(settings.out, context, sentence)
        raise RunError(sentence) from error
    except BaseException as error:
        _give_up(settings.out, context, f"{doing}{type(error).__name__}: {error}")
        raise
    return report, exit_code(report)


def _missing(out: Path, doing: str) -> str:
    """What was not there yet when a run was interrupted."""
    if not doing:
        return "the report was written"
    try:
        scenario = read_one(out / doing.removesuffix(": ") / "scenario.json", Scenario)
    except RecordError:
        return "the record was complete"
    whole = all(phase.completed for phase in scenario.phases)
    return "the exported files were opened" if whole else "the record was complete"


def _failed(out: Path, name: str) -> str | None:
    """What no green can come of any more in a scenario's record; None where there is nothing."""
    scenario = read_one(out / name / "scenario.json", Scenario)
    stopped = next((phase for phase in scenario.phases if phase.ended in ("aborted", "timed out")), None)
    if stopped is not None:
        return stopped.note
    _, _, report, _ = judge_folder(out)
    failed = [one for one in report.verdicts if one.status == "FAIL" and one.scenario == name]
    return f"{failed[0].id} is FAIL: {failed[0].judgement.reason}" if failed else None


def exit_code(report: Report) -> int:
    """0: green, or nothing failed and scenarios are still to come; 1: something failed; 2: something has no data."""
    if any(verdict.status == "FAIL" for verdict in report.verdicts):
        return 1
    return 2 if any(blocks(verdict) and not verdict.judgement.waiting for verdict in report.verdicts) else 0


def _sentence(error: Exception, out: Path) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or out} can't be written or read: {error.strerror or error}"
    return str(error)


def _begin(settings: Settings) -> Context:
    """Make the run directory ready; its old report goes before anything else can go wrong."""
    out = settings.out
    try:
        if not folders.is_ours(out):
            raise RunError(f"{out} holds other files and is no run directory; choose an empty --out")
        publish_placeholder(out, "the run is under way, or was ended before its report")
    except OSError as error:
        raise RunError(f"{out} can't be written ({error.strerror or error}); choose another --out") from error
    try:
        mine = _context(settings)
        there = folders.context_of(out)
        if there is not None and there.fits(mine) and not any((out / name).exists() for name in settings.scenarios):
            return there
        folders.clear(out)
        publish_placeholder(out, "the run is under way, or was ended before its report")
        shutil.copyfile(settings.limits, out / LIMITS)
        write_one(out / CONTEXT, mine)
    except (limits_file.LimitsError, OSError) as error:
        sentence = _sentence(error, out)
        with contextlib.suppress(OSError):
            publish_placeholder(out, sentence)
        raise RunError(sentence) from error
    return mine


def _context(settings: Settings) -> Context:
    return contexts.read(
        target=settings.target or "embedded",
        limits_sha256=limits_file.load(settings.limits).sha256,
        profiles_sha256=_profiles_sha256(settings.profiles),
        waivers=settings.waivers,
        harness_sha256=judge_sha256(),
        subject=settings.subject,
    )


def _profiles_sha256(folder: Path | None) -> str | None:
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.glob("*.toml") if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _give_up(out: Path, context: Context, sentence: str) -> None:
    """Report what there is, with what went wrong; on a full disk at least no colour stays."""
    with _deaf():
        try:
            publish_placeholder(out, sentence)
            write_one(out / CONTEXT, contexts.with_incident(context, sentence))
            publish(out)
        except Exception:
            # the one that is told is what ended the run
            with contextlib.suppress(OSError):
                publish_placeholder(out, sentence)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """The few seconds of the last report are not interrupted again: a report half written helps nobody."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


def _record(settings: Settings, name: str, say: Say, live: Say | None = None) -> None:
    folder = settings.out / name
    if settings.target is not None:
        with (
            captured(settings.log, settings.out / f"{name}-service.log"),
            observed(name, settings.target, folder),
        ):
            _drive(settings, name, settings.target, settings.target_pid, settings.exports, say, live)
    else:
        log = settings.out / f"{name}-service.log"
        with running(log) as service:
            with observed(name, service.url, folder):
                _drive(settings, name, service.url, service.pid, service.exports, say, live)
            code = service.stop()
        scenario = replace(read_one(folder / "scenario.json", Scenario), embedded=True, shutdown_exit_code=code)
        write_one(folder / "scenario.json", scenario)
    start = time.monotonic()
    check_folder(folder, _progress(name, say, live), settings.jobs)
    say(f"{name}: every exported file opened and checked in {time.monotonic() - start:.1f} s")


def _progress(name: str, say: Say, live: Say | None) -> Callable[[int, int], None]:
    """Return what tells of opened files: each on a terminal, else a line now and then."""
    told = time.monotonic()

    def progress(done: int, of: int) -> None:
        nonlocal told
        line = f"{name}: {done} of {of} files opened"
        if live is not None:
            live(line)
        elif time.monotonic() - told >= PROGRESS_S:
            told = time.monotonic()
            say(line)

    return progress


def _drive(
    settings: Settings, name: str, url: str, pid: int | None, exports: Path | None, say: Say, live: Say | None = None
) -> None:
    """Run the load room's door on one scenario. RunError when it left no whole record."""
    folder = settings.out.resolve() / name
    words = [interpreter(), "-m", "loadtests", "run", name, "--target", url, "--out", str(folder)]
    words += ["--seed", str(settings.seed)] if settings.seed is not None else []
    words += ["--target-pid", str(pid)] if pid is not None else []
    words += ["--exports", str(exports.resolve())] if exports is not None else []
    words += ["--profiles", str(settings.profiles.resolve())] if settings.profiles is not None else []
    words += ["--workers", str(settings.workers)] if settings.workers > 1 else []
    words += ["--listen", "{}:{}".format(*settings.listen)] if settings.listen is not None else []
    stretched = settings.minutes is not None and name not in SCENARIOS
    words += ["--minutes", str(settings.minutes)] if stretched else []
    words += ["--embedded"] if settings.target is None else []
    words += ["--insecure"] if settings.insecure else []
    words += ["--live"] if live else []
    words += ["--abort-on-fail", "--limits", str(settings.limits.resolve())] if settings.abort_on_fail else []
    # its progress goes straight through; its own last sentences are told once, by the error that they make
    last, problems = "it said nothing", []
    with subprocess.Popen(
        words,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C in a terminal reaches it once, through us
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if live and line.startswith(LIVE):
                    live(line.removeprefix(LIVE).rstrip())
                    continue
                last = line.strip() or last
                if line.startswith("loadtests: "):
                    problems.append(line.removeprefix("loadtests: ").strip())
                elif line.strip():
                    say(line.rstrip())
            code = process.wait()
        except BaseException:
            interrupt(process)
            raise
    if code == 2 and problems:
        raise RunError("; ".join(problems))
    for problem in problems:
        say(f"loadtests: {problem}")
    if code not in (0, 1) or not (folder / "scenario.json").is_file():
        raise RunError(f"the load generator ended with {code} and left no whole record: {last}")


def _tools(out: Path, say: Say) -> None:
    """promtool on the rules and the check of the dashboard, with what they said written into the run directory."""
    for room, name in (("rules", "promtool"), ("dashboards", "dashboard")):
        # what it said beside an earlier scenario must not stand for this one
        (out / f"{name}.json").unlink(missing_ok=True)
        try:
            done = subprocess.run(
                [interpreter(), "-m", room, "check", "--out", str(out.resolve())],
                cwd=ROOT,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TOOL_TIMEOUT_S,
                check=False,
            )
            say(f"{name}: {(done.stdout.strip() or done.stderr.strip() or '?').splitlines()[-1]}")
        except subprocess.TimeoutExpired:
            say(f"{name}: no answer within {TOOL_TIMEOUT_S:.0f} s")
