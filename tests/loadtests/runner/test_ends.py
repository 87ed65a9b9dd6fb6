"""Real scenarios on targets that hang: each ends in time, with a complete record that gives the reason."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from loadtests.client.clock import start_clock
from loadtests.client.target_settings import parse_target
from loadtests.plan.profile import parse_profile
from loadtests.runner.scenario import Settings, run_scenario
from tests.loadtests.command import read_record
from tests.loadtests.fake_target import Manners, Seen, fake_target

pytestmark = pytest.mark.e2e

PROFILE = b"""
[[phase]]
name = "one"
mode = "closed"
clients = 2
timeout_s = %b
mix = [{ case = "csv-20", count = 500 }]

[[phase]]
name = "two"
mode = "sequence"
mix = [{ case = "csv-20" }]
"""


def settings(url: str, out: Path, timeout_s: bytes, deadline_s: float | None = None) -> Settings:
    """A run of the small profile."""
    profile = parse_profile("mine", PROFILE % timeout_s)
    target = parse_target(url, start_clock())
    return Settings(profile=profile, target=target, out=out, seed=1, deadline_s=deadline_s)


def test_exports_that_all_time_out_end_the_scenario(tmp_path: Path) -> None:
    """The pages answer, no export does: after the first timeouts nothing more is sent."""
    with fake_target(Manners(delay_s=lambda _: 60.0)) as fake:
        run_scenario(settings(fake.url, tmp_path / "out", b"1.0"), lambda _: None)
    record = read_record(tmp_path / "out")
    reason = "exports all timed out, none was answered; the load was ended"
    assert [(phase.ended, phase.completed) for phase in record.scenario.phases] == [("timed out", False)] * 2
    assert all(reason in (phase.note or "") for phase in record.scenario.phases)
    assert {hit.error for hit in record.hits} <= {"timeout", "interrupted"}
    assert 2 <= len(record.hits) <= 8
    assert record.scenario.generator.end_marks == 1


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "answers slowly"])
def test_the_deadline_ends_the_scenario_whatever_the_target_does(tmp_path: Path, hangs: bool) -> None:
    """The requests in flight are recorded as interrupted, and later phases give the reason too."""

    def delay(seen: Seen) -> float:
        return 60.0 if hangs else 0.2

    with fake_target(Manners(delay_s=delay)) as fake:
        begun = time.monotonic()
        run_scenario(settings(fake.url, tmp_path / "out", b"90.0", 2.0), lambda _: None)
        assert time.monotonic() - begun < 40  # hung exports would take 90 s each
    record = read_record(tmp_path / "out")
    assert [(phase.ended, phase.completed) for phase in record.scenario.phases] == [("deadline", False)] * 2
    assert "the scenario's longest time of 2 s is over" in (record.phase("one").note or "")
    assert [hit.error for hit in record.hits if hit.status is None] == ["interrupted"] * 2
