"""Work that is pure and the same in many tests, done once in a process: pages are read, healthy records are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from assertions import limits as limits_file
from assertions.checks.check import Check, ToolsCheck
from assertions.limits import Limits
from assertions.prometheus import exposition
from assertions.verdicts import Judgement
from tests.assertions.healthy.records import is_healthy

_DEFAULT = limits_file.load()

read_page = lru_cache(maxsize=2000)(exposition.read_page)
"""Reads equal pages once; nobody changes a page that was read."""


def remembering(check: Check) -> Check:
    """Return the check with its verdicts on healthy records kept; other records, and other limits, it judges each time.

    Checks are pure, and `healthy` returns the same object at each call, so a record is known by its identity.
    """
    if isinstance(check, ToolsCheck):
        return check
    judge: Any = check.judge
    known: dict[tuple[int, ...], Judgement] = {}

    def remembered(records: Any, limits: Limits) -> Judgement:
        parts = tuple(records.values()) if isinstance(records, Mapping) else (records,)
        if limits != _DEFAULT or not all(map(is_healthy, parts)):
            judged: Judgement = judge(records, limits)
            return judged
        key = tuple(map(id, parts))
        if key not in known:
            known[key] = judge(records, limits)
        return known[key]

    return replace(check, judge=remembered)
