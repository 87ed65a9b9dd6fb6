"""Runners side by side: each in a separate process, run in turn on the same records, their files compared."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import msgspec
import pypdfium2 as pdfium

from benchmarks.http_service import ROOT, Client, NotStarted, Refused, at_once, started
from benchmarks.laps.lap import time_work
from benchmarks.outputs import WrongOutput, check_file
from benchmarks.peers.runners import SERVICES, WRITERS, NoNode, Service, Writer
from benchmarks.probes.cpu import TreeCpu
from benchmarks.probes.sampler import TreeSampler, kernel_peak, reset_peak
from benchmarks.records import body
from benchmarks.report.types import Race, Runner
from benchmarks.workloads.types import Prepared

Format = Literal["csv", "pdf"]
STOP_S = 30.0
CLIENTS = 5
MEMORY_EXPORTS = 5
"""Sampled one after the other: a single one may be over before the first sample."""
Progress = Callable[[str], None]


class RunnerError(Exception):
    """A runner could not do its work; the message says why."""


class _Answer(msgspec.Struct):
    wall_s: float = 0.0
    cpu_s: float = 0.0
    file: str = ""
    error: str | None = None


class _Process:
    """A runner's worker."""

    def __init__(self, words: Sequence[str], log: Path) -> None:
        self._log_path = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file
            )
        self.pid = self._process.pid
        self._read()  # it is ready

    def lap(self) -> _Answer:
        """Run once. RunnerError."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"lap\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> _Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RunnerError(f"it ended: {self._log_path.read_text('utf-8', 'replace').strip()[-300:]}")
        answer = msgspec.json.decode(line, type=_Answer)
        if answer.error:
            raise RunnerError(answer.error)
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def race_writers(format: Format, records: int, rounds: int, folder: Path, progress: Progress) -> Race:
    """Run all writers of a format in turn, `rounds` times after one that does not count."""
    writers = [one for one in WRITERS if one.format == format]
    sent = folder / f"body-{format}-{records}"
    if not sent.exists():
        sent.write_bytes(body(format, records))
    found: dict[str, Runner] = {}
    with ExitStack() as stack:
        running: dict[str, _Process] = {}
        for place, writer in enumerate(writers):
            out = folder / f"{format}-{records}-{place}" / f"out.{format}"
            out.parent.mkdir(exist_ok=True)
            progress(f"{format} {records:,}: {writer.name}")
            found[writer.name], process = _fresh(writer, records, sent, out, found, folder)
            if process is not None:
                running[writer.name] = process
                stack.callback(process.close)
        laps: dict[str, list[_Answer]] = {name: [] for name in running}
        for number in range(rounds):
            progress(f"{format} {records:,}: round {number + 1} of {rounds}")
            names = list(running)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                answer = running[name].lap()
                laps[name].append(answer)
                if found[name].kind == "ours":
                    Path(answer.file).unlink()
    runners = tuple(
        msgspec.structs.replace(
            runner,
            wall_s=tuple(lap.wall_s for lap in laps.get(name, ())),
            cpu_s=tuple(lap.cpu_s for lap in laps.get(name, ())),
        )
        for name, runner in found.items()
    )
    return Race(name=f"{format} {records:,}", format=format, records=records, over_http=False, runners=runners)


def _fresh(
    writer: Writer, records: int, sent: Path, out: Path, found: dict[str, Runner], folder: Path
) -> tuple[Runner, _Process | None]:
    """Start a writer's process; measure the memory of its first exports, and compare a file with what was sent."""
    runner = Runner(name=writer.name, kind=writer.kind, how=writer.how)
    if records > writer.most_records:
        why = f"left out above {writer.most_records:,} records: its speed a record stays the same, or falls"
        return msgspec.structs.replace(runner, no_data=why), None
    process: _Process | None = None
    try:
        if writer.word.startswith("disk"):
            shutil.copyfile(folder / f"finished.{writer.format}", out.with_suffix(".finished"))
        process = _Process(writer.command(sent, out), out.parent / "log")
        with TreeSampler(process.pid) as sampler:
            reset_peak(process.pid)
            before = kernel_peak(process.pid)
            answer = process.lap()
            peaks = sampler.take()
        peak = kernel_peak(process.pid)
        made = Path(answer.file)
        check_file(made, writer.format, records)
        if writer.kind == "ours":
            shutil.copyfile(made, folder / f"finished.{writer.format}")
    except (NoNode, RunnerError, WrongOutput, OSError, UnicodeDecodeError, pdfium.PdfiumError) as error:
        if process is not None:
            process.close()
        return msgspec.structs.replace(runner, no_data=str(error)), None
    done = msgspec.structs.replace(
        runner,
        peak_uss_bytes=peaks.uss_bytes or None,
        peak_rss_bytes=peaks.rss_bytes or None,
        kernel_peak_bytes=peak,
        grown_bytes=None if peak is None or before is None else peak - before,
        file_bytes=made.stat().st_size,
    )
    return done, process


