"""Large request bodies, encoded record by record: a million records as objects would cost gigabytes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from loadtests.datasets.records import encode_body, make_dataset, make_row, parse_case

SLICE = 1000
_NOTHING = b'"data":[]}'


def large_body(case: str, seed: int) -> bytes:
    """The body of a case that is a size, with the records that `make_dataset` makes. CaseError for what is no case.

    ValueError for an edge set, which has no size.
    """
    asked = parse_case(case)
    if asked.count is None:
        raise ValueError(f"case {case} is no size")
    around = encode_body(make_dataset(f"{asked.format}-0", seed)).removesuffix(_NOTHING)
    return b"".join([around, b'"data":[', *_records(case, asked.format, asked.count, seed), b"]}"])


def _records(case: str, fmt: str, count: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(f"{seed}:{case}")
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
    for first in range(1, count + 1, SLICE):
        rows = [make_row(rng, number, fmt) for number in range(first, min(first + SLICE, count + 1))]
        yield b"," if first > 1 else b""
        yield encode(rows)[1:-1].encode()
