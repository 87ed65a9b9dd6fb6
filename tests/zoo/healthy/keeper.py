"""The keeper itself."""

from __future__ import annotations

from tests.zoo.keeper import Keeper
from tests.zoo.kinds import Group

GROUP = Group("healthy", healthy=True)


@GROUP.make("keeper", "The plain keeper, with nothing changed.")
def _keeper(keeper: Keeper) -> None:
    pass


ANIMALS = GROUP.animals
