"""Services that answer odd, bad and hostile requests wrongly."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.fault_tools import slow_when_busy
from tests.targets.fixtures.reference_target import Handler, ReferenceTarget, Reply, now_text
from tests.targets.fixtures.request import Ask, BadAsk, Body, parse

GROUP = Group("interface", "smoke")


def _of_400(change: Callable[[Reply], None]) -> Callable[[Reply], Reply]:
    """Change the answers 400 only."""

    def apply(reply: Reply) -> Reply:
        if reply.status == 400:
            change(reply)
        return reply

    return apply


def _status(status: int) -> Callable[[Reply], None]:
    def change(reply: Reply) -> None:
        reply.status = status

    return change


def _set(**values: object) -> Callable[[Reply], None]:
    return lambda reply: reply.body.update(values)


GROUP.reply("bad-500", "Bad input is answered 500.", _of_400(_status(500)), "behaviour")
GROUP.reply("bad-422", "Bad input is answered 422.", _of_400(_status(422)), "behaviour")
GROUP.reply("bad-200", "Bad input is answered 200 with success false.", _of_400(_status(200)), "behaviour")
GROUP.reply(
    "bad-success-true", "Bad input is answered 400 with success true.", _of_400(_set(success=True)), "behaviour"
)
GROUP.reply("bad-no-field", "The error does not name the field.", _of_400(_set(error="Bad request")), "behaviour")
GROUP.reply("bad-no-error", "The error is an empty text.", _of_400(_set(error="")), "behaviour")
GROUP.reply("bad-no-time", "The error has no time.", _of_400(lambda reply: reply.body.pop("timestamp")), "behaviour")


class PlainErrors(ReferenceTarget):
    """Says what is wrong in plain text."""

    def send(self, reply: Reply) -> web.StreamResponse:
        """JSON for good answers only."""
        return (
            super().send(reply) if reply.status == 200 else web.Response(text=reply.body["error"], status=reply.status)
        )


@GROUP.make("bad-text", "Errors are plain text.", "behaviour", "rejections", kind=PlainErrors)
def _plain(target: ReferenceTarget) -> None:
    pass


class Lenient(ReferenceTarget):
    """Takes what it should refuse."""

    accepts: Callable[[dict[str, Any]], dict[str, Any]] = dict

    def check(self, body: bytes) -> Ask:
        """Mend the body first."""
        try:
            read = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return parse(body)
        if not isinstance(read, dict):
            return parse(body)
        try:
            return parse(body)
        except BadAsk:
            mended = type(self).accepts(read)
            return parse(msgspec.json.encode(mended))


class UnknownKeys(Lenient):
    """Takes unknown keys."""

    @staticmethod
    def accepts(read: dict[str, Any]) -> dict[str, Any]:
        """Drop them."""
        return {key: value for key, value in read.items() if key in Body.__struct_fields__}


class AnyFormat(Lenient):
    """Takes unknown formats."""

    @staticmethod
    def accepts(read: dict[str, Any]) -> dict[str, Any]:
        """All is csv."""
        return {**read, "format": "csv"}


class NoColumns(Lenient):
    """Needs no columns."""

    @staticmethod
    def accepts(read: dict[str, Any]) -> dict[str, Any]:
        """The first record's keys will do."""
        return {**read, "columns": list((read.get("data") or [{}])[0]) or ["a"]}


def _mended_write(target: ReferenceTarget) -> None:
    """A worker reads the body again, so it must see the mended one."""
    inner = target.export

    async def export(ask: Ask, body: bytes, *rest: Any) -> Reply:
        mended = {"format": ask.format, "columns": ask.columns, "data": ask.rows, "title": ask.title, "user": ask.user}
        return await inner(ask, msgspec.json.encode(mended), *rest)

    target.__dict__["export"] = export


for _kind, _name, _why in (
    (UnknownKeys, "keys-unknown", "Unknown keys are taken without a word."),
    (AnyFormat, "format-any", "Every unknown format becomes csv."),
    (NoColumns, "columns-unneeded", "A csv export without columns is made with some of the service's own."),
):
    GROUP.make(_name, _why, "behaviour", kind=_kind)(_mended_write)


class Traversed(ReferenceTarget):
    """Serves any file."""

    def find(self, name: str) -> Path | None:
        """Wherever the name leads."""
        path = self.folder / name
        return path if path.is_file() else None

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Without a look at what it is."""
        path = self.find(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        if path.parent == self.folder:
            return await super().file(request)
        return web.FileResponse(path)


class Ready(ReferenceTarget):
    """Promises what it has not."""

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Everything is ready."""
        url = f"/export/files/{request.match_info['name']}"
        return web.json_response({"downloadUrl": url, "status": "ready", "timestamp": now_text()})


