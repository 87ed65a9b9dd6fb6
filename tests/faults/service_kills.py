"""The service's processes, killed and frozen under load."""

from __future__ import annotations

import contextlib
import http.client
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.faults.outcomes import Counted, Options
from tests.faults.service_load import (
    BODIES,
    Load,
    alive_after,
    at_rest,
    family_of,
    look,
    pause,
    seconds_until,
)
from tests.service.helpers import FINAL, TIMEOUT_S, assert_identity, encoded, running, start, workers_of

AT_ONCE = 4
"""Services that are killed, one after the other by each of so many threads: a start is mostly waiting."""


def kills(options: Options, folder: Path) -> Counted:
    """SIGKILL at a random moment of the load, and a new start in the same folder; several services, each in its own."""
    tried = options.times(20, 200)
    count = options.counting(tried, "kills")

    def lane(number: int) -> Counter[str]:
        dice = options.dice(f"kills {number}")
        return _kills(dice, folder / str(number), tried // AT_ONCE, count)

    with ThreadPoolExecutor(AT_ONCE) as lanes:
        found = sum(lanes.map(lane, range(AT_ONCE)), Counter[str]())
    wrong = ("partial files", "answered but missing", "unfinished files after the next start", "processes left")
    counts = ("exports answered 200", "files opened", "unfinished files swept")
    return Counted(
        tried=found["kills"],
        counts={name: found[name] for name in counts},
        wrong={name: found[name] for name in wrong},
    )


def _kills(dice: random.Random, exports: Path, times: int, count: Callable[[], None]) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(times):
        service = start(exports=exports)
        found["unfinished files swept"] += service.event.get("swept", 0)
        load = Load(service)
        try:
            load.start()
            seconds_until(lambda load=load: len(load.answers) >= 4)  # type: ignore[misc]
            pause(dice, 0.5)
            family = family_of(service)
        finally:
            service.process.kill()
            service.process.wait(TIMEOUT_S)
            assert service.process.stderr is not None
            service.process.stderr.close()
        load.stop()
        found["kills"] += 1
        found["processes left"] += alive_after(family)
        files = look(exports, load.answers)
        found["exports answered 200"] += len(load.of_status(200))
        found["files opened"] += files.checked
        found["partial files"] += files.partial
        found["answered but missing"] += files.missing
        for path in exports.iterdir():
            if FINAL.fullmatch(path.name):
                path.unlink()
        count()
    with running(exports=exports) as last:
        found["unfinished files swept"] += last.event.get("swept", 0)
        found["unfinished files after the next start"] += len(list(exports.iterdir()))
    return found


def killed_workers(options: Options, folder: Path) -> Counted:
    """SIGKILL to a random worker, again and again, under load."""
    dice = options.dice("killed workers")
    tried = options.times(20, 100)
    with running(exports=folder / "e") as service:
        load = Load(service)
        load.start()
        done = 0
        while done < tried and service.process.poll() is None:
            pause(dice, 0.3)
            workers = workers_of(service)
            if workers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    dice.choice(workers).kill()
                    done += 1
        load.stop()
        seconds_until(lambda: at_rest(service))
        failed = len(load.of_status(500))
        files = look(service.exports, load.answers)
        after = service.post(BODIES["csv"]).status
        odd = len(load.answers) - len(load.of_status(200)) - failed + load.unanswered
        uncounted = 0
        try:
            assert_identity(service.metrics())
        except AssertionError:
            uncounted = 1
        code = service.stop()
    return Counted(
        tried=done,
        counts={"answered 200": len(load.of_status(200)), "answered 500": failed, "files opened": files.checked},
        wrong={
            "failed beyond one a kill": max(0, failed - done),
            "other answers or none": odd,
            "partial files": files.partial,
            "answered but missing": files.missing,
            "unfinished files": files.unfinished,
            "counters that do not add up": uncounted,
            "next export not 200": int(after != 200),
            "stops not 0": int(code != 0),
        },
    )


def frozen_workers(options: Options, folder: Path) -> Counted:
    """SIGSTOP to all workers, exports with a time limit, then a stop with workers frozen again."""
    tried = options.times(2, 10)
    timed_out = odd = after = stayed = codes = 0
    longest = 0.0
    for number in range(tried):
        with running("--export-timeout", "2s", "--grace", "1", exports=folder / str(number)) as service:
            assert service.post(BODIES["csv"]).status == 200
            for worker in workers_of(service):
                worker.suspend()
            with ThreadPoolExecutor(4) as clients:
                statuses = [answer.status for answer in clients.map(service.post, [BODIES["csv"]] * 4)]
            timed_out += statuses.count(500)
            odd += sum(status not in (200, 500) for status in statuses)
            after += service.post(BODIES["pdf"]).status != 200
            family = family_of(service)
            for worker in workers_of(service):
                worker.suspend()
            begun = time.monotonic()
            codes += service.stop() != 0
            longest = max(longest, time.monotonic() - begun)
            stayed += alive_after(family)
    return Counted(
        tried=tried,
        counts={"exports answered 500 in time": timed_out},
        wrong={"other answers": odd, "next export not 200": after, "stops not 0": codes, "processes left": stayed},
        longest_s=longest,
    )


def hang_ups(options: Options, folder: Path) -> Counted:
    """Clients that hang up at a random moment of their export."""
    dice = options.dice("hang-ups")
    tried = options.times(60, 300)
    body = encoded(format="pdf", columns=["a"], data=[{"a": f"text {n}"} for n in range(4_000)])
    with running(exports=folder / "e") as service:
        for number in range(tried):
            client = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=TIMEOUT_S)
            sent = body if number % 2 else BODIES["csv"]
            client.request("POST", "/export/run", sent, {"Content-Type": "application/json"})
            pause(dice, 0.1)
            client.close()
        rest = seconds_until(lambda: at_rest(service))
        unfinished = 0
        seconds_until(lambda: all(FINAL.fullmatch(path.name) for path in service.exports.iterdir()))
        unfinished = sum(not FINAL.fullmatch(path.name) for path in service.exports.iterdir())
        uncounted = 0
        try:
            assert_identity(service.metrics())
        except AssertionError:
            uncounted = 1
        after = service.post(BODIES["csv"]).status
        files = len(list(service.exports.iterdir()))
    return Counted(
        tried=tried,
        counts={"exports that were done before": files - 1},
        wrong={
            "places not free again": int(rest >= TIMEOUT_S),
            "unfinished files": unfinished,
            "counters that do not add up": uncounted,
            "next export not 200": int(after != 200),
        },
    )
