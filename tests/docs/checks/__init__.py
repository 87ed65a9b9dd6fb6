"""docs/checks.md, from the catalogue of checks and docs/checks.toml. `python -m tests.docs.checks` rewrites it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.checks.check import Check

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = DOCS / "checks.md"
HEAD = """\
# The checks

One row a check, in the order of the report. A FAIL of any check makes a run RED. A check without data is NO DATA, and
the run is not GREEN unless the check is optional or waived ([judging.md](judging.md)). Bounds in `code style` are ids
of [limits.toml](../assertions/limits.toml).

This page is generated: edit [checks.toml](checks.toml), then run `python -m tests.docs.checks`.

| check | judged in | what it sees | what a FAIL means | what to do |
|---|---|---|---|---|
"""


class Guide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reader of a verdict wants to know about a check."""

    sees: str
    fail: str
    todo: str


def read_guide() -> dict[str, Guide]:
    """Return the guide of every check, by id."""
    return msgspec.convert(tomllib.loads((DOCS / "checks.toml").read_text("utf-8")), dict[str, Guide])


def render() -> str:
    """Return the whole page."""
    guide = read_guide()
    return HEAD + "".join(_row(check, guide[check.id]) for check in CHECKS) + _assertions()


def _row(check: Check, guide: Guide) -> str:
    where = ", ".join(check.scenarios) if check.scope == "scenario" else "the run"
    notes = [word for word, applies in (("optional", check.optional), (f"group {check.group}", check.group)) if applies]
    id_cell = f"`{check.id}`" + (f" ({', '.join(notes)})" if notes else "")
    return f"| {id_cell}<br>{check.title} | {where} | {guide.sees} | {guide.fail} | {guide.todo} |\n"


def _assertions() -> str:
    rows = [
        f"| {spec.title} | {_ids(spec.target)} | {_ids(spec.outside)} | {_ids(spec.agreement)} |\n"
        for spec in ASSERTIONS
    ]
    return (
        "\n## The six assertions\n\n| assertion | by the target | from outside | agreement |\n|---|---|---|---|\n"
        + "".join(rows)
    )


def _ids(ids: tuple[str, ...]) -> str:
    return ", ".join(f"`{check_id}`" for check_id in ids)
