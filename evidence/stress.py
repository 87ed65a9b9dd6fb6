"""`export-at-scale stress`: the load side's stress on our own service or any target, and its report."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click

from assertions import limits as limits_file
from assertions.console import sentences
from assertions.record.types import RecordError
from evidence.collect.embedded import Embedded, EmbeddedError
from evidence.reports.faces.stress_html import html
from evidence.settings import EMBEDDED, RunError
from evidence.stages import reach_url, run_command, start_service
from loadtests import options
from loadtests.errors import FolderError
from loadtests.locks import lock_folder
from loadtests.progress_view import View, view
from loadtests.runner import request as requests
from loadtests.runner.request import StressRequest
from loadtests.stress.options import cases
from loadtests.stress.search import Stress, exit_code
from loadtests.stress.session import PAGE, REPORT, prepare_out, read_stress, write_report
from loadtests.stress.table import table

DEFAULT_OUT = Path("evidence/stress")
MAX_BODY = ("EXPORT_MAX_BODY", "256MiB")
"""Given to the embedded service unless the user sets it: a body of 1M records is 174 MB."""


@dataclass(frozen=True, kw_only=True)
class StressSettings:
    """The options of `stress`."""

    target: str | None
    """None: the embedded service, started for each case."""
    out: Path
    sizes: tuple[str, ...]
    formats: tuple[str, ...] | None
    rates: tuple[float, ...]
    seconds: float
    max_rate: float
    limits: Path
    target_pid: int | None
    workers: int
    seed: int
    insecure: bool


class Serve(Protocol):
    """Starts the embedded service."""

    def __call__(self, log: Path, environment: dict[str, str], /) -> AbstractContextManager[Embedded]:
        """Return the running service."""


class Drive(Protocol):
    """Measures one case."""

    def __call__(self, out: Path, request: StressRequest, view: View, /) -> None:
        """Leave the case's record in the folder. RunError where there is none."""


def drive(out: Path, request: StressRequest, view: View) -> None:
    """Run the load side's command on one case. RunError when it left no whole record."""
    file = out / requests.NAME
    requests.write_request(file, request)
    _, problems, last = run_command(["stress", "--request", str(file.resolve())], view)
    file.unlink()
    if not (out / REPORT).is_file():
        raise RunError("; ".join(problems) or last or "it wrote nothing")
    (out / REPORT).unlink()


def run(settings: StressSettings, view: View, serve: Serve = start_service, measure: Drive = drive) -> int:
    """Run the session and report; return 0, 1 or 2 as `loadtests.stress.search.exit_code`.

    RunError where nothing could be run, read or written (one sentence).
    """
    asked = cases(settings.sizes, settings.formats)
    try:
        limits = limits_file.load(settings.limits)
        if settings.target is not None:
            reach_url(settings.target, settings.insecure)
        with lock_folder(settings.out):
            prepare_out(settings.out, asked)
            (settings.out / PAGE).unlink(missing_ok=True)
            for case in asked:
                _measure(settings, case, view, serve, measure)
        report = read_stress(settings.out, asked, limits, settings.target or EMBEDDED, settings.seed)
        publish(settings.out, report)
    except (FolderError, RecordError, EmbeddedError, limits_file.LimitsError) as error:
        raise RunError(str(error)) from error
    except KeyboardInterrupt:
        raise RunError(f"interrupted; the records until then are in {settings.out}, without a report") from None
    except OSError as error:
        raise RunError(
            f"{error.filename or settings.out} can't be written or read: {error.strerror or error}"
        ) from error
    view.say("")
    view.say(table(report))
    view.say(f"report: {settings.out / PAGE}, {settings.out / REPORT}")
    return exit_code(report.found)


def publish(out: Path, report: Stress) -> None:
    """Write `stress.json` and the page with the plots. FolderError or OSError where they can't be written."""
    write_report(out, report)
    (out / PAGE).write_text(html(report), encoding="utf-8")


def _measure(settings: StressSettings, case: str, view: View, serve: Serve, measure: Drive) -> None:
    """Measure one case, on a fresh service where it is ours: what one size leaves behind must not weigh on the next."""
    if settings.target is not None:
        measure(settings.out, request_for(settings, case, settings.target, settings.target_pid), view)
        return
    environment = dict((MAX_BODY,)) | os.environ
    with serve(settings.out / f"{case}-service.log", environment) as service:
        measure(settings.out, request_for(settings, case, service.url, service.pid), view)


def request_for(settings: StressSettings, case: str, url: str, target_pid: int | None) -> StressRequest:
    """Return what the load side is asked for. Paths hold from any folder."""
    return StressRequest(
        target=url,
        out=str(settings.out.resolve()),
        cases=(case,),
        seed=settings.seed,
        rates=settings.rates,
        max_rate=settings.max_rate,
        seconds=settings.seconds,
        workers=settings.workers,
        target_pid=target_pid,
        insecure=settings.insecure,
        limits=str(settings.limits.resolve()),
    )


@click.command("stress", help=options.STRESS_HELP)
@options.target_options(None)
@options.stress_options(DEFAULT_OUT)
@sentences("evidence", RunError)
def stress_command(**asked: Any) -> int:
    """Run a stress session."""
    with view(sys.stdout) as shown:
        return run(StressSettings(**asked), shown)
