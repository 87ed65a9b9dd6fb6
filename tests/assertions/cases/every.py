"""All cases, in the order of the checks' modules."""

from __future__ import annotations

from tests.assertions.cases import (
    Case,
    admission,
    conduct,
    contents,
    counters,
    handed_over,
    instrument,
    latency,
    metrics,
    prometheus,
    resources,
)

_MODULES = (metrics, counters, admission, contents, conduct, instrument, latency, resources, handed_over, prometheus)

FAILS: tuple[Case, ...] = tuple(case for module in _MODULES for case in module.FAILS)
BLIND: tuple[Case, ...] = tuple(case for module in _MODULES for case in module.BLIND)
