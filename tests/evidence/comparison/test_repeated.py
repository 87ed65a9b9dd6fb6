"""Error rates of the comparison between repeated runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from assertions.record.files import read_one
from evidence.comparison import check, repeated
from evidence.comparison.check import read_recorded_latencies
from evidence.comparison.conditions import Conditions, Place
from evidence.comparison.repeated import Measured
from evidence.comparison.samples import Key
from tests.evidence.comparison import page


def _run(factor: float = 1.0, cpu: float = 1.0) -> Measured:
    """A run of recorded latencies times a factor, the CPU time of its exports times another."""
    recorded = read_recorded_latencies()
    samples = {
        Key(scenario=one.scenario, phase=one.phase, measure="latency", case=one.case): tuple(
            value * factor for value in one.latencies_ms
        )
        for one in recorded
    }
    alike = Conditions(cpu_ms=100.0 * cpu, cpu_bound=1.0, reference_ms=1.0, others=0.05)
    samples |= {
        Key(scenario=one.scenario, phase=one.phase, measure="CPU an export"): (100.0 * cpu, 101.0 * cpu) * 5
        for one in recorded
    }
    return Measured(samples, {Place(one.scenario, one.phase): alike for one in recorded})


def test_equal_runs_are_never_called() -> None:
    """Three runs of equal latencies make three pairs: none is called, and each planted change is found."""
    rates = repeated.measure([_run(), _run(), _run()], "here")
    assert (rates.runs, rates.pairs, rates.called, rates.found, rates.found_cpu) == (3, 3, 0, 3, 3)
    assert (rates.spread, rates.spread_left, rates.spread_cpu) == (1, 1, 1)


def test_a_run_on_a_slower_machine_is_called() -> None:
    """One run of three waits as long again: both of its pairs are called, by latency, and the spread says so."""
    rates = repeated.measure([_run(), _run(2.0), _run()], "here")
    assert (rates.called, rates.spread) == (2, 2)
    assert [one.called for one in rates.measures if one.measure == "latency"] == [2]
    assert "of 3 pairs without a change 2 were called one (latency 2)" in repeated.line(rates)


def test_cpu_time_explains_latency() -> None:
    """A run whose exports took more CPU time and as much longer is called by CPU time only."""
    rates = repeated.measure([_run(), _run(1.3, cpu=1.3), _run()], "here")
    assert [one.called for one in rates.measures if one.measure in ("latency", "CPU an export")] == [0, 2]
    assert rates.spread == pytest.approx(1.3)
    assert rates.spread_left == pytest.approx(1.0)


def test_a_busy_machine() -> None:
    """Pairs with a run on a machine with other work are counted apart: a change of 20 % is not found in them."""
    busy = _run()
    there = {place: replace(one, others=0.4, used=1.0) for place, one in busy.conditions.items()}
    rates = repeated.measure([_run(), _run(), Measured(busy.samples, there)], "here")
    assert (rates.pairs, rates.quiet, rates.found, rates.found_quiet) == (3, 1, 1, 1)
    assert "+20 % 1 of the 1 pairs on a quiet machine were found and 0 of the 2 others" in repeated.line(rates)


def test_services_that_are_really_slower() -> None:
    """Each slower run is compared with each repeated one, and the line says what was found."""
    runs = [_run(), _run()]
    rates = repeated.measure(runs, "here", waiting=[_run(1.2)], computing=[_run(1.3, cpu=1.3), _run()])
    assert (rates.waiting.runs, rates.waiting.pairs, rates.waiting.found) == (1, 2, 2)
    assert (rates.computing.runs, rates.computing.pairs, rates.computing.found) == (2, 4, 2)
    assert rates.waiting.slower == pytest.approx(1.2)
    assert (rates.waiting.quiet, rates.waiting.found_quiet) == (2, 2)
    assert (
        "really waited longer in each export (a median latency 20 % higher; runs: 1) was found in 2 of the 2 pairs on "
        "a quiet machine and 0 of the 0 others" in repeated.line(rates)
    )
    assert "really" not in repeated.line(repeated.measure(runs, "here"))


def test_one_run_makes_no_pair() -> None:
    """A single run is refused."""
    with pytest.raises(ValueError, match="1 run makes no pair"):
        repeated.measure([_run()], "here")


def test_what_is_no_run_directory(tmp_path: Path) -> None:
    """The command says which folder is no run directory, and ends with 2."""
    result = CliRunner().invoke(repeated.main, [str(tmp_path), str(tmp_path)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.output


def test_the_page_shows_the_stored_rates() -> None:
    """docs/evidence.md has the stored figures; `python -m tests.evidence.comparison` writes them."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.KEPT.search(text)
    assert page.shown(text) == text


def test_the_stored_rates() -> None:
    """Of the pairs of real runs at most 1 % were called, and of those on a quiet machine +20 % was found in 95 %."""
    stored = read_one(repeated.STORED, repeated.RepeatedRates)
    assert stored.pairs == stored.runs * (stored.runs - 1) / 2
    assert stored.called <= stored.pairs * check.FALSE_POSITIVES_MOST
    assert stored.found_quiet >= stored.quiet * check.FOUND_LEAST > 0
