"""Request bodies of a scenario: made again from the plan's seed, and held against the hashes in the plan.

While a run is under way, and in run directories of older versions, the bodies are files in the folder `sent`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from assertions.record.types import Plan
from loadtests.datasets.records import CaseError, encode_body, make_dataset

SENT = "sent"


class BodyError(Exception):
    """A request body can't be had as it was sent; one sentence."""


@dataclass(frozen=True)
class RequestBodies:
    """The bodies of some cases, as files, each with the tag's placeholder."""

    files: Mapping[str, Path]
    """By case; a case that has a problem is not among them."""
    problems: tuple[str, ...]
    """Why a body is not there: one sentence a case."""


@lru_cache(maxsize=32)
def _encoded(case: str, seed: int) -> bytes:
    return encode_body(make_dataset(case, seed))


def request_body(plan: Plan, case: str) -> bytes:
    """Return the body of a case, made again. BodyError where it is not the one that was sent, or the case is none."""
    try:
        body = _encoded(case, plan.seed)
    except CaseError as error:
        raise BodyError(f"the request body of {case} can't be made again: {error}") from error
    _compare(plan, case, body)
    return body


@contextmanager
def request_bodies(folder: Path, plan: Plan, cases: Iterable[str]) -> Iterator[RequestBodies]:
    """Provide the bodies of these cases until the block ends. OSError when a file can't be read or written."""
    files: dict[str, Path] = {}
    problems = []
    with tempfile.TemporaryDirectory(prefix="export-bodies-") as work:
        for case in dict.fromkeys(cases):
            try:
                files[case] = _file(folder / SENT / f"{case}.json", Path(work), plan, case)
            except BodyError as error:
                problems.append(f"{folder.name}: {error}")
        yield RequestBodies(files, tuple(problems))


def _file(sent: Path, work: Path, plan: Plan, case: str) -> Path:
    if sent.is_file():
        _compare(plan, case, sent.read_bytes())
        return sent
    if case not in (plan.bodies or {}):
        raise BodyError(f"the request body of {case} is missing: no {SENT}/{sent.name}, and no hash of it in plan.json")
    made = work / sent.name
    made.write_bytes(request_body(plan, case))
    return made


def _compare(plan: Plan, case: str, body: bytes) -> None:
    """Raise BodyError where a body is not the one whose hash the plan holds."""
    wanted = (plan.bodies or {}).get(case)
    if wanted is not None and hashlib.sha256(body).hexdigest() != wanted:
        raise BodyError(
            f"the request body of {case} is not the one that was sent, by its hash in plan.json; made from seed "
            f"{plan.seed} it is the same only in the version that made the run"
        )
