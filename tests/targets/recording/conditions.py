"""Under which limits and profiles a target is driven and judged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assertions import limits as limits_file
from loadtests.plan.profile import OWN_PROFILES
from tests.targets.fixtures.entry import SCENARIOS, Entry

HERE = Path(__file__).parent

ConditionsName = Literal["tight", "long", "whole", "contract"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One set of limits and profiles."""

    name: ConditionsName
    limits: Path
    """The limits file by which the record is judged."""
    profiles: Path
    """The folder of load profiles with which the target is driven."""
    every_scenario: bool
    """False: only the scenarios in which the target's fault must show."""
    description: str
    """For the report: which limits, which profiles."""

    def scenarios(self, target: Entry) -> tuple[str, ...]:
        """The scenarios that a target is driven through."""
        return SCENARIOS if self.every_scenario else target.scenarios

    def limits_sha256(self) -> str:
        """SHA-256 of the limits file."""
        return hashlib.sha256(self.limits.read_bytes()).hexdigest()

    def profiles_sha256(self, scenarios: Sequence[str]) -> str:
        """SHA-256 over the profiles of these scenarios."""
        digest = hashlib.sha256()
        for name in sorted(scenarios):
            digest.update(name.encode() + b"\0" + (self.profiles / f"{name}.toml").read_bytes() + b"\0")
        return digest.hexdigest()


TIGHT = Conditions(
    name="tight",
    limits=HERE / "limits.toml",
    profiles=HERE / "profiles" / "brief",
    every_scenario=False,
    description="limits tighter than the contract's, brief profiles, the fault's own scenarios",
)
"""Of most faulty targets: a true breach of the contract's limits would take too long to wait for."""
LONG = Conditions(
    name="long",
    limits=limits_file.DEFAULT_PATH,
    profiles=HERE / "profiles",
    every_scenario=False,
    description="the contract's limits, short profiles, the fault's own scenarios",
)
"""Of faulty targets whose fault takes as many exports to be seen as a healthy target is driven with."""
WHOLE = Conditions(
    name="whole",
    limits=limits_file.DEFAULT_PATH,
    profiles=HERE / "profiles",
    every_scenario=True,
    description="the contract's limits, short profiles, all scenarios",
)
"""Of healthy targets."""
CONTRACT = Conditions(
    name="contract",
    limits=limits_file.DEFAULT_PATH,
    profiles=OWN_PROFILES,
    every_scenario=False,
    description="the contract's limits, the real profiles, the fault's own scenarios",
)
"""Of one faulty target for each of the six assertions."""

BY_NAME: dict[str, Conditions] = {one.name: one for one in (TIGHT, LONG, WHOLE, CONTRACT)}

AT_CONTRACT = {
    "Metrics Coverage": "missing-export_queue_depth",
    "Latency P95 < 10s": "slow-one-in-ten-by-far",
    "Success Rate >= 95%": "fails-1-in-12",
    "Concurrent <= 5": "six-at-once",
    "Queue Depth <= 100": "queue-endless",
    "Bytes Exported > 0": "bytes-zero",
}
"""For each of the six assertions the faulty target that is also driven under the contract's own conditions."""


def usual(target: Entry, *, whole: bool = False) -> Conditions:
    """The conditions under which a target is judged; whole: a faulty target's like a healthy one's."""
    if whole or target.healthy:
        return WHOLE
    return LONG if target.at_length else TIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A target to be driven under some conditions: what one record is of."""

    target: Entry
    conditions: Conditions

    @property
    def name(self) -> str:
        """The record's name: the target's, marked where it is driven under the contract's own conditions, too."""
        return f"{self.target.name}@contract" if self.conditions is CONTRACT else self.target.name


def drives(targets: Sequence[Entry]) -> tuple[Drive, ...]:
    """Each target under its usual conditions, then those of them that are shown under the contract's, too."""
    usually = [Drive(target=target, conditions=usual(target)) for target in targets]
    also = [Drive(target=target, conditions=CONTRACT) for target in targets if target.name in AT_CONTRACT.values()]
    return (*usually, *also)
