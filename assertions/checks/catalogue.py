"""The checks, as data: what is judged, where, and which of the six assertions rests on it.

A check that is not in this list does not exist, and each one in it has a verdict in every report: a scenario that was
not run, a record that can't be read, or a check that breaks is NO DATA, never silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assertions.checks.admission import limits_held, refusals
from assertions.checks.conduct import behaviour, health, service_log, status_page
from assertions.checks.conduct.shutdown import shutdown
from assertions.checks.exports import answers, files_present
from assertions.checks.exports.answers import answered
from assertions.checks.exports.downloads import downloads
from assertions.checks.exports.file_names import names
from assertions.checks.exports.files import csv_contents, pdf_contents
from assertions.checks.harness import calibration, static_checks
from assertions.checks.harness.generator import generator
from assertions.checks.metrics import counters, metrics_page, offered
from assertions.checks.metrics.exported_bytes import bytes_agree, bytes_outside, bytes_target
from assertions.checks.metrics.gauges import moved, throughput_gauge
from assertions.checks.metrics.histogram import histogram, sum_agrees
from assertions.checks.metrics.success import success_by_answers, success_gauge, success_outside, success_target
from assertions.checks.performance import latency, throughput
from assertions.checks.performance.drift import drift
from assertions.checks.resources import leaks, memory
from assertions.checks.resources.leftovers import leftovers
from assertions.limits import Limit, Limits
from assertions.record.run import Run
from assertions.record.view import ScenarioRecord
from assertions.verdicts import SCENARIOS, Judgement

OfScenario = Callable[[ScenarioRecord, Limits], Judgement]
OfAll = Callable[[Mapping[str, ScenarioRecord], Limits], Judgement]
OfRun = Callable[[Run, Limits], Judgement]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is judged."""

    id: str
    title: str
    scenarios: tuple[str, ...] = SCENARIOS
    """Where it is judged, each on its own; for `of_all` those whose records it needs."""
    of_scenario: OfScenario | None = None
    of_all: OfAll | None = None
    """Judged once over the records of all its scenarios."""
    of_run: OfRun | None = None
    """Judged once, on files that belong to no scenario."""
    group: str = ""
    """A name by which a waiver may cover several checks."""
    optional: bool = False
    """True: where it can't be seen, that alone does not stop GREEN; a FAIL always does."""
    by_clock: bool = False
    """True: it rests on the generator's clock or load, so it is NO DATA when the generator was not fit."""
    regardless: Callable[[ScenarioRecord, Limits], Judgement | None] | None = None
    """A FAIL of `of_scenario` that rests neither on the clock nor on a whole record; None: there is none."""
    regardless_all: Callable[[Mapping[str, ScenarioRecord], Limits], Judgement | None] | None = None
    """The same of `of_all`."""
    by_record: bool = False
    """True: it rests on every request being recorded, so it is NO DATA when a generator took its record with it."""


@dataclass(frozen=True, kw_only=True)
class AssertionSpec:
    """One of the six assertions: which checks speak for the target, which for the outside, which for agreement."""

    title: str
    """The runbook's, with the bound of the default limits."""
    target: tuple[str, ...]
    outside: tuple[str, ...]
    agreement: tuple[str, ...] = ()
    subject: str = ""
    limit_id: str | None = None
    """The limit whose bound stands in the title, behind the subject."""

    def titled(self, limits: Limits) -> str:
        """Return the title with the bound of these limits."""
        if self.limit_id is None:
            return self.title
        limit = limits[self.limit_id]
        return f"{self.subject} {limit.op} {_bound(limit)}"


def _bound(limit: Limit) -> str:
    """A bound in the runbook's short form: `10s`, `95%`, `5`."""
    if limit.unit == "ms":
        return f"{limit.target / 1_000:.10g}s"
    return f"{limit.target * 100:.10g}%" if limit.unit == "ratio" else f"{limit.target:.10g}"


_LOAD, _BATCH, _SMOKE = ("load",), ("batch",), ("smoke",)
_BUSY = ("load", "batch")

