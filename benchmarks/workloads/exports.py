"""Exports: by the writers in this process, and whole ones over HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from benchmarks.http_service import Client, at_once, running
from benchmarks.laps.race import emptied
from benchmarks.outputs import check_file
from benchmarks.probes.cpu import TreeCpu
from benchmarks.records import body
from benchmarks.workloads.types import Prepared, Suite, Workload, sha256
from service.csv.writer import write_csv
from service.files import PartFile
from service.jobs.pipeline import ExportResult, export_body
from service.pdf import fonts
from service.pdf.writer import write_pdf
from service.request.export_request import BodyBuffer, find_data, parse_request
from service.request.rows import read_chunks

TARGET = "BENCH_TARGET"
"""Environment variable with the URL of somebody else's service; empty: a service of this tree is started."""
SIZES: tuple[tuple[Suite, int], ...] = (("1k", 1_000), ("10k", 10_000), ("100k", 100_000), ("1M", 1_000_000))
FULL_FROM = 100_000
WRITER_RECORDS = 10_000
GATED_HTTP = ("csv", 10_000)
"""The one export over HTTP in the quick gate; each starts a service, which takes longer than the export."""
BATCH = (("csv", 1_000), ("csv", 5_000), ("csv", 10_000), ("pdf", 1_000), ("pdf", 5_000))
"""The contract's batch of five."""


def workloads() -> Iterator[Workload]:
    """Yield every export, writers first."""
    for format in ("csv", "pdf"):
        yield Workload(
            name=f"{format}-writer",
            suite="10k",
            what=f"the {format.upper()} writer only: {WRITER_RECORDS:,} records cut into pieces before, no disk",
            clock="cpu",
            open=partial(_writer_alone, format),
            records=WRITER_RECORDS,
        )
    for http in (False, True):
        for suite, records in SIZES:
            for format in ("csv", "pdf"):
                yield _one(suite, format, records, http=http)
        yield _batch(http=http)
    yield Workload(
        name="http-five-at-once",
        suite="queue and admission",
        what="five clients at once, four 10k PDFs each, over HTTP: all cores, admission and queue",
        clock="wall",
        open=_five_at_once,
        records=200_000,
        gated=False,
        http=True,
    )


def _one(suite: Suite, format: str, records: int, *, http: bool) -> Workload:
    where = "whole export over HTTP, from request to answer" if http else "writers only, from a body to a durable file"
    jobs = ((format, records),)
    return Workload(
        name=f"{'http-' if http else ''}{format}-{suite}",
        suite=suite,
        what=f"{records:,} records as {format.upper()}: {where}",
        clock="cpu",
        open=_opener(jobs, http=http),
        records=records,
        full=records >= FULL_FROM,
        gated=not http or (format, records) == GATED_HTTP,
        http=http,
    )


def _batch(*, http: bool) -> Workload:
    return Workload(
        name="http-batch" if http else "batch",
        suite="batch",
        what=f"the contract's batch of five, one after the other{' over HTTP' if http else ''}",
        clock="cpu",
        open=_opener(BATCH, http=http),
        records=sum(records for _, records in BATCH),
        gated=False,
        http=http,
    )


def _opener(jobs: tuple[tuple[str, int], ...], *, http: bool) -> Callable[[Path], AbstractContextManager[Prepared]]:
    return partial(_over_http if http else _by_writers, jobs)


class _Memory(PartFile):
    """A part file whose bytes stay in memory."""

    def __init__(self) -> None:
        self.memory = BytesIO()
        self.file = self.memory

    @property
    def wanted(self) -> bool:
        """Return True: nobody removes this file."""
        return True


