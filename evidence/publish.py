"""Judge a run directory and write what people and programs read: verdict, report, plots, artifacts, manifest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from assertions import judged_run
from assertions import limits as limits_file
from assertions.checks.harness.calibration import biases_ms
from assertions.judge import Report
from assertions.record.files import read_one
from assertions.record.last_page import last_page
from assertions.record.run import Run, load_run, with_tools
from assertions.record.types import Generator
from assertions.record.view import ScenarioRecord, as_object
from assertions.summary import runbook_text
from assertions.verdicts import SCENARIOS
from evidence.bundle import digest, manifest, recomputed
from evidence.bundle.layout import (
    ATTESTATION,
    CONTEXT,
    HTML,
    JUNIT,
    LIMITS,
    PDF,
    PLOTS,
    REPORT,
    STEP_SUMMARY,
    VERDICT,
)
from evidence.collect.kept_files import read_kept
from evidence.collect.provenance import Context
from evidence.comparison.stored import changes_of, read_sound
from evidence.reports.differences import differences
from evidence.reports.examples import find
from evidence.reports.faces.html import html, picture_address
from evidence.reports.faces.junit import junit
from evidence.reports.faces.markdown import markdown, step_summary
from evidence.reports.faces.pdf import pdf
from evidence.reports.figures import Figures, Instrument, Place, Plot
from evidence.reports.information import information
from evidence.reports.latencies import by_phase
from evidence.reports.model import ReportModel, build
from evidence.reports.plots.drawings import Draw, add_pictures, draw, drawings_of, kept_plots, plots_of
from evidence.reports.plots.model import Drawing
from evidence.reports.plots.static import draw_all
from evidence.reports.proofs import fault_coverage
from evidence.timings import Timings

PNG = b"\x89PNG\r\n\x1a\n"
"""How a picture of a panel begins."""


def read_limits(out: Path) -> limits_file.Limits:
    """Read a run directory's limits; their notes name the file alone, so that the report is the same in any folder."""
    limits = limits_file.load(out / LIMITS)
    notes = tuple(note.replace(str(out / LIMITS), LIMITS) for note in limits.notes)
    return msgspec.structs.replace(limits, notes=notes)


def read_folder(out: Path) -> tuple[Run, limits_file.Limits, Context]:
    """Read a run directory. RecordError or LimitsError when it is no run directory that can be judged."""
    context, limits = read_one(out / CONTEXT, Context), read_limits(out)
    return load_run(out, SCENARIOS), limits, context


def judge_folder(out: Path) -> tuple[Run, limits_file.Limits, Report, Context]:
    """Read a run directory and judge it. RecordError or LimitsError when it is no run directory that can be judged."""
    run, limits, context = read_folder(out)
    return run, limits, judged_run.judge_run(run, limits), context


@dataclass(frozen=True)
class Drawn:
    """A run whose plots are drawn already."""

    run: Run
    """As it was read, before the tools had ended."""
    pictures: Mapping[str, bytes]
    """Each plot as PNG, by its path."""
    by: Draw = draw_all
    """Draws what may be added."""


def draw_plots(out: Path, timings: Timings, by: Draw = draw_all) -> Drawn:
    """Judge a run directory's scenarios and draw their plots, which show nothing of the tools' results.

    A comparison that is there already is drawn too. RecordError or LimitsError when the run can't be judged; OSError
    when the disk is full.
    """
    with timings.measure("judge"):
        run, limits, report, context = judge_folder(out)
    with timings.measure("plots"):
        drawings = drawings_for(run, limits, report, context)
        return Drawn(run, draw(out / PLOTS, drawings, kept_plots(os.environ), by), by)


def publish(out: Path, timings: Timings | None = None, drawn: Drawn | None = None) -> Report:
    """Judge and write everything, and how long it took. drawn: the run's plots; None: they are drawn now.

    RecordError or LimitsError when it can't be judged; OSError when the disk is full.
    """
    timings = timings or Timings()
    with timings.measure("judge"):
        if drawn is None:
            run, limits, report, context = judge_folder(out)
        else:
            context, limits = read_one(out / CONTEXT, Context), read_limits(out)
            run = with_tools(drawn.run)
            report = judged_run.judge_run(run, limits)
    cache = kept_plots(os.environ)
    with timings.measure("plots"):
        drawings = drawings_for(run, limits, report, context)
        if drawn is None:
            pictures = {} if context.incidents else draw(out / PLOTS, drawings, cache)
        else:
            pictures = {**drawn.pictures, **add_pictures(out / PLOTS, drawings, drawn.pictures, cache, drawn.by)}
    with timings.measure("report"):
        for name, content in artifacts(run, report):
            (out / name).write_bytes(content)
        if fault_coverage.STORED.is_file():
            shutil.copyfile(fault_coverage.STORED, out / fault_coverage.NAME)
        recomputed.put(out)
        (out / VERDICT).write_bytes(verdict_json(report))
        model = report_model(run, limits, report, context, drawings)
        (out / PDF).write_bytes(pdf(model, {**pictures, **_panel_pictures(out, model)}))
    timings.write(out)  # but for what follows, which names the hash of this file too
    (out / ATTESTATION).unlink(missing_ok=True)  # what was signed was another bundle
    with timings.measure("report"):
        # the pages that are text name the digest of all that they rest on, so they come last
        held = digest.of(out)
        for name, text in texts(out, with_digest(model, held), drawings).items():
            (out / name).write_text(text, encoding="utf-8")
        manifest.write(out, context.run_id)
    return report


