"""Healthy records are judged once for all tests of the judge."""

from __future__ import annotations

import pytest

from assertions import judge as judging
from assertions.checks.catalogue import CHECKS
from assertions.checks.check import Check
from assertions.prometheus import page_series
from tests.assertions.healthy.once import read_layout, remembering

_CHECKS = tuple(remembering(check) for check in CHECKS)


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> tuple[Check, ...]:
    """Judge healthy records once; returns the checks."""
    monkeypatch.setattr(judging, "CHECKS", _CHECKS)
    monkeypatch.setattr(page_series, "read_layout", read_layout)
    return _CHECKS
