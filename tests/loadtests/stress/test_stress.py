"""Stress, the pure part: what a step shows, which rate comes next, what a search found; no clock, no target."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assertions import limits as limits_file
from assertions.record.types import Generator, Hit, PhaseRun, Scenario
from loadtests.stress.search import (
    CLOSE,
    MOST_STEPS,
    CaseResult,
    Search,
    Step,
    Stress,
    Word,
    bounds,
    conclude,
    deciding,
    exit_code,
    judge_step,
    next_rate,
    search_for,
    step_seconds,
)
from loadtests.stress.table import table

LIMITS = limits_file.load()
AT = 1_795_000_000.0


def hit(index: int, *, took_s: float = 0.1, late_s: float = 0.0, status: int | None = 200, error: str | None = None,
        gap_s: float = 0.1) -> Hit:  # fmt: skip
    """One export asked for at its place on an even grid."""
    start = AT + index * gap_s + late_s
    return Hit(
        id=f"step-{index}", phase="step", index=index, case="csv-10k", method="POST", path="/export/run", format="csv",
        records=10_000, user="loadtests", tag=None, bytes_sent=1_000_000, intended=AT + index * gap_s, start=start,
        end=start + took_s, status=status, error=error, headers={}, answer=None, client="locust-0-0",
    )  # fmt: skip


def scenario(planned: int, **generator: object) -> Scenario:
    """A step's scenario, whole, with a generator that had time to spare unless set otherwise."""
    made: dict[str, object] = {
        "exit_code": 0, "version": "2", "cpu_ratio": 0.2, "event_loop_lag_p99_ms": 3.0,
        "start_delay_p99_ms": 1.0, "end_marks": 1,
        "workers": 1, "scheduling_delay_p99_ms": 1.0,
    }  # fmt: skip
    return Scenario(
        name="step", target="http://127.0.0.1:1", embedded=False, target_pid=None, pid_note="", start=AT, end=AT + 9,
        phases=(PhaseRun(name="step", start=AT, end=AT + 9, planned=planned, recorded=planned, completed=True),),
        generator=msgspec.convert(made | generator, Generator), exports_folder=None, leftovers=None,
    )  # fmt: skip


def judged(hits: list[Hit], whole: Scenario | None = None) -> Step:
    """What a step of these hits shows."""
    return judge_step(1, 10.0, len(hits) / 10, hits, whole or scenario(len(hits)), LIMITS)


def step(rate: float, word: Word) -> Step:
    """A step of which only rate and word matter."""
    return Step(
        number=1, rate_per_s=rate, seconds=5, planned=9, done=9, refused=0, failed=0, intended=None, sent=None,
        growth=None, start_delay_p99_ms=1.0, cpu_ratio=0.1, word=word, reason=f"{word} at {rate:g}",
    )  # fmt: skip


def searched(search: Search, truth: float) -> list[Step]:
    """All steps of a search on a target that holds up to a rate and breaks above it."""
    steps: list[Step] = []
    while (rate := next_rate(search, steps)) is not None:
        steps.append(step(rate, "held" if rate <= truth else "broke"))
        assert len(steps) <= MOST_STEPS
    return steps


def test_a_step_reports_latency_from_both_starts() -> None:
    """Percentiles from the intended start hold the lateness, those from the real start do not; nearest rank."""
    seen = judged([hit(index, took_s=(index + 1) / 1000, late_s=0.01) for index in range(100)])
    assert seen.word == "held"
    assert seen.intended is not None and seen.sent is not None
    assert (round(seen.sent.p50_ms), round(seen.sent.p95_ms), round(seen.sent.p99_ms)) == (50, 95, 99)
    assert (round(seen.intended.p50_ms), round(seen.intended.p95_ms), round(seen.intended.p99_ms)) == (60, 105, 109)
    assert (seen.planned, seen.done, seen.refused, seen.failed) == (100, 100, 0, 0)


