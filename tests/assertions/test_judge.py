"""The judge: from verdicts to six assertions, a colour and a headline; waivers, missing scenarios, broken checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.checks.check import Check, RunRecordCheck, ScenarioCheck, ToolsCheck
from assertions.judge import WAIVABLE, Report, blocks, judge
from assertions.limits import Limits
from assertions.record.run import Run
from assertions.record.view import ScenarioRecord
from assertions.summary import runbook_text
from assertions.verdicts import Reading, Verdict, failed, judge_reading, no_data, number, passed
from tests.assertions.cases.conduct import lost
from tests.assertions.cases.instrument import generated, phase
from tests.assertions.cases.latency import waited
from tests.assertions.cases.resources import held_in
from tests.assertions.healthy.records import changed, healthy, healthy_run, values, with_pages, with_scenario

LIMITS = limits_file.load()
TITLES = [six.title for six in ASSERTIONS]


def report_of(run: Run | None = None, waivers: Mapping[str, str] | None = None, **scenarios: ScenarioRecord) -> Report:
    """A healthy run with these scenarios in place of the healthy ones, judged."""
    return judge(run or healthy_run(**scenarios), LIMITS, waivers)


def verdict(report: Report, name: str) -> Verdict:
    """The verdict `<scenario>/<id>`."""
    return next(one for one in report.verdicts if f"{one.scenario}/{one.id}" == name)


def statuses(report: Report) -> dict[str, str]:
    """The six by title."""
    return {assertion.title: assertion.status for assertion in report.assertions}


def only(*names: str) -> Run:
    """A healthy run with these scenarios only."""
    run = healthy_run()
    return replace(run, scenarios={name: run.scenarios[name] for name in names})


def unseen(record: ScenarioRecord) -> ScenarioRecord:
    """The target's process can't be seen."""
    return with_scenario(record, target_pid=None, pid_note="on another machine")


def all_unseen() -> Run:
    """A run whose target's process was never seen."""
    return healthy_run(**{name: unseen(healthy(name)) for name in ("smoke", "load", "batch")})


def test_every_check_has_its_verdicts_in_the_lists_order() -> None:
    """Each check speaks once a scenario, or once for the run, always in the same order."""
    expected = [
        f"{name}/{check.id}"
        for check in CHECKS
        for name in (check.scenarios if check.scope == "scenario" else ("run",))
    ]
    assert [f"{one.scenario}/{one.id}" for one in report_of().verdicts] == expected
    assert [f"{one.scenario}/{one.id}" for one in report_of(only()).verdicts] == expected


def test_check_ids_are_unique() -> None:
    """No two checks share a name."""
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_the_six_rest_on_checks_that_exist() -> None:
    """The six assertions are the contract's, and name no check that is not in the list."""
    assert TITLES == [
        "Metrics Coverage",
        "Latency P95 < 10s",
        "Success Rate >= 95%",
        "Concurrent <= 5",
        "Queue Depth <= 100",
        "Bytes Exported > 0",
    ]
    assert {one for six in ASSERTIONS for one in (*six.target, *six.outside, *six.agreement)} <= {c.id for c in CHECKS}


def test_each_assertion_needs_the_target_and_the_outside() -> None:
    """None of the six rests on one source only, and each says what both reported."""
    assert all(six.target and six.outside for six in ASSERTIONS)
    latency = report_of().assertions[1]
    assert latency.target.startswith("P95 of 108 exports of 10k records by the target")
    assert latency.outside == "P95 of 100 exports of 10k records: 529 ms (limit < 10 s)"
    assert latency.reason == "target and client both pass and agree"
    assert latency.verdicts[:2] == ("load/latency-target", "smoke/histogram")


def test_a_fail_of_one_source_fails_only_its_assertion() -> None:
    """What the client saw turns the latency red though the target says otherwise, and no other."""
    report = report_of(load=waited("measure", 12.0)(healthy("load")))
    assert statuses(report) == {title: "FAIL" if title == TITLES[1] else "PASS" for title in TITLES}
    because = report.assertions[1]
    assert because.reason == ("load/latency-outside: P95 of 100 exports of 10k records: 12 s (limit < 10 s)")
    assert because.outside == because.reason.removeprefix("load/latency-outside: ")
    assert (because.critical, report.colour) == (False, "RED")
    assert report.headline == f"RED: 1 of {len(report.verdicts)} verdicts failed"


