"""File names that can be guessed, and times that are not of their moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.fault_tools import good, slow_when_busy
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply

GROUP = Group("names-and-clocks", "smoke")


def _three_hours(reply: Reply) -> None:
    shown = datetime.now(UTC) + timedelta(hours=3)
    reply.body["timestamp"] = shown.isoformat(timespec="milliseconds").replace("+00:00", "Z")


GROUP.reply("local-z", "Times are local, and call themselves UTC.", good(_three_hours), "answers")


class Constant(ReferenceTarget):
    """Names have only the time."""

    last_ms = 0

    def new_name(self, form: str) -> str:
        """Unique, and easily guessed."""
        self.last_ms = max(self.last_ms + 1, time.time_ns() // 1_000_000)
        return f"export_{self.last_ms}_aaaaaaaaa.{form}"


GROUP.add("names-guessable", "The random part of file names is always the same.", Constant, "names")


class Counted(ReferenceTarget):
    """Names have the time and a number."""

    given = 0

    def new_name(self, form: str) -> str:
        """Unique, and easily guessed."""
        self.given += 1
        return f"export_{time.time_ns() // 1_000_000}_{self.given:09d}.{form}"


GROUP.add("names-counted", "The random part of file names is counted up.", Counted, "names")


# -- clocks --

STARTED = datetime.now(UTC)


def _started(reply: Reply) -> None:
    reply.body["timestamp"] = STARTED.isoformat()


class Asleep(ReferenceTarget):
    """Asked for the time once, when it started."""

    started_ms = 0

    def new_name(self, form: str) -> str:
        """Of that moment."""
        self.started_ms = self.started_ms or time.time_ns() // 1_000_000
        tail = super().new_name(form).rpartition("_")[2]
        return f"export_{self.started_ms}_{tail}"


class OldStatus(ReferenceTarget):
    """Its status page is of the moment of its start."""

    def status_body(self) -> dict[str, Any]:
        """With numbers of now."""
        return super().status_body() | {"timestamp": STARTED.isoformat()}


def _of_1999(reply: Reply) -> Reply:
    if reply.status != 200:
        reply.body["timestamp"] = "1999-12-31T23:59:59Z"
    return reply


GROUP.reply("clock-frozen", "Answers have the time of the service's start.", good(_started), "answers")
GROUP.reply("errors-of-1999", "Errors bear a time of another century.", _of_1999, "behaviour")


GROUP.add("names-frozen", "File names have the time of the service's start.", Asleep, "answers")


GROUP.add("status-frozen", "The status page has the time of the service's start.", OldStatus, "status-page")


def _long_ago(reply: Reply) -> Reply:
    if reply.status == 429:
        reply.headers["Retry-After"] = "Fri, 20 Nov 2015 10:00:00 GMT"
    return reply


@GROUP.make("retry-in-2015", "A 429 sends its client back to 2015.", "rejections", scenarios=("batch",))
def _retry(target: ReferenceTarget) -> None:
    slow_when_busy(target, 0.2, waiting=20)
    target.replies.append(_long_ago)


TARGETS = GROUP.targets
