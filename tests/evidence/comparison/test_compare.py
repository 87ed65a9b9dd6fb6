"""What a comparison calls: thresholds, corrections, words, and how often it errs."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from assertions.record.files import read_one
from evidence.comparison import check
from evidence.comparison.compare import compare, decided
from evidence.comparison.conditions import Conditions, Place
from evidence.comparison.page import comparison_page
from evidence.comparison.samples import Key, samples_of
from evidence.comparison.text import changes, sentence, text
from evidence.comparison.types import MEASURES, Comparison, MeasureName, Outcome, Row, RunName, outcome_of
from tests.assertions.healthy.records import changed, healthy, with_hits

RUN = RunName(run_id="20260102T030405Z-42", started=1_767_323_045.0, colour="GREEN", subject="orders 2.3.1")


def row(measure: MeasureName = "latency", baseline: float = 100.0, newer: float = 100.0, **fields: Any) -> Row:
    """A row that was tested, with an interval of 1 % around its ratio; fields by name replace the usual ones."""
    ratio = newer / baseline if baseline else None
    usual: dict[str, Any] = {
        "scenario": "load",
        "phase": "measure",
        "case": "csv-10k",
        "measure": measure,
        "baseline": baseline,
        "newer": newer,
        "baseline_count": 50,
        "newer_count": 50,
        "ratio": ratio,
        "low": None if ratio is None else ratio * 0.99,
        "high": None if ratio is None else ratio * 1.01,
        "expected": 1.0 if MEASURES[measure].of_machine else None,
        "baseline_others": 0.05,
        "newer_others": 0.05,
        "baseline_used": 0.9,
        "newer_used": 0.9,
        "p": 0.0001,
        "p_adjusted": 0.001,
        "outcome": "no change",
        "reason": "",
    }
    return Row(**{**usual, **fields})


def comparison(*rows: Row, **fields: Any) -> Comparison:
    """A comparison of two runs."""
    usual: dict[str, Any] = {"baseline": RUN, "newer": replace(RUN, run_id="newer"), "problems": (), "notes": ()}
    return Comparison(**{**usual, "rows": rows, **fields})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (row(newer=114.9), "undecided"),
        (row(newer=115.1), "worse"),
        (row(newer=87.1), "undecided"),
        (row(newer=86.9), "better"),
        (row(newer=130.0, p_adjusted=0.0099), "worse"),
        (row(newer=130.0, p_adjusted=0.01), "undecided"),
        (row(newer=105.0), "no change"),
        (row(newer=105.0, high=1.16), "undecided"),
        (row(newer=105.0, low=0.85), "undecided"),
        (row(baseline=2.0, newer=2.99), "no change"),
        (row(baseline=2.0, newer=3.0), "worse"),
        (row("throughput", newer=80.0), "worse"),
        (row("throughput", newer=120.0), "better"),
        (row("bytes a record", newer=120.0), "worse"),
        (row("memory an export", baseline=3e6, newer=4.9e6), "no change"),
        (row("memory an export", baseline=3e6, newer=5.1e6), "worse"),
        (row("memory an export", baseline=0.0, newer=4e6), "undecided"),
        (row("/health P95", baseline=2.0, newer=101.9), "no change"),
        (row("/health P95", baseline=2.0, newer=102.1), "worse"),
        (row("/health P95", baseline=2.0, newer=500.0, newer_others=0.3), "undecided"),
        (row("/health P95", baseline=2.0, newer=500.0, newer_others=None), "undecided"),
        (row("success", baseline=1.0, newer=0.991, low=None, high=None), "no change"),
        (row("success", baseline=1.0, newer=0.985, low=None, high=None), "worse"),
        (row("success", baseline=0.98, newer=1.0, low=None, high=None), "better"),
        (row("success", baseline=1.0, newer=0.9, low=None, high=None, p_adjusted=0.2), "undecided"),
        (row("batch of five", newer=500.0, p=None, p_adjusted=None), "undecided"),
        (row(newer=139.0, expected=None), "undecided"),
        (row(newer=141.0, expected=None), "worse"),
        (row(newer=139.0, newer_others=None), "undecided"),
        (row("bytes a record", newer=120.0, newer_others=None), "worse"),
        (row(newer=130.0, expected=1.2), "no change"),
        (row(newer=130.0, expected=1.14), "undecided"),
        (row(newer=130.0, expected=1.12), "worse"),
        (row(newer=104.0, expected=0.9), "undecided"),
        (row(newer=106.0, expected=0.9), "worse"),
        (row("throughput", newer=80.0, expected=0.82), "no change"),
        (row("CPU an export", newer=120.0, expected=1.02), "worse"),
        (row(newer=158.0, baseline_others=0.05, newer_others=0.11), "worse"),
        (row(newer=157.0, baseline_others=0.05, newer_others=0.11), "undecided"),
        (row(newer=250.0, baseline_others=0.0, newer_others=0.5), "undecided"),
        (row(newer=290.0, baseline_others=0.0, newer_others=0.5), "worse"),
        (row(newer=139.0, baseline_others=0.26, newer_others=0.26), "undecided"),
        (row(newer=139.0, baseline_others=0.26, newer_others=0.26, baseline_used=0.84, newer_used=0.84), "worse"),
        (row(newer=139.0, baseline_others=0.26, newer_others=0.26, baseline_used=0.86, newer_used=0.84), "undecided"),
    ],
)
def test_outcomes(given: Row, expected: Outcome) -> None:
    """A change counts when the test says so and it is large enough, in share and in size."""
    assert outcome_of(given)[0] == expected


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (row("/health P95", baseline=2.0, newer=60.0, low=2.0, high=40.0), "less than 0.1 s apart"),
        (row("success", baseline=1.0, newer=0.991, low=None, high=None), "less than 1 point apart"),
        (row("success", baseline=1.0, newer=1.0, low=None, high=None), ""),
        (row(newer=101.0), ""),
    ],
)
def test_why_a_row_has_no_change(given: Row, reason: str) -> None:
    """A large share of a small figure is no change, and the row says below which difference."""
    assert outcome_of(given) == ("no change", reason)


def test_what_only_the_machine_leaves_undecided() -> None:
    """A doubled latency on a busy machine is no call, and neither a green word nor silence."""
    busy = row(newer=200.0, baseline_others=0.65, newer_others=0.84, outcome="undecided")
    both = comparison(busy, row("batch of five", p=None, p_adjusted=None, outcome="undecided"))
    assert changes(both)[1].startswith("1 undecided only because of the machine: p < 0.01 and more than 15 %")
    assert "1 undecided only because of the machine" in text(both, "measured")
    page = comparison_page(both, {}, {}, "measured")
    assert ">UNDECIDED<" in page
    assert "NOTHING WORSE" not in page
    untested = comparison(
        row(newer=200.0, p_adjusted=0.02, baseline_others=0.65, newer_others=0.84, outcome="undecided")
    )
    assert len(changes(untested)) == 1
    assert ">NOTHING WORSE<" in comparison_page(untested, {}, {}, "measured")


def test_why_a_row_is_undecided() -> None:
    """The reason names the other work, the CPU time, or that nothing is known of the machine."""
    assert outcome_of(row(newer=130.0, newer_others=0.3))[1] == (
        "other work took 5 % and 30 % of the machine's CPU time, so less than 100 % is no sign"
    )
    assert outcome_of(row(newer=130.0, baseline_others=0.8, newer_others=0.9))[1] == (
        "other work took 80 % and 90 % of the machine's CPU time, so less than a factor of 14 is no sign"
    )
    assert outcome_of(row(newer=130.0, expected=1.14))[1] == "the CPU time of an export by itself would make it +14 %"
    assert outcome_of(row(newer=120.0, expected=1.5))[1] == "the CPU time of an export by itself would make it +50 %"
    assert (
        outcome_of(row("CPU an export", newer=120.0, expected=1.1, low=None))[1]
        == "the machine by itself would make it +10 %"
    )
    assert outcome_of(row(newer=130.0, expected=None))[1] == (
        "how quick and busy the machine was is not known, so less than 40 % is no sign"
    )


def key(measure: MeasureName = "latency", case: str = "csv-1k") -> Key:
    """A key of the load scenario."""
    return Key(scenario="load", phase="measure", measure=measure, case=case)


def quiet(cpu_ms: float = 100.0, **fields: float | None) -> dict[Place, Conditions]:
    """Conditions of the measured phase of load on a quiet machine."""
    usual = {"cpu_ms": cpu_ms, "cpu_bound": 0.9, "reference_ms": 1.0, "others": 0.05}
    return {Place("load", "measure"): Conditions(**{**usual, **fields})}


def test_few_samples_are_never_called() -> None:
    """With fewer than eight samples of a run nothing is tested, and the row says how many there were."""
    [few] = compare({key(): (1.0,) * 7}, {key(): (9.0,) * 8})
    assert (few.outcome, few.p, few.reason) == ("undecided", None, "7 and 8 samples, and 8 of each are needed")


def test_what_only_one_run_has() -> None:
    """A measure of only one run is an undecided row."""
    rows = compare({key(case="a"): (1.0,) * 9}, {key(case="b"): (1.0,) * 9})
    assert [one.reason for one in rows] == ["measured in the baseline only", "measured in the newer run only"]


def test_the_correction_counts_all_that_was_tested() -> None:
    """A change that is called by itself is not among forty others that did not change."""
    before, after = tuple(float(n) for n in range(100, 108)), tuple(float(n) for n in range(130, 138))
    others = {key(case=str(number)): before for number in range(40)}
    [by_itself] = compare({key(): before}, {key(): after}, (quiet(), quiet()), resamples=0)
    among = compare({key(): before, **others}, {key(): after, **others}, (quiet(), quiet()), resamples=0)[0]
    assert (by_itself.outcome, among.outcome) == ("worse", "undecided")
    assert among.p_adjusted == pytest.approx(41 * (by_itself.p or 0.0))
    assert among.reason.endswith("after correction is not below 0.01")


def test_deciding_again_changes_nothing() -> None:
    """Outcomes follow from the figures next to them, so `verify` can hold them against each other."""
    rows = compare({key(): (10.0, 11.0) * 9}, {key(): (20.0, 22.0) * 9})
    assert rows[0].outcome == "worse"
    assert decided(rows) == rows
    assert decided([replace(rows[0], newer=10.1, ratio=1.01)]) != rows


def test_a_healthy_run_against_itself() -> None:
    """A run compared with itself has no change and nothing called, in any measure of a healthy record."""
    samples = samples_of({name: healthy(name) for name in ("smoke", "load", "batch")})
    rows = compare(samples, samples)
    assert {one.outcome for one in rows} <= {"no change", "undecided"}
    assert {one.measure for one in rows} >= {"latency", "success", "bytes a record", "throughput", "batch of five"}
    assert all(one.outcome == "no change" for one in rows if one.measure in ("success", "bytes a record"))


def test_a_slower_run() -> None:
    """Exports of the measured phase that take twice as long are worse in each of its cases, and only there."""
    record = healthy("load")
    slow = with_hits(
        record, lambda hit: {"end": hit.intended + 2 * (hit.end - hit.intended)} if hit.phase == "measure" else None
    )
    rows = compare(samples_of({"load": record}), samples_of({"load": slow}))
    latencies = {one.case: one.outcome for one in rows if one.measure == "latency"}
    assert latencies == dict.fromkeys(latencies, "worse")
    assert latencies
    assert {one.outcome for one in rows if one.measure == "bytes a record"} == {"no change"}


def test_lines_of_the_report() -> None:
    """The report has a summary, then what changed, the worse first, and no row without a change."""
    rows = (
        row(newer=80.0, outcome="better"),
        row(newer=130.0, outcome="worse"),
        row(newer=400.0, outcome="worse"),
        row(),
    )
    assert changes(comparison(*rows, notes=("smoke was run in the baseline only",))) == (
        "Against the GREEN run 20260102T030405Z-42 of 2026-01-02 03:04 UTC: 2 worse, 1 better, 0 undecided, "
        "1 no change",
        "worse: load, measure: csv-10k median latency 0.1 s → 0.4 s "
        "(4 times as much, interval 3.96 to 4.04 times as much, n=50 and 50, p=0.001)",
        "worse: load, measure: csv-10k median latency 0.1 s → 0.13 s "
        "(+30 %, interval +28.7 % to +31.3 %, n=50 and 50, p=0.001)",
        "better: load, measure: csv-10k median latency 0.1 s → 80 ms "
        "(-20 %, interval -20.8 % to -19.2 %, n=50 and 50, p=0.001)",
        "smoke was run in the baseline only",
    )


def test_lines_where_nothing_was_compared() -> None:
    """What can't be compared says why, in the report and in the text."""
    refused = comparison(problems=("other limits (limits.toml)",))
    assert changes(refused)[0].endswith("not compared: other limits (limits.toml)")
    assert text(refused, "").splitlines()[-1] == "can't be compared: other limits (limits.toml)"
    unread = comparison(baseline=None, problems=("x is no run directory",))
    assert changes(unread) == ("not compared: x is no run directory",)


