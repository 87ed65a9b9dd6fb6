"""The harness on bad targets, interrupted, and with run directories that were tampered with."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evidence.bundle import manifest
from loadtests.recorders import pages
from tests.evidence.command import PROFILE, profiles
from tests.evidence.mutations.kinds import edit_lines, edit_number
from tests.evidence.mutations.trial import finding
from tests.faults.bad_targets import KINDS, PLACES, Proxy, choices, proxied
from tests.faults.outcomes import Counted, Options
from tests.leftovers import MARK, Left, left_by, new_mark
from tests.processes import announced, end_of, start_module

DEADLINE_S = 20.0
"""`--deadline` of a run on a bad target: from the start of its load on."""
CLOSE_S = 5.0
"""What the generator and the record's files take to close, on a busy machine."""
BEYOND_S = pages.TIMEOUT_S + pages.SETTLE_TIMEOUT_S + CLOSE_S
"""How long after its deadline a load may end: a call of the metrics page that is under way may wait for its own time
limit, and after it comes the reading of the target at rest."""
LONGEST_S = 240.0
"""Of a whole run, with start, opening of files, tools and report, on a busy machine."""
AT_ONCE = 4
"""Runs: they mostly wait, each for its deadline or for a page."""
ENDS_S = 10.0
"""How long an interrupted run may take to end."""
LEFT_FILES = ("spool", "parts", "sent")


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    code: int
    seconds: float
    green: bool
    """Whether it said GREEN, or ended with 0."""
    fails: bool
    """Whether a check FAILs."""
    missing: frozenset[str]
    """Checks without data."""
    left: Left
    folders: tuple[str, ...]
    """Bulky folders that should be gone."""
    load_s: float | None
    """From the beginning of the load to the end of the record, by the record; None where no load began."""
    last: str
    """Its last line."""


@contextmanager
def healthy_target(folder: Path) -> Iterator[tuple[str, int]]:
    """The reference target: its URL and its process."""
    words = ("tests.targets.serving", "reference", "--port", "0", "--exports", folder)
    with announced(*words) as (process, listening):
        yield listening["url"], process.pid


def begin(folder: Path, url: str, pid: int, *more: str) -> tuple[subprocess.Popen[str], str]:
    """Start a short smoke run; the process and the mark of all that it starts."""
    mark = new_mark()
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    words = ("run", "smoke", "--target", url, "--target-pid", str(pid), "--out", folder / "run")
    environment = {MARK: mark, "TMPDIR": str(temporary)}
    process = start_module(
        "evidence", *words, "--profiles", profiles(folder / "profiles", PROFILE), *more, environment=environment
    )
    return process, mark


def ended(folder: Path, process: subprocess.Popen[str], mark: str, start: float, timeout_s: float) -> Ran:
    """Wait for a run's end and look at what it left."""
    done = end_of(process, timeout_s)
    seconds = time.monotonic() - start
    out = folder / "run"
    statuses: list[tuple[str, str]] = []
    colour = ""
    load_s: float | None = None
    with contextlib.suppress(OSError, ValueError, KeyError, IndexError):
        scenario = json.loads((out / "smoke" / "scenario.json").read_bytes())
        load_s = scenario["end"] - scenario["phases"][0]["start"]
    with contextlib.suppress(OSError, ValueError, KeyError):
        verdict = json.loads((out / "verdict.json").read_bytes())
        colour = verdict["colour"]
        statuses = [(one["id"], one["judgement"]["status"]) for one in verdict["verdicts"]]
    left = left_by(mark, folder / "tmp")
    return Ran(
        code=done.code,
        seconds=seconds,
        green=colour == "GREEN" or done.code == 0,
        fails=any(status == "FAIL" for _, status in statuses),
        missing=frozenset(name for name, status in statuses if status == "NO DATA"),
        left=left,
        folders=tuple(name for name in LEFT_FILES if (out / "smoke" / name).exists()),
        load_s=load_s,
        last=(done.err or done.out).strip().rpartition("\n")[2][:200],
    )


