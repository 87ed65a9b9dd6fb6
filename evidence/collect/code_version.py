"""Which judge and which load side: one hash each, over what their code does."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import assertions
import loadtests
from evidence.collect.code_hash import code_sha256, modules_under
from evidence.collect.file_checks import check_file
from evidence.collect.provenance import ROOT


@cache
def judge_sha256() -> str:
    """SHA-256 over all code that decides a verdict: `assertions/`, and what holds opened files against requests.

    Comments, docstrings, and where a module lies do not count, so only a change of what the judge does makes another
    judge. Limits are data with a hash of their own.
    """
    return _sha256(assertions.__name__, check_file.__module__)


@cache
def load_side_sha256() -> str:
    """SHA-256 over all code that drives a target and writes the record down. Profiles have a hash of their own."""
    return _sha256(loadtests.__name__)


def _sha256(*names: str) -> str:
    modules = modules_under(ROOT, _rooms(names))
    roots = [one for one in modules if any(one == name or one.startswith(f"{name}.") for name in names)]
    return code_sha256(modules, roots)


def _rooms(names: Iterable[str]) -> list[str]:
    """The top folders in which the modules and all that they import lie."""
    tops = {name.partition(".")[0] for name in names}
    return sorted(tops | {assertions.__name__, loadtests.__name__})
