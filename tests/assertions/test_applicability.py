"""Scenarios other than smoke, load and batch: judged by what their plan holds, never in place of one of the three."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.applicability import APPLIES, names
from assertions.checks.catalogue import CHECKS
from assertions.checks.performance.drift import drift
from assertions.judge import judge
from assertions.record.run import Run, load_run
from assertions.record.types import HealthProbe, Hit, PhasePlan, Plan, Probe, Request, Scrape
from assertions.record.view import ScenarioRecord
from assertions.summary import runbook_text
from assertions.verdicts import SCENARIOS, Verdict
from tests.assertions.cases.latency import waited
from tests.assertions.healthy.records import changed, each, healthy, healthy_run, with_hits, with_scenario, write_run

LIMITS = limits_file.load()
LEAKS = {"leak-memory", "leak-fds", "leak-threads", "leak-children"}


def soak(record: ScenarioRecord | None = None) -> ScenarioRecord:
    """A healthy load's record under the name of a soak."""
    return with_scenario(record or healthy("load"), name="soak")


def verdicts_of(run: Run, name: str = "soak") -> dict[str, Verdict]:
    """The verdicts of a scenario, by check."""
    return {one.id: one for one in judge(run, LIMITS).verdicts if one.scenario == name}


def with_soak(record: ScenarioRecord | None = None, *, only: bool = False) -> Run:
    """A healthy run with a soak, or only the soak."""
    run = healthy_run()
    return replace(run, scenarios={**({} if only else run.scenarios), "soak": soak(record)})


def of_plan(record: ScenarioRecord, *phases: str) -> ScenarioRecord:
    """Only these phases are planned."""
    kept = tuple(phase for phase in record.plan.phases if phase.name in phases)
    return changed(record, plan=msgspec.structs.replace(record.plan, phases=kept))


def test_a_healthy_soak_leaves_a_green_run_green() -> None:
    """All that applies to it passes, leaks and drift among it, and what is another scenario's own is not asked."""
    verdicts = verdicts_of(with_soak())
    assert {one.status for one in verdicts.values()} == {"PASS"}
    assert verdicts.keys() >= LEAKS | {"drift", "generator", "calibration", "success-outside", "latency-outside"}
    assert not verdicts.keys() & {"batch", "smoke-latency", "behaviour", "queue-outside", "rules", "dashboard"}
    assert judge(with_soak(), LIMITS).colour == "GREEN"


def test_a_soak_only_is_no_data_and_reports_its_own_verdicts() -> None:
    """None of the six passes by it; its figures stand below them."""
    report = judge(with_soak(only=True), LIMITS)
    assert report.headline.endswith("have no data; smoke, load, batch not run")
    assert {one.status for one in report.assertions} == {"NO DATA"}
    text = runbook_text(report)
    count = len(verdicts_of(with_soak()))
    assert f"soak: {count} PASS, 0 FAIL, 0 NO DATA" in text
    assert "    PASS    leak-memory: memory changed by " in text
    assert "soak:" not in runbook_text(judge(healthy_run(), LIMITS))


def test_a_soak_can_make_a_release_red() -> None:
    """What fails in it fails the run, and the assertion that it belongs to."""
    report = judge(with_soak(waited("measure", 12.0)(healthy("load"))), LIMITS)
    assert report.colour == "RED"
    assert report.assertions[1].status == "FAIL"
    assert report.assertions[1].reason.startswith("soak/latency-outside: ")
    assert "    FAIL    latency-outside: P95 of 100 exports" in runbook_text(report)


def test_a_rate_that_rises_says_nothing_of_drift() -> None:
    """Where arrivals keep no one rate and nothing was exported one by one, exports differ by their load."""
    record = of_plan(healthy("load"), "measure")
    moments = [40 * (index / 200) ** 0.5 for index in range(200)]

    def at(plan: Plan, times: list[float]) -> Plan:
        (phase,) = plan.phases
        requests = tuple(
            msgspec.structs.replace(phase.requests[0], index=index, intended_s=one) for index, one in enumerate(times)
        )
        return msgspec.structs.replace(plan, phases=(msgspec.structs.replace(phase, mode="open", requests=requests),))

    rising = changed(record, plan=at(record.plan, moments))
    even = changed(record, plan=at(record.plan, [index / 5 for index in range(200)]))
    assert "drift" not in verdicts_of(with_soak(rising))
    assert "drift" in verdicts_of(with_soak(even)) and "drift" in verdicts_of(with_soak(record))


@pytest.mark.parametrize("fmt", ["csv", "pdf"])
def test_a_format_that_is_not_asked_for_is_not_missed(fmt: str) -> None:
    """A profile of one format has no files of the other."""
    record = healthy("load")
    kept = tuple(
        msgspec.structs.replace(phase, requests=tuple(one for one in phase.requests if one.format == fmt))
        for phase in record.plan.phases
    )
    said = verdicts_of(with_soak(changed(record, plan=msgspec.structs.replace(record.plan, phases=kept))))
    assert {"csv-contents", "pdf-contents"} & said.keys() == {f"{fmt}-contents"}


def test_an_unfit_generator_counts_in_additional_scenarios_too() -> None:
    """Where the soak's generator was not fit, what rests on its clock is no data."""
    record = healthy("load")
    lame = with_scenario(record, generator=msgspec.structs.replace(record.scenario.generator, cpu_ratio=1.0))
    verdicts = verdicts_of(with_soak(lame))
    assert verdicts["throughput"].status == "NO DATA"
    assert verdicts["success-outside"].judgement.reason.startswith("the generator was not fit in soak: ")