def test_the_text_says_how_sure_it_is() -> None:
    """The text has each row under its outcome, the method, its error rates, and what it does not cover."""
    few = row(p=None, p_adjusted=None, outcome="undecided", reason="one figure a run: no test")
    lines = text(comparison(few, row(newer=130.0, outcome="worse"), notes=("a note",)), "Measured: x").splitlines()
    assert lines[2] == "note: a note"
    assert lines[lines.index("worse:") + 1] == f"  {sentence(row(newer=130.0))}"
    assert lines[lines.index("undecided:") + 1].endswith("one figure a run: no test")
    assert "Measured: x" in lines
    assert any(line.startswith("Where a run does not say how quick") for line in lines)
    assert sentence(row(newer=100.01)).count("±0 %") == 1


def test_stored_error_rates() -> None:
    """The stored rates are what measuring gives, with no more than 1 % false positives and +20 % found in 95 %."""
    measured = check.measure(check.read_recorded_latencies())
    assert measured == read_one(check.STORED, check.ErrorRates)
    assert measured.pairs >= 1_000
    assert measured.false_positives <= check.FALSE_POSITIVES_MOST
    assert measured.found >= check.FOUND_LEAST


def test_a_small_change_is_seldom_called() -> None:
    """A planted +5 % is hardly ever called: the least effect holds against what runs differ by."""
    assert check.measure(check.read_recorded_latencies(), pairs=200, slower=1.05).found <= 0.05


