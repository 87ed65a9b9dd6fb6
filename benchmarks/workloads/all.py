"""Every workload by its name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from benchmarks.workloads import exports, harness, service_parts
from benchmarks.workloads.types import Suite, Workload

WORKLOADS: Mapping[str, Workload] = {
    workload.name: workload for workload in chain(exports.workloads(), service_parts.workloads(), harness.workloads())
}


def names_of(suite: Suite) -> list[str]:
    """Return the names of a suite's workloads."""
    return [name for name, workload in WORKLOADS.items() if workload.suite == suite]


def gate_names(*, full: bool) -> list[str]:
    """Return what `--against` compares: with `full` all but what takes minutes."""
    return [name for name, workload in WORKLOADS.items() if (workload.gated and not workload.full) or full]