def bad_targets(options: Options, folder: Path) -> Counted:
    """Each kind of bad answer from a random export of a run on; and once none, on which no check may FAIL."""
    dice = options.dice("bad targets")
    asked = [(kind, place, dice.randint(1, 5)) for kind, place in choices(options.long)]

    def one(number: int, kind: str | None, place: str, from_export: int) -> Ran:
        own = folder / str(number)
        own.mkdir()
        with healthy_target(own / "exports") as (behind, pid):
            answer = None if kind is None else KINDS[kind]
            with proxied(Proxy(behind, answer, from_export, PLACES[place])) as proxy:
                start = time.monotonic()
                more = ("--deadline", f"{DEADLINE_S:g}", "--abort-on-fail")
                process, mark = begin(own, proxy.url, pid, *more)
                ran = ended(own, process, mark, start, LONGEST_S)
        shutil.rmtree(own, ignore_errors=True)
        count()
        return ran

    count = options.counting(len(asked) + 1, "runs")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        control = pool.submit(one, 0, None, "everything", 1)
        runs = list(pool.map(lambda item: one(item[0], *item[1]), enumerate(asked, 1)))
        healthy = control.result()
    late = [ran for ran in runs if ran.load_s is not None and ran.load_s > DEADLINE_S + BEYOND_S]
    unnoticed = [ran for ran in runs if not ran.fails and ran.missing <= healthy.missing]
    details = [
        f"{kind}, {place}, from export {number}: exit {ran.code} after {ran.seconds:.0f} s, {ran.left}, {ran.folders}: "
        f"{ran.last}"
        for (kind, place, number), ran in zip(asked, runs, strict=True)
        if ran.load_s is None
        or ran.green
        or ran.code != (1 if ran.fails else 2)
        or ran.left.count
        or ran.folders
        or ran in late + unnoticed
    ]
    if healthy.fails:
        details.append(f"the run without a fault, for comparison: exit {healthy.code}: {healthy.last}")
    return Counted(
        tried=len(runs),
        counts={
            "exit 1": sum(ran.code == 1 for ran in runs),
            "exit 2": sum(ran.code == 2 for ran in runs),
            "with a FAIL": sum(ran.fails for ran in runs),
            "without a record": sum(ran.load_s is None for ran in runs),
            "seconds of the longest whole run": math.ceil(max(ran.seconds for ran in runs)),
            "later than the deadline": sum((ran.load_s or 0.0) > DEADLINE_S for ran in runs),
            "run without a fault, for comparison": 1,
        },
        wrong={
            "GREEN": sum(ran.green for ran in runs),
            "taken for healthy": len(unnoticed),
            f"load beyond the deadline of {DEADLINE_S:.0f} s and {BEYOND_S:.0f} s to close": len(late),
            "did not end": sum(ran.seconds >= LONGEST_S for ran in runs),
            "wrong exit codes": sum(ran.code != (1 if ran.fails else 2) for ran in runs),
            "processes, ports, temporary files left": sum(ran.left.count for ran in runs),
            "FAIL of the run without a fault": int(healthy.fails),
        },
        longest_s=max(ran.load_s or 0.0 for ran in runs),
        details=tuple(details),
    )


def interrupts(options: Options, folder: Path) -> Counted:
    """One to four SIGINT, SIGTERM, SIGHUP at random moments of a run."""
    dice = options.dice("interrupts")
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    asked = [
        (dice.uniform(0.3, 12), [(dice.choice(numbers), dice.uniform(0, 0.6)) for _ in range(dice.randint(1, 4))])
        for _ in range(options.times(10, 30))
    ]

    def one(number: int, moment_s: float, signals: list[tuple[signal.Signals, float]]) -> tuple[bool, float, Ran]:
        own = folder / str(number)
        own.mkdir()
        with healthy_target(own / "exports") as (url, pid):
            start = time.monotonic()
            process, mark = begin(own, url, pid)
            drain = threading.Event()
            time.sleep(moment_s)
            before = process.poll() is not None
            first = time.monotonic()
            for name, gap_s in signals:
                if process.poll() is None:
                    process.send_signal(name)
                drain.wait(gap_s)
            ran = ended(own, process, mark, start, 60)
            took = start + ran.seconds - first
        shutil.rmtree(own, ignore_errors=True)
        count()
        return before, took, ran

    count = options.counting(len(asked), "runs")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda item: one(item[0], *item[1]), enumerate(asked)))
    cut = [(took, ran) for before, took, ran in runs if not before]
    details = [
        f"{moment:.2f} s, {[(name.name, round(gap, 2)) for name, gap in signals]}: exit {ran.code} after {took:.1f} s, "
        f"{ran.left}, {ran.folders}: {ran.last}"
        for (moment, signals), (before, took, ran) in zip(asked, runs, strict=True)
        if not before and (ran.code != 2 or took > ENDS_S or ran.left.count or ran.folders)
    ]
    return Counted(
        tried=len(cut),
        counts={
            "signals": sum(len(signals) for _, signals in asked),
            "single": sum(len(signals) == 1 for _, signals in asked),
            "runs that ended before": len(runs) - len(cut),
        },
        wrong={
            "exit codes other than 2": sum(ran.code != 2 for _, ran in cut),
            f"ended after more than {ENDS_S:.0f} s": sum(took > ENDS_S for took, _ in cut),
            "processes left": sum(len(ran.left.processes) for _, ran in cut),
            "ports left": sum(len(ran.left.ports) for _, ran in cut),
            "temporary files left": sum(len(ran.left.files) for _, ran in cut),
            "bulky folders left": sum(len(ran.folders) for _, ran in cut),
            "GREEN": sum(ran.green for _, ran in cut),
        },
        longest_s=max((took for took, _ in cut), default=0.0),
        details=tuple(details),
    )


def tampers(options: Options, folder: Path) -> Counted:
    """One number or line of a run's record, output or page changed at random, and every hash mended."""
    dice = options.dice("tampers")
    with healthy_target(folder / "exports") as (url, pid):
        process, mark = begin(folder / "made", url, pid)
        ran = ended(folder / "made", process, mark, time.monotonic(), 120)
    bundle = folder / "made" / "run"
    assert ran.code in (0, 2), ran.last  # a short run has too few exports for some checks
    assert finding(bundle, None) is None
    manifest_before = (bundle / manifest.NAME).read_bytes()
    count = options.times(60, 500)
    missed: list[str] = []
    unmended = 0
    done = options.counting(count, "edits")
    for number in range(count):
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(bundle, copy)
        what = (edit_number, edit_lines)[number % 2](copy, dice)
        unmended += (copy / manifest.NAME).read_bytes() == manifest_before
        unmended += bool(manifest.differences(copy, manifest.read(copy)))
        if finding(copy, None) is None:
            missed.append(what)
        done()
    return Counted(
        tried=count,
        counts={"found": count - len(missed)},
        wrong={"not found": len(missed), "manifests not mended": unmended},
        details=tuple(missed),
    )
