"""End to end over loopback, and five at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.http_service import Client, at_once, health_during, running
from benchmarks.laps.race import OURS, emptied, race
from benchmarks.peers import csv_writers, pdf_writers
from benchmarks.records import body
from benchmarks.statistics.bounds import BOUNDS, SPREAD_LIMIT, Verdict, judge, spread_of
from service.files import new_name
from service.jobs.pipeline import Job, export_body, run_job
from service.jobs.pool import WorkerPool
from service.request.export_request import parse_request

pytestmark = pytest.mark.bounds
Figures = Callable[[Mapping[str, float]], None]
Hold = Callable[..., None]
RECORDS = 10_000
ROUNDS = 11
CLIENTS = 5
EACH = 4
"""Exports of each client in one round."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A warm service with two workers: its url and its folder."""
    yield from _warm(tmp_path_factory.mktemp("two") / "exports", 2)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The same with one worker."""
    yield from _warm(tmp_path_factory.mktemp("one") / "exports", 1)


def _warm(folder: Path, workers: int) -> Iterator[tuple[str, Path]]:
    with running(folder, workers) as (url, _):
        at_once(url, body("pdf", RECORDS), workers, 3)
        at_once(url, body("csv", RECORDS), workers, 3)
        yield url, folder


@pytest.mark.parametrize("format", ["csv", "pdf"])
def test_end_to_end(
    benchmark: BenchmarkFixture, two: tuple[str, Path], folder: Path, format: str, figures: Figures, hold: Hold
) -> None:
    """One 10k export over HTTP, against the libraries called directly."""
    benchmark.group = "http 10k"
    url, made = two
    sent = body(format, RECORDS)
    client = Client(url)
    file = folder / "peer"
    peer: dict[str, Callable[[], object]] = (
        {"DictWriter directly": lambda: csv_writers.dict_writer(sent, file)}
        if format == "csv"
        else {
            "canvas directly": lambda: pdf_writers.canvas_pdf(sent, file),
            "pydyf directly": lambda: pdf_writers.pydyf_pdf(sent, file),
        }
    )
    runners: dict[str, Callable[[], object]] = {
        OURS: lambda: client.export(sent),
        "without HTTP": lambda: export_body(sent, folder),
        **peer,
    }
    try:
        laps = race(benchmark, runners, rounds=ROUNDS, clean=emptied(made, folder))
    finally:
        client.close()
    figures({("over HTTP" if name == OURS else name) + " ms": laps.median_ms(name) for name in runners})
    hold(laps.against(f"http-{format}", next(iter(peer))))


def test_five_at_once(
    benchmark: BenchmarkFixture, two: tuple[str, Path], one: tuple[str, Path], figures: Figures, hold: Hold
) -> None:
    """Five clients with 10k PDFs: /health meanwhile. What the second worker brings here is shown, not judged: on two
    cores the clients and the event loop take their share of both."""
    benchmark.group = "five at once"
    sent = body("pdf", RECORDS)
    waits: list[list[float]] = []

    def burst() -> None:
        waits.append(health_during(two[0], lambda: at_once(two[0], sent, CLIENTS, EACH)))

    runners: dict[str, Callable[[], object]] = {
        OURS: burst,
        "one worker": lambda: health_during(one[0], lambda: at_once(one[0], sent, CLIENTS, EACH)),
    }
    laps = race(benchmark, runners, rounds=7, clean=emptied(two[1], one[1]))
    p99 = [float(np.percentile(taken, 99)) * 1_000 for taken in waits[1:]]
    exports = CLIENTS * EACH
    figures(
        {
            "health P99 ms": median(p99),
            "health probes": float(sum(map(len, waits[1:]))),
            "exports/s, two workers": exports * 1_000 / laps.median_ms(OURS),
            "exports/s, one worker": exports * 1_000 / laps.median_ms("one worker"),
            "times as many": laps.median_ms("one worker") / laps.median_ms(OURS),
        }
    )
    hold(_health(p99, laps.seconds["one worker"]))


def _health(p99: list[float], calm: tuple[float, ...]) -> Verdict:
    """The median of the rounds' P99; NO DATA where the rounds' P99 or the work itself swing too far."""
    found = judge(BOUNDS["health-p99"], median(p99))
    spread = max(spread_of(p99), spread_of(calm))
    said = f"{found.sentence}; {len(p99)} rounds, spread {spread:.0%}"
    if spread > SPREAD_LIMIT and found.word == "FAIL":
        return Verdict(found.bound, "NO DATA", f"{said}, over {SPREAD_LIMIT:.0%}: the machine is too busy")
    return Verdict(found.bound, found.word, said)


def test_two_workers_without_http(benchmark: BenchmarkFixture, folder: Path, figures: Figures, hold: Hold) -> None:
    """What a second worker brings where nobody else needs the two cores."""
    benchmark.group = "five at once"
    sent = body("pdf", RECORDS)
    asked = parse_request(sent)
    pools = {OURS: WorkerPool(2), "one worker": WorkerPool(1)}

    def burst(pool: WorkerPool) -> None:
        jobs = [
            Job(request=asked, folder=folder, name=new_name("pdf"), made_at="", body=sent)
            for _ in range(CLIENTS * EACH)
        ]
        for future in [pool.submit(run_job, job) for job in jobs]:
            future.result()

    try:
        for pool in pools.values():
            for ready in pool.warm_up():
                ready.result()
        laps = race(
            benchmark,
            {name: partial(burst, pool) for name, pool in pools.items()},
            rounds=7,
            clean=emptied(folder),
        )
    finally:
        for pool in pools.values():
            pool.shutdown()
    figures(
        {
            "two workers ms": laps.median_ms(OURS),
            "one worker ms": laps.median_ms("one worker"),
            "times as many": laps.median_ms("one worker") / laps.median_ms(OURS),
        }
    )
    hold(laps.against("two-workers", "one worker"))
