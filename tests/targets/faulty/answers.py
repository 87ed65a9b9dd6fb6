"""Answers and downloads that are not what the contract promises."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from aiohttp import web

from tests.targets.fixtures import jobs
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.fault_tools import fail_each, good, of_answer, of_result
from tests.targets.fixtures.reference_target import Handler, ReferenceTarget, Reply
from tests.targets.fixtures.request import Ask

GROUP = Group("answers", "smoke")


def _more_bytes(reply: Reply) -> None:
    reply.body["result"]["bytes"] += 1


def _json_bytes(reply: Reply) -> None:
    reply.body["result"]["bytes"] = int(reply.body["result"]["bytes"] * 1.8)


def _fewer_records(reply: Reply) -> None:
    reply.body["records"] -= 1


def _drop(key: str) -> Callable[[Reply], None]:
    return lambda reply: reply.body.pop(key)


GROUP.reply("bytes-plus-one", "`bytes` is one more than the file has.", good(_more_bytes), "answers", "bytes-agree")
GROUP.reply("bytes-of-json", "`bytes` is an estimate, 1.8 times the file.", good(_json_bytes), "answers", "bytes-agree")
GROUP.reply("bytes-answer-zero", "`bytes` is 0.", of_result(bytes=0), "answers", "bytes-agree")
GROUP.reply("records-wrong", "`records` is one less than was sent.", good(_fewer_records), "answers")
GROUP.reply("records-missing", "The answer has no `records`.", good(_drop("records")), "answers")
GROUP.reply("result-missing", "The answer has no `result`.", good(_drop("result")), "answers", "downloads")
GROUP.reply("timestamp-garbage", "The answer's time is no ISO 8601.", of_answer(timestamp="yesterday"), "answers")
GROUP.reply("success-false", "A good export is answered 200 with success false.", of_answer(success=False), "answers")
GROUP.reply("inner-success-false", "A good export's result says success false.", of_result(success=False), "answers")
GROUP.reply("success-text", "`success` is the text true.", of_answer(success="true"), "answers")


@GROUP.make(
    "failed-but-200",
    "One export in 30 fails and is answered 200 with success false.",
    "answers",
    "requests",
    scenarios=("smoke", "load"),
)
def _failed_but_200(target: ReferenceTarget) -> None:
    fail_each(target, 30)

    def polite(reply: Reply) -> Reply:
        reply.status = 200 if reply.status == 500 else reply.status
        return reply

    target.replies.append(polite)


@GROUP.make(
    "done-but-500",
    "One good export in 30 is answered 500, its body saying success.",
    "answers",
    "requests",
    "requests",
    scenarios=("smoke", "load"),
)
def _done_but_500(target: ReferenceTarget) -> None:
    numbers = count(1)

    def change(reply: Reply) -> None:
        if next(numbers) % 30 == 0:
            reply.status = 500

    target.replies.append(good(change))


class Plain(ReferenceTarget):
    """Answers exports as text."""

    def send(self, reply: Reply) -> web.StreamResponse:
        """No JSON."""
        return web.Response(text="OK" if reply.status == 200 else "ERROR", status=reply.status)


@GROUP.make("answers-text", "Exports are answered in plain text.", "answers", "behaviour", kind=Plain)
def _plain(target: ReferenceTarget) -> None:
    pass


# -- names --


class NoTime(ReferenceTarget):
    """Its names bear no time."""

    numbers = count(1)

    def new_name(self, form: str) -> str:
        """A plain number."""
        return f"report-{next(self.numbers)}.{form}"

    def find(self, name: str) -> Path | None:
        """By its own names."""
        path = self.folder / Path(name).name
        return path if path.is_file() else None


class SameName(ReferenceTarget):
    """Two exports in the same moment get the same name, and the later one wins."""

    window_ms = 100

    def new_name(self, form: str) -> str:
        """A name made of nothing but a coarse time."""
        moment = int(asyncio.get_running_loop().time() * 1000) // self.window_ms
        return f"export_{1_700_000_000_000 + moment}_aaaaaaaaa.{form}"

    async def do(self, job: jobs.Job) -> jobs.Made:
        """The worker writes elsewhere; then one file replaces the other."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, make_over, job)


def make_over(job: jobs.Job) -> jobs.Made:
    """Make a file in place of one of the same name."""
    own = f"{os.getpid()}-{job.name}"
    made = jobs.make(jobs.Job(body=job.body, write=job.write, folder=job.folder, name=own, made_at=job.made_at))
    (job.folder / own).replace(job.folder / job.name)
    return made


class Numbered(ReferenceTarget):
    """Its names are right but for their end."""

    def new_name(self, form: str) -> str:
        """No letter or digit at random."""
        return super().new_name(form).replace("_", "-")

    find = NoTime.find


@GROUP.make("names-plain", "Files are called report-1.csv, report-2.csv and so on.", "names", "answers", kind=NoTime)
def _names_plain(target: ReferenceTarget) -> None:
    target.__dict__["numbers"] = count(1)


@GROUP.make("names-dashes", "Names have dashes where the contract has underscores.", "names", "answers", kind=Numbered)
def _names_dashes(target: ReferenceTarget) -> None:
    pass


@GROUP.make(
    "names-twice", "Exports of the same tenth of a second get the same name, and one replaces the other.",
    "names", kind=SameName,
)  # fmt: skip
def _names_twice(target: ReferenceTarget) -> None:
    pass


