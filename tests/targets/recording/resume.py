"""Going on where a run over the zoo was ended: what the same harness judged there counts, right or wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.targets.fixtures.entry import Entry
from tests.targets.proving.results import Judged, Word
from tests.targets.recording.run import ROOT, Outcome, problem_of

ROOMS = ("assertions", "evidence", "loadtests", "rules", "dashboards", "tests/targets")
SUFFIXES = frozenset({".py", ".toml", ".yml", ".json"})


def sources_sha256(root: Path = ROOT) -> str:
    """SHA-256 over all that decides how an animal is judged: sources, limits, profiles and rules, by path."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in SUFFIXES and path.name != "sensitivity.json" and "export" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def known(path: Path, animals: Iterable[Entry], sources: str) -> dict[str, Outcome]:
    """Outcomes of a matrix.json, by animal: those of the same sources, misjudged ones too; none without such a file."""
    try:
        told = json.loads(path.read_bytes())
        rows = {row["name"]: row for row in told["animals"] if told["sources"] == sources}
        return {animal.name: _outcome(animal, rows[animal.name]) for animal in animals if animal.name in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _outcome(animal: Entry, row: Mapping[str, Any]) -> Outcome:
    if row["colour"] is None:
        return Outcome(animal=animal, judged=None, seconds=row["seconds"], problem=str(row["problem"]))
    words = [
        Word(id=id, scenario=said.partition(": ")[0], status=status, reason=said.partition(": ")[2], counts=True)
        for status, key in (("FAIL", "failed"), ("NO DATA", "no_data"))
        for id, said in row[key].items()
    ]
    words += [Word(id=id, scenario="", status="PASS", reason="", counts=True) for id in row["passed"]]
    judged = Judged(colour=row["colour"], headline="", words=tuple(words))
    return Outcome(animal=animal, judged=judged, seconds=row["seconds"], problem=problem_of(animal, judged))
