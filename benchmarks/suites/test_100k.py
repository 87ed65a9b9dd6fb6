"""Exports of 100,000 records (`--full`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("100k"))
def test_100k(run_workload: Callable[[str], None], name: str) -> None:
    """100,000 records: one export from its body to its durable file, and the same over HTTP."""
    run_workload(name)
