"""What the recorders of a load run cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("recorders"))
def test_recorders(run_workload: Callable[[str], None], name: str) -> None:
    """What a recorded request and a recorded sample cost."""
    run_workload(name)
