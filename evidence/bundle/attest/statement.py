"""What is signed of a bundle: an in-toto Statement with the test-result predicate, over the manifest's digest.

Statement v1: https://in-toto.io/Statement/v1; predicate: https://in-toto.io/attestation/test-result/v0.1
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from assertions.judge import Report
from assertions.verdicts import Verdict
from evidence.bundle import manifest
from evidence.bundle.layout import LIMITS, VERDICT
from evidence.collect.provenance import Context

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
FIGURES = (
    "latency-outside",
    "latency-target",
    "smoke-latency",
    "success-outside",
    "success-target",
    "concurrency-target",
    "queue-target",
    "bytes-outside",
    "throughput",
    "batch",
    "memory",
)
"""Checks whose first reading stands in the statement: the six assertions' and the runbook's targets."""


def of(folder: Path, report: Report, context: Context) -> dict[str, Any]:
    """Return the statement on a bundle whose report and context these are. OSError."""
    words = {"GREEN": "WARNED" if report.waivers else "PASSED"}
    tests = {"PASS": "passedTests", "FAIL": "failedTests", "NO DATA": "warnedTests"}
    named: dict[str, list[str]] = {key: [] for key in tests.values()}
    for verdict in report.verdicts:
        named[tests[verdict.status]].append(_key(verdict))
    return {
        "_type": TYPE,
        "subject": list(_subjects(folder, report, context)),
        "predicateType": PREDICATE,
        "predicate": {
            "result": words.get(report.colour, "FAILED"),
            "configuration": [
                {"name": LIMITS, "digest": {"sha256": report.limits_sha256}},
                {"name": "judge", "digest": {"sha256": context.harness_sha256}},
            ],
            **named,
        },
    }


def _subjects(folder: Path, report: Report, context: Context) -> Iterator[dict[str, Any]]:
    yield {
        "name": manifest.NAME,
        "digest": {"sha256": manifest.sha256(folder / manifest.NAME)},
        "annotations": {
            "run_id": context.run_id,
            "colour": report.colour,
            "headline": report.headline,
            "figures": {
                _key(verdict): {"value": reading.value, "unit": reading.unit, "count": reading.count}
                for verdict in report.verdicts
                if verdict.id in FIGURES
                for reading in verdict.judgement.readings[:1]
            },
        },
    }
    subject = context.subject
    if subject is not None and subject.name is not None and subject.digest is not None:
        algorithm, _, digits = subject.digest.partition(":")
        yield {"name": f"{subject.name}@{subject.version or ''}".rstrip("@"), "digest": {algorithm: digits}}


def _key(verdict: Verdict) -> str:
    return f"{verdict.scenario}/{verdict.id}"


def stored_report(folder: Path) -> Report:
    """Read the verdict of a bundle as it stands. OSError; msgspec.DecodeError where it is malformed."""
    return msgspec.json.decode((folder / VERDICT).read_bytes(), type=Report)


def encoded(statement: dict[str, Any]) -> bytes:
    """Return the statement's bytes, as they are signed."""
    return msgspec.json.encode(statement, order="sorted")
