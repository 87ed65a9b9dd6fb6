"""Check: the load generators measure a server of known times correctly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from assertions.limits import Limits
from assertions.record.types import Calibration
from assertions.record.view import ScenarioRecord
from assertions.stats import needed_for_upper, percentile
from assertions.units import show
from assertions.verdicts import Judgement, Reading, judge_reading, no_data, passed

LEAST = needed_for_upper(0.95)
"""Answers below which a P95 has no upper bound."""
LOST_MOST = 0.01
"""Share of the known server's answers that may be lost."""
CLOCK_S = 1e-5
"""Unix seconds in 53 bits, added and subtracted, are exact to less than this."""


def calibration(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The generator's clock agrees with a server that reports its own times. Never a FAIL: no target is to blame."""
    limit = limits["generator_bias_p95_ms"]
    worst: tuple[float, Sequence[Calibration]] | None = None
    for worker in range(record.scenario.generator.workers):
        made = [request for request in record.calibration if request.worker == worker]
        answered = [request for request in made if request.status == 200 and bias_ms(request) is not None]
        if len(answered) < LEAST:
            return no_data(
                f"generator {worker} has {len(answered)} answers of the known server, and {LEAST} are needed",
                limit=limit,
            )
        if len(made) - len(answered) > LOST_MOST * len(made):
            return no_data(
                f"generator {worker} lost {len(made) - len(answered)} of {len(made)} answers of the known server"
            )
        outside = [request for request in answered if not _in_order(request)]
        if outside:
            return no_data(
                f"the clocks of generator {worker} and the known server disagree, first at request {outside[0].index}"
            )
        p95 = percentile(biases_ms(answered), 0.95)
        if worst is None or p95 > worst[0]:
            worst = (p95, answered)
    if worst is None:
        return no_data("no generator measured the known server", limit=limit)
    readings = _readings(worst[1])
    p95_reading, p50, p99, late = readings
    judged = judge_reading(
        limit, p95_reading, f"P95 of the generator's error over {len(worst[1])} requests to a known server"
    )
    if judged.status != "PASS":
        return no_data(f"{judged.reason}: its times include its own delays", *readings, limit=limit)
    return passed(
        f"{judged.reason}; median {_ms(p50)}, P99 {_ms(p99)}, start delay P99 {_ms(late)}",
        *readings,
        limit=limit,
        catches=judged.catches,
    )


def bias_ms(request: Calibration) -> float | None:
    """Return the time by the generator's clock less the known server's own, in ms, from the planned start on.

    None where the server did not answer.
    """
    if request.server_start is None or request.server_end is None:
        return None
    return ((request.end - request.intended) - (request.server_end - request.server_start)) * 1000


def biases_ms(answered: Sequence[Calibration]) -> list[float]:
    """Return the errors of all requests that were answered, in ms."""
    return [bias for request in answered if (bias := bias_ms(request)) is not None]


def _in_order(request: Calibration) -> bool:
    """Return whether the server's span lies within the generator's."""
    assert request.server_start is not None and request.server_end is not None
    moments = (request.start, request.server_start, request.server_end, request.end)
    return all(after - before >= -CLOCK_S for before, after in itertools.pairwise(moments))


def _readings(answered: Sequence[Calibration]) -> tuple[Reading, Reading, Reading, Reading]:
    def reading(name: str, values: Sequence[float], q: float) -> Reading:
        value = percentile(values, q)
        return Reading(name=name, value=value, unit="ms", source="calibration.jsonl", count=len(values))

    biases = biases_ms(answered)
    start_delays = [(request.start - request.intended) * 1000 for request in answered]
    return (
        reading("generator's error, P95", biases, 0.95),
        reading("generator's error, median", biases, 0.5),
        reading("generator's error, P99", biases, 0.99),
        reading("start delay, P99", start_delays, 0.99),
    )


def _ms(reading: Reading) -> str:
    return "unknown" if reading.value is None else show(reading.value, "ms")
