"""Error rates of the comparison between repeated runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from evidence.comparison import repeated
from evidence.comparison.check import read_recorded_latencies
from evidence.comparison.samples import Key, Samples


def _run(factor: float = 1.0) -> Samples:
    return {
        Key(scenario=one.scenario, phase=one.phase, measure="latency", case=one.case): tuple(
            value * factor for value in one.latencies_ms
        )
        for one in read_recorded_latencies()
    }


def test_equal_runs_are_never_called() -> None:
    """Three runs of equal latencies make three pairs: none is called, and each planted change is found."""
    rates = repeated.measure([_run(), _run(), _run()], "here")
    assert (rates.runs, rates.pairs, rates.called, rates.found) == (3, 3, 0, 3)
    assert rates.spread == 1


def test_a_run_on_a_slower_machine_is_called() -> None:
    """One run of three is half as fast: both of its pairs are called, by latency, and the spread says so."""
    rates = repeated.measure([_run(), _run(2.0), _run()], "here")
    assert (rates.called, rates.spread) == (2, 2)
    assert [one.called for one in rates.measures if one.measure == "latency"] == [2]
    assert "of 3 pairs without a change 2 were called one (latency 2)" in repeated.line(rates)


def test_one_run_makes_no_pair() -> None:
    """A single run is refused."""
    with pytest.raises(ValueError, match="1 run makes no pair"):
        repeated.measure([_run()], "here")


def test_what_is_no_run_directory(tmp_path: Path) -> None:
    """The command says which folder is no run directory, and ends with 2."""
    result = CliRunner().invoke(repeated.main, [str(tmp_path), str(tmp_path)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.output
