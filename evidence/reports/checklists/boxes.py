"""The boxes of the report's three lists, as data: the runbook's two in the runbook's words, then ours.

A box is ticked by named checks only, never by hand. Where this project differs from the tool chain that the runbook
names, `here` says so; where no check of a run can decide, `unseen` says why, and how to get there.
"""

from __future__ import annotations

from collections.abc import Mapping

from evidence.reports.checklists.ticks import Box, Checklist, Section

RUNBOOK_BOUNDS: Mapping[str, float] = {
    "latency_p95_ms": 10_000,
    "success_ratio": 0.95,
    "concurrent_exports": 5,
    "queue_depth": 100,
    "exported_bytes": 0,
    "throughput_per_s": 0.05,
    "memory_bytes": 100_000_000,
    "smoke_latency_ms": 1_000,
    "batch_s": 30,
}
"""The runbook's bounds by limit. A run that was judged by laxer ones ticks none of the boxes that name them."""

_HITS = "hits.jsonl"
_DRAWN = (
    "drawn with Grafana's open front-end libraries, fed by a live Prometheus that serves the run's recorded samples; "
    "a Grafana server took no part"
)
_IMPORTED = (
    "seen: the file has the structure that an import asks for, each query is answered by a live Prometheus, and each "
    "panel is drawn with Grafana's open front-end libraries; not seen: the import itself, since no Grafana server ran"
)

GREEN_STATUS = Checklist(
    "GREEN Status Criteria",
    (
        Section(
            "Code Completeness",
            (
                Box(
                    text="All source files implemented",
                    checks=("coverage", "csv-contents", "pdf-contents", "behaviour", "rules", "dashboard"),
                    artifact="verdict.json",
                    here="no check reads source files; each component of the runbook's list is judged by what it does: "
                    "CSV and PDF writer, metrics, routes, alert rules, dashboard",
                ),
                Box(
                    text="Package built successfully",
                    checks=("package",),
                    artifact="package.json",
                    here="the package is this harness as a Python wheel",
                ),
                Box(
                    text="Plugin registered in executor",
                    checks=("answered", "status-page", "scrapes"),
                    artifact="smoke/health.jsonl",
                    here="the plugin is the service's export routes; `/run`, `/status` and `/metrics` must answer",
                ),
                Box(
                    text="Tests scripts ready",
                    checks=("generator", "calibration"),
                    each=True,
                    artifact="smoke/plan.json",
                    here="the scripts are the load profiles; ready means that all they planned was sent, by a "
                    "generator whose clock was right",
                ),
            ),
        ),
        Section(
            "Integration Readiness",
            (
                Box(
                    text="Executor starts without errors",
                    checks=("service-log", "health"),
                    each=True,
                    artifact="smoke-service.log",
                    here="the executor is the service that was judged: no error in its log (an embedded "
                    "service's from its start on, so with the lines before the first request), and `/health` answers",
                ),
                Box(
                    text="All 3 endpoints accessible (/status, /run, /metrics)",
                    checks=("status-page", "answered", "scrapes"),
                    artifact="smoke/health.jsonl",
                ),
                Box(text="Smoke tests pass (1k CSV/PDF)", scenario="smoke", artifact=f"smoke/{_HITS}"),
                Box(text="Load tests pass (10k CSV)", scenario="load", artifact=f"load/{_HITS}"),
                Box(text="Metrics validation passes (6/6 assertions)", six=True, artifact="assert.log"),
            ),
        ),
        Section(
            "Performance Targets",
            (
                Box(
                    text="P95 latency < 10s for 10k records",
                    checks=("latency-outside", "latency-target"),
                    artifact=f"load/{_HITS}",
                ),
                Box(
                    text="Success rate >= 95%",
                    checks=("success-target", "success-outside"),
                    artifact="load/scrapes.jsonl.xz",
                ),
                Box(
                    text="Memory usage < 100MB",
                    checks=("memory", "memory-gauge", "memory-agree"),
                    artifact="load/probes.jsonl",
                    here="what one export adds, as the runbook's table of targets has it (100MB/export)",
                ),
                Box(
                    text="No resource leaks detected",
                    checks=("leak-memory", "leak-fds", "leak-threads", "leak-children", "leftovers"),
                    artifact="load/probes.jsonl",
                ),
            ),
        ),
        Section(
            "Observability",
            (
                Box(
                    text="All 9 metrics present and updating",
                    checks=("coverage", "moved", "scrapes", "exposition"),
                    artifact="metrics_snapshot.txt",
                ),
                Box(text="Alert rules validated with promtool", checks=("rules",), artifact="promtool_results.txt"),
                Box(
                    text="Grafana dashboard rendering correctly",
                    checks=("dashboard", "prometheus-panels", "panels-drawn"),
                    each=True,
                    artifact="load/prometheus.json",
                    here=_DRAWN,
                ),
            ),
        ),
    ),
)