@pytest.mark.parametrize(("took_s", "word"), [(9.999, "held"), (10.0, "broke"), (10.001, "broke")])
def test_p95_breaks_at_its_limit(took_s: float, word: Word) -> None:
    """The limit of the limits file is kept below 10 s, and broken at it."""
    seen = judged([hit(index, took_s=took_s - 1e-4 if word == "held" else took_s) for index in range(40)])
    assert seen.word == word
    assert word == "held" or seen.reason.startswith("P95 10,0")


@pytest.mark.parametrize(("failures", "word"), [(4, "held"), (5, "held"), (6, "broke")])
def test_success_breaks_below_its_limit(failures: int, word: Word) -> None:
    """95 of 100 done is enough, 94 is not; a request without any answer counts as not done."""
    hits = [hit(index, status=None if index % 2 else 500, error="reset" if index % 2 else None)
            for index in range(failures)] + [hit(index) for index in range(failures, 100)]  # fmt: skip
    seen = judged(hits)
    assert (seen.word, seen.failed) == (word, failures)


def test_one_refusal_breaks_a_step() -> None:
    """A single 429 breaks it, though success is still above its limit."""
    seen = judged([hit(0, status=429), *(hit(index) for index in range(1, 100))])
    assert (seen.word, seen.refused, seen.reason) == ("broke", 1, "1 of 100 refused with 429")


def test_a_target_that_falls_behind_breaks_before_the_limit_does() -> None:
    """Latency that grows by half a second each second breaks the step, one that grows by 5 % of the time does not."""
    behind = judged([hit(index, took_s=0.2 + 0.05 * index) for index in range(60)])
    assert behind.word == "broke"
    assert behind.growth == pytest.approx(0.5, abs=0.01)
    assert "falls behind: latency grew by 0.50 s each second" in behind.reason
    assert judged([hit(index, took_s=0.2 + 0.005 * index) for index in range(60)]).word == "held"


@pytest.mark.parametrize(("others", "reported"), [(0.15, False), (0.16, True), (None, False)])
def test_a_break_with_busy_neighbours_says_so(others: float | None, reported: bool) -> None:
    """It stays a break, and its reason tells whose it may be; a rate that held does not need to."""
    hits = [hit(index, took_s=20) for index in range(30)]
    seen = judge_step(1, 10.0, 3.0, hits, scenario(30), LIMITS, others)
    assert (seen.word, seen.others_ratio) == ("broke", others)
    assert seen.reason.endswith("(others kept 16% of the machine busy)") is reported
    kept = judge_step(1, 10.0, 3.0, [hit(index) for index in range(30)], scenario(30), LIMITS, 0.9)
    assert "others" not in kept.reason


def test_long_exports_of_few_arrivals_are_not_taken_for_growth() -> None:
    """Fewer than six tell no growth, and latency that did not rise by a quarter is noise, however steep it looks."""
    assert judged([hit(index, took_s=1 + index) for index in range(5)]).growth is None
    noisy = judged([hit(index, took_s=6 + 0.1 * index, gap_s=0.5) for index in range(8)])
    assert noisy.growth is not None and noisy.growth > 0.1
    assert noisy.word == "held"


def test_timeouts_count_with_the_time_they_waited() -> None:
    """An export without answer for 30 s raises P95; one whose connection broke does not lower it."""
    hits = [hit(index) for index in range(97)] + [
        hit(index, took_s=30, status=None, error="timeout") for index in (97, 98)
    ]
    hits.append(hit(99, took_s=0, status=None, error="reset"))
    seen = judged(hits)
    assert seen.intended is not None
    assert (seen.intended.count, round(seen.intended.p99_ms)) == (99, 30_000)


