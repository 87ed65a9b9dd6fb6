"""The queue, and who is admitted to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("queue and admission"))
def test_queue_and_admission(run_workload: Callable[[str], None], name: str) -> None:
    """More exports than there is room for, and five clients at once."""
    run_workload(name)
