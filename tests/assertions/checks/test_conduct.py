"""`/health` while many exports wait, clocks of whole minutes, and the page for OpenMetrics."""

from __future__ import annotations

import json

import pytest

from assertions import limits as limits_file
from assertions.checks.conduct import behaviour
from assertions.checks.conduct.health import health
from assertions.probes.behaviour import PAGE_BY_ACCEPT
from tests.assertions.cases.behaviour import other_page
from tests.assertions.cases.conduct import probes
from tests.assertions.healthy.records import changed, each, healthy, values

LIMITS = limits_file.load()


@pytest.mark.parametrize(
    ("count", "status", "judged"),
    [(1, 503, "PASS"), (2, 503, "FAIL"), (2, None, "PASS")],
)
def test_health_while_many_wait(count: int, status: int | None, judged: str) -> None:
    """Two wrong answers are no accident; a call that found no way through the crowd is none."""
    record = probes("/health", count, "edge", status=status, answer=None)(healthy("batch"))
    assert health(record, LIMITS).status == judged


@pytest.mark.parametrize("ts", [1_795_000_020, "2026-11-18T10:00:00Z", "a while ago", True, None])
def test_a_clock_of_minutes_may_stand_for_one(ts: object) -> None:
    """Nor is a time that can't be read taken for one that stands still."""
    record = healthy("load")
    answer = json.dumps({"ok": True, "ts": ts})
    still = changed(
        record, health=each(record.health, lambda one: {"answer": answer} if one.path == "/health" else None)
    )
    assert "stands still" not in health(still, LIMITS).reason


def test_the_page_for_openmetrics_needs_neighbours() -> None:
    """Where no plain page was read before it, or none after it, nothing is held against it."""
    doubled = other_page(values("export_requests_total", lambda value: 2 * value))(healthy("smoke"))
    moment = next(hit.start for hit in doubled.hits if hit.case == PAGE_BY_ACCEPT)
    for kept in (
        [one for one in doubled.scrapes if one.end <= moment],
        [one for one in doubled.scrapes if one.end > moment],
    ):
        only_plain = changed(doubled, scrapes=tuple(kept))
        assert "OpenMetrics has" not in behaviour.behaviour(only_plain, LIMITS).reason
