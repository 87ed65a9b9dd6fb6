"""Checks: bytes that the target counted, and bytes of the files that were downloaded."""

from __future__ import annotations

import math
from collections.abc import Mapping

from assertions.checks.metrics.unclear_probes import may_count
from assertions.contract import FORMATS
from assertions.limits import Limits
from assertions.record.phases import PROBING
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.units import show
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed


def bytes_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """The target counted bytes."""
    changes = [record.delta("export_bytes_total", status="success") for record in records.values()]
    read = [change for change in changes if change is not None]
    if not read or len(read) < len(changes):
        return no_data('export_bytes_total{status="success"} could not be read', limit=limits["exported_bytes"])
    value = Reading(name="bytes exported", value=sum(read), unit="bytes", source="scrapes.jsonl, export_bytes_total")
    return judge_reading(limits["exported_bytes"], value, "exported by the target's counter")


def bytes_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """Files with bytes in them were fetched."""
    fetched = [fetch.bytes for record in records.values() for fetch in record.fetched.values() if fetch.status == 200]
    if not fetched:
        return no_data("no exported file could be downloaded", limit=limits["exported_bytes"])
    value = Reading(name="bytes fetched", value=sum(fetched), unit="bytes", source="fetches.jsonl", count=len(fetched))
    return judge_reading(limits["exported_bytes"], value, f"{len(fetched)} files downloaded")


def _file_size(record: ScenarioRecord, hit: Hit) -> int | None:
    """Return the bytes of an export's file as downloaded; of accepted bad input the size that its answer states."""
    fetch = record.fetched.get(hit.id)
    if fetch is not None:
        return fetch.bytes if fetch.status == 200 else None
    result = record.answers.get(hit.id, {}).get("result")
    size = result.get("bytes") if isinstance(result, dict) else None
    return size if hit.phase in PROBING and isinstance(size, int) else None


def bytes_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's count of bytes is the size of the files that were fetched, to the byte."""
    unknown, files, slack = [], 0, 0.0
    for fmt in FORMATS:
        done = [hit for hit in record.posts if hit.format == fmt and hit.status == 200]
        if not done:
            continue
        found = [_file_size(record, hit) for hit in done]
        missing = [hit for hit, size in zip(done, found, strict=True) if size is None]
        if missing:
            unknown.append(
                f"{len(missing)} of {len(done)} {fmt} files could not be downloaded, the first of {missing[0].id}"
            )
        size = sum(known for known in found if known is not None)
        files += len(done) - len(missing)
        change = record.delta("export_bytes_total", format=fmt, status="success")
        if change is None:
            unknown.append(f'export_bytes_total{{format="{fmt}",status="success"}} could not be read')
            continue
        odd = math.inf if missing else _odd_bytes(record, fmt)
        most, slack = size + odd, slack + odd
        if not size <= change <= most:
            besides = f"; {len(missing)} more could not be downloaded" if missing else ""
            besides += ", or another client used the target" if change > most else ""
            return failed(
                f'export_bytes_total{{format="{fmt}"}} moved by {change:,.0f} bytes, '
                f"but the {len(done) - len(missing)} files downloaded hold {size:,} bytes{besides}"
            )
    if unknown:
        return no_data("; ".join(unknown))
    if not files:
        return no_data("no file was downloaded to compare the counted bytes with")
    return passed(
        f"the target counted exactly the bytes of the {files} files that were downloaded", catches=_rules_out(slack)
    )


def _rules_out(slack: float) -> str:
    """Return what the pass rules out. slack: bytes of requests of which it is unknown whether they are counted."""
    if math.isinf(slack):
        return "a count of one byte too few would not have passed; requests without an answer leave open how many more"
    more = f"more than {show(slack, 'bytes')} too many (what accepted bad input wrote)" if slack else "one too many"
    return f"a count of one byte too few or {more} would not have passed"


def _odd_bytes(record: ScenarioRecord, fmt: str) -> float:
    """Return the bytes that may be counted besides a format's files: of unanswered and of accepted bad requests."""
    if any(hit.status is None for hit in record.posts if hit.format == fmt):
        return math.inf
    sizes = [_file_size(record, hit) for hit in may_count(record, fmt) if hit.status == 200]
    return math.inf if None in sizes else sum(size for size in sizes if size is not None)
