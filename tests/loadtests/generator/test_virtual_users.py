"""A generator's clients where one of them fails through its own fault."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from assertions.record.types import PhasePlan, Request
from loadtests.client.answer import Answer
from loadtests.client.clock import start_clock
from loadtests.client.target import Target
from loadtests.client.target_settings import parse_target
from loadtests.generator.http_client import HttpClient
from loadtests.generator.shard_writer import ShardWriter
from loadtests.generator.virtual_users import VirtualUsers
from loadtests.plan.limits import PhaseLimits


class Failing(HttpClient):
    """Fails at its second request."""

    asked = 0

    def post(self, body: bytes, timeout_s: float) -> Answer:
        Failing.asked += 1
        if Failing.asked == 2:
            raise AttributeError("a mistake")
        return Answer(429, None, {}, b"", 0.0, 0.0)


def new_client(target: Target) -> HttpClient:
    return Failing(target, None, lambda **_: None)


@pytest.mark.parametrize("mode", ["closed", "open"])
def test_a_client_that_fails_ends_the_run(tmp_path: Path, mode: Literal["closed", "open"]) -> None:
    """Otherwise the requests that it never sent would go unnoticed, and the phase might look complete."""
    Failing.asked = 0
    clock = start_clock()
    requests = tuple(Request(index=index, case="x", intended_s=index * 0.05) for index in range(1_000))
    phase = PhasePlan(name="one", mode=mode, clients=2, requests=requests, timeout_s=5)
    shard = ShardWriter(tmp_path, 0)
    users = VirtualUsers(parse_target("http://127.0.0.1:9", clock), new_client, {"x": b"{}"}, shard)
    limits = PhaseLimits(least=1_000, seconds=0, max_seconds=60)
    with pytest.raises(AttributeError, match="a mistake"):
        users.run(phase, limits, clock.now(), {})
    assert mode == "closed" or Failing.asked < 100  # a user of a closed phase never waits here
    assert users.stopped == "the generator failed"
    shard.close((), ())
