"""`python -m evidence stress`: the load room's stress on a service of our own or any target, and its report."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assertions import limits as limits_file
from assertions.record.types import RecordError
from evidence.collect.embedded import EmbeddedError, running
from evidence.collect.provenance import ROOT, interpreter
from evidence.reports.stress_html import html
from evidence.run import RunError
from evidence.subprocesses import interrupt
from loadtests.errors import FolderError
from loadtests.runner.locks import lock_folder
from loadtests.stress import options as stress_door
from loadtests.stress.search import Stress, exit_code
from loadtests.stress.session import PAGE, REPORT, prepare_out, read_stress, write_report
from loadtests.stress.table import table

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

DEFAULT_OUT = Path("evidence/stress")
MAX_BODY = ("EXPORT_MAX_BODY", "256MiB")
"""What the embedded service is told: a body of 1M records is 174 MB."""

Say = Callable[[str], None]


def add_command(commands: _Commands, url: Callable[[str], str]) -> None:
    """The command's options. `url` checks a target's address."""
    one = commands.add_parser("stress", help="raise the rate until a limit breaks, for each size and format")
    one.add_argument("--target", type=url, metavar="URL", help="the service (default: our own, started for each case)")
    one.add_argument("--insecure", action="store_true", help="do not check the target's https certificate")
    one.add_argument("--seed", type=int, default=17, metavar="N", help="of the made-up data (17)")
    stress_door.add_options(one, DEFAULT_OUT)


def run(options: argparse.Namespace, say: Say) -> int:
    """Run the session and report; returns 0, 1 or 2 as `loadtests.stress.search.exit_code`.

    RunError where nothing could be run, read or written (one sentence).
    """
    cases = stress_door.cases(options.sizes, options.formats)
    try:
        limits = limits_file.load(options.limits)
        with lock_folder(options.out):
            prepare_out(options.out, cases)
            (options.out / PAGE).unlink(missing_ok=True)
            for case in cases:
                _measure(options, case, say)
        target = options.target or "embedded"
        report = read_stress(options.out, cases, limits, target, options.seed)
        publish(options.out, report)
    except (FolderError, RecordError, EmbeddedError, limits_file.LimitsError) as error:
        raise RunError(str(error)) from error
    except KeyboardInterrupt:
        raise RunError(f"interrupted; the records until then are in {options.out}, without a report") from None
    except OSError as error:
        raise RunError(
            f"{error.filename or options.out} can't be written or read: {error.strerror or error}"
        ) from error
    say("")
    say(table(report))
    say(f"report: {options.out / PAGE}, {options.out / REPORT}")
    return exit_code(report.found)


def publish(out: Path, report: Stress) -> None:
    """Write `stress.json` and the page with the plots. FolderError or OSError where they can't be written."""
    write_report(out, report)
    (out / PAGE).write_text(html(report), encoding="utf-8")


def _measure(options: argparse.Namespace, case: str, say: Say) -> None:
    """One case, on a fresh service where it is ours: what one size leaves behind must not weigh on the next."""
    if options.target is not None:
        _drive(options, case, ["--target", options.target, *_pid(options.target_pid)], say)
        return
    with _told(*MAX_BODY), running(options.out / f"{case}-service.log") as service:
        _drive(options, case, ["--target", service.url, *_pid(service.pid)], say)


def _pid(pid: int | None) -> list[str]:
    return [] if pid is None else ["--target-pid", str(pid)]


@contextlib.contextmanager
def _told(name: str, value: str) -> Iterator[None]:
    """An environment variable for the service, unless the user gave it."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _drive(options: argparse.Namespace, case: str, target: Sequence[str], say: Say) -> None:
    """Run the load room's door on one case. RunError when it left no whole record."""
    fmt, _, size = case.partition("-")
    words = [interpreter(), "-m", "loadtests", "stress", *target, "--out", str(options.out.resolve())]
    words += ["--sizes", size, "--formats", fmt, "--seconds", str(options.seconds), "--seed", str(options.seed)]
    words += ["--max-rate", str(options.max_rate), "--limits", str(options.limits.resolve())]
    words += ["--workers", str(options.workers)] if options.workers > 1 else []
    words += ["--rates", ",".join(map(str, options.rates))] if options.rates else []
    words += ["--insecure"] if options.insecure else []
    problem = "it said nothing"
    with subprocess.Popen(
        words,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # its table is of one case, ours is of all
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C in a terminal reaches it once, through us
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if line.startswith("loadtests: "):
                    problem = line.removeprefix("loadtests: ").strip()
                else:
                    say(line.rstrip())
            process.wait()
        except BaseException:
            interrupt(process)
            raise
    if not (options.out / REPORT).is_file():
        raise RunError(problem)
    (options.out / REPORT).unlink()
