"""Which judge and which load side: one hash each, over what their code does."""

from __future__ import annotations

from functools import cache

import assertions
import loadtests
from evidence.collect.code_hash import code_sha256, modules_under
from evidence.collect.provenance import ROOT


@cache
def judge_sha256() -> str:
    """SHA-256 over all code that decides a verdict, which is only `assertions/`.

    Comments, docstrings, and where a module lies do not count, so only a change of what the judge does makes another
    judge. Limits are data with a hash of their own.
    """
    return _sha256(assertions.__name__)


@cache
def load_side_sha256() -> str:
    """SHA-256 over all code that drives a target and writes the record down. Profiles have a hash of their own."""
    return _sha256(loadtests.__name__)


def _sha256(package: str) -> str:
    """The hash of a package with what it imports of the judge."""
    modules = modules_under(ROOT, sorted({package, assertions.__name__}))
    return code_sha256(modules, [name for name in modules if name == package or name.startswith(f"{package}.")])
