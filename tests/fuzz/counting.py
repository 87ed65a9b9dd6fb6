"""Hooks for schemathesis: count its requests by status, and those whose status the document does not have.

Loaded by `SCHEMATHESIS_HOOKS`; the counts go to the file that `FUZZ_COUNTS` names when schemathesis ends.
"""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis

_counts: Counter[str] = Counter()


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Count an answer."""
    status = str(response.status_code)
    _counts[status] += 1
    known = case.operation.definition.raw.get("responses", {})
    if status not in known and "default" not in known:
        _counts[f"undocumented {case.method} {case.operation.path} {status}"] += 1


@atexit.register
def write() -> None:
    """Write the counts."""
    Path(os.environ["FUZZ_COUNTS"]).write_text(json.dumps(_counts), encoding="utf-8")
