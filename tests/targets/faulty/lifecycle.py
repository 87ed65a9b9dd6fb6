"""Services that do not last."""

from __future__ import annotations

import os
import sys
from typing import Any

from tests.targets.fixtures import jobs
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply

GROUP = Group("lifecycle", "smoke", "load")


@GROUP.make(
    "crashes",
    "The process ends at its 20th export, and nobody starts it again.",
    "answered",
    "success-outside",
)
def _crashes(target: ReferenceTarget) -> None:
    def end(made: jobs.Made) -> None:
        if target.made >= 20:
            os._exit(3)

    target.after.append(end)


class Reborn(ReferenceTarget):
    """Starts itself anew on the same port."""

    def serve(self, port: int, announce: Any) -> None:
        """Remember the port for the next process."""

        def announced(url: str) -> None:
            self.__dict__["url"] = url
            announce(url)

        super().serve(port, announced)


@GROUP.make(
    "restarts", "The service is restarted at its 50th export; its counters begin at 0 again.",
    "monotonic", "answered", kind=Reborn,
)  # fmt: skip
def _restarts(target: ReferenceTarget) -> None:
    def again(made: jobs.Made) -> None:
        if target.made >= 50:
            port = target.__dict__["url"].rpartition(":")[2]
            if target.executor is not None:
                target.executor.shutdown(wait=False, cancel_futures=True)
            arguments = ["-m", "tests.targets", "serve", "restarts", "--port", port, "--exports", str(target.folder)]
            os.execve(
                sys.executable, [sys.executable, *arguments], os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
            )

    target.after.append(again)


class Refusing(ReferenceTarget):
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
def _refuses(target: ReferenceTarget) -> None:
    pass


@GROUP.make(
    "workers-die",
    "Its workers are killed at the 40th export; all later exports fail.",
    "success-target",
    "success-outside",
)
def _workers_die(target: ReferenceTarget) -> None:
    def kill(made: jobs.Made) -> None:
        if target.made == 40 and target.executor is not None:
            for process in list(target.executor._processes.values()):  # type: ignore[attr-defined]
                process.kill()

    target.after.append(kill)


@GROUP.make(
    "stale",
    "After 50 exports the answers name an older file of the format.",
    "names",
)
def _stale(target: ReferenceTarget) -> None:
    last: dict[str, Any] = {}

    def again(reply: Reply) -> Reply:
        if reply.status == 200:
            key = reply.body["result"]["filename"].rpartition(".")[2]
            if target.made > 50 and key in last:
                reply.body["result"] = last[key]
            last[key] = reply.body["result"]
        return reply

    target.replies.append(again)


TARGETS = GROUP.targets
