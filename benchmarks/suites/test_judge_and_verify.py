"""Judging a run directory, and `verify`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads.all import names_of


@pytest.mark.parametrize("name", names_of("judge"))
def test_judge_and_verify(run_workload: Callable[[str], None], name: str) -> None:
    """A recorded smoke run, judged and verified."""
    run_workload(name)
