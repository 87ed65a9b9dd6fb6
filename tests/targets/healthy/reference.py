"""The reference target itself."""

from __future__ import annotations

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.reference_target import ReferenceTarget

GROUP = Group("healthy", healthy=True)


@GROUP.make("reference", "The reference target, unchanged.")
def _reference(target: ReferenceTarget) -> None:
    pass


TARGETS = GROUP.targets