@pytest.mark.parametrize(("seconds", "critical"), [(29.5, False), (30.0, True)])
def test_critical_failures_are_counted(seconds: float, critical: bool) -> None:
    """From its critical bound on a failure is reported as critical, in the assertion and in the headline."""
    report = report_of(load=waited("measure", seconds)(healthy("load")))
    assert report.assertions[1].critical is critical
    assert ("1 of them critical" in report.headline) is critical
    assert ("❌ FAIL (critical)  Latency P95 < 10s" in runbook_text(report)) is critical


def test_a_failure_outside_the_six_makes_the_run_red() -> None:
    """A leak turns no assertion, but the colour."""
    report = report_of(batch=held_in("sequence", 90_000_000)(healthy("batch")))
    assert set(statuses(report).values()) == {"PASS"}
    assert (report.colour, report.headline) == ("RED", f"RED: 1 of {len(report.verdicts)} verdicts failed")


def test_red_reports_how_many_have_no_data() -> None:
    """A failure does not hide what was not measured."""
    slow = waited("measure", 12.0)(unseen(healthy("load")))
    assert report_of(load=slow).headline.startswith("RED: 1 of ")
    assert report_of(load=slow).headline.endswith("; 6 have no data")


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ((), "smoke, load, batch"),
        (("smoke",), "load, batch"),
        (("smoke", "load"), "batch"),
        (("load",), "smoke, batch"),
    ],
)
def test_scenarios_that_were_not_run_are_waited_for(there: tuple[str, ...], missing: str) -> None:
    """Until all scenarios have been run the colour is NO DATA, and the headline names what is missing."""
    report = report_of(only(*there))
    assert report.colour == "NO DATA"
    assert report.headline.endswith(f" verdicts have no data; {missing} not run")
    waiting = [one for one in report.verdicts if one.judgement.waiting]
    assert {one.status for one in waiting} == {"NO DATA"}
    assert all(blocks(one) for one in waiting)
    first = missing.split(", ", maxsplit=1)[0]
    assert verdict(report, "run/success-target").judgement.reason == f"the scenario {first} has not been run"


def test_optional_checks_stop_green_only_while_they_wait() -> None:
    """What can't be seen in a scenario that was run may stay unseen; before the run it may not."""
    blind = with_scenario(healthy("load"), leftovers=None)
    report = report_of(load=blind)
    assert (verdict(report, "load/leftovers").status, report.colour) == ("NO DATA", "GREEN")
    assert blocks(verdict(report_of(only("smoke", "batch")), "load/leftovers"))
    assert blocks(verdict(report_of(load=with_scenario(healthy("load"), leftovers=("x",))), "load/leftovers"))


def test_what_is_there_may_be_too_bad_already() -> None:
    """A check over all scenarios fails before the last of them was run, but never passes."""
    slow = changed(healthy("smoke"))
    six = with_pages(slow, values("export_concurrent_running", lambda _: 6))
    run = replace(healthy_run(), scenarios={"smoke": six})
    found = verdict(report_of(run), "run/concurrency-target")
    assert found.status == "FAIL"
    assert found.judgement.reason.startswith("most exports running at once in")
    assert verdict(report_of(only("smoke", "load")), "run/concurrency-target").judgement.waiting


def test_a_record_that_can_not_be_read_is_no_data_with_its_reason() -> None:
    """A broken scenario is reported as such in each check that needs it, and in none that does not."""
    run = replace(only("smoke", "load"), problems={"batch": "hits.jsonl line 3 is no Hit: x"})
    report = report_of(run)
    for name in ("batch/batch", "run/queue-outside", "run/success-target", "batch/generator"):
        judgement = verdict(report, name).judgement
        assert (judgement.status, judgement.reason) == ("NO DATA", "hits.jsonl line 3 is no Hit: x")
        assert not judgement.waiting
    assert verdict(report, "load/drift").status == "PASS"
    assert report.headline.endswith("verdicts have no data; hits.jsonl line 3 is no Hit: x")


def _breaking(record: Any, limits: Limits) -> Any:
    raise ZeroDivisionError("float division by zero")


