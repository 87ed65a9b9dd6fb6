"""Exports of 10,000 records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("10k"))
def test_10k(run_workload: Callable[[str], None], name: str) -> None:
    """10,000 records: one export from its body to its durable file, and the same over HTTP."""
    run_workload(name)
