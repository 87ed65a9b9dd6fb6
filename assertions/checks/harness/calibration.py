"""Whether the instrument can be believed: what its generators measured of a server whose times are known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from assertions.limits import Limits
from assertions.record.types import Calibration
from assertions.record.view import ScenarioRecord
from assertions.stats import needed_for_upper, percentile
from assertions.verdicts import Judgement, Reading, judge_reading, no_data, number, passed

LEAST = needed_for_upper(0.95)
"""Fewer answers say nothing sure about a P95."""
LOST_MOST = 0.01
"""Share of the known server's answers that may be lost."""
CLOCK_S = 1e-5
"""Unix seconds in 53 bits, added and subtracted, are exact to less than this."""


def calibration(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Beside a server that says its own times the generator's clock is right. Never a FAIL: it blames no target."""
    limit = limits["generator_bias_p95_ms"]
    worst: tuple[float, Sequence[Calibration]] | None = None
    for worker in range(record.scenario.generator.workers):
        made = [one for one in record.calibration if one.worker == worker]
        told = [one for one in made if one.status == 200 and bias_ms(one) is not None]
        if len(told) < LEAST:
            return no_data(
                f"generator {worker} has {len(told)} answers of the known server, {LEAST} are needed", limit=limit
            )
        if len(made) - len(told) > LOST_MOST * len(made):
            return no_data(
                f"generator {worker} lost {len(made) - len(told)} of {len(made)} answers of the known server"
            )
        odd = [one for one in told if not _in_order(one)]
        if odd:
            return no_data(f"generator {worker} and the known server disagree about the time, first at {odd[0].index}")
        p95 = percentile(biases_ms(told), 0.95)
        if worst is None or p95 > worst[0]:
            worst = (p95, told)
    if worst is None:
        return no_data("no generator measured the known server", limit=limit)
    readings = _readings(worst[1])
    p95_reading, p50, p99, late = readings
    judged = judge_reading(
        limit, p95_reading, f"the instrument's error P95 over {len(worst[1])} requests to a known server"
    )
    if judged.status != "PASS":
        return no_data(f"{judged.reason}: the generator measured itself", *readings, limit=limit)
    return passed(
        f"{judged.reason}; median {_ms(p50)}, P99 {_ms(p99)}, started late P99 {_ms(late)}",
        *readings,
        limit=limit,
        catches=judged.catches,
    )


def bias_ms(one: Calibration) -> float | None:
    """Milliseconds that the generator's clock says beyond the known server's own, from the planned start on.

    None where the server did not answer.
    """
    if one.server_start is None or one.server_end is None:
        return None
    return ((one.end - one.intended) - (one.server_end - one.server_start)) * 1000


def biases_ms(told: Sequence[Calibration]) -> list[float]:
    """The errors of all that were answered."""
    return [bias for one in told if (bias := bias_ms(one)) is not None]


def _in_order(one: Calibration) -> bool:
    """The server's span lies within the generator's."""
    assert one.server_start is not None and one.server_end is not None
    moments = (one.start, one.server_start, one.server_end, one.end)
    return all(after - before >= -CLOCK_S for before, after in itertools.pairwise(moments))


def _readings(told: Sequence[Calibration]) -> tuple[Reading, Reading, Reading, Reading]:
    def reading(name: str, values: Sequence[float], q: float) -> Reading:
        value = percentile(values, q)
        return Reading(name=name, value=value, unit="ms", source="calibration.jsonl", count=len(values))

    biases = biases_ms(told)
    lateness = [(one.start - one.intended) * 1000 for one in told]
    return (
        reading("instrument error P95", biases, 0.95),
        reading("instrument error median", biases, 0.5),
        reading("instrument error P99", biases, 0.99),
        reading("started late P99", lateness, 0.99),
    )


def _ms(reading: Reading) -> str:
    return "unknown" if reading.value is None else f"{number(reading.value)} ms"
