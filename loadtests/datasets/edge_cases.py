"""The edge data sets, each a case of its own: what a plain size does not show."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loadtests.datasets.texts import (
    BIG_INTEGERS,
    BROKEN_NOTES,
    COMBINED_NOTES,
    DATE_TEXTS,
    DIGIT_TEXTS,
    EMOJI_NOTES,
    FARTHER_NAMES,
    MARKED_NOTES,
    MARKUP_NOTES,
    NAMES,
    NESTED_NOTES,
    ODD_FLOATS,
    PLAIN_NOTES,
    QUOTED_NOTES,
    SENTENCES,
    SPACED_NOTES,
    TYPED_NOTES,
    UNSEEN_NOTES,
)


@dataclass(frozen=True)
class EdgeCase:
    """One edge set."""

    rows: Sequence[Mapping[str, object]]
    columns: Sequence[str] | None
    title: str | None = None
    """None: made of the case's name; empty: the request names none."""
    user: str | None = None
    """None: the ordinary one; empty: the request names none."""
    escaped: bool = False
    """True: sent as the same JSON in another dress: `data` first, spaces between, escapes for all beyond ASCII."""


ODD_TITLE = (
    'Rapor (Ağustos) & "Ωμέγα" <b>Жук</b> 漢字: all orders of the northern branch, '
    "with those that were returned, by customer"
)
LONG_HEAD = "what the customer told the driver at the door"
"""A column's name that is longer than most of its values."""
ODD_USER = 'Ayşe "Ünal" \\ Öz-Κωνσταντίνου, northern branch'
"""Its marks must be escaped where it is a label's value."""
ACCENTED_HEAD = "cafe\u0301"
"""Its accent is a letter of its own, and not the same key as with one of both."""
FOREIGN_HEAD = "Müşteri adı, Πελάτης"


@dataclass(frozen=True)
class EdgeCaseBuilder:
    """What an edge set is made with."""

    rng: random.Random
    placeholder: str
    row: Callable[[random.Random, int], Mapping[str, object]]
    """An ordinary record by its number, from 1."""
    columns: Sequence[str]
    """The ordinary columns."""

    def rows(self, count: int) -> list[Mapping[str, object]]:
        """That many ordinary records."""
        return [self.row(self.rng, number) for number in range(1, count + 1)]

    def ref(self, number: int) -> str:
        """The tagged cell of a record."""
        return f"{self.placeholder}-{number}"


def _empty(make: EdgeCaseBuilder) -> EdgeCase:
    return EdgeCase((), make.columns)


def _one(make: EdgeCaseBuilder) -> EdgeCase:
    return EdgeCase(make.rows(1), make.columns)


def _wide(make: EdgeCaseBuilder) -> EdgeCase:
    names = [f"c{number:02}" for number in range(1, 300)]
    rows = [
        {"ref": make.ref(number), **{name: make.rng.choice((number, "", None, "x,y", 0.5, True)) for name in names}}
        | _numbers(number)
        for number in range(1, 61)
    ]
    return EdgeCase(rows, ["ref", *names])


def _numbers(number: int) -> dict[str, object]:
    """Columns of whole numbers, with gaps or among others: a table with one type a column makes decimals of both."""
    return {"c01": number if number % 3 else None, "c02": number if number % 2 else number + 0.5}


