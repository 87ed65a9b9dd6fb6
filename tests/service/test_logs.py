"""Log lines: formats, floods, and what libraries say."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
from typing import Any

from service.logs import CLIENT_LINES_A_SECOND, Log, library_logger


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_flood_of_client_events_is_cut_and_counted() -> None:
    """20 lines a second of each event; the next second's first line says how many were left out."""
    now = [0.0]
    stream = io.StringIO()
    log = Log(stream=stream, clock=lambda: now[0])
    for _ in range(CLIENT_LINES_A_SECOND + 5):
        log.client_event("bad-http", status=400)
    log.client_event("denied", status=403)
    log.event("export-done")
    now[0] = 1.0
    log.client_event("bad-http", status=400)
    log.client_event("bad-http", status=400)
    log.close()
    written = lines(stream)
    assert [line["event"] for line in written] == ["bad-http"] * 20 + ["denied", "export-done", "bad-http", "bad-http"]
    assert [line.get("suppressed") for line in written[-2:]] == [5, None]


def test_what_a_library_logs_is_one_json_line_without_traceback() -> None:
    """An exception is named in a word, whatever its message holds."""
    stream = io.StringIO()
    log = Log(stream=stream)
    logger = library_logger(log)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("Error handling request from %s", "127.0.0.1")
    logger.info("nothing")
    logger.warning("%d", "no number")
    log.close()
    first, second = lines(stream)
    assert (first["event"], first["level"], first["logger"]) == ("library", "error", "service")
    assert first["message"] == "Error handling request from 127.0.0.1"
    assert first["error"] == "ValueError: two"
    assert second["message"] == "%d"


def test_a_pipe_that_nobody_reads_stops_nobody() -> None:
    """More lines than a pipe and the queue hold: the loop goes on, the surplus is dropped."""
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    log = Log(stream=stream)

    async def scene() -> None:
        for _ in range(20_000):
            log.event("export-done", text="x" * 100)
        await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scene(), 60))
    os.close(reader)
    log.close()
    with contextlib.suppress(BrokenPipeError):
        stream.close()
