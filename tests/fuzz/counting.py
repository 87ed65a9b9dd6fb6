"""Hooks for schemathesis: count its requests by status, and those whose status the document does not have.

Loaded by `SCHEMATHESIS_HOOKS`; the counts go to the file that `FUZZ_COUNTS` names when schemathesis ends. Valid
requests ask for the table that is there, and some for files that were made: the document can't name either.
"""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter, deque
from pathlib import Path
from typing import Any

import schemathesis

TABLE = "t"
"""Of the service's database, with the columns of COLUMNS."""
COLUMNS = ("id", "a")
_counts: Counter[str] = Counter()
_made: deque[str] = deque(maxlen=50)
"""Names of files."""


def _valid(case: Any) -> bool:
    mode = getattr(getattr(case.meta, "generation", None), "mode", None)
    return getattr(mode, "value", mode) == "positive"


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Let a valid request name things that are there."""
    if not _valid(case):
        return
    source = case.body.get("source") if isinstance(case.body, dict) else None
    if isinstance(source, dict):
        source["table"] = TABLE
        if "columns" in case.body:
            case.body["columns"] = list(COLUMNS[: len(case.body["columns"])])
    if _made and "name" in (case.path_parameters or {}) and sum(_counts.values()) % 2:
        case.path_parameters["name"] = _made[0]
        _made.rotate()


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Count an answer."""
    status = response.status_code
    _counts[str(status)] += 1
    document = case.operation.schema.raw_schema["paths"][case.operation.path].get(case.method.lower())
    # a method that the document does not have is 405; schemathesis checks that
    if status != 405 if document is None else str(status) not in document["responses"]:
        _counts[f"undocumented: {case.method} {case.operation.path} {status}"] += 1
    if status == 200 and case.operation.path == "/export/run":
        _made.append(json.loads(response.content)["result"]["filename"].rpartition("/")[2])


@atexit.register
def write() -> None:
    """Write the counts."""
    Path(os.environ["FUZZ_COUNTS"]).write_text(json.dumps(_counts), encoding="utf-8")
