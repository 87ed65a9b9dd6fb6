"""Files and findings that were kept of a run: what differs from the record is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from assertions.record.files import read_lines, write_lines
from assertions.record.types import FileCheck, Finding
from evidence.bundle import manifest
from tests.evidence.bundle.tampering import edit, mend, problems

pytestmark = pytest.mark.e2e


def kept_check(bundle: Path, change: Callable[[FileCheck], FileCheck]) -> None:
    """Change the first kept file's entry in files.jsonl, and mend the manifest."""
    path = bundle / "smoke" / "files.jsonl"
    checks = list(read_lines(path, FileCheck))
    at = next(n for n, check in enumerate(checks) if check.kept is not None)
    checks[at] = change(checks[at])
    write_lines(path, checks)
    mend(bundle)


FOUND = Finding(code="cell", where="row 1", expected="a", found="b")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"findings": (FOUND,), "finding_count": 1}, "was checked again with another result"),
        ({"rows": 7}, "was checked again with another result"),
        ({"sha256": "0" * 64}, "is not the file that fetches.jsonl says was fetched"),
        ({"kept": None}, "should have been kept, and is not"),
        ({"kept": "kept/none.csv"}, "can't be checked again"),
        ({"hit": "nobody"}, "which hits.jsonl does not hold"),
    ],
)
def test_the_list_of_files(bundle: Path, fields: dict[str, Any], words: str) -> None:
    """An entry of files.jsonl that is not what the kept file shows is found, though the manifest was mended."""
    kept_check(bundle, lambda check: replace(check, **fields))
    assert words in problems(bundle)


def test_a_hidden_finding(bundle: Path) -> None:
    """A broken file whose finding was taken out of files.jsonl is found by checking it again."""
    path = bundle / "smoke" / "files.jsonl"
    check = next(check for check in read_lines(path, FileCheck) if check.kept is not None and check.format == "csv")
    kept = bundle / "smoke" / str(check.kept)
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join(lines[:-1]))
    sha = manifest.sha256(kept)
    for name in ("files.jsonl", "fetches.jsonl"):
        listed = (bundle / "smoke" / name).read_text()
        (bundle / "smoke" / name).write_text(listed.replace(check.sha256, sha))
    mend(bundle)
    assert f"smoke/{check.kept} was checked again with another result than files.jsonl holds" in problems(bundle)


def test_a_kept_file_that_is_another(bundle: Path) -> None:
    """A kept file that is not the one that was checked is named."""
    kept = next((bundle / "smoke" / "kept").glob("*.pdf"))
    kept.write_bytes(kept.read_bytes() + b"\n")
    mend(bundle)
    assert f"smoke/kept/{kept.name} is not the file that files.jsonl says was checked" in problems(bundle)


def test_a_request_body_that_is_another(bundle: Path) -> None:
    """A body that is not the one sent, by its hash in the plan, is named with its case; nothing is compared with it."""
    edit(bundle / "smoke" / "plan.json", lambda document: document["bodies"].update({"csv-1k": "00" * 32}))
    mend(bundle)
    assert "smoke: the request body of csv-1k is not the one that was sent, by its hash in plan.json" in problems(
        bundle
    )