def _other_extension(reply: Reply) -> None:
    reply.body["result"]["filename"] += ".tmp"


GROUP.reply("filename-extension", "`filename` ends in .tmp.", good(_other_extension), "names", "answers")
GROUP.reply("filename-missing", "`filename` is empty.", of_result(filename=""), "names", "answers")

# -- downloads --

GROUP.reply(
    "link-dead",
    "`downloadUrl` leads nowhere.",
    of_result(downloadUrl="/export/files/export_1_none.csv"),
    "downloads",
    "answers",
)
GROUP.reply("link-missing", "`downloadUrl` is null.", of_result(downloadUrl=None), "downloads", "answers")
GROUP.reply(
    "link-elsewhere",
    "`downloadUrl` leads to another host.",
    of_result(downloadUrl="http://192.0.2.1/file.csv"),
    "downloads",
    "answers",
)


class Vanishing(ReferenceTarget):
    """Loses files."""

    def find(self, name: str) -> Path | None:
        """Every tenth download finds nothing."""
        self.__dict__["asked"] = self.__dict__.get("asked", 0) + 1
        return None if self.__dict__["asked"] % 10 == 0 else super().find(name)


class Late(ReferenceTarget):
    """Answers before the file can be had."""

    def find(self, name: str) -> Path | None:
        """Nothing is served within half a second of its making."""
        path = super().find(name)
        if path is None:
            return None
        made_ms = int(path.name.split("_")[1])
        import time

        return path if time.time() * 1000 - made_ms > 1500 else None


class Newest(ReferenceTarget):
    """Serves whatever is newest."""

    def find(self, name: str) -> Path | None:
        """The latest export of the format, whichever was asked for."""
        path = super().find(name)
        if path is None:
            return None
        return max(self.folder.glob(f"export_*{path.suffix}"), key=lambda one: one.stat().st_mtime_ns)


@GROUP.make("downloads-vanish", "One download in ten finds nothing.", "downloads", kind=Vanishing)
def _vanishing(target: ReferenceTarget) -> None:
    pass


@GROUP.make(
    "downloads-late", "A file can be fetched only a second and a half after its answer.", "downloads", kind=Late
)
def _late(target: ReferenceTarget) -> None:
    pass


@GROUP.make(
    "downloads-newest",
    "Every download serves the newest file.",
    "downloads",
    kind=Newest,
)
def _newest(target: ReferenceTarget) -> None:
    pass


@GROUP.make(
    "files-cut",
    "One file in 20 loses its second half after its answer's size was taken.",
    "bytes-agree",
    "downloads",
)
def _cut(target: ReferenceTarget) -> None:
    def cut(made: jobs.Made) -> None:
        if target.made % 20 == 0:
            newest = max(target.folder.glob("export_*"), key=lambda one: one.stat().st_mtime_ns)
            os.truncate(newest, newest.stat().st_size // 2)

    target.after.append(cut)


@GROUP.make(
    "files-of-others",
    "While several exports run, a file may hold another request's records.",
    "csv-contents",
    "pdf-contents",
    scenarios=("load",),
)
def _others(target: ReferenceTarget) -> None:
    latest: dict[str, bytes] = {}
    inner = target.do

    async def do(job: jobs.Job) -> jobs.Made:
        form = job.name.rpartition(".")[2]
        latest[form] = job.body
        await asyncio.sleep(0.01)
        return await inner(
            jobs.Job(body=latest[form], write=job.write, folder=job.folder, name=job.name, made_at=job.made_at)
        )

    target.__dict__["do"] = do


@GROUP.make(
    "files-canned",
    "After the first export of a format and size, its file is served again and again.",
    "csv-contents",
    "pdf-contents",
    "names",
)
def _canned(target: ReferenceTarget) -> None:
    first: dict[tuple[str, int], bytes] = {}
    inner = target.export

    async def export(ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        kept = first.setdefault((ask.format, len(ask.rows)), body)
        return await inner(ask, kept, turn, arrived)

    target.__dict__["export"] = export


# -- headers of files --


def _file_headers(target: ReferenceTarget, change: Callable[[web.StreamResponse], object]) -> None:
    """Change the answer to a download just before it goes."""

    def wrap(inner: Handler) -> Handler:
        async def outer(request: web.Request) -> web.StreamResponse:
            response = await inner(request)
            if "/export/files/" in request.path and response.status == 200:
                change(response)
            return response

        return outer

    target.wrap.append(wrap)


@GROUP.make("media-wrong", "Files are served as HTML.", "downloads", "behaviour")
def _media(target: ReferenceTarget) -> None:
    _file_headers(target, lambda response: response.headers.update({"Content-Type": "text/html"}))


@GROUP.make("download-name-missing", "Files are served without a download name.", "downloads", "behaviour")
def _no_name(target: ReferenceTarget) -> None:
    _file_headers(target, lambda response: response.headers.pop("Content-Disposition"))


class Chunked(ReferenceTarget):
    """Streams files without telling their length."""

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Chunk by chunk."""
        path = self.find(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        whole = await super().file(request)
        response = web.StreamResponse(
            headers={name: whole.headers[name] for name in ("Content-Type", "Content-Disposition")}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(path.read_bytes())
        await response.write_eof()
        return response


@GROUP.make("length-missing", "Files are served without their length.", "downloads", "behaviour", kind=Chunked)
def _chunked(target: ReferenceTarget) -> None:
    pass


TARGETS = GROUP.targets
