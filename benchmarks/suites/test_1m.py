"""Exports of a million records (`--full`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("1M"))
def test_1m(run_workload: Callable[[str], None], name: str) -> None:
    """A million records: one export from its body to its durable file, and the same over HTTP."""
    run_workload(name)
