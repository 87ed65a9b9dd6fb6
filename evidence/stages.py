"""The stages of a run, each a function: reach the target, drive it, check its files, check rules and dashboard."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from assertions.judge import Report
from assertions.record.files import read_lines
from assertions.record.types import RecordError, Scrape
from evidence.collect import machine, queries
from evidence.collect.embedded import Embedded, running
from evidence.collect.observed import observed
from evidence.collect.provenance import ROOT, interpreter
from evidence.reports.plots import drawing_process
from evidence.reports.plots.drawing_process import DrawingProcess
from evidence.settings import RunError, Settings
from evidence.timings import Timings
from loadtests import subprocesses
from loadtests.client.clock import start_clock
from loadtests.client.preflight import check_target
from loadtests.client.target import TargetError
from loadtests.client.target_settings import headers_from, parse_target
from loadtests.locks import lock_target
from loadtests.progress import from_json
from loadtests.progress_view import View
from loadtests.runner import request as requests
from loadtests.runner.request import RunRequest

if TYPE_CHECKING:
    from evidence.publish import Drawn
    from evidence.reports.plots.drawings import Draw

TOOL_TIMEOUT_S = 300.0
CLOSE_S = 3.0
"""How long the load generator may take to close its record when it is interrupted."""
STARTING_CLOSE_S = 6.0
"""The same while Locust starts, which can't be interrupted."""
PAGE = "metrics_snapshot.txt"
LATE = ("evidence.collect.file_checks", "evidence.comparison.folders", "evidence.publish", "numpy")
"""Slow to load, and of use only when the load is over: loaded while the service starts, which takes as long."""


def reach(settings: Settings) -> None:
    """Raise RunError where the target does not answer, or another run drives it. The embedded one is started later."""
    if settings.target is not None:
        reach_url(settings.target, settings.insecure)


def reach_url(url: str, insecure: bool) -> None:
    """Raise RunError where nothing that can be judged answers at an address, or another run drives it."""
    try:
        target = parse_target(url, start_clock(), headers_from(), insecure=insecure)
        problem = check_target(target)
        if problem is not None:
            raise TargetError(problem)
        with lock_target(target):
            pass
    except TargetError as error:
        raise RunError(str(error)) from error


def drive(out: Path, request: RunRequest, view: View) -> None:
    """Run the load side's command on one scenario. RunError when it left no whole record."""
    requests.write_request(out / requests.NAME, request)
    words = ["run", "--request", str((out / requests.NAME).resolve())]
    code, problems, last = run_command([*words, "--progress-json"], view)
    if code == 2 and problems:
        raise RunError("; ".join(problems))
    for problem in problems:
        view.say(f"loadtests: {problem}")
    if code not in (0, 1) or not (Path(request.out) / "scenario.json").is_file():
        raise RunError(f"the load generator ended with {code} and left no whole record: {last or 'it wrote nothing'}")


def run_command(words: Sequence[str], view: View) -> tuple[int, list[str], str]:
    """Run the load side and show its progress. Return its exit code, its sentences of trouble and its last line."""
    words = [interpreter(), "-m", "loadtests", *words]
    # nothing stays there of a load side that has to be killed
    with tempfile.TemporaryDirectory(prefix="load-", ignore_cleanup_errors=True) as temporary:
        return _run_load_side(words, {**os.environ, "TMPDIR": temporary}, view)


def _run_load_side(words: Sequence[str], environment: Mapping[str, str], view: View) -> tuple[int, list[str], str]:
    problems: list[str] = []
    last, driving = "", False
    process = subprocesses.start(words, cwd=ROOT, stdout=subprocess.PIPE, environment=environment)
    assert process.stdout is not None
    try:
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            progress = from_json(line)
            if progress is not None:
                driving = True
                view.show(progress)
                continue
            last = line or last
            if line.startswith("loadtests: "):
                problems.append(line.removeprefix("loadtests: "))
            elif line:
                view.say(line)
        return process.wait(), problems, last
    except BaseException:
        subprocesses.end(process, CLOSE_S if driving else STARTING_CLOSE_S, signal.SIGINT)
        raise
    finally:
        process.stdout.close()


def check_files(folder: Path, progress: Callable[[int, int], None] | None, jobs: int | None) -> None:
    """Check the files of a scenario's folder; see `file_checks.check_folder`."""
    from evidence.collect.file_checks import check_folder  # noqa: PLC0415 - see LATE

    check_folder(folder, progress, jobs)