CHECKS: tuple[Check, ...] = (
    Check(id="scrapes", title="Metrics page answered throughout", of_scenario=metrics_page.scrapes),
    Check(id="exposition", title="Metrics page well-formed", of_scenario=metrics_page.exposition),
    Check(id="coverage", title="Nine families, types, labels", of_scenario=metrics_page.coverage),
    Check(id="moved", title="Metrics moved with the load", of_scenario=moved),
    Check(id="labels", title="Label values bounded", of_scenario=metrics_page.labels_bounded),
    Check(id="monotonic", title="Counters never fall", of_scenario=metrics_page.monotonic),
    Check(id="offered", title="Series that rules and panels need", of_scenario=offered.offered),
    Check(id="requests", title="Requests counted as sent", of_scenario=counters.requests, by_record=True),
    Check(id="latency-counts", title="Latencies counted as sent", of_scenario=counters.latency_counts, by_record=True),
    Check(id="identity", title="started = succeeded + failed + running + waiting", of_scenario=counters.identity),
    Check(id="success-target", title="Success rate by the target", of_all=success_target),
    Check(
        id="success-outside",
        title="Success rate from outside",
        of_all=success_outside,
        regardless_all=success_by_answers,
        by_clock=True,
    ),
    Check(id="success-gauge", title="Success gauge fits its counters", of_scenario=success_gauge),
    Check(id="bytes-target", title="Bytes by the target", of_all=bytes_target),
    Check(id="bytes-outside", title="Bytes fetched", of_all=bytes_outside),
    Check(id="bytes-agree", title="Bytes counted are bytes fetched", of_scenario=bytes_agree, by_record=True),
    Check(
        id="latency-outside",
        title="P95 of 10k exports by the client",
        scenarios=_LOAD,
        of_scenario=latency.p95_outside,
        by_clock=True,
    ),
    Check(
        id="latency-target", title="P95 of 10k exports by the target", scenarios=_LOAD, of_scenario=latency.p95_target
    ),
    Check(id="latency-agree", title="processingTime fits the client's clock", of_scenario=latency.answers_agree),
    Check(id="latency-sum", title="Histogram fits the answers", of_scenario=sum_agrees, by_record=True),
    Check(id="histogram", title="Histogram consistent in itself", of_scenario=histogram),
    Check(id="buckets", title="Latency buckets populated", of_scenario=files_present.buckets),
    Check(
        id="smoke-latency",
        title="1k export in time",
        scenarios=_SMOKE,
        of_scenario=latency.smoke_latency,
        by_clock=True,
    ),
    Check(
        id="batch",
        title="Batch of five in time",
        scenarios=_BATCH,
        of_scenario=throughput.batch,
        regardless=throughput.batch_by_answers,
        by_clock=True,
    ),
    Check(
        id="throughput",
        title="Throughput under load",
        scenarios=_LOAD,
        of_scenario=throughput.throughput,
        by_clock=True,
    ),
    Check(
        id="throughput-gauge",
        title="Throughput gauge plausible",
        scenarios=_LOAD,
        of_scenario=throughput_gauge,
        by_record=True,
    ),
    Check(id="drift", title="Equal exports do not get slower", scenarios=_LOAD, of_scenario=drift, by_clock=True),
    Check(id="concurrency-target", title="Running at once by the target", of_all=limits_held.concurrency_target),
    Check(
        id="concurrency-outside",
        title="Running at once from outside",
        of_all=limits_held.concurrency_outside,
        by_clock=True,
    ),
    Check(
        id="concurrency-agree",
        title="Running and waiting fit requests under way",
        scenarios=_BUSY,
        of_scenario=limits_held.concurrency_agree,
        optional=True,
        by_record=True,
    ),
    Check(id="queue-target", title="Waiting by the target", of_all=limits_held.queue_target),
    Check(id="queue-outside", title="Waiting from outside", scenarios=_BATCH, of_all=limits_held.queue_outside),
    Check(
        id="queue-agree",
        title="Waiting fits requests under way",
        scenarios=_BATCH,
        of_scenario=limits_held.queue_agree,
        optional=True,
        by_record=True,
    ),
    Check(
        id="rejections",
        title="Turned away only beyond the limits",
        of_scenario=refusals.rejections,
        regardless=refusals.rejections_by_answers,
        by_record=True,
    ),
    Check(id="rest", title="Gauges come back to rest", of_scenario=limits_held.rest),
    Check(id="answered", title="Every request answered", of_scenario=answered),
    Check(id="answers", title="Answers complete and true", of_scenario=answers.answers),
    Check(id="names", title="File names never used twice", of_scenario=names),
    Check(id="downloads", title="Files can be fetched", of_scenario=downloads),
    Check(id="csv-contents", title="CSV files hold what was sent", of_scenario=csv_contents),
    Check(id="pdf-contents", title="PDF files hold what was sent", of_scenario=pdf_contents),
    Check(
        id="behaviour",
        title="Bad input refused, nothing reachable outside",
        scenarios=_SMOKE,
        of_scenario=behaviour.behaviour,
    ),
    Check(
        id="health",
        title="Awake while exporting",
        scenarios=_BUSY,
        of_scenario=health.health,
        regardless=health.health_by_answers,
        by_clock=True,
    ),
    Check(
        id="status-page",
        title="Status page truthful",
        of_scenario=status_page.status_page,
        regardless=status_page.status_by_answers,
        by_record=True,
    ),
    Check(id="memory-gauge", title="Memory an export by the target", of_scenario=memory.memory_gauge),
    Check(id="memory", title="Memory an export from outside", of_scenario=memory.memory, group="memory"),
    Check(id="memory-agree", title="Memory gauge fits the process", of_scenario=memory.memory_agree, group="memory"),
    Check(id="leak-memory", title="No leak of memory", scenarios=_LOAD, of_scenario=leaks.leak_memory, group="memory"),
    Check(id="leak-fds", title="No leak of descriptors", scenarios=_LOAD, of_scenario=leaks.leak_fds, group="memory"),
    Check(
        id="leak-threads",
        title="No leak of threads",
        scenarios=_LOAD,
        of_scenario=leaks.leak_threads,
        group="memory",
    ),
    Check(
        id="leak-children",
        title="No leak of processes",
        scenarios=_LOAD,
        of_scenario=leaks.leak_children,
        group="memory",
    ),
    Check(
        id="leftovers",
        title="Only whole exports in the folder",
        of_scenario=leftovers,
        regardless=memory.grown_under_their_name,
        optional=True,
        by_record=True,
    ),
    Check(
        id="files-present",
        title="Files in the exports folder",
        of_scenario=files_present.files_present,
        optional=True,
        by_record=True,
    ),
    Check(id="service-log", title="No errors in the service's log", of_scenario=service_log.service_log, optional=True),
    Check(id="generator", title="The load was what was asked", of_scenario=generator),
    Check(id="calibration", title="The instrument is right about a known server", of_scenario=calibration.calibration),
    Check(id="shutdown", title="Embedded service ends when asked", of_scenario=shutdown, optional=True),
    Check(id="rules", title="Alert rules tested with promtool", of_run=static_checks.rules),
    Check(id="dashboard", title="Dashboard queries fit the contract", of_run=static_checks.dashboard),
)

