"""One process of Locust's own kind, so that its CPU time is known: our requests, bare ones, and a plain socket's.

Run as `python -m benchmarks.load.child` with the known server's port; prints one JSON object. Importing it patches the
process, so nothing else may.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from loadtests.locustfile import http_client_factory  # isort: skip  # first: it brings gevent, which patches the rest
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from assertions.record.types import PhasePlan, Request
from benchmarks.records import body
from loadtests.calibration import calibration
from loadtests.client.clock import start_clock
from loadtests.datasets.records import encode_body, make_dataset, make_tag
from loadtests.generator.shard_writer import SentRequest, ShardWriter
from loadtests.generator.virtual_users import VirtualUsers
from loadtests.plan.limits import PhaseLimits

SMALL, LARGE = 200, 100
"""Requests of a lap."""
LAPS = 80
LARGE_LAPS = 7


class Unrecorded(VirtualUsers):
    """The same clients, of which nothing is written down."""

    def _record(self, sent: SentRequest) -> None:
        self.counts.add(sent)


def main(port: int) -> None:
    """Run all laps, in turn; CPU seconds a request of each kind, and requests a CPU-second of the large ones."""
    environment = Environment(user_classes=[])
    environment.create_local_runner()
    clock = start_clock()
    target = calibration.reference_target(port, clock)
    new_client = http_client_factory(environment, target)
    templates = {case: encode_body(make_dataset(case, 1)) for case in ("csv-1", "csv-10k")}
    templates["plain"] = body("csv", 10_000)

    def lap(kind: type[VirtualUsers], case: str, count: int, *, tags: bool) -> float:
        plan = PhasePlan(
            name="lap",
            mode="closed",
            clients=1,
            requests=tuple(
                Request(index=index, case=case, tag=make_tag(0, index) if tags else None) for index in range(count)
            ),
            timeout_s=60,
        )
        with tempfile.TemporaryDirectory() as folder:
            parts = ShardWriter(Path(folder), 0)
            users = kind(target, new_client, templates, parts)
            began = time.process_time()
            users.run(plan, PhaseLimits(least=count, seconds=0, max_seconds=600), clock.now(), {})
            parts.flush()
            taken = time.process_time() - began
            parts.close((), ())
        return taken / count

    def plain_locust() -> float:
        session = FastHttpSession(target.url, environment.events.request, None, concurrency=1)
        began = time.process_time()
        for _ in range(SMALL):
            session.request("POST", "/export/run", data=templates["csv-1"])  # type: ignore[arg-type]
        return (time.process_time() - began) / SMALL

    def bare_socket() -> float:
        data = templates["plain"]
        head = b"POST /export/run HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data)
        with socket.create_connection(("127.0.0.1", port)) as line:
            began = time.process_time()
            for _ in range(LARGE):
                line.sendall(head + data)
                line.recv(65536)
            return (time.process_time() - began) / LARGE

    def turns(runners: dict[str, Callable[[], float]], laps: int) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(laps):
            for name in random.sample(list(runners), len(runners)):
                found[name].append(runners[name]())
        return found

    small = turns(
        {
            "ours": lambda: lap(VirtualUsers, "csv-1", SMALL, tags=True),
            "unrecorded": lambda: lap(Unrecorded, "csv-1", SMALL, tags=True),
            "plain Locust": plain_locust,
        },
        LAPS,
    )
    large = turns(
        {
            "10k POST": lambda: lap(VirtualUsers, "plain", LARGE, tags=False),
            "10k POST, tagged": lambda: lap(VirtualUsers, "csv-10k", LARGE, tags=True),
            "bare socket": bare_socket,
        },
        LARGE_LAPS,
    )
    sizes = {"10k POST": len(templates["plain"]), "10k POST, tagged": len(templates["csv-10k"])}
    sys.stdout.write(json.dumps({"cpu_s": small | large, "bytes": sizes}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
