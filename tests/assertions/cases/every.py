"""All cases, in the order of the checks' modules."""

from __future__ import annotations

from tests.assertions.cases import (
    Case,
    admission,
    answers,
    behaviour,
    collected,
    conduct,
    contents,
    counters,
    instrument,
    latency,
    metrics,
    prometheus,
    resources,
)

_MODULES = (
    metrics,
    counters,
    admission,
    answers,
    contents,
    behaviour,
    conduct,
    instrument,
    latency,
    resources,
    collected,
    prometheus,
)

FAILS: tuple[Case, ...] = tuple(case for module in _MODULES for case in module.FAILS)
BLIND: tuple[Case, ...] = tuple(case for module in _MODULES for case in module.BLIND)