def _heavy(make: EdgeCaseBuilder) -> EdgeCase:
    """Few records, a body of some 6 MB: more than servers accept by default."""
    sentences = " ".join(SENTENCES)
    text = (sentences * (2_000 // len(sentences) + 1))[:2_000]
    return EdgeCase([{"ref": make.ref(number), "text": text} for number in range(1, 2_501)], ["ref", "text"])


def _single(make: EdgeCaseBuilder) -> EdgeCase:
    """One column, some of its cells empty (a blank line is no record unless it is quoted), some records equal."""
    values = [make.ref(n) if n % 3 == 1 else ("" if n % 3 else None) for n in range(1, 11)]
    values += ["twice", "twice", make.ref(11), None, None, "twice", "", ""]
    return EdgeCase([{"ref": value} for value in values], ["ref"])


def _special(make: EdgeCaseBuilder) -> EdgeCase:
    """Every awkward value in every place of a row, columns in an order of their own, keys missing and keys unused."""
    values: list[object] = [
        *QUOTED_NOTES, *BROKEN_NOTES, *SPACED_NOTES, *EMOJI_NOTES, *NESTED_NOTES, *BIG_INTEGERS, *ODD_FLOATS,
        *NAMES[12:], *FARTHER_NAMES, *DATE_TEXTS, *DIGIT_TEXTS, *TYPED_NOTES, *MARKED_NOTES, *MARKUP_NOTES,
        *UNSEEN_NOTES, None, True, False, "", "null", "true", "0", 0, -1, 100, 1e16,
        "a" * 300, "\ufeffmark",
        "\u00a0", "e\u0301", "\u200eleft", '"quoted"', '",","', '\r\n","\r\n', "\\", "\\n", "NULL", "#", "'",
        # what a reader or writer that knows more line ends than CSV's takes for one
        "\x0bvertical", "form\x0cfeed", "\x1cseparator", "next\x85line", "line\u2028separator", "\x01\x7f",
        *(make.rng.choice(SENTENCES)[:1] * length for length in (1_000, 5_000, 40_000)), "x" * 70_000, "y" * 140_000,
    ]  # fmt: skip
    rows: list[Mapping[str, object]] = []
    for number, value in enumerate(values, 1):
        row: dict[str, object] = {"unused": "never shown", "left": value, "ref": make.ref(number), "right": value}
        row["middle, with a comma"] = values[-number]
        row["Şehir, Ωμέγα"] = NAMES[-number % len(NAMES)]
        if number % 7 == 0:
            del row["right"]
            row["Right"] = "another key"
        if number % 11 == 1:  # the first lacks it, too
            del row["left"]
        if number % 13 == 0:
            row |= {"price.net": number / 4, "constructor": "built", " both ends ": "kept"}
            row |= {ACCENTED_HEAD: "as it was sent", "two\nlines": "both"}
        rows.append(row)
    rows.insert(20, {"unused": "no column of its own"})
    return EdgeCase(
        rows,
        [
            "right",
            'head "quoted"',
            "ref",
            "middle, with a comma",
            "left",
            "Şehir, Ωμέγα",
            "price.net",
            "constructor",
            " both ends ",
            "Right",
            ACCENTED_HEAD,
            "two\nlines",
        ],
        f"{ODD_TITLE}\nand a second line",
        ODD_USER,
        escaped=True,
    )


def _pdf_special(make: EdgeCaseBuilder) -> EdgeCase:
    """One record more than a page holds, scripts and long values on both pages, columns in an order of their own."""
    values: list[object] = [
        *SENTENCES[:3], *PLAIN_NOTES[:4], *MARKED_NOTES, *QUOTED_NOTES[:5], *NESTED_NOTES[:4], *BIG_INTEGERS[:3],
        *BROKEN_NOTES[:2], *TYPED_NOTES, *DATE_TEXTS[:3], *DIGIT_TEXTS[:6], *ODD_FLOATS, None, True, "NULL",
    ]  # fmt: skip
    rows: list[dict[str, object]] = []
    for number in range(1, 52):
        row: dict[str, object] = {"unused": "never shown", "id": number, "ref": make.ref(number)}
        row[FOREIGN_HEAD] = NAMES[number % len(NAMES)]
        row["value"] = values[number % len(values)]
        row[LONG_HEAD] = _long(make.rng, 120, 400) if number in {1, 7, 8, 50, 51} else make.rng.choice(PLAIN_NOTES)
        rows.append(row)
    for number, note in enumerate(COMBINED_NOTES, 10):
        rows[number][LONG_HEAD] = note
    del rows[0]["value"]  # it comes with the second record
    rows[24][LONG_HEAD] = _long(make.rng, 1_600, 1_600)
    rows[50][LONG_HEAD] = _long(make.rng, 3_000, 3_000)  # it fills its page
    rows[30][LONG_HEAD] = "https://example.com/" + "".join(make.rng.choices("abcdefghij0123456789", k=250))
    return EdgeCase(rows, ["ref", "id", "value", FOREIGN_HEAD, LONG_HEAD], ODD_TITLE, ODD_USER)


def _pdf_wide(make: EdgeCaseBuilder) -> EdgeCase:
    """More columns than a sheet of paper is made for, on two pages."""
    names = [f"c{number:02}" for number in range(1, 24)]
    rows = [
        {"ref": make.ref(number), **{name: make.rng.choice((number, "ok", None, "late", 0.5, True)) for name in names}}
        | _numbers(number)
        for number in range(1, 61)
    ]
    return EdgeCase(rows, ["ref", *names])


def _long(rng: random.Random, at_least: int, at_most: int) -> str:
    length = rng.randint(at_least, at_most)
    text = rng.choice(SENTENCES)
    while len(text) < length:
        text += f" {rng.choice(SENTENCES)}"
    return text[:length].strip()


def _no_columns(make: EdgeCaseBuilder) -> EdgeCase:
    """Columns left to the first record, title and user to their defaults; later records have a key less, or more."""
    rows = [dict(row) for row in make.rows(12)]
    del rows[3]["dept"]
    rows[4]["extra"] = "no column of this name"
    return EdgeCase(rows, None, "", "")


EDGES: Mapping[str, Callable[[EdgeCaseBuilder], EdgeCase]] = {
    "csv-empty": _empty,
    "csv-one": _one,
    "csv-single": _single,
    "csv-special": _special,
    "csv-wide": _wide,
    "csv-heavy": _heavy,
    "pdf-empty": _empty,
    "pdf-one": _one,
    "pdf-special": _pdf_special,
    "pdf-wide": _pdf_wide,
    "pdf-nocolumns": _no_columns,
}