def test_the_line_on_error_rates() -> None:
    """`compare` says on how many pairs its error rates rest, and where it is weakest."""
    rates = read_one(check.STORED, check.ErrorRates)
    least = min(rates.cases, key=lambda case: case.found)
    line = check.stored_line()
    assert line.startswith(f"Measured on {rates.pairs:,} pairs of runs")
    assert f"({least.name}, n={least.count})" in line


def test_a_slower_machine_is_no_change() -> None:
    """Latencies that grew as the CPU time of the exports did are undecided, and without that CPU time worse."""
    before = tuple(float(n) for n in range(200, 240))
    after = tuple(value * 1.2 for value in before)
    [explained] = compare({key(): before}, {key(): after}, (quiet(), quiet(cpu_ms=122.0)))
    [alike] = compare({key(): before}, {key(): after}, (quiet(), quiet()))
    assert explained.outcome == "no change"
    assert explained.expected == pytest.approx(1.198)
    assert (alike.outcome, alike.expected) == ("worse", 1.0)
    assert "its CPU time explains +19.8 %" in sentence(explained)


def test_a_service_that_computes_longer_is_worse() -> None:
    """CPU time that grew is worse where the reference work took as long, and undecided where that took longer, too."""
    before = tuple(float(n) for n in range(100, 120))
    after = tuple(value * 1.25 for value in before)
    cpu = key("CPU an export")
    outcomes = [
        compare({cpu: before}, {cpu: after}, (quiet(), quiet(reference_ms=reference_ms)))[0].outcome
        for reference_ms in (1.0, 1.24, None)
    ]
    assert outcomes == ["worse", "no change", "undecided"]


def test_cpu_time_is_compared_where_it_was_read() -> None:
    """A phase of some seconds has samples of CPU time, and has none where it is short or the target is not seen."""
    record = healthy("load")
    cpu = key("CPU an export", case="")
    assert len(samples_of({"load": record})[cpu]) == 10
    unseen = changed(record, probes=())
    assert cpu not in samples_of({"load": unseen})
    short = [
        replace(phase, end=phase.start + 1) if phase.name == "measure" else phase for phase in record.scenario.phases
    ]
    quick = changed(record, scenario=replace(record.scenario, phases=tuple(short)))
    assert cpu not in samples_of({"load": quick})
