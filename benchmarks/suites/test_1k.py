"""Exports of 1,000 records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("1k"))
def test_1k(run_workload: Callable[[str], None], name: str) -> None:
    """1,000 records: one export from its body to its durable file, and the same over HTTP."""
    run_workload(name)
