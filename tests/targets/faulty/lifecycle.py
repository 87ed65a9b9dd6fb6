"""Services that do not last."""

from __future__ import annotations

import os
import sys
from typing import Any

from tests.targets.fixtures import jobs
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.reference_target import Keeper, Reply

GROUP = Group("lifecycle", "smoke", "load")


@GROUP.make(
    "crashes",
    "The process ends at its 20th export, and nobody starts it again.",
    "answered",
    "success-outside",
)
def _crashes(keeper: Keeper) -> None:
    def end(made: jobs.Made) -> None:
        if keeper.made >= 20:
            os._exit(3)

    keeper.after.append(end)


class Reborn(Keeper):
    """Starts itself anew on the same port."""

    def serve(self, port: int, announce: Any) -> None:
        """Remember the port for the next life."""

        def told(url: str) -> None:
            self.__dict__["url"] = url
            announce(url)

        super().serve(port, told)


@GROUP.make(
    "restarts", "The service is restarted at its 50th export; its counters begin at 0 again.",
    "monotonic", "answered", kind=Reborn,
)  # fmt: skip
def _restarts(keeper: Keeper) -> None:
    def again(made: jobs.Made) -> None:
        if keeper.made >= 50:
            port = keeper.__dict__["url"].rpartition(":")[2]
            if keeper.executor is not None:
                keeper.executor.shutdown(wait=False, cancel_futures=True)
            arguments = ["-m", "tests.targets", "serve", "restarts", "--port", port, "--exports", str(keeper.folder)]
            os.execve(
                sys.executable, [sys.executable, *arguments], os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
            )

    keeper.after.append(again)


class Refusing(Keeper):
    """Has enough after a while."""

    async def reply_to(self, request: Any, arrived: float) -> Reply:
        """503 for ever after."""
        if self.made >= 50:
            await request.read()
            return self.refuse(503, "Enough for today", "csv", "anonymous")
        return await super().reply_to(request, arrived)


@GROUP.make(
    "refuses",
    "After 50 exports all others are refused with 503, while /health is well.",
    "success-outside",
    "rejections",
    kind=Refusing,
)
def _refuses(keeper: Keeper) -> None:
    pass


@GROUP.make(
    "workers-die",
    "Its workers are killed at the 40th export; all later exports fail.",
    "success-target",
    "success-outside",
)
def _workers_die(keeper: Keeper) -> None:
    def kill(made: jobs.Made) -> None:
        if keeper.made == 40 and keeper.executor is not None:
            for process in list(keeper.executor._processes.values()):  # type: ignore[attr-defined]
                process.kill()

    keeper.after.append(kill)


@GROUP.make(
    "stale",
    "After 50 exports the answers name an older file of the format.",
    "names",
)
def _stale(keeper: Keeper) -> None:
    last: dict[str, Any] = {}

    def again(reply: Reply) -> Reply:
        if reply.status == 200:
            key = reply.body["result"]["filename"].rpartition(".")[2]
            if keeper.made > 50 and key in last:
                reply.body["result"] = last[key]
            last[key] = reply.body["result"]
        return reply

    keeper.replies.append(again)


ANIMALS = GROUP.animals
