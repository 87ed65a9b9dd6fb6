"""What is pure and the same in most tests of the judge is worked out once."""

from __future__ import annotations

import pytest

from assertions import judge as judging
from assertions.checks.catalogue import CHECKS
from assertions.checks.check import Check
from assertions.record import view
from tests.assertions.healthy.once import read_page, remembering

_CHECKS = tuple(remembering(check) for check in CHECKS)


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> tuple[Check, ...]:
    """Judge healthy records once, and read equal pages once; returns the checks."""
    monkeypatch.setattr(judging, "CHECKS", _CHECKS)
    monkeypatch.setattr(view, "read_page", read_page)
    return _CHECKS
