"""Made-up records to export: the same for the same seed, each request's own by one replacement of bytes.

A body is encoded once, with TAG_PLACEHOLDER in every record; `assertions.contents.tags.tagged` puts a request's tag in
its place, when a request is sent and again when its file is checked.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assertions.contents.tags import TAG_PLACEHOLDER, USER
from loadtests.datasets import edge_cases
from loadtests.datasets.texts import (
    BIG_INTEGERS,
    BROKEN_NOTES,
    DEPARTMENTS,
    EMOJI_NOTES,
    NAMES,
    NESTED_NOTES,
    ODD_FLOATS,
    PLAIN_NOTES,
    QUOTED_NOTES,
    SENTENCES,
    SPACED_NOTES,
)
from loadtests.errors import LoadTestError

MAX_RECORDS = 1_000_000
IDS, IDS_STEP = 997, 7_919
"""Ids come in no order, and again after so many records: what is sorted or merged by them shows."""
FORMATS = ("csv", "pdf")
_CASE = re.compile(r"(?P<format>csv|pdf)-(?P<name>(?P<count>[0-9]{1,7})(?P<k>k?)|[a-z][a-z0-9]*)")

Row = Mapping[str, object]


class CaseError(LoadTestError):
    """A case name asks for no data set that there is; the message names the ones there are."""


@dataclass(frozen=True)
class Dataset:
    """What one kind of request exports."""

    case: str
    """`csv-10k`: a format and a size, or a format and the name of an edge set."""
    format: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...] | None
    """None: the request names none."""
    tagged: bool
    """True: at least one record has the placeholder."""
    title: str
    """Empty: the request names none."""
    user: str
    """Empty: the request names none."""
    escaped: bool = False
    """True: the body has `data` first, spaces, and escapes for all beyond ASCII."""


@dataclass(frozen=True)
class Case:
    """A case name taken apart."""

    format: str
    count: int | None
    """Records, where the name is a size."""
    edge: str | None
    """The edge set's name, where it is one."""


def parse_case(name: str) -> Case:
    """`csv-1k`, `pdf-250`, `csv-special` … taken apart; CaseError for what is no case."""
    match = _CASE.fullmatch(name)
    if match and match["count"]:
        count = int(match["count"]) * (1000 if match["k"] else 1)
        if count <= MAX_RECORDS:
            return Case(match["format"], count, None)
        raise CaseError(f"case {name!r} asks for more than {MAX_RECORDS} records")
    if match and name in edge_cases.EDGES:
        return Case(match["format"], None, match["name"])
    edges = ", ".join(edge_cases.EDGES)
    raise CaseError(f"case {name!r} is neither csv-N, csv-Nk, pdf-N, pdf-Nk nor one of {edges}")


def make_dataset(name: str, seed: int) -> Dataset:
    """The records of a case; the same for the same name and seed. CaseError for what is no case."""
    case = parse_case(name)
    rng = random.Random(f"{seed}:{name}")
    columns: Sequence[str] | None
    title: str | None = None
    user: str | None = None
    escaped = False
    if case.edge is None:
        rows: Sequence[Row] = [make_row(rng, number, case.format) for number in range(1, (case.count or 0) + 1)]
        columns = COLUMNS
    else:
        edge = edge_cases.EDGES[name](
            edge_cases.EdgeCaseBuilder(rng, TAG_PLACEHOLDER, _row_maker(case.format), COLUMNS)
        )
        rows, columns, title, user, escaped = edge.rows, edge.columns, edge.title, edge.user, edge.escaped
    bears = any(TAG_PLACEHOLDER in str(row.get("ref", "")) for row in rows[:1])
    return Dataset(
        case=name,
        format=case.format,
        rows=tuple(rows),
        columns=None if columns is None else tuple(columns),
        tagged=bears,
        # another title each time: what a service keeps of each must not grow without end
        title=f"{f'{TAG_PLACEHOLDER} ' if bears else ''}Load {name}" if title is None else title,
        user=USER if user is None else user,
        escaped=escaped,
    )


def _row_maker(format_: str) -> Callable[[random.Random, int], Row]:
    return lambda rng, number: make_row(rng, number, format_)


COLUMNS = ("id", "ref", "name", "dept", "amount", "qty", "active", "created", "note")


def make_row(rng: random.Random, number: int, format_: str) -> dict[str, object]:
    """One record of the runbook's kind, the number-th from 1; `pdf` gets no emoji, no lone CR and fewer long texts."""
    return {
        "id": number * IDS_STEP % IDS,
        "ref": f"{TAG_PLACEHOLDER}-{number}",
        "name": rng.choice(NAMES),
        "dept": rng.choice(DEPARTMENTS),
        "amount": rng.choice(ODD_FLOATS) if rng.random() < 0.01 else round(rng.uniform(-500, 20000), 2),
        "qty": rng.choice(BIG_INTEGERS) if rng.random() < 0.005 else rng.randrange(500),
        "active": None if rng.random() < 0.02 else rng.random() < 0.7,
        "created": f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randrange(24):02}:30:00Z",
        "note": _note(rng, format_),
    }


def _note(rng: random.Random, format_: str) -> object:
    dice = rng.random()
    if format_ == "pdf":
        kinds: tuple[tuple[float, Callable[[], object]], ...] = (
            (0.35, lambda: ""),
            (0.45, lambda: None),
            (0.90, lambda: rng.choice(PLAIN_NOTES)),
            (0.98, lambda: rng.choice(QUOTED_NOTES[:5])),
            (0.983, lambda: rng.choice(NESTED_NOTES[:4])),
            (0.998, lambda: rng.choice(SENTENCES)),
        )
    else:
        kinds = (
            (0.35, lambda: ""),
            (0.45, lambda: None),
            (0.80, lambda: rng.choice(PLAIN_NOTES)),
            (0.90, lambda: rng.choice(QUOTED_NOTES)),
            (0.93, lambda: rng.choice(BROKEN_NOTES)),
            (0.95, lambda: rng.choice(SPACED_NOTES)),
            (0.97, lambda: rng.choice(EMOJI_NOTES)),
            (0.98, lambda: rng.choice(NESTED_NOTES)),
            (0.99, lambda: rng.choice(SENTENCES)),
        )
    return next((make() for bound, make in kinds if dice < bound), None) if dice < kinds[-1][0] else long_text(rng)


def long_text(rng: random.Random, at_least: int = 200, at_most: int = 300) -> str:
    """Sentences in mixed scripts, `at_least` to `at_most` characters long."""
    length = rng.randint(at_least, at_most)
    text = ""
    while len(text) < length:
        text += rng.choice(SENTENCES) + " "
    return text[:length].rstrip() + "."


def encode_body(dataset: Dataset) -> bytes:
    """The request body's template: compact JSON in UTF-8, or as `escaped` says, with the placeholder in it."""
    body: dict[str, object] = {"format": dataset.format}
    if dataset.columns is not None:
        body["columns"] = dataset.columns
    body |= {key: text for key, text in (("user", dataset.user), ("title", dataset.title)) if text}
    body["data"] = dataset.rows
    if dataset.escaped:
        return json.dumps(dict(reversed(body.items())), allow_nan=False).encode()
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def make_tag(phase: int, index: int) -> str:
    """A tag that no other request of the scenario has: phase and index from 0."""
    if not (0 <= phase < 100 and 0 <= index < 10_000_000):
        raise ValueError(f"a scenario has at most 100 phases of 10,000,000 requests, not {phase}, {index}")
    return f"T{phase:02}{index:07}"
