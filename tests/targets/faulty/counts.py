"""Counters that do not count what happened."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from tests.targets.fixtures import page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.counters import Counters, Done
from tests.targets.fixtures.fault_tools import fail_each, slow_when_busy, times
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply
from tests.targets.fixtures.request import Ask

GROUP = Group("counts", "smoke")
REQUESTS = "export_requests_total"
RATE = "export_success_rate"


@GROUP.make("counters-reset", "All counters go back to 0 at every twentieth export.", "monotonic")
def _reset(target: ReferenceTarget) -> None:
    def start_anew(made: object) -> None:
        if target.made % 20 == 0:
            target.counters = Counters()

    target.after.append(start_anew)


class Twice(Counters):
    """Counts each success twice."""

    def succeeded(self, done: Done) -> None:
        """Once too often."""
        super().succeeded(done)
        self.count(done.form, "succeeded", done.user)


@GROUP.make("success-twice", "Each success is counted twice.", "requests", "identity")
def _twice(target: ReferenceTarget) -> None:
    target.counters = Twice()


def _only(status: str, value: float) -> page.Change:
    """One status of the request counter is always the same."""
    return page.each_sample(
        REQUESTS, lambda one: replace(one, value=value) if page.label(one, "status") == status else one
    )


GROUP.page(
    "started-uncounted", "Nothing is ever counted as started.", _only("started", 0), "requests", "moved", "identity"
)
GROUP.page("success-uncounted", "Nothing is ever counted as succeeded.", _only("succeeded", 0), "requests", "identity")
GROUP.page("rejections-uncounted", "Refused requests are counted nowhere.", _only("rejected", 0), "requests")
GROUP.page("requests-doubled", "Every request counter is twice the truth.", times(REQUESTS, 2), "requests")


GROUP.page(
    "nobody-unnamed",
    "Exports that name no user are counted under an empty one.",
    page.relabelled(REQUESTS, lambda one: one | {"user": one["user"].replace("anonymous", "")}),
    "requests",
    scenarios=("smoke",),
)


class RejectedFail(Counters):
    """Counts a bad request as a failed export."""

    def rejected(self, form: str, user: str) -> None:
        """Wrong: nothing had started."""
        known = form if form in ("csv", "pdf") else "csv"
        self.started(known, user)
        self.failed(known, user, "error")


@GROUP.make(
    "rejections-as-failures",
    "A bad request counts against the success rate.",
    "requests",
)
def _as_failures(target: ReferenceTarget) -> None:
    target.counters = RejectedFail()


class FailuresSucceed(Counters):
    """Counts failures as successes."""

    def failed(self, form: str, user: str, reason: str) -> None:
        """Wrong."""
        self.count(form, "succeeded", user)


@GROUP.make(
    "failures-as-successes",
    "One export in 30 fails and is counted as a success.",
    "requests",
    "requests",
    scenarios=("smoke", "load"),
)
def _as_successes(target: ReferenceTarget) -> None:
    target.counters = FailuresSucceed()
    fail_each(target, 30)


class FailuresUnseen(Counters):
    """Forgets failures."""

    def failed(self, form: str, user: str, reason: str) -> None:
        """Wrong: the export was counted as started."""


@GROUP.make(
    "failures-uncounted",
    "One export in 30 fails and is counted nowhere.",
    "requests",
    "identity",
    scenarios=("smoke", "load"),
)
def _unseen(target: ReferenceTarget) -> None:
    target.counters = FailuresUnseen()
    fail_each(target, 30)


class NoReason(Counters):
    """Counts a failure, but not its reason."""

    def failed(self, form: str, user: str, reason: str) -> None:
        """Half the truth."""
        self.count(form, "failed", user)


@GROUP.make(
    "reasons-uncounted",
    "One export in 30 fails, and export_fail_total stays at 0.",
    "requests",
    scenarios=("smoke", "load"),
)
def _no_reason(target: ReferenceTarget) -> None:
    target.counters = NoReason()
    fail_each(target, 30)


class LastOutcome(Counters):
    """Knows only how the latest export went."""

    def __init__(self) -> None:
        """Nothing went wrong yet."""
        super().__init__()
        self.last = dict.fromkeys(("csv", "pdf"), 1.0)

    def succeeded(self, done: Done) -> None:
        """All is well again."""
        super().succeeded(done)
        self.last[done.form] = 1.0

    def failed(self, form: str, user: str, reason: str) -> None:
        """All is lost."""
        super().failed(form, user, reason)
        self.last[form] = 0.0

    def success_rate(self, form: str) -> float:
        """No rate at all."""
        return self.last[form]


@GROUP.make(
    "rate-last-outcome",
    "One export in 25 fails; the success gauge reports only how the latest one went.",
    "success-gauge",
    scenarios=("smoke", "load"),
)
def _last_outcome(target: ReferenceTarget) -> None:
    target.counters = LastOutcome()
    fail_each(target, 25)


@GROUP.make(
    "rate-constant",
    "One export in 25 fails; the success gauge says 1 for ever.",
    "success-gauge",
    scenarios=("smoke", "load"),
)
def _constant(target: ReferenceTarget) -> None:
    fail_each(target, 25)
    target.changes.append(page.with_value(RATE, lambda one: 1.0))


GROUP.page(
    "rate-percent",
    "The success gauge is in percent.",
    times(RATE, 100),
    "success-gauge",
)
GROUP.page(
    "rate-contradicts",
    "The success gauge says 0.5 while nothing fails.",
    times(RATE, 0.5),
    "success-gauge",
)
GROUP.page(
    "rate-nan",
    "The success gauge is not a number.",
    page.with_value(RATE, lambda one: float("nan")),
    "success-gauge",
)


class FromJson(Counters):
    """Knows no file's size."""

    def succeeded(self, done: Done) -> None:
        """A guess: what the records took as JSON."""
        super().succeeded(replace(done, size_bytes=done.records * 190))


