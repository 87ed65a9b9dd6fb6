"""The runbook's final checklist, as data: each box is ticked by named checks only, never by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assertions.judge import Report, blocks
from assertions.verdicts import Verdict


@dataclass(frozen=True)
class Box:
    """One line of the checklist."""

    text: str
    checks: tuple[str, ...]
    """No verdict of these may be a FAIL or block GREEN, and at least one must be a PASS."""
    artifact: str
    """Where the proof is, relative to the run directory."""


BOXES: tuple[Box, ...] = (
    Box("Smoke: 1k exports (csv, pdf) in under 1 s", ("smoke-latency",), "smoke/hits.jsonl"),
    Box(
        "Load: P95 of 10k exports under 10 s, by both clocks", ("latency-outside", "latency-target"), "load/hits.jsonl"
    ),
    Box("Batch: five scenarios in under 30 s, no 429", ("batch",), "batch/hits.jsonl"),
    Box("Throughput at least 0.05 exports/s", ("throughput",), "load/hits.jsonl"),
    Box("Success rate at least 95 %, by both witnesses", ("success-target", "success-outside"), "load/scrapes.jsonl"),
    Box(
        "At most five exports at once, at the peak",
        ("concurrency-target", "concurrency-outside", "concurrency-agree"),
        "batch/scrapes.jsonl",
    ),
    Box(
        "At most 100 waiting, at the peak; turned away only beyond",
        ("queue-target", "queue-outside", "queue-agree", "rejections"),
        "batch/scrapes.jsonl",
    ),
    Box("Memory under 100 MB an export", ("memory", "memory-gauge", "memory-agree"), "load/probes.jsonl"),
    Box(
        "No leak of memory, descriptors, threads, processes or files",
        ("leak-memory", "leak-fds", "leak-threads", "leak-children", "leftovers"),
        "load/probes.jsonl",
    ),
    Box(
        "All nine metrics there, well-formed, moving with the load",
        ("scrapes", "exposition", "coverage", "moved", "labels", "offered"),
        "metrics_snapshot.txt",
    ),
    Box(
        "Metrics agree with what was sent and received",
        (
            "requests",
            "latency-counts",
            "identity",
            "success-gauge",
            "bytes-agree",
            "latency-agree",
            "latency-sum",
            "histogram",
            "throughput-gauge",
            "monotonic",
            "rest",
        ),
        "load/scrapes.jsonl",
    ),
    Box(
        "Bytes exported, and equal to the files", ("bytes-target", "bytes-outside", "bytes-agree"), "load/fetches.jsonl"
    ),
    Box("CSV files hold what was sent, cell by cell", ("csv-contents",), "sample_1k.csv"),
    Box("PDF files hold what was sent, record by record", ("pdf-contents",), "sample_1k.pdf"),
    Box(
        "Every export answered, named once, and downloadable",
        ("answered", "answers", "names", "downloads"),
        "seed_batch.log",
    ),
    Box("Bad input refused; nothing outside the folder reachable", ("behaviour",), "smoke/hits.jsonl"),
    Box("Awake and truthful while exporting; no drift", ("health", "status-page", "drift"), "load/health.jsonl"),
    Box("Alert rules tested with promtool", ("rules",), "promtool_results.txt"),
    Box("Dashboard's queries fit the contract", ("dashboard",), "dashboard.json"),
    Box(
        "The load was what was asked; the instrument was fit",
        ("generator", "calibration", "shutdown"),
        "load/scenario.json",
    ),
)


def verdicts_of(box: Box, report: Report) -> list[Verdict]:
    """The verdicts that a box rests on."""
    return [verdict for verdict in report.verdicts if verdict.id in box.checks]


def state(verdicts: Sequence[Verdict]) -> tuple[bool, str]:
    """(ticked, reason): ticked only where there are verdicts and none stands against it; a waiver does not tick."""
    if not verdicts:
        return False, "no check speaks for it"
    against = [v for v in verdicts if v.status == "FAIL"] + [v for v in verdicts if blocks(v)]
    if against:
        worst = against[0]
        return False, f"{worst.status}, {worst.scenario}/{worst.id}: {worst.judgement.reason}"
    waived = next((v for v in verdicts if v.waived is not None), None)
    if waived is not None:
        return False, f"waived ({waived.waived}): {waived.judgement.reason}"
    unseen = [v for v in verdicts if v.status == "NO DATA"]
    seen = [v for v in verdicts if v.status == "PASS"]
    if not seen:
        return False, f"not seen: {unseen[0].judgement.reason}"
    names = ", ".join(dict.fromkeys(v.id for v in seen))
    if unseen:
        names += f"; not seen: {unseen[0].scenario}/{unseen[0].id}: {unseen[0].judgement.reason}"
    return True, names
