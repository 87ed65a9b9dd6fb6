"""Checks of the runbook: the exported files are in their folder, and the latency buckets filled."""

from __future__ import annotations

import math

from assertions.contract import FORMATS, SIZES
from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed


def files_present(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each file that an answer named is in the exports folder at the end, where the folder can be seen."""
    if record.scenario.absent is None:
        return no_data(
            "the exports folder can't be seen, or is not the one that holds the target's files; "
            "`--exports DIR` names it"
        )
    if not record.done:
        return no_data("no export was finished, so there is no file to look for")
    absent = record.scenario.absent
    if absent:
        return failed(
            f"{len(absent)} of the files that answers named are missing in the exports folder at the end, "
            f"{absent[0]} among them"
        )
    return passed(
        f"the files of all {len(record.done)} finished exports are in the exports folder at the end",
        catches="one missing file would not have passed",
    )


def buckets(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The latency histogram's finite buckets filled, in each format and size of which exports were done."""
    if record.before is None or record.after is None:
        return no_data("there is no readable page from before the first request, or none from after the last")
    filled, seen = 0.0, 0
    for fmt in FORMATS:
        for size in SIZES:
            after = record.after.histogram("export_latency_ms", format=fmt, size=size)
            if after is None:
                continue
            added = after.minus(record.before.histogram("export_latency_ms", format=fmt, size=size))
            if not added.count:
                continue
            finite = max((count for bound, count in added.buckets.items() if math.isfinite(bound)), default=0.0)
            if finite <= 0:
                return failed(
                    f'export_latency_ms{{format="{fmt}",size="{size}"}} counted {added.count:g} exports, but none of '
                    "its finite buckets filled"
                )
            filled, seen = filled + finite, seen + 1
    if not seen:
        return no_data("the latency histogram counted no export")
    return passed(
        f"{filled:g} exports are in finite buckets of export_latency_ms, in {seen} series of format and size",
        catches="a format and size of which all exports lie beyond the highest finite bucket would not have passed",
    )
