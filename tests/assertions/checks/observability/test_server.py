"""Scrapes that failed because the page came later than the server waits are no fault of the target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as with_fields

from assertions import limits as limits_file
from assertions.checks.observability.replay import replayed
from assertions.checks.observability.server import TIMED_OUT, scrape
from assertions.record.results.alerts_replayed import AlertsReplayed, FiredAlert
from assertions.record.types import Scrape
from assertions.record.view import ScenarioRecord
from tests.assertions.cases.prometheus import with_run, with_target
from tests.assertions.healthy.records import changed, each, healthy, healthy_run
from tests.assertions.healthy.replayed import alerts_replayed

LIMITS = limits_file.load()


def slowed(record: ScenarioRecord, count: int, seconds: float) -> ScenarioRecord:
    """Return the record with so many readings of the page that took so long."""
    starts = {one.start for one in record.scrapes[5 : 5 + count]}

    def edit(one: Scrape) -> dict[str, float] | None:
        return {"end": one.start + seconds} if one.start in starts else None

    return changed(record, scrapes=each(record.scrapes, edit))


@pytest.mark.parametrize(
    ("count", "seconds", "failed_scrapes", "expected"),
    [
        (0, 0.0, 1, "FAIL"),
        (1, 0.5, 1, "FAIL"),
        (1, 1.4, 2, "NO DATA"),
        (1, 1.4, 3, "FAIL"),
        (3, 1.4, 3, "NO DATA"),
    ],
)
def test_a_slow_page_explains_as_many_scrapes(count: int, seconds: float, failed_scrapes: int, expected: str) -> None:
    """Failed scrapes are no fault only as far as the harness had the page later than the server waits."""
    record = with_run(scrapes=40, failed_scrapes=failed_scrapes)(slowed(healthy("load"), count, seconds))
    judged = scrape(record, LIMITS)
    assert judged.status == expected
    assert ("the harness, which waits longer, had the page after up to" in judged.reason) == (expected == "NO DATA")


@pytest.mark.parametrize(("error", "expected"), [(TIMED_OUT, "NO DATA"), ("invalid metric type", "FAIL")])
def test_a_page_that_is_refused_fails_however_slow(error: str, expected: str) -> None:
    """A target that is down at the end for another reason than time is a fault."""
    record = with_target("down", error)(with_run(scrapes=40, failed_scrapes=2)(slowed(healthy("load"), 2, 1.4)))
    assert scrape(record, LIMITS).status == expected


def _fired(alert: str) -> AlertsReplayed:
    found = alerts_replayed()
    fired = (FiredAlert(alert=alert, severity="critical", sample=7),)
    return with_fields(
        found,
        scenarios=tuple(with_fields(one, fired=fired) if one.scenario == "load" else one for one in found.scenarios),
    )


@pytest.mark.parametrize(
    ("alert", "count", "expected"),
    [("ExportTargetDown", 2, "NO DATA"), ("ExportTargetDown", 0, "FAIL"), ("ExportConcurrentHigh", 2, "FAIL")],
)
def test_the_replay_of_a_slow_page(alert: str, count: int, expected: str) -> None:
    """Only alerts of missed scrapes are excused, and only where the page was slow."""
    run = healthy_run()
    load = with_run(scrapes=40, failed_scrapes=2)(slowed(run.scenarios["load"], count, 1.4))
    run = replace(run, scenarios={**run.scenarios, "load": load}, alerts=_fired(alert))
    assert replayed(run, LIMITS).status == expected