def check_tools(settings: Settings, view: View, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Check alert rules and dashboard, ours or the target's own, against the last metrics page too.

    What the tools found is written into the run directory. meanwhile: done while they run. OSError where a result can't
    be written.
    """
    out = settings.out.resolve()
    page = write_last_page(settings.out)
    measured = [] if page is None else ["--metrics", str(page.resolve())]
    built = ["--limits", str(settings.limits.resolve())] if settings.own_limits else []
    rules = built if settings.rules is None else ["--rules", str(settings.rules.resolve())]
    if settings.rules is not None and settings.rules_tests is not None:
        rules += ["--rules-tests", str(settings.rules_tests.resolve())]
    dashboard = built if settings.dashboard is None else ["--dashboard", str(settings.dashboard.resolve())]
    commands = {
        "promtool": ["rules", "check", "--out", str(out), *rules, *measured, "--kept"],
        "dashboard": ["dashboards", "check", "--out", str(out), *dashboard, *measured],
        "alerts": ["rules", "replay", str(out), *built, "--kept"],
        "package": ["evidence.collect.package", str(out)],
    }
    with contextlib.ExitStack() as stack:
        tools = {}
        for name, words in commands.items():
            # what was found with an earlier scenario must not stand for this one
            (out / f"{name}.json").unlink(missing_ok=True)
            tools[name] = stack.enter_context(_tool([interpreter(), "-m", *words]))
        meanwhile()
        for name, tool in tools.items():
            view.say(f"{name}: {_last_line(tool)}")


@contextlib.contextmanager
def _tool(words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A tool that runs, and is ended on the way out where it still does."""
    with tempfile.TemporaryDirectory(prefix="tool-", ignore_cleanup_errors=True) as temporary:
        environment = {**os.environ, "TMPDIR": temporary}
        process = subprocesses.start(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, environment=environment
        )
        try:
            yield process
        finally:
            subprocesses.kill(process)


def _last_line(process: subprocess.Popen[bytes]) -> str:
    """Wait for a tool's end and return the last line of its output."""
    try:
        stdout, stderr = process.communicate(timeout=TOOL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"no answer within {TOOL_TIMEOUT_S:.0f} s"
    lines = (stdout.strip() or stderr.strip()).decode("utf-8", "replace").splitlines()
    return lines[-1] if lines else "it wrote nothing"


def write_last_page(out: Path) -> Path | None:
    """Write the last metrics page that any scenario read at rest, and return where; None where there is none."""
    last: Scrape | None = None
    for file in sorted({path.with_name("scrapes.jsonl") for path in out.glob("*/scrapes.jsonl*")}):
        with contextlib.suppress(RecordError):
            for scrape in read_lines(file, Scrape):
                if scrape.status == 200 and scrape.moment == "after" and (last is None or scrape.start > last.start):
                    last = scrape
    if last is None:
        return None
    (out / PAGE).write_text(last.text, encoding="utf-8", newline="")
    return out / PAGE


def write_queries(settings: Settings) -> str:
    """Write what alert rules and dashboard ask for, ours or the target's own; return one line on it. OSError."""
    return queries.write(settings.out, settings.rules or queries.RULES, settings.dashboard or queries.DASHBOARD)


def compare_with_baseline(settings: Settings, view: View) -> None:
    """Compare the run with its baseline and say the outcome; nothing is compared where there is none. OSError."""
    from evidence.comparison.folders import CompareError, compare_into, write_baseline  # noqa: PLC0415 - see LATE
    from evidence.comparison.text import changes  # noqa: PLC0415

    try:
        baseline = write_baseline(settings.out, settings.baseline)
        if baseline is not None:
            view.say(f"relative rules: compared with the run {baseline.run_id}")
    except CompareError as error:
        view.say(f"relative rules: {error}")
    try:
        comparison = compare_into(settings.out, settings.baseline)
    except CompareError as error:
        view.say(f"comparison: {error}")
        return
    if comparison is not None:
        view.say(f"comparison: {changes(comparison)[0]}")
    elif settings.baseline is not None:
        view.say("comparison: no earlier run was GREEN, so nothing is compared")


def draw_plots(out: Path, timings: Timings, by: Draw) -> Drawn:
    """Judge a run directory's scenarios and draw their plots; see `publish.draw_plots`."""
    from evidence import publish  # noqa: PLC0415 - see LATE

    return publish.draw_plots(out, timings, by)


def publish(out: Path, timings: Timings, drawn: Drawn | None) -> Report:
    """Judge and write everything; see `publish.publish`."""
    from evidence import publish  # noqa: PLC0415 - see LATE

    return publish.publish(out, timings, drawn)


def serve(log: Path) -> AbstractContextManager[Embedded]:
    """Start the embedded service, and load what is needed after the load while it starts."""
    return running(log, meanwhile=lambda: [import_module(name) for name in LATE])


def start_service(log: Path, environment: Mapping[str, str] | None = None) -> AbstractContextManager[Embedded]:
    """Start the embedded service; see `embedded.running`."""
    return running(log, environment)


@dataclass(frozen=True)
class Stages:
    """The stages that `run` goes through; a test hands in others."""

    reach: Callable[[Settings], None] = reach
    queries: Callable[[Settings], str] = write_queries
    serve: Callable[[Path], AbstractContextManager[Embedded]] = serve
    observe: Callable[[str, str, Path], AbstractContextManager[None]] = observed
    sample_machine: Callable[[Path], AbstractContextManager[None]] = machine.sampled
    drive: Callable[[Path, RunRequest, View], None] = drive
    check_files: Callable[[Path, Callable[[int, int], None], int | None], None] = check_files
    check_tools: Callable[[Settings, View, Callable[[], object]], object] = check_tools
    drawing: Callable[[], AbstractContextManager[DrawingProcess]] = drawing_process.started
    draw: Callable[[Path, Timings, Draw], Drawn] = draw_plots
    compare: Callable[[Settings, View], None] = compare_with_baseline
    publish: Callable[[Path, Timings, Drawn | None], Report] = publish