def race_services(
    format: Format, records: int, rounds: int, folder: Path, progress: Progress, *, at_once_each: int = 0
) -> Race:
    """Run whole services in turn over HTTP, one client each; at_once_each: five clients, each with this many."""
    sent = body(format, records)
    found: dict[str, Runner] = {}
    exports = CLIENTS * at_once_each if at_once_each else 1
    name = f"{format} {records:,} over HTTP" + (", five clients at once" if at_once_each else "")
    with ExitStack() as stack:
        running: dict[str, Prepared] = {}
        for place, service in enumerate(SERVICES):
            out = folder / f"service-{format}-{records}-{exports}-{place}"
            out.mkdir()
            progress(f"{name}: {service.name}")
            runner, prepared = _fresh_service(service, format, records, sent, out, stack, at_once_each)
            found[service.name] = runner
            if prepared is not None:
                running[service.name] = prepared
        for number in range(rounds + 1):
            progress(f"{name}: round {number} of {rounds}")
            names = list(running)
            for service_name in names[number % len(names) :] + names[: number % len(names)]:
                running[service_name].clean()
                lap, result = time_work(running[service_name])
                running[service_name].check(result)
                if number:  # the first round does not count
                    runner = found[service_name]
                    found[service_name] = msgspec.structs.replace(
                        runner, wall_s=(*runner.wall_s, lap.wall_s), cpu_s=(*runner.cpu_s, lap.cpu_s)
                    )
    return Race(
        name=name,
        format=format,
        records=records,
        over_http=True,
        exports_a_lap=exports,
        runners=tuple(found.values()),
    )


def _fresh_service(
    service: Service, format: Format, records: int, sent: bytes, out: Path, stack: ExitStack, at_once_each: int
) -> tuple[Runner, Prepared | None]:
    """Start a service; measure the memory of its first exports, and compare a file with what was sent."""
    runner = Runner(name=service.name, kind=service.kind, how=service.how)
    try:
        words = service.command(out)
        url, pid = stack.enter_context(started(words, ROOT, out.parent / f"{out.name}.log", _url))
        client = Client(url)
        stack.callback(client.close)
        with TreeSampler(pid) as sampler:
            answer = client.export(sent)
            for _ in range(MEMORY_EXPORTS - 1):
                client.export(sent)
            peaks = sampler.take()
        made = out.parent / f"{out.name}.{format}"
        client.download(answer, made)
        check_file(made, format, records)
    except (NoNode, NotStarted, Refused, WrongOutput, OSError, pdfium.PdfiumError) as error:
        return msgspec.structs.replace(runner, no_data=str(error)), None

    def clean() -> None:
        for path in out.iterdir():
            path.unlink()

    def check(answers: object) -> None:
        assert isinstance(answers, list)
        assert {one.records for one in answers} == {records}

    work: Callable[[], object] = (
        (lambda: at_once(url, sent, CLIENTS, at_once_each)) if at_once_each else lambda: [client.export(sent)]
    )
    prepared = Prepared(
        work=work, check=check, compare=check, clean=clean, input_sha256="", others_cpu_s=TreeCpu(pid).seconds
    )
    done = msgspec.structs.replace(
        runner,
        peak_uss_bytes=peaks.uss_bytes or None,
        peak_rss_bytes=peaks.rss_bytes or None,
        file_bytes=made.stat().st_size,
    )
    return done, prepared


def _url(line: str) -> str | None:
    return str(json.loads(line)["url"]) if line.startswith("{") and '"listening"' in line else None
