"""The report's third list, as data: what the runbook has no box for, and is judged all the same."""

from __future__ import annotations

from evidence.reports.checklists.boxes import FINAL_VALIDATION, GREEN_STATUS
from evidence.reports.checklists.ticks import Box, Checklist, Section

FURTHER = Checklist(
    "Further checks",
    (
        Section(
            "Limits at the peak",
            (
                Box(text="Throughput at least 0.05 exports/s", checks=("throughput",), artifact="load/hits.jsonl"),
                Box(
                    text="At most five exports at once",
                    checks=("concurrency-target", "concurrency-outside", "concurrency-agree"),
                    artifact="batch/scrapes.jsonl.xz",
                ),
                Box(
                    text="At most 100 waiting; rejected only beyond",
                    checks=("queue-target", "queue-outside", "queue-agree", "rejections"),
                    artifact="batch/scrapes.jsonl.xz",
                ),
            ),
        ),
        Section(
            "Metrics that can be believed",
            (
                Box(
                    text="Series of rules and panels are offered, label values bounded",
                    checks=("offered", "labels"),
                    artifact="metrics_snapshot.txt",
                ),
                Box(
                    text="Metrics agree with what was sent and received",
                    checks=(
                        "requests",
                        "identity",
                        "success-gauge",
                        "latency-agree",
                        "latency-sum",
                        "throughput-gauge",
                        "monotonic",
                        "rest",
                    ),
                    artifact="load/scrapes.jsonl.xz",
                ),
                Box(
                    text="Bytes exported, and equal to the files",
                    checks=("bytes-target", "bytes-outside", "bytes-agree"),
                    artifact="load/fetches.jsonl",
                ),
            ),
        ),
        Section(
            "Answers and files",
            (
                Box(
                    text="CSV files hold what was sent, cell by cell",
                    checks=("csv-contents",),
                    artifact="sample_1k.csv",
                ),
                Box(
                    text="PDF files hold what was sent, record by record",
                    checks=("pdf-contents",),
                    artifact="sample_1k.pdf",
                ),
                Box(
                    text="Every export answered, named once, and downloadable",
                    checks=("answered", "answers", "names", "downloads"),
                    artifact="seed_batch.log",
                ),
                Box(
                    text="Bad input refused; nothing outside the folder reachable",
                    checks=("behaviour",),
                    artifact="smoke/hits.jsonl",
                ),
            ),
        ),
        Section(
            "Service under load, and the harness itself",
            (
                Box(
                    text="/health and /export/status in time and correct under load; exports do not get slower",
                    checks=("health", "status-page", "drift"),
                    artifact="load/health.jsonl",
                ),
                Box(text="The dashboard's queries fit the contract", checks=("dashboard",), artifact="dashboard.json"),
                Box(
                    text="A Prometheus server scraped the target; rules healthy, panels right, alerts silent",
                    checks=(
                        "prometheus-scrape",
                        "prometheus-panels",
                        "prometheus-rules",
                        "prometheus-alerts",
                        "alerts-replayed",
                    ),
                    artifact="load/prometheus.json",
                ),
                Box(text="The embedded service ends when asked", checks=("shutdown",), artifact="load/scenario.json"),
                Box(
                    text="All of the planned load was made and recorded, by a generator whose clock was right",
                    checks=("generator", "calibration"),
                    artifact="load/calibration.jsonl",
                ),
            ),
        ),
    ),
)

CHECKLISTS = (GREEN_STATUS, FINAL_VALIDATION, FURTHER)
"""All lists, in the report's order."""
