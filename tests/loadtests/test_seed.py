"""What `seed` says of one answer, and of a batch, in the runbook's form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assertions.record.types import Hit
from loadtests.seed import batch_end, batch_log, failure_of, seed_lines

LINK = "/export/files/export_1700000000001_abcdefghi.csv"


def hit(status: int | None = 200, error: str | None = None, **fields: Any) -> Hit:
    """One export of 1,000 records that took 0.125 s, its answer's fields replaced."""
    result = {"success": True, "bytes": 15_234, "downloadUrl": LINK}
    body = {"success": True, "result": result, "processingTime": 123} | fields
    return Hit(
        id="seed-0",
        phase="seed",
        index=0,
        case="csv-1k",
        method="POST",
        path="/export/run",
        format="csv",
        records=1_000,
        user="u",
        tag=None,
        bytes_sent=1,
        intended=10.0,
        start=10.0,
        end=10.125,
        status=status,
        error=error,
        headers={},
        answer=None if status is None else json.dumps(body),
        client="seed",
    )


def result(**fields: Any) -> dict[str, Any]:
    """An answer's result with fields replaced; None drops one."""
    whole = {"success": True, "bytes": 15_234, "downloadUrl": LINK} | fields
    return {key: value for key, value in whole.items() if value is not None}


def test_a_made_export_is_reported_as_in_the_runbook() -> None:
    """The first line is the runbook's with the target's figures; the second has ours."""
    assert seed_lines(hit()).splitlines() == [
        "✅ Export successful: { format: 'csv', records: 1000, bytes: 15234, processingTime: 123ms }",
        f"    status: 200, by our clock: 125.0ms, downloadUrl: {LINK}",
    ]


@pytest.mark.parametrize(
    ("reported", "shown"),
    [(0, "0ms"), (123.0, "123ms"), (123.456, "123.5ms"), (None, "unknown"), (True, "unknown"), ("9", "unknown")],
)
def test_a_processing_time_is_reported_as_it_was_answered(reported: object, shown: str) -> None:
    """Whole milliseconds without a point; what is no number is unknown, never 0."""
    assert f"processingTime: {shown} }}" in seed_lines(hit(processingTime=reported))


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (hit(None, "timeout"), "no answer came (timeout)"),
        (hit(413, error=None), "answered 413"),
        (hit(429, success=False), "answered 429"),
        (hit(success=False), "no `success: true` in the answer"),
        (hit(result=None), "no result in the answer"),
        (hit(result=result(success=False)), "no `success: true` in the answer's result"),
        (hit(result=result(bytes=None)), "no bytes in the answer"),
        (hit(result=result(bytes=True)), "no bytes in the answer"),
        (hit(result=result(downloadUrl=None)), "no downloadUrl in the answer"),
        (hit(result=[1]), "the answer is no JSON object of the contract's shape"),
    ],
)
def test_a_failed_export_says_why(failed: Hit, reason: str) -> None:
    """Each thing that an answer must have is named where it is missing."""
    assert failure_of(failed) == reason
    assert seed_lines(failed).startswith(f"❌ Export failed: {reason} {{ format: 'csv', records: 1000 }}\n    status: ")


def test_a_targets_own_sentence_is_reported_on_one_line() -> None:
    """A refusal's error can neither begin a line nor steer the terminal."""
    refused = hit(400)
    body = json.dumps({"error": "bad\n✅ All batch tests completed\x1b[2J"})
    said = seed_lines(Hit(**{**{name: getattr(refused, name) for name in refused.__struct_fields__}, "answer": body}))
    assert said.splitlines()[0].startswith("❌ Export failed: answered 400: bad ✅ All batch tests completed [2J {")
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("made", "asked", "line"),
    [
        (5, 5, "✅ All batch tests completed"),
        (4, 5, "❌ 4 of 5 batch tests completed"),
        (0, 0, "❌ 0 of 0 batch tests completed"),
    ],
)
def test_only_a_whole_batch_is_completed(made: int, asked: int, line: str) -> None:
    """The runbook's last line stands only where every export that was asked for was made."""
    assert batch_end(made, asked) == line


def test_the_batchs_log_is_what_the_command_prints() -> None:
    """First line, two lines an export, last line; a batch that was cut short is not completed."""
    whole = batch_log([hit(), hit()], 2)
    assert whole.splitlines() == [
        "Running batch export tests...",
        *seed_lines(hit()).splitlines(),
        *seed_lines(hit()).splitlines(),
        "✅ All batch tests completed",
    ]
    assert batch_log([hit()], 2).splitlines()[-1] == "❌ 1 of 2 batch tests completed"