@pytest.mark.parametrize(
    ("generator", "late_s", "said"),
    [
        ({"cpu_ratio": 0.95}, 0.0, "the generator was the bottleneck: its share of a core was 0.95"),
        ({"cpu_ratio": None}, 0.0, "the generator was the bottleneck: its share of a core was unknown"),
        ({"event_loop_lag_p99_ms": 251.0}, 0.0, "the generator was the bottleneck: its event-loop lag P99 was 251"),
        ({}, 0.101, "the generator was the bottleneck: its lateness P99 was 101"),
        ({"exit_code": None}, 0.0, "the load generator ended with None"),
        ({"end_marks": 0}, 0.0, "the load generator ended with 0 and 0 of 1 end marks"),
    ],
)
def test_a_generator_that_was_the_bottleneck_makes_no_data(
    generator: dict[str, object], late_s: float, said: str
) -> None:
    """Neither held nor broke, however the target looked: the load was not what was asked."""
    for took_s in (0.1, 20.0):
        hits = [hit(index, took_s=took_s, late_s=late_s) for index in range(30)]
        seen = judged(hits, scenario(30, **generator))
        assert (seen.word, seen.reason[: len(said)]) == ("no data", said)


def test_a_record_that_is_not_whole_makes_no_data() -> None:
    """Missing hits, requests that found no connection and a phase cut short are no verdict."""
    hits = [hit(index) for index in range(30)]
    assert judged(hits, scenario(31)).reason == "30 of 31 requests were recorded"
    unsent = [*hits[:29], hit(29, status=None, error="not-sent")]
    assert judged(unsent).reason == "the generator had no connection left for 1 of 30 requests"
    whole = scenario(30)
    cut = msgspec.structs.replace(
        whole,
        phases=(msgspec.structs.replace(whole.phases[0], completed=False, ended="interrupted", note="interrupted"),),
    )
    assert judged(hits, cut).reason == "the load was cut short: interrupted"
    assert judged([], scenario(0)).word == "no data"


@given(st.floats(0.01, 900), st.floats(1, 9000))
def test_a_search_ends_with_the_truth_between_its_bounds(truth: float, unloaded_ms: float) -> None:
    """Wherever the break is, the highest that held is at or below it and the lowest that broke above it."""
    search = search_for([unloaded_ms], (), 1000.0, LIMITS)
    held, broke = bounds(searched(search, truth))
    assert held is None or held <= truth
    assert broke is None or broke > truth
    if held and broke:
        assert broke / held <= CLOSE or len(searched(search, truth)) == MOST_STEPS
    if held is None:
        assert broke is not None and broke / 2 < search.least_per_s


def test_a_search_rises_by_doubling_then_closes_in() -> None:
    """From the rate of one after the other: 10, 20, 40 breaks, then once between."""
    search = search_for([100.0], (), 1000.0, LIMITS)
    assert [one.rate_per_s for one in searched(search, 23.0)] == [10, 20, 40, 28.3]
    assert [one.rate_per_s for one in searched(search, 4.0)] == [10, 5, 2.5, 3.54]


def test_a_search_does_not_fall_to_exports_made_send_unloaded() -> None:
    """A rate at which fewer than two would come in a step is not tried; longer steps may go lower."""
    search = search_for([8_000.0], (), 1000.0, LIMITS)
    assert [one.rate_per_s for one in searched(search, 0)] == [0.125]
    longer = search_for([8_000.0], (), 1000.0, LIMITS, 120.0)
    assert [one.rate_per_s for one in searched(longer, 0)] == [0.125, 0.0625, 0.0312]


def test_a_search_stops_at_the_highest_rate_allowed() -> None:
    """A target that never breaks is asked for the most, once, and no more."""
    search = search_for([100.0], (), 30.0, LIMITS)
    assert [one.rate_per_s for one in searched(search, math.inf)] == [10, 20, 30]


def test_given_rates_are_tried_upwards_until_one_breaks() -> None:
    """In ascending order whatever the order they are given in; nothing between is tried."""
    search = search_for([1.0], (40, 10, 20, 80), 1000.0, LIMITS)
    assert [one.rate_per_s for one in searched(search, 25)] == [10, 20, 40]
    assert [one.rate_per_s for one in searched(search, 100)] == [10, 20, 40, 80]
    assert [one.rate_per_s for one in searched(search, 5)] == [10]


