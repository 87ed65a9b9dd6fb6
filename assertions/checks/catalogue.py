"""The checks, as data: what is judged, where, and which of the six assertions rests on it.

A check that is not in this list does not exist, and each one in it has a verdict in every report: a scenario that was
not run, a record that can't be read, or a check that breaks is NO DATA, never silence.
"""

from __future__ import annotations

from dataclasses import dataclass

from assertions.checks.admission import limits_held, refusals
from assertions.checks.admission.rest import rest
from assertions.checks.check import Check, RunRecordCheck, ScenarioCheck, ToolsCheck
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
from assertions.checks.observability import server as prometheus
from assertions.checks.observability.panels import panels
from assertions.checks.observability.pictures import panels_drawn
from assertions.checks.observability.replay import replayed
from assertions.checks.performance import latency, throughput
from assertions.checks.performance.drift import drift
from assertions.checks.resources import leaks, memory
from assertions.checks.resources.leftovers import leftovers
from assertions.limits import Limit, Limits


@dataclass(frozen=True, kw_only=True)
class AssertionSpec:
    """One of the six assertions: the checks of the target, of the outside, and of their agreement."""

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
    ScenarioCheck(id="scrapes", title="Metrics page answered throughout", judge=metrics_page.scrapes),
    ScenarioCheck(id="exposition", title="Metrics page well-formed", judge=metrics_page.exposition),
    ScenarioCheck(id="coverage", title="Nine metric families with types and labels", judge=metrics_page.coverage),
    ScenarioCheck(id="moved", title="Metrics moved with the load", judge=moved),
    ScenarioCheck(id="labels", title="Label values bounded", judge=metrics_page.labels_bounded),
    ScenarioCheck(id="monotonic", title="Counters never fall", judge=metrics_page.monotonic),
    ScenarioCheck(id="offered", title="Alert rules and panels find their series", judge=offered.offered),
    ScenarioCheck(id="requests", title="Requests counted as sent", judge=counters.requests, by_record=True),
    ScenarioCheck(
        id="latency-counts", title="Histogram counts each export once", judge=counters.latency_counts, by_record=True
    ),
    ScenarioCheck(id="identity", title="started = succeeded + failed + running + waiting", judge=counters.identity),
    RunRecordCheck(id="success-target", title="Success rate, by the target", judge=success_target),
    RunRecordCheck(
        id="success-outside",
        title="Success rate, by the client",
        judge=success_outside,
        regardless=success_by_answers,
        by_clock=True,
    ),
    ScenarioCheck(id="success-gauge", title="Success-rate gauge fits its counters", judge=success_gauge),
    RunRecordCheck(id="bytes-target", title="Bytes exported, by the target", judge=bytes_target),
    RunRecordCheck(id="bytes-outside", title="Bytes exported, by the client", judge=bytes_outside),
    ScenarioCheck(id="bytes-agree", title="Bytes counted equal bytes downloaded", judge=bytes_agree, by_record=True),
    ScenarioCheck(
        id="latency-outside",
        title="P95 of 10k exports, by the client",
        scenarios=_LOAD,
        judge=latency.p95_outside,
        by_clock=True,
    ),
    ScenarioCheck(
        id="latency-target", title="P95 of 10k exports, by the target", scenarios=_LOAD, judge=latency.p95_target
    ),
    ScenarioCheck(id="latency-agree", title="processingTime fits the client's clock", judge=latency.answers_agree),
    ScenarioCheck(id="latency-sum", title="Histogram fits the answers", judge=sum_agrees, by_record=True),
    ScenarioCheck(id="histogram", title="Histogram consistent in itself", judge=histogram),
    ScenarioCheck(id="buckets", title="Latency buckets populated", judge=files_present.buckets),
    ScenarioCheck(
        id="smoke-latency",
        title="P95 of 1k exports, by the client",
        scenarios=_SMOKE,
        judge=latency.smoke_latency,
        by_clock=True,
    ),
    ScenarioCheck(
        id="batch",
        title="Batch of five in time",
        scenarios=_BATCH,
        judge=throughput.batch,
        regardless=throughput.batch_by_answers,
        by_clock=True,
    ),
    ScenarioCheck(
        id="throughput",
        title="Throughput under load",
        scenarios=_LOAD,
        judge=throughput.throughput,
        by_clock=True,
    ),
    ScenarioCheck(
        id="throughput-gauge",
        title="Throughput gauge plausible",
        scenarios=_LOAD,
        judge=throughput_gauge,
        by_record=True,
    ),
    ScenarioCheck(id="drift", title="Equal exports do not get slower", scenarios=_LOAD, judge=drift, by_clock=True),
    RunRecordCheck(
        id="concurrency-target", title="Exports running at once, by the target", judge=limits_held.concurrency_target
    ),
    RunRecordCheck(
        id="concurrency-outside",
        title="Exports running at once, by the client",
        judge=limits_held.concurrency_outside,
        by_clock=True,
    ),
    ScenarioCheck(
        id="concurrency-agree",
        title="Running and waiting fit the requests under way",
        scenarios=_BUSY,
        judge=limits_held.concurrency_agree,
        optional=True,
        by_record=True,
    ),
    RunRecordCheck(id="queue-target", title="Exports waiting, by the target", judge=limits_held.queue_target),
    RunRecordCheck(
        id="queue-outside", title="Exports waiting, by the client", scenarios=_BATCH, judge=limits_held.queue_outside
    ),
    ScenarioCheck(
        id="queue-agree",
        title="Waiting fits the requests under way",
        scenarios=_BATCH,
        judge=limits_held.queue_agree,
        optional=True,
        by_record=True,
    ),
    ScenarioCheck(
        id="rejections",
        title="429 only beyond the limits",
        judge=refusals.rejections,
        regardless=refusals.rejections_by_answers,
        by_record=True,
    ),
    ScenarioCheck(id="rest", title="Gauges come back to rest", judge=rest),
    ScenarioCheck(id="answered", title="Every request answered", judge=answered),
    ScenarioCheck(id="answers", title="Answers complete and correct", judge=answers.answers),
    ScenarioCheck(id="names", title="File names never used twice", judge=names),
    ScenarioCheck(id="downloads", title="Files can be downloaded", judge=downloads),
    ScenarioCheck(id="csv-contents", title="CSV files hold what was sent", judge=csv_contents),
    ScenarioCheck(id="pdf-contents", title="PDF files hold what was sent", judge=pdf_contents),
    ScenarioCheck(
        id="behaviour",
        title="Bad input refused, nothing reachable outside",
        scenarios=_SMOKE,
        judge=behaviour.behaviour,
    ),
    ScenarioCheck(
        id="health",
        title="/health in time under load",
        scenarios=_BUSY,
        judge=health.health,
        regardless=health.health_by_answers,
        by_clock=True,
    ),
    ScenarioCheck(
        id="status-page",
        title="/export/status correct under load",
        judge=status_page.status_page,
        regardless=status_page.status_by_answers,
        by_record=True,
    ),
    ScenarioCheck(id="memory-gauge", title="Memory per export, by the target", judge=memory.memory_gauge),
    ScenarioCheck(id="memory", title="Memory per export, by the process", judge=memory.memory, group="memory"),
    ScenarioCheck(id="memory-agree", title="Memory gauge fits the process", judge=memory.memory_agree, group="memory"),
    ScenarioCheck(
        id="leak-memory", title="No leak of memory", scenarios=_LOAD, judge=leaks.leak_memory, group="memory"
    ),
    ScenarioCheck(
        id="leak-fds", title="No leak of file descriptors", scenarios=_LOAD, judge=leaks.leak_fds, group="memory"
    ),
    ScenarioCheck(
        id="leak-threads",
        title="No leak of threads",
        scenarios=_LOAD,
        judge=leaks.leak_threads,
        group="memory",
    ),
    ScenarioCheck(
        id="leak-children",
        title="No leak of processes",
        scenarios=_LOAD,
        judge=leaks.leak_children,
        group="memory",
    ),
    ScenarioCheck(
        id="leftovers",
        title="Only complete exports in the folder",
        judge=leftovers,
        regardless=memory.grown_under_their_name,
        optional=True,
        by_record=True,
    ),
    ScenarioCheck(
        id="files-present",
        title="Files in the exports folder",
        judge=files_present.files_present,
        optional=True,
        by_record=True,
    ),
    ScenarioCheck(
        id="service-log", title="No errors in the service's log", judge=service_log.service_log, optional=True
    ),
    ScenarioCheck(id="generator", title="Load generator kept to the plan", judge=generator),
    ScenarioCheck(id="calibration", title="Load generator right about a known server", judge=calibration.calibration),
    ScenarioCheck(id="shutdown", title="Embedded service stops on SIGTERM", judge=shutdown, optional=True),
    ScenarioCheck(
        id="prometheus-scrape",
        title="Prometheus scrapes the page",
        scenarios=_BUSY,
        judge=prometheus.scrape,
        group="prometheus",
        optional=True,
    ),
    ScenarioCheck(
        id="prometheus-panels",
        title="Panels show what the harness read",
        scenarios=_BUSY,
        judge=panels,
        group="prometheus",
        optional=True,
    ),
    ScenarioCheck(
        id="prometheus-rules",
        title="Prometheus evaluates every rule",
        scenarios=_BUSY,
        judge=prometheus.rules,
        group="prometheus",
        optional=True,
    ),
    ScenarioCheck(
        id="prometheus-alerts",
        title="Alerts silent that must be",
        scenarios=_BUSY,
        judge=prometheus.alerts,
        group="prometheus",
        optional=True,
    ),
    ToolsCheck(
        id="alerts-replayed",
        title="Alerts silent in the replay that must be",
        judge=replayed,
        group="prometheus",
        optional=True,
    ),
    ToolsCheck(id="panels-drawn", title="Panels drawn with data, ink and place", judge=panels_drawn, optional=True),
    ToolsCheck(id="rules", title="Alert rules tested with promtool", judge=static_checks.rules),
    ToolsCheck(id="dashboard", title="Dashboard queries fit the contract", judge=static_checks.dashboard),
    ToolsCheck(
        id="package",
        title="The package builds and runs when installed",
        judge=static_checks.package,
        optional=True,
    ),
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