@GROUP.make("bytes-guessed", "The byte counter is guessed from the number of records.", "bytes-agree")
def _guessed(target: ReferenceTarget) -> None:
    target.counters = FromJson()


GROUP.page("bytes-doubled", "The byte counter is twice the truth.", times("export_bytes_total", 2), "bytes-agree")
GROUP.page("bytes-zero", "The byte counter stays at 0.", times("export_bytes_total", 0), "bytes-target")
GROUP.page("bytes-kilo", "The byte counter counts kilobytes.", times("export_bytes_total", 0.001), "bytes-agree")
GROUP.page(
    "bytes-csv-only",
    "The byte counter knows only csv.",
    page.each_sample(
        "export_bytes_total", lambda one: replace(one, value=0.0) if page.label(one, "format") == "pdf" else one
    ),
    "bytes-agree",
)


def _swapped(labels: dict[str, str]) -> dict[str, str]:
    """csv is called pdf, and the other way round."""
    other = {"csv": "pdf", "pdf": "csv"}
    return labels | {"format": other.get(labels["format"], labels["format"])}


GROUP.page(
    "formats-swapped",
    "The byte counter calls csv pdf and pdf csv.",
    page.relabelled("export_bytes_total", _swapped),
    "bytes-agree",
)
GROUP.page(
    "statuses-renamed",
    "The request counter says ok and error instead of succeeded and failed.",
    page.relabelled(
        REQUESTS,
        lambda labels: (
            labels | {"status": {"succeeded": "ok", "failed": "error"}.get(labels["status"], labels["status"])}
        ),
    ),
    "labels",
    "requests",
)


class Endless(Counters):
    """Keeps every user's name, and makes one of each request."""

    number = 0

    def user_label(self, user: str) -> str:
        """Never `other`."""
        if user not in self.users:
            self.users.append(user)
        return user

    def started(self, form: str, user: str) -> None:
        """A request's id got into its user's name."""
        self.number += 1
        super().started(form, f"{user}-{self.number}")


@GROUP.make(
    "users-unbounded",
    "Each request makes a new value of the user label.",
    "labels",
    scenarios=("smoke", "load", "batch"),
)
def _endless(target: ReferenceTarget) -> None:
    target.counters = Endless()


class StartedLate(ReferenceTarget):
    """Counts an export as started when it runs, not when it is admitted."""

    async def export(self, ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        """Waits first, counts then."""
        if not turn.done():
            await asyncio.wait([turn])
        return await super().export(ask, body, turn, arrived)


@GROUP.make(
    "started-late",
    "An export that waits is not yet counted as started.",
    "identity",
    scenarios=("batch",),
    kind=StartedLate,
)
def _late(target: ReferenceTarget) -> None:
    slow_when_busy(target, 0.05, waiting=3)


class RejectsPdf(ReferenceTarget):
    """Counts each refusal as one of pdf."""

    def refuse(self, status: int, error: str, form: str, user: str, **more: Any) -> Reply:
        """Whatever was asked for."""
        return super().refuse(status, error, "pdf", user, **more)


@GROUP.make("rejected-as-pdf", "Refusals of csv are counted as pdf.", "requests", kind=RejectsPdf)
def _rejects_pdf(target: ReferenceTarget) -> None:
    pass


TARGETS = GROUP.targets