@pytest.mark.parametrize(
    ("phases", "there", "missing"),
    [
        (("measure",), {"throughput", "health", "drift", "latency-outside"}, LEAKS),
        (("leak",), {"drift", *LEAKS}, {"throughput", "health", "latency-outside"}),
        (("warmup",), {"answers", "moved", "requests"}, {"drift", "throughput", "health", *LEAKS}),
    ],
)
def test_what_is_judged_follows_from_the_plan(phases: tuple[str, ...], there: set[str], missing: set[str]) -> None:
    """A check that needs a phase judges only scenarios that planned it."""
    seen = verdicts_of(with_soak(of_plan(healthy("load"), *phases))).keys()
    assert seen >= there
    assert not seen & missing


def test_few_large_exports_are_not_held_against_their_limit() -> None:
    """Fewer than 59 planned exports of 10k records have no upper bound, so the check does not apply."""
    record = healthy("load")
    for count, judged in ((58, False), (59, True)):
        phases = each(
            record.plan.phases,
            lambda phase, count=count: {"requests": phase.requests[:count]},  # type: ignore[misc]
        )
        short = changed(record, plan=msgspec.structs.replace(record.plan, phases=phases))
        assert ("latency-outside" in verdicts_of(with_soak(short))) is judged


def test_every_rule_is_of_a_check_that_exists() -> None:
    """No misspelt check can be left out in silence."""
    assert APPLIES.keys() <= {check.id for check in CHECKS}


def test_a_record_that_can_not_be_read_is_no_data(tmp_path: Path) -> None:
    """An additional scenario whose record is broken has its verdicts, none of them a pass."""
    folder = write_run(with_soak(), tmp_path)
    assert names(load_run(folder, SCENARIOS)) == ("soak",)
    (folder / "soak" / "scenario.json").unlink()
    run = load_run(folder, SCENARIOS)
    assert "scenario.json is missing" in run.problems["soak"]
    verdicts = verdicts_of(run)
    assert {one.status for one in verdicts.values()} == {"NO DATA"}
    assert "answers" in verdicts
    assert judge(run, LIMITS).colour == "NO DATA"


def arriving(record: ScenarioRecord, moments: list[float]) -> ScenarioRecord:
    """The measure phase with these moments for its requests."""

    def moved(request: Request) -> dict[str, float]:
        return {"intended_s": moments[request.index % len(moments)]}

    phases = each(
        record.plan.phases, lambda phase: {"requests": each(phase.requests, moved)} if phase.name == "measure" else None
    )
    plan: Plan = msgspec.structs.replace(record.plan, phases=phases)
    return changed(record, plan=plan)


def slowing(record: ScenarioRecord) -> ScenarioRecord:
    """Each export of measure takes longer than the one before."""
    return with_hits(
        record, lambda hit: {"end": hit.start + 0.1 + 0.02 * hit.index} if hit.phase == "measure" else None
    )


def test_drift_of_steady_arrivals_is_seen_with_the_leak_series() -> None:
    """Arrivals at one rate that get slower are a drift; after a spike, or from clients that wait, it may be a queue."""
    record = slowing(healthy("load"))
    steady, spike = [float(second) for second in range(1, 101)], [1.0] * 90 + [float(second) for second in range(10)]
    assert drift(arriving(record, steady), LIMITS).status == "FAIL"
    assert "in measure" in drift(arriving(record, steady), LIMITS).reason
    assert drift(arriving(record, spike), LIMITS).status == "PASS"
    assert drift(record, LIMITS).status == "PASS"


def renamed(record: ScenarioRecord, old: str, new: str) -> ScenarioRecord:
    """The record with a phase of another name, which says in the plan what it is judged for."""

    def phase_named(one: PhasePlan) -> PhasePlan:
        named = new if one.name == old else one.name
        return msgspec.structs.replace(one, name=named, judge=tuple(sorted(one.judged_for)))

    def moved(one: Hit | Scrape | Probe | HealthProbe) -> dict[str, str] | None:
        return {"phase": new} if one.phase == old else None

    plan = msgspec.structs.replace(record.plan, phases=tuple(phase_named(one) for one in record.plan.phases))
    runs = each(record.scenario.phases, lambda run: {"name": new} if run.name == old else None)
    return changed(
        with_scenario(record, phases=runs),
        plan=plan,
        hits=each(record.hits, moved),
        scrapes=each(record.scrapes, moved),
        probes=each(record.probes, moved),
        health=each(record.health, moved),
    )


@pytest.mark.parametrize(
    ("scenario", "old", "new"),
    [
        ("load", "measure", "main"),
        ("load", "solo", "first"),
        ("load", "warmup", "begin"),
        ("smoke", "measure", "main"),
        ("batch", "sequence", "five"),
        ("batch", "burst", "crowd"),
        ("batch", "edge", "over"),
    ],
)
def test_a_phases_name_decides_nothing(scenario: str, old: str, new: str) -> None:
    """With another name for a phase of the same purpose every verdict is the same."""
    by_name = judge(healthy_run(), LIMITS)
    own = judge(healthy_run(**{scenario: renamed(healthy(scenario), old, new)}), LIMITS)
    assert [(one.scenario, one.id, one.status) for one in own.verdicts] == [
        (one.scenario, one.id, one.status) for one in by_name.verdicts
    ]
    assert own.colour == by_name.colour == "GREEN"


def test_a_slow_phase_of_ones_own_name_fails() -> None:
    """What fails in `measure` fails in `main`."""
    slow = renamed(waited("measure", 12.0)(healthy("load")), "measure", "main")
    failed = {one.id for one in judge(healthy_run(load=slow), LIMITS).verdicts if one.status == "FAIL"}
    assert failed == {"latency-outside"}