def drawings_for(run: Run, limits: limits_file.Limits, report: Report, context: Context) -> tuple[Drawing, ...]:
    """Return the plots of a report, as data; none of an interrupted run, which must end at once."""
    return () if context.incidents else drawings_of(run, report, limits, read_sound(run.path))


def report_model(
    run: Run, limits: limits_file.Limits, report: Report, context: Context, drawings: Sequence[Drawing]
) -> ReportModel:
    """Return the model of the report as `publish` builds it, from the same record; nothing is drawn."""
    return build(report, limits, context, figures(run, report, limits, plots_of(PLOTS, drawings), context))


def with_digest(model: ReportModel, held: str) -> ReportModel:
    """Return the model with the digest of the evidence files among its context; the PDF, one of them, has none."""
    return replace(model, context=(*model.context, (digest.LABEL, held)))


def texts(out: Path, model: ReportModel, drawings: Sequence[Drawing]) -> dict[str, str]:
    """Return the report's faces that are text, by file name; the page holds the pictures of plots that are in `out`."""
    pictured = {
        plot.path: (out / plot.path).read_text(encoding="utf-8", errors="replace")
        for plot in model.plots
        if (out / plot.path).is_file()
    } | {path: picture_address(png) for path, png in _panel_pictures(out, model).items()}
    return {
        REPORT: markdown(model),
        HTML: html(model, pictured, drawings),
        JUNIT: junit(model),
        STEP_SUMMARY: step_summary(model),
    }


def _panel_pictures(out: Path, model: ReportModel) -> dict[str, bytes]:
    """Return the pictures of the panels by their path; one that is no picture any more is left out."""
    shown = () if model.panels is None else model.panels.pictures
    found = {one.path: (out / one.path).read_bytes() for one in shown if (out / one.path).is_file()}
    return {path: png for path, png in found.items() if png.startswith(PNG)}


def verdict_json(report: Report) -> bytes:
    """The report as an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def figures(
    run: Run, report: Report, limits: limits_file.Limits, plots: Iterable[Plot], context: Context | None = None
) -> Figures:
    """Return what the report shows in addition to the verdicts. context: the run's; None: it was sent no headers."""
    records = run.scenarios
    pages = [
        body
        for record in records.values()
        for probe in record.health
        if probe.path.endswith("/export/status") and (body := as_object(probe.answer)) is not None
    ]
    return Figures(
        latencies=by_phase(records),
        information=information(run),
        differences=differences(run, report),
        instruments={name: _instrument(record) for name, record in records.items()},
        places={name: _place(record, context.header_variables if context else ()) for name, record in records.items()},
        target_version=_last_text(pages, "version"),
        target_name=_last_text(pages, "name"),
        plots=tuple(plots),
        panels=None if run.panels is None else run.panels.drawn,
        alerts=run.alerts,
        sensitivity=fault_coverage.read(run.path / fault_coverage.NAME),
        generators={name: _generator_line(record.scenario.generator) for name, record in records.items()},
        found=find(run, report, limits),
        changes=changes_of(run.path),
        comparison=read_sound(run.path),
    )


def _last_text(pages: Iterable[Mapping[str, object]], key: str) -> str | None:
    """The last text under a key of the status pages; None: no page has one."""
    return next((value for page in reversed(list(pages)) if isinstance(value := page.get(key), str) and value), None)


def _place(record: ScenarioRecord, header_variables: tuple[str, ...]) -> Place:
    scenario = record.scenario
    return Place(
        url=scenario.target,
        embedded=scenario.embedded,
        insecure=scenario.insecure,
        header_variables=header_variables,
        bodies=frozenset(record.plan.bodies or ()),
        seed=record.plan.seed,
        seconds=scenario.end - scenario.start,
        end=scenario.end,
    )


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
            yield f"sample_1k.{fmt}", kept


def _kept(run: Run, case: str) -> Iterator[bytes]:
    for name, record in run.scenarios.items():
        cases = {hit.id: hit.case for hit in record.hits}
        for check in record.files:
            path = run.path / name / (check.kept or "")
            if cases.get(check.hit) == case and path.is_file():
                yield read_kept(path, check.bytes)
