"""The JSON Schema of verdict.json. `python -m evidence.reports.schema` writes it to docs/."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from assertions.judge import Report

PATH = Path(__file__).resolve().parents[2] / "docs" / "verdict.schema.json"


class NoReport(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the place of a report while a run is under way, or where it could not begin."""

    schema: Literal[1]
    colour: Literal["NO DATA"]
    headline: str


def schema() -> dict[str, Any]:
    """Return the schema: a whole report, or one that says why there is none."""
    references, components = msgspec.json.schema_components([Report, NoReport])
    components["NoReport"]["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "verdict.json of an Export@Scale run directory",
        "anyOf": list(references),
        "$defs": {name: components[name] for name in sorted(components)},
    }


def text() -> str:
    """Return the published file's text."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
