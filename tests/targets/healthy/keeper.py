"""The keeper itself."""

from __future__ import annotations

from tests.targets.harness.builders import Group
from tests.targets.harness.reference_target import Keeper

GROUP = Group("healthy", healthy=True)


@GROUP.make("keeper", "The plain keeper, with nothing changed.")
def _keeper(keeper: Keeper) -> None:
    pass


ANIMALS = GROUP.animals