FINAL_VALIDATION = Checklist(
    "Final Validation Checklist",
    (
        Section(
            "Prerequisites",
            (
                Box(
                    text="Dependencies installed (`pnpm install`)",
                    checks=("package", "generator"),
                    each=True,
                    artifact="package.json",
                    here="instead of `pnpm install` a Python environment is made: the installed copy starts in it, and "
                    "the load runs from it",
                ),
                Box(
                    text="Exporter-core built (`pnpm build`)",
                    checks=("package",),
                    artifact="package.json",
                    here="instead of `pnpm build` of exporter-core a Python wheel is built and installed",
                ),
                Box(
                    text="Executor running (port 4001)",
                    checks=("health", "status-page"),
                    artifact="load/health.jsonl",
                    here="the service at the address under Context; the embedded one takes a free port",
                ),
            ),
        ),
        Section(
            "Smoke Tests",
            (
                Box(
                    text="1k CSV export successful",
                    checks=("answered", "csv-contents"),
                    scenario="smoke",
                    artifact="sample_1k.csv",
                ),
                Box(
                    text="1k PDF export successful",
                    checks=("answered", "pdf-contents"),
                    scenario="smoke",
                    artifact="sample_1k.pdf",
                ),
                Box(
                    text="Files created in ./exports/",
                    checks=("files-present",),
                    artifact="smoke/scenario.json",
                    here="in the exports folder of the service that was judged",
                ),
                Box(
                    text="Processing time < 1s",
                    checks=("smoke-latency",),
                    artifact=f"smoke/{_HITS}",
                    here="P95 of the exports of 1k records by the client's clock",
                ),
            ),
        ),
        Section(
            "Load Tests",
            (
                Box(
                    text="10k CSV export successful",
                    checks=("answered", "csv-contents"),
                    scenario="load",
                    artifact="load/files.jsonl",
                ),
                Box(
                    text="Processing time < 10s",
                    checks=("latency-outside", "latency-target"),
                    artifact=f"load/{_HITS}",
                    here="P95 of the exports of 10k records",
                ),
                Box(
                    text="Memory usage stable",
                    checks=("leak-memory", "memory"),
                    scenario="load",
                    artifact="load/probes.jsonl",
                ),
            ),
        ),
        Section(
            "Batch Tests",
            (
                Box(text="5 scenarios completed", checks=("batch",), artifact="seed_batch.log"),
                Box(
                    text="No 429 errors",
                    checks=("batch",),
                    artifact=f"batch/{_HITS}",
                    here="of the batch's five; beyond five running and 100 waiting the contract asks for one",
                ),
                Box(text="Total time < 30s", checks=("batch",), artifact="seed_batch.log"),
            ),
        ),
        Section(
            "Metrics",
            (
                Box(
                    text="All 9 metrics present",
                    checks=("coverage", "exposition"),
                    artifact="metrics_snapshot.txt",
                ),
                Box(
                    text="Latency buckets populated",
                    checks=("buckets", "histogram", "latency-counts"),
                    artifact="metrics_snapshot.txt",
                ),
                Box(
                    text="Success rate >= 95%",
                    checks=("success-target", "success-outside"),
                    artifact="metrics_snapshot.txt",
                ),
                Box(text="Assert script passes (6/6)", six=True, artifact="assert.log"),
            ),
        ),
        Section(
            "Monitoring",
            (
                Box(text="Alert rules tested (promtool)", checks=("rules",), artifact="promtool_results.txt"),
                Box(
                    text="Grafana dashboard imported",
                    checks=("dashboard", "prometheus-panels", "panels-drawn"),
                    each=True,
                    artifact="dashboard.json",
                    here=_IMPORTED,
                ),
                Box(
                    text="Panels rendering with live data",
                    checks=("prometheus-panels", "panels-drawn"),
                    each=True,
                    artifact="load/prometheus.json",
                    here=_DRAWN,
                ),
            ),
        ),
        Section(
            "Documentation",
            (
                Box(
                    text="GREEN_EVIDENCE_v1.7.md updated",
                    checks=("generator",),
                    artifact="GREEN_EVIDENCE_v1.7.md",
                    here="it is this page, written from the record of the run under Context; ticked when the load of "
                    "all three scenarios is whole in it",
                ),
                Box(
                    text="Test results documented",
                    checks=("generator",),
                    artifact="verdict.json",
                    here="each check's verdict stands under All verdicts",
                ),
                Box(
                    text="Performance metrics recorded",
                    checks=("latency-outside", "throughput", "success-outside", "memory-gauge"),
                    artifact="load/scrapes.jsonl.xz",
                ),
            ),
        ),
    ),
)
