"""What is wrong with files, told in one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from assertions.checks.exports.file_faults import sentence
from assertions.record.finding_codes import RANK
from assertions.record.types import FileCheck, Finding

PLAIN = FileCheck(
    hit="b-1",
    format="pdf",
    records=1_000,
    bytes=1,
    sha256="0" * 64,
    rows=None,
    pages=21,
    findings=(),
    finding_count=0,
    kept=None,
)


def finding(code: str, **fields: Any) -> Finding:
    """One thing wrong."""
    return Finding(**{"code": code, "where": "", "expected": "a", "found": "b", **fields})


def check(hit: str, *codes: str, kept: str | None = None, count: int = 1) -> FileCheck:
    """A file with so many findings of each of these kinds."""
    findings = tuple(map(finding, codes))
    kinds = dict.fromkeys(codes, count)
    total = count * len(codes)
    return replace(PLAIN, hit=hit, kept=kept, findings=findings, kinds=kinds, finding_count=total)


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ([check("a", "pages")], "a: pages, expected 'a', found 'b'"),
        (
            [check("a", "pages", count=2), check("b", "pages", kept="kept/b.pdf")],
            "b: pages, expected 'a', found 'b' (3 of this kind in 2 files, kept/b.pdf)",
        ),
        (
            [check("a", "pages"), check("b", "cell", "lost", count=30)],
            "b: lost, expected 'a', found 'b' (30 of this kind in 1 file); "
            "b: cell, expected 'a', found 'b' (30 of this kind in 1 file); "
            "a: pages, expected 'a', found 'b'",
        ),
        (
            [check("a", "time", "user", "title", "cell", "pages")],
            "a: cell, expected 'a', found 'b'; a: pages, expected 'a', found 'b'; a: title, expected 'a', found 'b'; "
            "also user (1 in 1 file), time (1 in 1 file)",
        ),
        (
            [check("a", "cell"), check("b", "cell", "brief"), check("c", "cell", "brief")],
            "a: cell, expected 'a', found 'b' (3 of this kind in 3 files); "
            "2 of the files were read only up to their first broken page",
        ),
        ([replace(check("a", "cell"), kinds={})], "a: cell, expected 'a', found 'b'"),
    ],
)
def test_each_kind_is_reported_once(checks: list[FileCheck], said: str) -> None:
    """The worst first, with its count and an example; a kept file is the better example."""
    assert sentence(checks, {}) == said


def test_codes_are_ranked() -> None:
    """What keeps a file from being read is worse than a lost record, and that than a page's number."""
    assert RANK["unreadable"] < RANK["lost"] < RANK["cell"] < RANK["pages"] < RANK["page-number"] < RANK["brief"]
