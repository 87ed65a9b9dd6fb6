"""Judge a run directory and write what people and programs read: verdict, report, plots, artifacts, manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from assertions import limits as limits_file
from assertions.bundle import Run, as_object, load_run
from assertions.checks.latency import sizes
from assertions.judge import Report, judge, runbook_text
from assertions.records import Generator, read_one
from assertions.verdicts import SCENARIOS

from . import manifest, sensitivity
from .context import Context
from .plots import draw
from .report import Figures, markdown

CONTEXT = "run.json"
VERDICT = "verdict.json"
REPORT = "GREEN_EVIDENCE_v1.7.md"


def judge_folder(out: Path) -> tuple[Run, limits_file.Limits, Report, Context]:
    """Read a run directory and judge it. RecordError or LimitsError when it is no run directory that can be judged."""
    context = read_one(out / CONTEXT, Context)
    limits = limits_file.load(out / "limits.toml")
    run = load_run(out, SCENARIOS)
    return run, limits, judge(run, limits, context.waivers), context


def publish(out: Path, context: Context) -> Report:
    """Judge and write everything. RecordError or LimitsError when it can't be judged; OSError when the disk is full."""
    run, limits, report, _ = judge_folder(out)
    _artifacts(out, run, report)
    if sensitivity.STORED.is_file():
        shutil.copyfile(sensitivity.STORED, out / sensitivity.NAME)
    plots = draw(out / "plots", run)
    (out / VERDICT).write_bytes(verdict_json(report))
    (out / REPORT).write_text(markdown(report, limits, context, figures(run, plots)), encoding="utf-8")
    manifest.write(out, context.run_id)
    return report


def verdict_json(report: Report) -> bytes:
    """The report as an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def publish_stillborn(out: Path, sentence: str) -> None:
    """Replace whatever report is there by one that says why there is none. OSError when even that can't be written."""
    if not out.is_dir():
        return
    (out / "manifest.json").unlink(missing_ok=True)
    (out / VERDICT).write_text(
        msgspec.json.encode({"schema": 1, "colour": "NO DATA", "headline": f"NO DATA: {sentence}"}).decode() + "\n"
    )
    (out / REPORT).write_text(f"# NO DATA: {' '.join(sentence.split())}\n", encoding="utf-8")


def figures(run: Run, plots: Iterable[tuple[str, str]]) -> Figures:
    """What the report shows beside the verdicts."""
    records = run.scenarios
    version = None
    for record in records.values():
        for probe in record.health:
            body = as_object(probe.answer) if probe.path.endswith("/export/status") else None
            if body and isinstance(body.get("version"), str):
                version = body["version"]
    return Figures(
        latencies_ms=sizes(records),
        targets={name: record.scenario.target for name, record in records.items()},
        target_version=version,
        plots=tuple(plots),
        sensitivity=sensitivity.read(run.path / sensitivity.NAME),
        generators={name: _generator_line(record.scenario.generator) for name, record in records.items()},
    )


def _generator_line(generator: Generator) -> str:
    def shown(value: float | None, unit: str) -> str:
        return "unknown" if value is None else f"{value:.3g}{unit}"

    return (
        f"Locust {generator.version}, {generator.workers} worker(s), busiest "
        f"{shown(generator.cpu_ratio, ' of a core')}, event-loop lag P99 {shown(generator.lag_p99_ms, ' ms')}"
    )


def _artifacts(out: Path, run: Run, report: Report) -> None:
    """The runbook's artifact names, each from the record that has it; one that can't be made is not there."""
    (out / "assert.log").write_text(runbook_text(report), encoding="utf-8")
    pages = [(name, record.pages[-1].scrape.text) for name, record in run.scenarios.items() if record.pages]
    if pages:
        (out / "metrics_snapshot.txt").write_text(pages[-1][1], encoding="utf-8")
    logs = [log for name in SCENARIOS if (log := out / name / "seed_batch.log").is_file()]
    if logs:
        (out / "seed_batch.log").write_bytes(logs[-1].read_bytes())
    for fmt in ("csv", "pdf"):
        kept = next(_kept(run, f"{fmt}-1k"), None)
        if kept is not None:
            shutil.copyfile(kept, out / f"sample_1k.{fmt}")


def _kept(run: Run, case: str) -> Iterator[Path]:
    for name, record in run.scenarios.items():
        cases = {hit.id: hit.case for hit in record.hits}
        for check in record.files:
            if check.kept is not None and cases.get(check.hit) == case:
                yield run.path / name / check.kept