@contextmanager
def _writer_alone(format: str, folder: Path) -> Iterator[Prepared]:
    fonts.warm_up()
    sent = body(format, WRITER_RECORDS)
    request = parse_request(sent)
    buffer = BodyBuffer(sent)
    data, _ = find_data(buffer.view, request.data_at)
    chunks = list(read_chunks(data, request.columns, done=lambda _: None))

    def work() -> tuple[int, bytes]:
        out = _Memory()
        if format == "csv":
            return write_csv(out, request.columns, chunks, guard_formulas=False), out.memory.getvalue()
        count = write_pdf(
            out, request.columns, chunks, title="Benchmark", user="bench", made_at="1970", records=WRITER_RECORDS
        )
        return count, out.memory.getvalue()

    def check(result: object) -> None:
        assert isinstance(result, tuple)
        assert result[0] == WRITER_RECORDS, result[0]

    def compare(result: object) -> None:
        assert isinstance(result, tuple)
        path = folder / f"written.{format}"
        path.write_bytes(result[1])
        check_file(path, format, WRITER_RECORDS)

    yield Prepared(work=work, check=check, compare=compare, clean=lambda: None, input_sha256=sha256(sent))


@contextmanager
def _by_writers(jobs: tuple[tuple[str, int], ...], folder: Path) -> Iterator[Prepared]:
    fonts.warm_up()
    out = folder / "exports"
    out.mkdir()
    bodies = [body(format, records) for format, records in jobs]
    lengths: set[tuple[int, ...]] = set()

    def check(results: object) -> None:
        assert isinstance(results, list)
        for (_, records), result in zip(jobs, results, strict=True):
            assert isinstance(result, ExportResult)
            assert (result.records, (out / result.name).stat().st_size) == (records, result.file_bytes), result
        lengths.add(tuple(result.file_bytes for result in results))
        assert len(lengths) == 1, f"equal exports made files of other lengths: {lengths}"

    def compare(results: object) -> None:
        assert isinstance(results, list)
        for (format, records), result in zip(jobs, results, strict=True):
            check_file(out / result.name, format, records)

    yield Prepared(
        work=lambda: [export_body(sent, out) for sent in bodies],
        check=check,
        compare=compare,
        clean=emptied(out),
        input_sha256=sha256(*bodies),
    )


@dataclass(frozen=True)
class _Service:
    url: str
    clean: Callable[[], None]
    """Empties the exports folder."""
    cpu_s: Callable[[], float]
    """CPU time of its processes; 0 of somebody else's service."""


@contextmanager
def _service(folder: Path) -> Iterator[_Service]:
    """Run the service to measure, or take the one that was given."""
    given = os.environ.get(TARGET)
    if given:
        yield _Service(url=given, clean=lambda: None, cpu_s=lambda: 0.0)
        return
    out = folder / "exports"
    out.mkdir()
    with running(out) as (url, pid):
        yield _Service(url=url, clean=emptied(out), cpu_s=TreeCpu(pid).seconds)


@contextmanager
def _over_http(jobs: tuple[tuple[str, int], ...], folder: Path) -> Iterator[Prepared]:
    bodies = [body(format, records) for format, records in jobs]
    with _service(folder) as service:
        client = Client(service.url)

        def check(answers: object) -> None:
            assert isinstance(answers, list)
            assert [answer.records for answer in answers] == [records for _, records in jobs]

        def compare(answers: object) -> None:
            assert isinstance(answers, list)
            for (format, records), answer in zip(jobs, answers, strict=True):
                path = folder / f"fetched.{format}"
                client.download(answer, path)
                assert path.stat().st_size == answer.file_bytes, answer
                check_file(path, format, records)

        try:
            yield Prepared(
                work=lambda: [client.export(sent) for sent in bodies],
                check=check,
                compare=compare,
                clean=service.clean,
                input_sha256=sha256(*bodies),
                others_cpu_s=service.cpu_s,
            )
        finally:
            client.close()


@contextmanager
def _five_at_once(folder: Path) -> Iterator[Prepared]:
    sent = body("pdf", 10_000)

    def check(answers: object) -> None:
        assert isinstance(answers, list)
        assert [answer.records for answer in answers] == [10_000] * 20
        assert len({answer.download_url for answer in answers}) == 20

    with _service(folder) as service:
        yield Prepared(
            work=lambda: at_once(service.url, sent, clients=5, each=4),
            check=check,
            compare=check,
            clean=service.clean,
            input_sha256=sha256(sent),
            others_cpu_s=service.cpu_s,
        )
