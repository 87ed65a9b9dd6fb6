"""Critical tiers: each limit that has one turns its checks' failures critical beyond it, and the headline says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from assertions import limits as limits_file
from assertions.judge import Report, judge
from tests.assertions.cases import Change
from tests.assertions.cases.latency import waited
from tests.assertions.cases.resources import held_in
from tests.assertions.healthy.records import healthy, healthy_run

LIMITS = limits_file.load()


@dataclass(frozen=True)
class Tier:
    """A limit's two ways to fail, in one scenario."""

    scenario: str
    failing: Change
    """A change after which the limit is missed, and its critical bound is not."""
    critical: Change
    """A change after which the critical bound is missed too."""
    verdict: str
    """`<scenario>/<id>` of the verdict that must say so."""


def with_failures(count: int) -> Change:
    """Return a change after which so many of the load's exports were answered 500."""
    return lambda record: healthy("load", fails=frozenset(hit.id for hit in record.exports[:count]))


TIERS: Mapping[str, Tier] = {
    "latency_p95_ms": Tier("load", waited("measure", 29.0), waited("measure", 31.0), "load/latency-outside"),
    "success_ratio": Tier("load", with_failures(35), with_failures(150), "run/success-outside"),
    "memory_bytes": Tier("batch", held_in("sequence", 400_000_000), held_in("sequence", 600_000_000), "batch/memory"),
}
"""By limit."""


def report_of(limit_id: str, change: Change) -> Report:
    """Judge a healthy run with the change in the scenario of the limit's tier."""
    scenario = TIERS[limit_id].scenario
    return judge(healthy_run(**{scenario: change(healthy(scenario))}), LIMITS)


def test_every_limit_with_a_critical_tier_is_here() -> None:
    """A tier that is added to the limits file needs a case."""
    assert set(TIERS) == {limit.id for limit in LIMITS.by_id.values() if limit.critical is not None}


@pytest.mark.parametrize("limit_id", TIERS)
def test_beyond_the_critical_bound_a_failure_is_critical(limit_id: str) -> None:
    """The verdict is a critical FAIL, and the headline counts it."""
    tier = TIERS[limit_id]
    report = report_of(limit_id, tier.critical)
    judgement = next(one for one in report.verdicts if f"{one.scenario}/{one.id}" == tier.verdict).judgement
    assert (judgement.status, judgement.critical, judgement.limit) == ("FAIL", True, LIMITS[limit_id])
    critical = sum(one.judgement.critical for one in report.verdicts)
    assert report.headline.startswith("RED: ")
    assert f", {critical} of them critical" in report.headline


@pytest.mark.parametrize("limit_id", TIERS)
def test_short_of_the_critical_bound_a_failure_is_a_plain_one(limit_id: str) -> None:
    """The verdict is a FAIL, and nothing in the headline is critical."""
    tier = TIERS[limit_id]
    report = report_of(limit_id, tier.failing)
    judgement = next(one for one in report.verdicts if f"{one.scenario}/{one.id}" == tier.verdict).judgement
    assert (judgement.status, judgement.critical, judgement.limit) == ("FAIL", False, LIMITS[limit_id])
    assert "critical" not in report.headline
