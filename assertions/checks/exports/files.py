"""Exported files hold what was sent."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from assertions.checks.exports.file_faults import kinds, sentence
from assertions.limits import Limits
from assertions.record.types import INTERRUPTED, Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed


def csv_contents(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Every CSV file, cell by cell, against what was sent."""
    return _contents(record, "csv")


def pdf_contents(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Every PDF file, page by page, against what was sent."""
    return _contents(record, "pdf")


def _contents(record: ScenarioRecord, fmt: str) -> Judgement:
    done = [hit for hit in record.done if hit.format == fmt]
    checked = {check.hit: check for check in record.files}
    broken = [checked[hit.id] for hit in done if hit.id in checked and checked[hit.id].finding_count]
    missing = [hit for hit in done if hit.id not in checked]
    never = _never_done(record, fmt)
    said = _never_said(*never) if never else ""
    if broken:
        besides = f"; {len(missing)} more were not opened" if missing else ""
        head = f"{len(broken)} of {len(done)} {fmt} files do not hold what was sent{besides}; "
        told = "; ".join(filter(None, (head + sentence(broken, {hit.id: hit for hit in done}), said)))
        return replace(failed(told), findings=kinds(broken))
    if never and len(never[1]) > 1:
        return failed(said)
    if not done:
        return no_data(f"no {fmt} export was done")
    if missing:
        return no_data(f"{len(missing)} of {len(done)} {fmt} files were not opened, the first of {missing[0].id}")
    if never:
        return no_data(f"{said}; once is no rule")
    records = sum(hit.records or 0 for hit in done)
    return passed(f"{len(done)} {fmt} files with {records:,} records hold what was sent")


def _never_done(record: ScenarioRecord, fmt: str) -> tuple[str, list[Hit]] | None:
    """A data set that was asked for and never made. One export in twenty may fail, but not one kind of data."""
    asked: dict[str, list[Hit]] = {}
    for hit in record.exports:
        if hit.format == fmt and hit.status != 429 and hit.error != INTERRUPTED:
            asked.setdefault(hit.case, []).append(hit)
    never = [(case, hits) for case, hits in asked.items() if all(hit.status != 200 for hit in hits)]
    return max(never, key=lambda one: len(one[1]), default=None)


def _never_said(case: str, tries: Sequence[Hit]) -> str:
    times = "once" if len(tries) == 1 else f"{len(tries)} times"
    last = tries[-1]
    what = last.status if last.status is not None else last.error
    return f"{case} was asked for {times} and never done, last answered {what}: {(last.answer or '')[:120]}"
