"""The contract's batch of five exports, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("batch"))
def test_batch(run_workload: Callable[[str], None], name: str) -> None:
    """The contract's batch of five, by the writers and over HTTP."""
    run_workload(name)