class Empty(ReferenceTarget):
    """Serves nothing as something."""

    async def file(self, request: web.Request) -> web.StreamResponse:
        """An unknown name is an empty file."""
        if self.find(request.match_info["name"]) is None:
            return web.Response(text="", content_type="text/csv")
        return await super().file(request)


class Listing(ReferenceTarget):
    """Shows its folder."""

    async def file(self, request: web.Request) -> web.StreamResponse:
        """An unknown name lists what there is."""
        if self.find(request.match_info["name"]) is None:
            return web.json_response(sorted(path.name for path in self.folder.iterdir()))
        return await super().file(request)


@GROUP.make("traversal", "Any file of the machine can be fetched by a path with dots.", "behaviour", kind=Traversed)
def _traversed(target: ReferenceTarget) -> None:
    pass


@GROUP.make("link-always-ready", "The download link is ready for names that were never made.", "behaviour", kind=Ready)
def _ready(target: ReferenceTarget) -> None:
    pass


@GROUP.make("unknown-file-empty", "An unknown file is served as an empty one.", "behaviour", kind=Empty)
def _empty(target: ReferenceTarget) -> None:
    pass


@GROUP.make("unknown-file-listing", "An unknown file is answered with the list of all.", "behaviour", kind=Listing)
def _listing(target: ReferenceTarget) -> None:
    pass


class Fragile(ReferenceTarget):
    """Dies of a body that is no JSON."""

    def check(self, body: bytes) -> Ask:
        """Nobody catches it."""
        if not body.startswith(b"{"):
            os._exit(1)
        return super().check(body)


@GROUP.make(
    "bad-crash",
    "A body that is no JSON ends the process.",
    "behaviour",
    kind=Fragile,
)
def _fragile(target: ReferenceTarget) -> None:
    pass


def _health(target: ReferenceTarget, answer: Callable[[], web.StreamResponse]) -> None:
    """Another answer of /health."""

    def wrap(inner: Handler) -> Handler:
        async def outer(request: web.Request) -> web.StreamResponse:
            return answer() if request.path.endswith("/health") else await inner(request)

        return outer

    target.wrap.append(wrap)


@GROUP.make("health-busy", "/health answers 503 while exports run.", "health", scenarios=("load",))
def _busy(target: ReferenceTarget) -> None:
    def answer() -> web.StreamResponse:
        busy = target.slots.running > 0
        return web.json_response({"ok": not busy, "ts": 1}, status=503 if busy else 200)

    _health(target, answer)


@GROUP.make("health-full", "/health answers 503 while more than twenty wait.", "health", scenarios=("batch",))
def _full(target: ReferenceTarget) -> None:
    def answer() -> web.StreamResponse:
        full = target.slots.waiting > 20
        return web.json_response({"ok": not full, "ts": time.time()}, status=503 if full else 200)

    slow_when_busy(target, 0.05, waiting=21)
    _health(target, answer)


@GROUP.make("health-clock-stopped", "/health always has the same time.", "health", scenarios=("load",))
def _clock_stopped(target: ReferenceTarget) -> None:
    _health(target, lambda: web.json_response({"ok": True, "ts": 1_700_000_000_123}))


@GROUP.make("health-not-ok", "/health answers 200 with ok false.", "health", scenarios=("load",))
def _not_ok(target: ReferenceTarget) -> None:
    _health(target, lambda: web.json_response({"ok": False, "ts": 1}))


@GROUP.make("health-text", "/health answers with a word.", "health", scenarios=("load",))
def _text(target: ReferenceTarget) -> None:
    _health(target, lambda: web.Response(text="OK"))


GROUP.reply(
    "bad-one-sentence",
    "Every error is the same sentence, which names all fields there are.",
    _of_400(_set(error="Check format, data (each record), columns, title, user, source and table, and colour")),
    "behaviour",
)


class NoTime(ReferenceTarget):
    """Says that it is well, but not when."""

    async def health(self, request: web.Request) -> web.StreamResponse:
        """Without `ts`."""
        return web.json_response({"ok": True})


@GROUP.make("health-no-time", "/health has no time.", "health", kind=NoTime, scenarios=("load",))
def _no_time(target: ReferenceTarget) -> None:
    pass


class Stopped(ReferenceTarget):
    """Its clock stands still."""

    def status_body(self) -> dict[str, Any]:
        """Of another year."""
        return super().status_body() | {"timestamp": "2020-02-02T02:02:02Z"}


@GROUP.make("status-old-time", "/export/status has a time of another year.", "status-page", kind=Stopped)
def _stopped(target: ReferenceTarget) -> None:
    pass


TARGETS = GROUP.targets