@pytest.mark.parametrize("kind", [ScenarioCheck, RunRecordCheck, ToolsCheck])
def test_a_check_that_breaks_is_no_data(kind: type[Check], monkeypatch: pytest.MonkeyPatch) -> None:
    """A check's own crash is reported in its verdict, and the others are judged all the same."""
    broken = kind(id="broken", title="Broken", scenarios=("load",), judge=_breaking)
    monkeypatch.setattr("assertions.judge.CHECKS", (*CHECKS, broken))
    report = report_of()
    found = report.verdicts[-1]
    assert (found.id, found.status) == ("broken", "NO DATA")
    assert found.judgement.reason == "the check broke on this record: ZeroDivisionError: float division by zero"
    assert (report.colour, set(statuses(report).values())) == ("NO DATA", {"PASS"})


def test_a_waiver_by_id_covers_no_data() -> None:
    """A NO DATA that somebody accepts, with a reason, lets the run be green, and the headline says so."""
    run = replace(healthy_run(), dashboard=None)
    assert (report_of(run).colour, report_of(run).headline) == (
        "NO DATA",
        f"NO DATA: 1 of {len(report_of().verdicts)} verdicts have no data; "
        "dashboard.json is not there; `python -m dashboards check` has not been run",
    )
    waived = report_of(run, {"dashboard": "no dashboard here"})
    found = verdict(waived, "run/dashboard")
    assert (found.status, found.waived, found.green) == ("NO DATA", "no dashboard here", True)
    assert (waived.colour, waived.headline) == ("GREEN", "GREEN, waived: dashboard (no dashboard here)")
    assert waived.waivers == {"dashboard": "no dashboard here"}


def test_a_waiver_by_group_covers_the_group() -> None:
    """`memory` covers all checks that need the target's process, and is named once."""
    assert report_of(all_unseen()).colour == "NO DATA"
    waived = report_of(all_unseen(), {"memory": "a remote target"})
    assert waived.headline == "GREEN, waived: memory (a remote target)"
    covered = {one.id for one in waived.verdicts if one.waived}
    assert covered == {"memory", "memory-agree", "leak-memory", "leak-fds", "leak-threads", "leak-children"}


def test_a_waiver_covers_neither_fail_nor_pass() -> None:
    """A failure stays one whatever is waived, and a pass is not marked."""
    bad = held_in("sequence", 90_000_000)(healthy("batch"))
    report = report_of(batch=bad, waivers={"memory": "please", "memory-agree": "please"})
    assert (report.colour, verdict(report, "batch/memory-agree").waived) == ("RED", None)
    assert [one.id for one in report.verdicts if one.waived] == []
    assert not verdict(report, "batch/memory-agree").green


def test_a_waiver_of_another_check_covers_nothing() -> None:
    """Only what is named is accepted."""
    report = report_of(replace(healthy_run(), dashboard=None), {"rules": "x", "": "y"})
    assert (report.colour, [one.id for one in report.verdicts if one.waived]) == ("NO DATA", [])


def test_what_may_be_waived_are_ids_and_groups() -> None:
    """Names that a waiver may bear are the checks' and their groups', never the empty one."""
    assert {check.id for check in CHECKS} | {"memory", "prometheus"} == WAIVABLE


def test_an_unfit_generator_takes_back_what_rests_on_its_clock() -> None:
    """Where the generator measured itself, its clock neither passes nor fails anything."""
    slow = waited("measure", 12.0)(generated(cpu_ratio=0.99)(healthy("load")))
    report = report_of(load=slow)
    by_clock = {check.id for check in CHECKS if check.by_clock}
    reason = "the generator was not fit in load: share of a core that the load generator used: 99 %"
    taken = {one.id for one in report.verdicts if one.judgement.reason.startswith(reason) and one.id != "generator"}
    assert taken == by_clock - {"smoke-latency", "batch"}
    assert verdict(report, "load/latency-outside").status == "NO DATA"
    assert verdict(report, "load/latency-outside").judgement.readings != ()
    assert verdict(report, "load/latency-target").status == "PASS"
    assert verdict(report, "batch/health").status == "PASS"
    assert (statuses(report)[TITLES[1]], report.colour) == ("NO DATA", "NO DATA")


def test_a_generator_that_died_takes_back_what_rests_on_its_record() -> None:
    """Of two generators one took its record with it: a target that counted its requests, too, is not to blame."""
    whole = healthy("load")
    half = changed(whole, hits=whole.hits[::2])
    assert "requests" in {one.id for one in report_of(load=half).verdicts if one.status == "FAIL"}
    by_record = {check.id for check in CHECKS if check.by_record}
    for cut in (generated(workers=2, end_marks=1), phase("measure", completed=False, note="interrupted")):
        report = report_of(load=cut(half))
        taken = {one.id for one in report.verdicts if one.judgement.reason.startswith("requests may be missing")}
        assert taken == by_record - {"queue-agree"}
        assert report.colour == "NO DATA"


