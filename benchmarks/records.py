"""Made-up records, the same for everybody: plain ones, and ones with a share of other scripts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

Kind = Literal["plain", "scripts"]
Cell = str | int | float | bool

COLUMNS = ("id", "name", "dept", "amount", "qty", "active", "date")
SEED = 17
_NAMES = (
    "Anna Berg",
    "Deniz Kaya",
    "John Smith",
    "Maria Rossi",
    "Piotr Nowak",
    "Elena Popova",
    "Liam O'Neil",
    "Wei Chen",
)
_OTHER_NAMES = ("Ayşe Yılmaz", "Çağrı Öztürk", "Γιώργος Παππάς", "Ελένη Νικολάου", "李小龍", "東京太郎", "Søren Møller")
_DEPARTMENTS = ("Sales", "Support", "Finance", "Operations", "Research")
OTHER_SHARE = 0.3
"""How many records of the second kind bear a name in another script."""


def rows(count: int, kind: Kind = "plain") -> Iterator[dict[str, Cell]]:
    """`count` records of about 107 bytes JSON."""
    pick = random.Random(SEED)
    for number in range(1, count + 1):
        other = kind == "scripts" and pick.random() < OTHER_SHARE
        yield {
            "id": number,
            "name": pick.choice(_OTHER_NAMES if other else _NAMES),
            "dept": pick.choice(_DEPARTMENTS),
            "amount": pick.randrange(100, 2_000_000) / 100,
            "qty": pick.randrange(500),
            "active": pick.random() < 0.7,
            "date": f"2026-{pick.randint(1, 12):02}-{pick.randint(1, 28):02}",
        }


@lru_cache(maxsize=4)
def body(format: str, count: int, kind: Kind = "plain") -> bytes:
    """A request body with that many records."""
    head = {"format": format, "columns": COLUMNS, "title": "Benchmark", "user": "bench"}
    parts = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows(count, kind)]
    return f'{json.dumps(head)[:-1]},"data":[{",".join(parts)}]}}'.encode()
