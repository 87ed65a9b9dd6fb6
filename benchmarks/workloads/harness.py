"""The harness's own work: files opened and compared, runs judged and verified, requests and samples recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from assertions.contents.csv import check_csv_of
from assertions.contents.pdf.check import check_pdf_of
from assertions.contents.sent import Outcome, Sent, expected
from assertions.contents.tags import TAG_PLACEHOLDER, USER, tagged
from assertions.contents.template import Request, Template
from assertions.judged_run import judge_run_folder
from assertions.record.files import read_lines
from assertions.record.types import Hit, Probe
from assertions.record.types import Request as Planned
from benchmarks.http_service import ROOT
from benchmarks.laps.race import emptied
from benchmarks.workloads.types import Prepared, Workload, sha256
from loadtests.client.answer import Answer
from loadtests.datasets.records import encode_body, make_dataset, make_tag
from loadtests.generator.shard_writer import SentRequest, ShardWriter
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.processes import sample_process
from loadtests.recorders.shards import hits_path
from service.jobs.pipeline import export_body

FILES = 2
"""Files of one case, each with a tag of its own, as a run has dozens."""
HITS = 10_000
SAMPLES = 20
SMOKE = ROOT / "evidence" / "bench-smoke"
"""Run directories that are judged and verified, one for each version of the harness; made where missing."""
RUN_TIMEOUT_S = 300


def workloads() -> Iterator[Workload]:
    """Yield all."""
    for case, records, full in (("csv-1k", 1_000, False), ("csv-10k", 10_000, False), ("pdf-1k", 1_000, False),
                                ("pdf-10k", 10_000, True)):  # fmt: skip
        yield Workload(
            name=f"check-{case}",
            suite="file checks",
            what=f"{FILES} exported files of {records:,} records opened and compared with what was sent",
            clock="cpu",
            open=partial(_file_checks, case),
            records=FILES * records,
            full=full,
            gated=case in ("csv-10k", "pdf-1k"),
        )
    yield Workload(
        name="judge",
        suite="judge",
        what="a recorded smoke run read and judged",
        clock="cpu",
        open=partial(_of_run, _judge),
        gated=False,
    )
    yield Workload(
        name="verify",
        suite="judge",
        what="a recorded smoke run verified: hashes, kept files, verdict and reports made again",
        clock="wall",  # files are opened in separate processes
        open=partial(_of_run, _verify),
        gated=False,
    )
    yield Workload(
        name="record-requests",
        suite="recorders",
        what=f"{HITS:,} requests written to a generator's record",
        clock="cpu",
        open=_record_requests,
        records=HITS,
    )
    yield Workload(
        name="record-process",
        suite="recorders",
        what=f"{SAMPLES} samples of a process (memory, CPU, descriptors, threads) taken and written",
        clock="cpu",
        open=_record_process,
        records=SAMPLES,
        gated=False,  # it reads the state of the machine: what it costs swings by a quarter
    )


@contextmanager
def _file_checks(case: str, folder: Path) -> Iterator[Prepared]:
    template = encode_body(make_dataset(case, 17))
    tags = [make_tag(1, number) for number in range(FILES)]
    files = [(folder / export_body(tagged(template, tag), folder).name).read_bytes() for tag in tags]
    check_one = check_csv_of if case.startswith("csv") else check_pdf_of

    def work() -> list[Outcome]:
        known = Template(template, TAG_PLACEHOLDER)  # nothing is known from a lap before
        return [
            check_one(data, Request(known, tag, USER, None, partial(_whole, template, tag)))
            for data, tag in zip(files, tags, strict=True)
        ]

    def check(outcomes: object) -> None:
        assert isinstance(outcomes, list)
        assert [outcome.finding_count for outcome in outcomes] == [0] * FILES

    wrong = files[0].replace(b"\n", b"", 1) if case.startswith("csv") else files[0][: len(files[0]) // 2]
    found = check_one(
        wrong, Request(Template(template, TAG_PLACEHOLDER), tags[0], USER, None, partial(_whole, template, tags[0]))
    )
    assert found.finding_count, "a file that was cut is taken for whole"
    yield Prepared(work=work, check=check, compare=check, clean=lambda: None, input_sha256=sha256(template))


def _whole(template: bytes, tag: str) -> Sent:
    return expected(tagged(template, tag), None, TAG_PLACEHOLDER)


def smoke_run() -> Path:
    """Return the run directory of this version of the harness, made by `python -m evidence run smoke` where missing."""
    from evidence.collect.code_version import judge_sha256, load_side_sha256  # noqa: PLC0415 - as below

    folder = SMOKE / f"{judge_sha256()[:12]}-{load_side_sha256()[:12]}"
    if not (folder / "manifest.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        words = [sys.executable, "-m", "evidence", "run", "smoke", "--out", str(folder)]
        subprocess.run(words, cwd=ROOT, capture_output=True, timeout=RUN_TIMEOUT_S, check=False)
    if not (folder / "manifest.json").is_file():
        raise OSError(
            f"expected a finished run in {folder}, found none: run `python -m evidence run smoke --out {folder}`"
        )
    return folder


@contextmanager
def _of_run(prepare: Callable[[Path], AbstractContextManager[Prepared]], folder: Path) -> Iterator[Prepared]:
    copy = folder / "run"
    shutil.copytree(smoke_run(), copy)
    with prepare(copy) as prepared:
        yield prepared


@contextmanager
def _judge(run: Path) -> Iterator[Prepared]:
    def check(found: object) -> None:
        assert isinstance(found, tuple)
        statuses = [verdict.status for verdict in found[2].verdicts if verdict.scenario == "smoke"]
        assert statuses.count("PASS") > 20, statuses
        assert "FAIL" not in statuses, statuses

    yield Prepared(
        work=lambda: judge_run_folder(run),
        check=check,
        compare=check,
        clean=lambda: None,
        input_sha256=sha256((run / "manifest.json").read_bytes()),
    )


@contextmanager
def _verify(run: Path) -> Iterator[Prepared]:
    from evidence.bundle.verify import verify  # noqa: PLC0415 - much to load, and the gate starts many processes

    def check(found: object) -> None:
        assert isinstance(found, tuple)
        assert found[0] == [], found[0]

    yield Prepared(
        work=lambda: verify(run),
        check=check,
        compare=check,
        clean=lambda: None,
        input_sha256=sha256((run / "manifest.json").read_bytes()),
    )


_ANSWER = b'{"success":true,"result":{"success":true,"bytes":61234,"filename":"exports/export_1_abcdefghi.csv"}}'


def request_sent(index: int) -> SentRequest:
    """Return a request that is over, as a generator records it."""
    return SentRequest(
        phase="measure",
        request=Planned(index=index, case="csv-1k", tag=make_tag(1, index)),
        answer=Answer(
            status=200,
            error=None,
            headers={"content-type": "application/json"},
            body=_ANSWER,
            start=1_000.0 + index,
            end=1_000.5 + index,
        ),
        body_bytes=107_000,
        intended=1_000.0 + index,
        client="locust-0-0",
    )


@contextmanager
def _record_requests(folder: Path) -> Iterator[Prepared]:
    out = folder / "shards"
    out.mkdir()
    sent = list(map(request_sent, range(HITS)))

    def work() -> None:
        shard = ShardWriter(out, 0)
        for request in sent:
            shard.hit(request)
        shard.close((), ())

    def check(_: object) -> None:
        read = list(read_lines(hits_path(out, 0), Hit))
        assert [hit.index for hit in read] == list(range(HITS))
        assert read[-1].answer == _ANSWER.decode()

    yield Prepared(
        work=work, check=check, compare=check, clean=emptied(out), input_sha256=sha256(_ANSWER, str(HITS).encode())
    )


@contextmanager
def _record_process(folder: Path) -> Iterator[Prepared]:
    import psutil  # noqa: PLC0415 - the service's own measurements do without it

    out = folder / "probes"
    out.mkdir()
    path = out / "probes.jsonl"
    process = psutil.Process(os.getpid())
    troubles: list[str] = []

    def work() -> None:
        file = LineFile(path, troubles.append)
        for number in range(SAMPLES):
            sample = sample_process(process)
            assert sample is not None
            file.write(Probe(at=float(number), phase=None, exports_done=0, resting=True, processes=(sample,)))
        file.close()

    def check(_: object) -> None:
        read = list(read_lines(path, Probe))
        assert not troubles, troubles
        assert len(read) == SAMPLES
        assert {probe.processes[0].pid for probe in read} == {process.pid}
        assert all(probe.processes[0].threads >= threading.active_count() for probe in read)

    yield Prepared(
        work=work, check=check, compare=check, clean=emptied(out), input_sha256=sha256(str(SAMPLES).encode())
    )