def test_what_we_broke_off_ourselves_is_no_ones_fault() -> None:
    """Requests and downloads that a stop of ours ended say nothing of the target."""
    stopped = phase("measure", completed=False, note="interrupted")(lost(30, "interrupted")(healthy("load")))
    report = report_of(load=stopped)
    assert (report.colour, verdict(report, "load/answered").status) == ("NO DATA", "PASS")
    assert report_of(load=lost(30)(healthy("load"))).colour == "RED"


def test_what_the_target_counts_as_failed_for_us_is_not_held_against_it() -> None:
    """An export that we broke off may be counted as failed; any more than those are its own."""
    counted = values('export_requests_total{format="csv",status="failed",user="loadtest"}', lambda value: value + 60)
    failing = with_pages(healthy("load"), counted, lambda scrape: scrape.moment == "after")
    for broken_off, word in ((0, "FAIL"), (20, "FAIL"), (60, "PASS")):
        report = report_of(load=lost(broken_off, "interrupted")(failing))
        assert verdict(report, "run/success-target").status == word, broken_off


def test_an_unfit_generator_of_one_scenario_leaves_the_others() -> None:
    """In smoke an unfit generator takes the smoke latency, not the load's."""
    report = report_of(smoke=generated(exit_code=1)(healthy("smoke")))
    assert verdict(report, "smoke/smoke-latency").status == "NO DATA"
    assert verdict(report, "load/latency-outside").status == "PASS"
    assert verdict(report, "run/success-outside").judgement.reason.startswith("the generator was not fit in smoke: ")


def test_a_scenario_that_was_not_run_is_no_unfit_generator() -> None:
    """What waits for a scenario says so, not that a generator was unfit."""
    report = report_of(only("smoke", "load"))
    assert not any("was not fit" in one.judgement.reason for one in report.verdicts)


def test_the_report_has_its_limits_and_comes_back_from_json() -> None:
    """verdict.json is the report, and reads back equal."""
    report = report_of(all_unseen(), {"memory": "a remote target"})
    assert report.limits_sha256 == LIMITS.sha256
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_judging_twice_gives_the_same() -> None:
    """The judge is a function of what it is given."""
    assert report_of() == report_of()


READING = Reading(name="x", value=None, unit="ms", source="hits.jsonl")
LIMIT = LIMITS["latency_p95_ms"]


def test_a_reading_without_a_value_is_no_data() -> None:
    """What could not be read says from where, and bears its limit."""
    assert judge_reading(LIMIT, READING, "P95") == no_data(
        "P95 could not be read from hits.jsonl", READING, limit=LIMIT
    )


@pytest.mark.parametrize(
    ("value", "status", "critical"),
    [
        (9_999.9, "PASS", False),
        (10_000.0, "FAIL", False),
        (29_999.0, "FAIL", False),
        (30_000.0, "FAIL", True),
        (float("nan"), "FAIL", True),
        (float("inf"), "FAIL", True),
        (float("-inf"), "FAIL", False),
    ],
)
def test_a_reading_against_its_limit(value: float, status: str, critical: bool) -> None:
    """Just inside, at, beyond, beyond critical, and what is no finite number."""
    judged = judge_reading(LIMIT, msgspec.structs.replace(READING, value=value), "P95", catches="more")
    assert (judged.status, judged.critical, judged.catches) == (status, critical, "more" if status == "PASS" else "")


def test_pass_and_fail_explain_themselves() -> None:
    """Each verdict bears its reason, its readings and its limit."""
    assert passed("fine", READING, limit=LIMIT).readings == (READING,)
    assert (failed("bad").reason, failed("bad").limit, failed("bad").status) == ("bad", None, "FAIL")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-5.0, "-5"),
        (1_234_567.0, "1,234,567"),
        (99.96, "99.96"),
        (100.04, "100.0"),
        (12_345.678, "12,345.7"),
        (0.000123456, "0.0001235"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_as_a_person_reads_them(value: float, text: str) -> None:
    """Whole numbers exactly, others to what matters."""
    assert number(value) == text


def test_the_run_knows_its_folder() -> None:
    """A run is of a directory."""
    assert healthy_run().path == Path("run")