ASSERTIONS: tuple[AssertionSpec, ...] = (
    AssertionSpec(
        title="Metrics Coverage",
        target=("coverage", "exposition", "scrapes", "labels", "offered"),
        outside=("moved",),
        agreement=("requests", "identity", "monotonic", "rest"),
    ),
    AssertionSpec(
        title="Latency P95 < 10s",
        subject="Latency P95",
        limit_id="latency_p95_ms",
        target=("latency-target", "histogram"),
        outside=("latency-outside",),
        agreement=("latency-agree", "latency-sum", "latency-counts"),
    ),
    AssertionSpec(
        title="Success Rate >= 95%",
        subject="Success Rate",
        limit_id="success_ratio",
        target=("success-target", "success-gauge"),
        outside=("success-outside",),
        agreement=("requests", "answered"),
    ),
    AssertionSpec(
        title="Concurrent <= 5",
        subject="Concurrent",
        limit_id="concurrent_exports",
        target=("concurrency-target",),
        outside=("concurrency-outside",),
        agreement=("concurrency-agree",),
    ),
    AssertionSpec(
        title="Queue Depth <= 100",
        subject="Queue Depth",
        limit_id="queue_depth",
        target=("queue-target",),
        outside=("queue-outside", "rejections"),
        agreement=("queue-agree",),
    ),
    AssertionSpec(
        title="Bytes Exported > 0",
        subject="Bytes Exported",
        limit_id="exported_bytes",
        target=("bytes-target",),
        outside=("bytes-outside",),
        agreement=("bytes-agree",),
    ),
)
