"""How often the comparison errs: false positives without a change, and a planted change that is found. Fixed seed.

`python -m evidence.comparison.check` measures again and writes `error_rates.json`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from assertions.record.files import read_one, write_one
from assertions.record.types import Record
from evidence.comparison.compare import compare
from evidence.comparison.conditions import Conditions, Place
from evidence.comparison.samples import Key
from evidence.comparison.types import ALPHA, LEAST_EFFECT

RECORDED = Path(__file__).with_name("recorded_latencies.json")
STORED = Path(__file__).with_name("error_rates.json")
PAIRS = 1_000
SLOWER = 1.2
BLOCK = 10
"""Latencies that follow on each other are drawn together, so that what they have in common stays in them."""
SEED = 1_907
ALIKE = Conditions(cpu_ms=100.0, cpu_bound=1.0, reference_ms=1.0, others=0.0, used=0.9)
"""Both runs are drawn from one, so their machine is as quick and as busy."""
FALSE_POSITIVES_MOST, FOUND_LEAST = 0.01, 0.95


class Recorded(Record, frozen=True, kw_only=True):
    """Latencies of one case in one phase of a recorded run, in order of their start."""

    scenario: str
    phase: str
    case: str
    latencies_ms: tuple[float, ...]


class CaseRate(Record, frozen=True, kw_only=True):
    """How often the planted change was found in one case."""

    name: str
    count: int
    """Latencies of each run."""
    found: float


class ErrorRates(Record, frozen=True, kw_only=True):
    """What was measured, and how."""

    how: str
    pairs: int
    alpha: float
    least_effect: float
    false_positives: float
    """Share of pairs without a change in which any row was called better or worse."""
    significant: float
    """Share of pairs without a change in which the test by itself called any row: what follows closely is no
    independent sample, and the least effect makes up for it."""
    slower: float
    """The planted change: latencies of the newer run times this."""
    found: float
    """Share of pairs with the change in which any row was called worse."""
    cases: tuple[CaseRate, ...]


def measure(recorded: Sequence[Recorded], pairs: int = PAIRS, slower: float = SLOWER) -> ErrorRates:
    """Return the error rates of pairs of runs that are resampled, in blocks, from recorded latencies."""
    random = np.random.default_rng(SEED)
    false_positives = significant = found = 0
    alike = {Place(one.scenario, one.phase): ALIKE for one in recorded}
    names = [f"{one.scenario}, {one.phase}: {one.case}" for one in recorded]
    found_in = dict.fromkeys(names, 0)
    for _ in range(pairs):
        baseline, newer = _resampled(recorded, random), _resampled(recorded, random)
        rows = compare(baseline, newer, (alike, alike), resamples=0)
        false_positives += any(row.outcome in ("better", "worse") for row in rows)
        significant += any(row.p_adjusted is not None and row.p_adjusted < ALPHA for row in rows)
        planted = {key: tuple(value * slower for value in values) for key, values in newer.items()}
        worse = [row.outcome == "worse" for row in compare(baseline, planted, (alike, alike), resamples=0)]
        found += any(worse)
        for name, is_worse in zip(names, worse, strict=True):
            found_in[name] += is_worse
    return ErrorRates(
        how=f"pairs of runs resampled in blocks of {BLOCK} from the client latencies of one recorded run of the "
        f"embedded service, seed {SEED}",
        pairs=pairs,
        alpha=ALPHA,
        least_effect=LEAST_EFFECT,
        false_positives=false_positives / pairs,
        significant=significant / pairs,
        slower=slower,
        found=found / pairs,
        cases=tuple(
            CaseRate(name=name, count=len(one.latencies_ms), found=found_in[name] / pairs)
            for name, one in zip(names, recorded, strict=True)
        ),
    )


def _resampled(recorded: Sequence[Recorded], random: np.random.Generator) -> Mapping[Key, tuple[float, ...]]:
    return {
        Key(scenario=one.scenario, phase=one.phase, measure="latency", case=one.case): _blocks(one.latencies_ms, random)
        for one in recorded
    }


def _blocks(values: Sequence[float], random: np.random.Generator) -> tuple[float, ...]:
    """Draw as many values again, in blocks; the end is followed by the beginning."""
    count = len(values)
    starts = random.integers(0, count, -(-count // BLOCK))
    return tuple(values[(start + place) % count] for start in starts for place in range(BLOCK))[:count]


def read_recorded_latencies() -> tuple[Recorded, ...]:
    """Return the recorded latencies that ship with this package."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=tuple[Recorded, ...])


def stored_line() -> str:
    """Return the stored error rates on one line."""
    rates = read_one(STORED, ErrorRates)
    least = min(rates.cases, key=lambda case: case.found)
    false_positives, found, weakest = (_percent(share) for share in (rates.false_positives, rates.found, least.found))
    return (
        f"Measured on {rates.pairs:,} {rates.how}: a false positive in {false_positives}; "
        f"latencies +{_percent(rates.slower - 1)} found in {found}, "
        f"in single cases from {weakest} on ({least.name}, n={least.count})."
    )


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def main() -> int:
    """Measure, store, and return 0 where both rates are as wanted."""
    rates = measure(read_recorded_latencies())
    write_one(STORED, rates)
    sys.stdout.write(f"{stored_line()}\n")
    return 0 if rates.false_positives <= FALSE_POSITIVES_MOST and rates.found >= FOUND_LEAST else 1


if __name__ == "__main__":
    raise SystemExit(main())
