"""The keeper itself."""

from __future__ import annotations

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.reference_target import Keeper

GROUP = Group("healthy", healthy=True)


@GROUP.make("keeper", "The plain keeper, with nothing changed.")
def _keeper(keeper: Keeper) -> None:
    pass


ANIMALS = GROUP.animals
