"""The regression gate: what counts as a change, and what is NO DATA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.http_service import ROOT
from benchmarks.laps.lap import Lap
from benchmarks.laps.side import SideError, running_side
from benchmarks.laps.worker import Ask, Listed, Worker
from benchmarks.regression.gate import Measured, judge, judge_blocks, measure
from benchmarks.regression.rates import PLANTED_IN, outcome_of, plant
from benchmarks.regression.text import comparison_text
from benchmarks.regression.trees import NoSuchRevision, commit_of
from benchmarks.regression.types import LEAST_EFFECT, Comparison, Row
from benchmarks.workloads.all import WORKLOADS


def laps(*seconds: float) -> Sequence[Lap]:
    """Return laps whose CPU time is the wall time."""
    return [Lap(wall_s=value, cpu_s=value) for value in seconds]


def blocks(ratio: float, count: int = 10, wobble: float = 0.0) -> list[tuple[Sequence[Lap], Sequence[Lap]]]:
    """Return blocks of a change by a ratio, each second one off by a share the other way."""
    return [
        (laps(1.0, 5.0), laps(9.0, ratio * (1 + wobble if number % 2 else 1 / (1 + wobble)))) for number in range(count)
    ]


def one_row(ratio: float, count: int = 10, wobble: float = 0.0) -> Row:
    """Return the row of a single workload."""
    (row,) = judge_blocks({"csv": "cpu"}, {"csv": blocks(ratio, count, wobble)}, {})
    return row


@pytest.mark.parametrize(
    ("ratio", "outcome"),
    [
        (1.0, "no change"),
        (1 + LEAST_EFFECT - 0.001, "no change"),
        (1 + LEAST_EFFECT + 0.001, "slower"),
        (1 - LEAST_EFFECT + 0.001, "no change"),
        (1 - LEAST_EFFECT - 0.001, "faster"),
    ],
)
def test_a_change_must_be_larger_than_the_least_effect(ratio: float, outcome: str) -> None:
    """However certain a change is, it counts only beyond 5 % either way."""
    row = one_row(ratio)
    assert (row.outcome, row.p) == (outcome, 1.0 if ratio == 1.0 else 2 / 1024)


def test_a_change_must_be_certain() -> None:
    """Blocks that lean either way, or too few of them, are no change, whatever their mean is."""
    assert one_row(1.1, wobble=0.5).outcome == "no change"
    assert one_row(1.5, count=5).outcome == "no change"
    assert one_row(1.5, count=6).outcome == "slower"


def test_only_the_quickest_lap_of_a_block_counts() -> None:
    """What others do on the machine only adds to a lap."""
    (row,) = judge_blocks({"csv": "cpu"}, {"csv": [(laps(1.0, 9.0), laps(7.0, 1.0))] * 10}, {})
    assert (row.ratio, row.before_ms, row.now_ms) == (1.0, 1_000.0, 1_000.0)


def test_many_workloads_need_more_certainty() -> None:
    """Holm's correction over 30 workloads leaves ten blocks without a significant change."""
    names = [f"w{number}" for number in range(30)]
    rows = judge_blocks(dict.fromkeys(names, "cpu"), {name: blocks(1.2) for name in names}, {})
    assert {row.outcome for row in rows} == {"no change"}


def test_a_workload_that_ended_in_an_error_has_no_data() -> None:
    """Its row carries the error, also where some blocks were measured."""
    (row,) = judge_blocks({"csv": "cpu"}, {"csv": blocks(1.0)}, {"csv": "open csv: boom"})
    assert (row.outcome, row.reason) == ("NO DATA", "open csv: boom")


def measured(before: Sequence[str], now: Sequence[str]) -> Measured:
    """Return what was measured of two trees that list these workloads."""
    found = Measured(["abc123", "working tree"])
    found.listed = [{name: Listed(name=name, clock="cpu", full=False) for name in names} for names in (before, now)]
    found.blocks = {name: [(before, now) for before, now in blocks(1.0)] for name in now if name in before}
    return found


@pytest.mark.parametrize(
    ("before", "now", "missing"),
    [(["csv", "pdf"], ["csv"], "missing in working tree"), (["csv"], ["csv", "pdf"], "missing in abc123")],
)
def test_a_benchmark_that_one_side_lacks_is_no_data(before: list[str], now: list[str], missing: str) -> None:
    """A deleted, new or renamed benchmark is NO DATA, and the exit code 2."""
    comparison = judge(measured(before, now), 0, 1)
    assert [(row.name, row.outcome, row.reason) for row in comparison.rows if row.reason] == [
        ("pdf", "NO DATA", missing)
    ]
    assert comparison.exit_code == 2
    assert f"NO DATA: {missing}" in comparison_text(comparison)