def test_a_step_without_data_is_tried_once_more() -> None:
    """The same rate again; a second time ends the search."""
    search = search_for([100.0], (), 1000.0, LIMITS)
    steps = [step(10, "held"), step(20, "no data")]
    assert next_rate(search, steps) == 20
    assert next_rate(search, [*steps, step(20, "no data")]) is None
    assert next_rate(search, [*steps, step(20, "held")]) == 40


def test_an_export_over_the_limit_unloaded_gets_one_rate() -> None:
    """A slower rate would not make it quicker."""
    search = search_for([12_000.0], (), 1000.0, LIMITS)
    assert [one.rate_per_s for one in searched(search, 0)] == [0.0833]


def test_a_step_lasts_until_there_is_something_to_tell() -> None:
    """As long as asked, longer for rare arrivals, and never more than half a minute for these."""
    assert step_seconds(100, 5) == 5
    assert step_seconds(0.5, 5) == 12
    assert step_seconds(0.01, 5) == 30
    assert step_seconds(0.01, 60) == 60


def found(steps: list[Step], unloaded: list[Hit] | None = None) -> CaseResult:
    """What a search with these steps found."""
    return conclude("csv-10k", "csv", 10_000, 1_700_000, [hit(0)] if unloaded is None else unloaded, steps, LIMITS)


def test_what_was_found_is_named_for_what_it_is() -> None:
    """Between two rates, at least, below, no unloaded export, and no data rather than a rate."""
    between = found([step(10, "held"), step(20, "broke"), step(14, "held")])
    assert (between.outcome, between.highest_held_per_s, between.lowest_broke_per_s) == ("held", 14, 20)
    assert between.reason == "broke at 20"
    assert found([step(10, "held"), step(20, "held")]).outcome == "at least"
    assert found([step(10, "broke"), step(5, "broke")]).outcome == "below"
    refused = found([], [hit(0, status=413)])
    assert (refused.outcome, refused.reason) == ("below", "one export at rest was answered with 413")
    slow = found([step(0.1, "broke")], [hit(0, took_s=11)])
    assert slow.reason == "broke at 0.1; a single export at rest already took 11,000 ms"
    blind = found([step(10, "held"), step(20, "no data"), step(20, "no data")])
    assert (blind.outcome, blind.highest_held_per_s) == ("no data", None)
    assert blind.reason == "at 20/s no data at 20; it held up to 10/s"
    assert found([], []).outcome == "no data"


def test_exit_codes() -> None:
    """0 with a rate for every case, 1 where one held at none, 2 where one has no data or nothing was asked."""
    held, below = found([step(10, "held")]), found([step(10, "broke")])
    blind = found([step(20, "no data"), step(20, "no data")])
    assert [exit_code(one) for one in ([held], [held, below], [held, blind], [below, blind], [])] == [0, 1, 2, 1, 2]


def test_the_table_says_held_broke_and_why() -> None:
    """One line a case, with the word for how sure the rate is, and that it makes nothing GREEN."""
    cases = [
        found([step(10, "held"), step(20, "broke"), step(14, "held")]),
        found([step(10, "held")]),
        found([step(10, "broke")]),
        found([step(9, "no data"), step(9, "no data")]),
    ]
    stress = Stress(
        target="http://t", seed=1, limits_sha256="0", latency_limit="< 10 ms", success_limit=">= 1", found=tuple(cases)
    )
    lines = table(stress).splitlines()
    words = [" ".join(line.split()[2:5]) for line in lines[1:5]]
    assert words == ["14 20 9", "at least 10", "below 10 10", "NO DATA -"]
    assert lines[1].endswith("broke at 20")
    assert lines[-1].endswith("makes nothing GREEN.")
    assert (one := deciding(cases[0])) is not None and one.rate_per_s == 14


def test_what_was_found_is_read_back_as_written() -> None:
    """stress.json holds all that was found."""
    stress = Stress(
        target="t", seed=1, limits_sha256="0", latency_limit="<", success_limit=">", found=(found([step(10, "held")]),)
    )
    assert msgspec.json.decode(msgspec.json.encode(stress), type=Stress) == stress
