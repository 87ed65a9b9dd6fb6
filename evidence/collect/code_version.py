"""Which judge and which load side: one hash each, over what their code does."""

from __future__ import annotations

from functools import cache

import assertions
import loadtests
from evidence.collect.code_hash import code_sha256, modules_under
from evidence.collect.provenance import ROOT

_SENT_AND_WRITTEN = (
    "assertions.contents.tags",
    "assertions.contract",
    "assertions.probes",
    "assertions.record.files",
    "assertions.record.phases",
    "assertions.record.types",
)
"""What the load side takes of the judge to send requests and to write the record. Its readers and statistics, which the
load side uses to watch a run, change nothing that is sent or written."""


_SHOWN = ("loadtests.client.preflight", "loadtests.progress", "loadtests.progress_view")
"""What people see before a run and while it goes on: nothing of it is part of the load or of the record."""


@cache
def judge_sha256() -> str:
    """SHA-256 over all code that decides a verdict, which is only `assertions/`.

    Comments, docstrings, and where a module lies do not count, so only a change of what the judge does makes another
    judge. Limits are data with a separate hash.
    """
    modules = modules_under(ROOT, [assertions.__name__])
    return code_sha256(modules, list(modules))


@cache
def load_side_sha256() -> str:
    """SHA-256 over all code that drives a target and writes the record down. Profiles have a separate hash."""
    modules = modules_under(ROOT, [assertions.__name__, loadtests.__name__])
    counted = {
        name: tree
        for name, tree in modules.items()
        if name.startswith((loadtests.__name__, *_SENT_AND_WRITTEN)) and name not in _SHOWN
    }
    return code_sha256(counted, [name for name in counted if name.startswith(loadtests.__name__)])
