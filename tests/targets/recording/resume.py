"""Going on where a run over the catalogue was ended: what the same harness judged there counts, right or wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.targets.fixtures.entry import Entry
from tests.targets.proving.results import Judged, Word
from tests.targets.recording.run import ROOT, Outcome, problem_of

PACKAGES = ("assertions", "evidence", "loadtests", "rules", "dashboards", "tests/targets")
SUFFIXES = frozenset({".py", ".toml", ".yml", ".json"})


def sources_sha256(root: Path = ROOT) -> str:
    """SHA-256 over all that decides how a target is judged: sources, limits, profiles and rules, by path."""
    digest = hashlib.sha256()
    for room in PACKAGES:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in SUFFIXES and path.name != "sensitivity.json" and "export" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def known(path: Path, all_targets: Iterable[Entry], sources: str) -> dict[str, Outcome]:
    """Outcomes of a matrix.json, by target: those of the same sources, misjudged ones too; none without such a file."""
    try:
        data = json.loads(path.read_bytes())
        rows = {row["name"]: row for row in data["targets"] if data["sources"] == sources}
        return {target.name: _outcome(target, rows[target.name]) for target in all_targets if target.name in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _outcome(target: Entry, row: Mapping[str, Any]) -> Outcome:
    if row["colour"] is None:
        return Outcome(target=target, judged=None, seconds=row["seconds"], problem=str(row["problem"]))
    words = [
        Word(id=id, scenario=said.partition(": ")[0], status=status, reason=said.partition(": ")[2], counts=True)
        for status, key in (("FAIL", "failed"), ("NO DATA", "no_data"))
        for id, said in row[key].items()
    ]
    words += [Word(id=id, scenario="", status="PASS", reason="", counts=True) for id in row["passed"]]
    judged = Judged(colour=row["colour"], headline="", words=tuple(words))
    return Outcome(target=target, judged=judged, seconds=row["seconds"], problem=problem_of(target, judged))
