"""The metrics page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("metrics page"))
def test_metrics_page(run_workload: Callable[[str], None], name: str) -> None:
    """The page of a service that many users have called."""
    run_workload(name)
