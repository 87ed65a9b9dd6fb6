"""A target of another kind: Python's own http.server, one thread a request, HTTP/1.0."""

from __future__ import annotations

from pathlib import Path

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.entry import Service

GROUP = Group("healthy", healthy=True)


def _build(folder: Path) -> Service:
    from tests.targets.fixtures.plain_target import PlainTarget

    return PlainTarget(folder)


GROUP.add("http-server", "Written on http.server: a thread a request, HTTP/1.0, files made in those threads.", _build)

TARGETS = GROUP.targets
