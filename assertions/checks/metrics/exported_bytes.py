"""Bytes that the target counted, and bytes of the files that were fetched."""

from __future__ import annotations

import math
from collections.abc import Mapping

from assertions.checks.metrics.unclear_probes import may_count
from assertions.contract import FORMATS
from assertions.limits import Limits
from assertions.record.phases import PROBING
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed


def bytes_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """The target counted bytes."""
    changes = [record.delta("export_bytes_total", status="success") for record in records.values()]
    read = [change for change in changes if change is not None]
    if not read or len(read) < len(changes):
        return no_data('export_bytes_total{status="success"} could not be read', limit=limits["exported_bytes"])
    value = Reading(name="bytes exported", value=sum(read), unit="bytes", source="scrapes.jsonl, export_bytes_total")
    return judge_reading(limits["exported_bytes"], value, "the target's count of exported bytes")


def bytes_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """Files with bytes in them were fetched."""
    fetched = [fetch.bytes for record in records.values() for fetch in record.fetched.values() if fetch.status == 200]
    if not fetched:
        return no_data("no exported file could be fetched", limit=limits["exported_bytes"])
    value = Reading(name="bytes fetched", value=sum(fetched), unit="bytes", source="fetches.jsonl", count=len(fetched))
    return judge_reading(limits["exported_bytes"], value, f"the size of {len(fetched)} fetched files")


def _file_size(record: ScenarioRecord, hit: Hit) -> int | None:
    """Bytes of an export's file as fetched; what was asked oddly and done is taken at the answer's word."""
    fetch = record.fetched.get(hit.id)
    if fetch is not None:
        return fetch.bytes if fetch.status == 200 else None
    result = record.answers.get(hit.id, {}).get("result")
    told = result.get("bytes") if isinstance(result, dict) else None
    return told if hit.phase in PROBING and isinstance(told, int) else None


def bytes_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's count of bytes is the size of the files that were fetched, to the byte."""
    unknown, files = [], 0
    for fmt in FORMATS:
        mine = [hit for hit in record.posts if hit.format == fmt and hit.status == 200]
        if not mine:
            continue
        found = [_file_size(record, hit) for hit in mine]
        missing = [hit for hit, one in zip(mine, found, strict=True) if one is None]
        if missing:
            unknown.append(
                f"{len(missing)} of {len(mine)} {fmt} files could not be fetched, the first of {missing[0].id}"
            )
        size = sum(one for one in found if one is not None)
        files += len(mine) - len(missing)
        change = record.delta("export_bytes_total", format=fmt, status="success")
        if change is None:
            unknown.append(f'export_bytes_total{{format="{fmt}",status="success"}} could not be read')
            continue
        most = math.inf if missing else size + _odd_bytes(record, fmt)
        if not size <= change <= most:
            besides = f"; {len(missing)} more could not be fetched" if missing else ""
            return failed(
                f'export_bytes_total{{format="{fmt}"}} moved by {change:,.0f}, '
                f"but the {len(mine) - len(missing)} files fetched hold {size:,} bytes{besides}"
            )
    if unknown:
        return no_data("; ".join(unknown))
    if not files:
        return no_data("no file was fetched to hold the counted bytes against")
    return passed(f"bytes counted are bytes fetched, to the byte ({files} files)")


def _odd_bytes(record: ScenarioRecord, fmt: str) -> float:
    """Bytes that may be counted for a format beside its files: of requests without an answer, and of odd ones."""
    if any(hit.status is None for hit in record.posts if hit.format == fmt):
        return math.inf
    told = [_file_size(record, hit) for hit in may_count(record, fmt) if hit.status == 200]
    return math.inf if None in told else sum(one for one in told if one is not None)
