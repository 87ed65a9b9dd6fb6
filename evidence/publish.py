"""Judge a run directory and write what people and programs read: verdict, report, plots, artifacts, manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from assertions import judged_run
from assertions import limits as limits_file
from assertions.checks.harness.calibration import biases_ms
from assertions.judge import Report
from assertions.record.files import read_one
from assertions.record.last_page import last_page
from assertions.record.run import Run
from assertions.record.types import Generator, Scenario
from assertions.record.view import ScenarioRecord, as_object
from assertions.summary import runbook_text
from assertions.verdicts import SCENARIOS
from evidence import manifest
from evidence.collect.provenance import Context
from evidence.layout import COLOURED, CONTEXT, LIMITS, REPORT, VERDICT
from evidence.reports import fault_coverage
from evidence.reports.information import information
from evidence.reports.latencies import by_phase
from evidence.reports.markdown import Figures, Instrument, first_line, markdown
from evidence.reports.plots import draw, planned
from evidence.reports.witnesses import differences
from evidence.timings import Timings


def judge_folder(out: Path) -> tuple[Run, limits_file.Limits, Report, Context]:
    """Read a run directory and judge it. RecordError or LimitsError when it is no run directory that can be judged."""
    context = read_one(out / CONTEXT, Context)
    run, limits, report = judged_run.judge_run_folder(out, out / LIMITS)
    return run, limits, report, context


def publish(out: Path, timings: Timings | None = None) -> Report:
    """Judge and write everything, and how long it took.

    RecordError or LimitsError when it can't be judged; OSError when the disk is full.
    """
    timings = timings or Timings()
    with timings.measure("judge"):
        run, limits, report, context = judge_folder(out)
    with timings.measure("plots"):
        plots = [] if context.incidents else draw(out / "plots", run)  # an interrupted run must end at once
    with timings.measure("report"):
        for name, content in artifacts(run, report):
            (out / name).write_bytes(content)
        if fault_coverage.STORED.is_file():
            shutil.copyfile(fault_coverage.STORED, out / fault_coverage.NAME)
        (out / VERDICT).write_bytes(verdict_json(report))
        (out / REPORT).write_text(markdown(report, limits, context, figures(run, report, plots)), encoding="utf-8")
    timings.write(out)
    manifest.write(out, context.run_id)
    return report


def report_text(run: Run, limits: limits_file.Limits, report: Report, context: Context) -> str:
    """The report as `publish` writes it, from the same record; nothing is drawn."""
    return markdown(report, limits, context, figures(run, report, [] if context.incidents else planned("plots", run)))


def verdict_json(report: Report) -> bytes:
    """The report as an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def publish_placeholder(out: Path, sentence: str) -> None:
    """Replace whatever report is there by one that says why there is none. OSError when even that can't be written.

    What says a colour goes first: on a full disk files can still be removed.
    """
    for name in COLOURED:
        (out / name).unlink(missing_ok=True)
    headline = f"NO DATA: {sentence}"
    verdict = {"schema": 1, "colour": "NO DATA", "headline": headline}
    try:
        (out / VERDICT).write_bytes(msgspec.json.encode(verdict) + b"\n")
        (out / REPORT).write_text(first_line(headline) + "\n", encoding="utf-8")
    except OSError:
        # half a file would be taken for somebody else's
        for name in (VERDICT, REPORT):
            (out / name).unlink(missing_ok=True)
        raise


def figures(run: Run, report: Report, plots: Iterable[tuple[str, str]]) -> Figures:
    """What the report shows beside the verdicts."""
    records = run.scenarios
    version = None
    for record in records.values():
        for probe in record.health:
            body = as_object(probe.answer) if probe.path.endswith("/export/status") else None
            if body and isinstance(body.get("version"), str):
                version = body["version"]
    return Figures(
        latencies=by_phase(records),
        information=information(run),
        differences=differences(run, report),
        instruments={name: _instrument(record) for name, record in records.items()},
        targets={name: _target(record.scenario) for name, record in records.items()},
        target_version=version,
        plots=tuple(plots),
        sensitivity=fault_coverage.read(run.path / fault_coverage.NAME),
        generators={name: _generator_line(record.scenario.generator) for name, record in records.items()},
    )


def _target(scenario: Scenario) -> str:
    return f"{scenario.target}, its certificate not checked" if scenario.insecure else scenario.target


def _instrument(record: ScenarioRecord) -> Instrument:
    made = record.scenario.generator
    return Instrument(
        cpu_ratio=made.cpu_ratio,
        event_loop_lag_p99_ms=made.event_loop_lag_p99_ms,
        start_delay_p99_ms=made.start_delay_p99_ms,
        scheduling_delay_p99_ms=made.scheduling_delay_p99_ms,
        errors_ms=biases_ms(record.calibration),
    )


def _generator_line(generator: Generator) -> str:
    def shown(value: float | None, unit: str) -> str:
        return "unknown" if value is None else f"{value:.3g}{unit}"

    apart = max((abs(clock.offset_s) for clock in generator.clocks), default=None)
    elsewhere = "" if apart is None else f", on other machines, whose clocks were up to {apart * 1000:,.1f} ms off"
    return (
        f"Locust {generator.version}, {generator.workers} worker(s){elsewhere}, busiest "
        f"{shown(generator.cpu_ratio, ' of a core')}, "
        f"event-loop lag P99 {shown(generator.event_loop_lag_p99_ms, ' ms')}"
    )


def artifacts(run: Run, report: Report) -> Iterator[tuple[str, bytes]]:
    """The runbook's artifacts, (name, content), each from the record that has it; one that can't be made is not there.

    OSError when a file of the record can't be read.
    """
    yield "assert.log", runbook_text(report).encode()
    page = last_page(run)
    if page is not None:
        yield "metrics_snapshot.txt", page[1].scrape.text.encode()
    logs = [log for name in SCENARIOS if (log := run.path / name / "seed_batch.log").is_file()]
    if logs:
        yield "seed_batch.log", logs[-1].read_bytes()
    for fmt in ("csv", "pdf"):
        kept = next(_kept(run, f"{fmt}-1k"), None)
        if kept is not None:
            yield f"sample_1k.{fmt}", kept.read_bytes()


def _kept(run: Run, case: str) -> Iterator[Path]:
    for name, record in run.scenarios.items():
        cases = {hit.id: hit.case for hit in record.hits}
        for check in record.files:
            path = run.path / name / (check.kept or "")
            if cases.get(check.hit) == case and path.is_file():
                yield path