def test_a_tree_without_benchmarks_is_no_data() -> None:
    """A revision from before there were workloads gives one row and exit code 2."""
    found = Measured(["abc123", "working tree"])
    found.broken = "abc123 lists no benchmarks: the worker ended"
    comparison = judge(found, 0, 1)
    assert [row.reason for row in comparison.rows] == [found.broken]
    assert comparison.exit_code == 2


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["no change", "faster"], 0),
        (["no change", "slower"], 1),
        (["slower", "NO DATA"], 2),
        ([], 2),
    ],
)
def test_exit_codes(outcomes: list[str], code: int) -> None:
    """0: nothing slower; 1: something is; 2: something has no data, or there is nothing."""
    rows = tuple(Row(name=str(place), clock="cpu", outcome=one) for place, one in enumerate(outcomes))  # type: ignore[arg-type]
    comparison = Comparison(before="a", now="b", blocks=10, alpha=0.05, least_effect=0.05, rows=rows)
    assert comparison.exit_code == code


def test_error_rates_tell_what_the_plant_touches_from_what_it_does_not() -> None:
    """A planted change is found in a CSV workload; a change of another workload is a false alarm."""
    found = Measured(["one", "the same again", "planted"])
    names = ("csv-writer", "pdf-10k")
    found.listed = [{name: Listed(name=name, clock="cpu", full=False) for name in names}] * 3
    found.blocks = {name: [(laps(1.0), laps(1.0), laps(1.1))] * 10 for name in names}
    outcome = outcome_of(found, 1.0)
    assert (outcome.alarms, outcome.planted_alarms, outcome.found) == ((), ("pdf-10k",), ("csv-writer",))
    assert outcome.planted_ratio == pytest.approx(1.1)


def test_the_planted_change_is_a_writer_that_does_the_same_work(tmp_path: Path) -> None:
    """The planted source still compiles, and calls the writer as it was."""
    path = tmp_path / PLANTED_IN
    path.parent.mkdir(parents=True)
    path.write_text("def write_csv(out, columns, chunks, *, guard_formulas):\n    return len(columns)\n")
    plant(tmp_path, 0.5)
    names: dict[str, object] = {"PartFile": object, "Iterable": list, "Chunk": int}
    exec(compile("from __future__ import annotations\n" + path.read_text(), str(path), "exec"), names)
    write_csv = names["write_csv"]
    assert callable(write_csv)
    assert write_csv(None, ("a", "b"), [], guard_formulas=False) == 2


def test_an_unknown_revision_is_named() -> None:
    """The message says which revision was asked for."""
    with pytest.raises(NoSuchRevision, match="'no-such-branch'"):
        commit_of("no-such-branch")


def test_a_worker_answers_with_times_or_with_the_error(tmp_path: Path) -> None:
    """A lap of an open workload has times; an unknown workload, and a lap of none, are errors and not the end."""
    worker = Worker(tmp_path)
    assert worker.answer(Ask(op="lap")).error is not None
    assert "KeyError" in (worker.answer(Ask(op="open", name="nothing")).error or "")
    opened = worker.answer(Ask(op="open", name="admission"))
    assert (opened.error, len(opened.input_sha256)) == (None, 64)
    lap = worker.answer(Ask(op="lap", thorough=True)).lap
    assert lap is not None
    assert lap.wall_s > 0
    assert "admission" in {one.name for one in worker.answer(Ask(op="list")).workloads}
    assert worker.answer(Ask(op="close")).error is None


@pytest.mark.e2e
def test_a_worker_of_a_tree_runs_its_own_workloads() -> None:
    """A side lists, opens, runs and closes; what its tree can't do is a SideError, after which it goes on."""
    with running_side(ROOT) as side:
        assert {one.name for one in side.workloads()} == set(WORKLOADS)
        with pytest.raises(SideError, match="nothing"):
            side.open("nothing")
        side.open("admission")
        assert side.lap(thorough=True).cpu_s > 0
        side.close()
        with pytest.raises(SideError, match="expected list, open, lap or close"):
            side.lap()


@pytest.mark.e2e
def test_a_revision_without_benchmarks_gives_no_data(tmp_path: Path) -> None:
    """A tree that has no worker, as one from before there was any, is NO DATA with what its Python wrote."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("")
    comparison = judge(measure([tmp_path, ROOT], ["old", "working tree"], blocks=1), 0, 1)
    assert comparison.exit_code == 2
    assert "old lists no benchmarks" in comparison.rows[0].reason
    assert "No module named" in comparison.rows[0].reason
