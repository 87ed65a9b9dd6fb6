"""Properties of the service that hold for any bytes: strategies, and what is checked of each answer."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import socket
from collections import Counter
from typing import Any

from hypothesis import strategies as st

from tests.service.helpers import Running

TIMEOUT_S = 40.0
"""For an answer; the service itself waits 30 s for a request's end."""
PATIENCE_S = 0.2
"""For the beginning of an answer, before the end of the request is sent."""
STATUSES = {b"200", b"400", b"403", b"404", b"405", b"413", b"415", b"417"}
"""Of raw requests; anything else is a defect."""
CSV_HEAD = b"POST /export/run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"

TOKENS = st.sampled_from(
    [
        b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"PRI", b"get", b"", b"\0", b"/health",
        b"/export/run", b"/export/status", b"/export/metrics", b"/export/files/../../etc/passwd",
        b"/export/files/%2e%2e%2fx", b"/export/download/export_1_aaaaaaaaa.csv", b"*", b"http://localhost/health",
        b"//localhost/health", b"/health?" + b"x" * 9_000, b"/%00", b"/\xff", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0",
        b"HTTP/9.9", b"HTTP/1.1 ", b" ",
    ]
)  # fmt: skip
PATHS = [
    b"/health",
    b"/export/run",
    b"/export/status",
    b"/export/metrics",
    b"/openapi.json",
    b"/nowhere",
    b"/health?a=%",
]
HEADERS = st.sampled_from(
    [
        b"Host: localhost", b"Host: localhost", b"Host: evil", b"Host:", b"Host: a\r\nHost: b", b"Connection: close",
        b"Connection: keep-alive, upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"Content-Length: 0",
        b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: +5", b"Content-Length: 5, 5",
        b"Content-Length: 99999999999999999999", b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 0x5",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding : chunked", b" folded: x", b"X: \xff\xfe", b"X:\0",
        b"No colon", b": no name", b"X" * 9_000 + b": y", b"Content-Type: application/json", b"Content-Type: text/html",
        b"Content-Encoding: gzip", b"Content-Encoding: deflate", b"Content-Encoding: br", b"Expect: 100-continue",
        b"Expect: 200-ok", b"Origin: null", b"Origin: http://localhost", b"Accept: */*;q=x", b"Range: bytes=0-0",
        b"Range: bytes=9-1,,-", b"If-Modified-Since: x", b"Cookie: a=\"", b"Authorization: Bearer \xc3\xa9",
        b"X-Request-ID: " + b"i" * 200,
    ]
)  # fmt: skip
CONTENTS = st.sampled_from(
    [
        b"", b"{}", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhel", b"ffffffffffffffffff\r\n", b"-1\r\n\r\n",
        b"5;x=y\r\nhello\r\n0\r\nT: x\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x1f\x8b\x08\x00",
        b'{"format":"csv","columns":["a"],"data":[]}', b"\xff" * 50,
    ]
)  # fmt: skip


@st.composite
def raw_requests(draw: st.DrawFn) -> bytes:
    """Something like an HTTP request, from one odd header to nothing of the kind."""
    if draw(st.booleans()):
        line = b" ".join((draw(st.sampled_from([b"GET", b"POST", b"HEAD"])), draw(st.sampled_from(PATHS)), b"HTTP/1.1"))
        headers = draw(st.lists(HEADERS, max_size=2))
        return b"\r\n".join([line, b"Host: localhost", b"Connection: close", *headers, b"", draw(CONTENTS)])
    line = b" ".join(draw(st.lists(TOKENS, min_size=1, max_size=4)))
    request = b"\r\n".join([line, *draw(st.lists(HEADERS, max_size=5)), b"", draw(CONTENTS)])
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(request)))
        request = request[:at] + draw(st.binary(max_size=4)) + request[at + draw(st.integers(0, 3)) :]
    return request


def ask(service: Running, request: bytes) -> bytes:
    """Send bytes, and nothing more after a moment; all that comes back.

    A service may give a client up that ends its side at once, so the end comes only where no answer does.
    """
    host, _, port = service.url.removeprefix("http://").partition(":")
    came = bytearray()
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        try:
            connection.sendall(request)
            connection.settimeout(PATIENCE_S)
            with contextlib.suppress(TimeoutError):
                came += connection.recv(65_536)
            connection.settimeout(TIMEOUT_S)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                came += piece
        except ConnectionError:
            pass  # the service may close before it has read all
    return bytes(came)


def check_raw(service: Running, request: bytes, counts: Counter[str]) -> None:
    """Each answer has a status that the service means, and an error has the contract's shape."""
    came = ask(service, request)
    if not came:
        counts["closed without an answer"] += 1
        return
    head, _, body = came.partition(b"\r\n\r\n")
    if head == b"HTTP/1.1 100 Continue":
        if not body:
            return
        head, _, body = body.partition(b"\r\n\r\n")
    status = head[9:12]
    counts[status.decode("latin-1")] += 1
    # a request line without a version is answered as HTTP/0.9
    assert head.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/0.9 ")), came[:200]
    assert status in STATUSES, came[:300]
    length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    if status[:1] == b"4" and body:
        answer = json.loads(body[: int(length[0].split(b":")[1])])
        assert answer["success"] is False and isinstance(answer["error"], str), came[:300]


SCALARS = st.sampled_from(
    [
        "null", "true", "0", "-0", "1e999", "-1.5e-7", "123456789012345678901234567890", '"x"', '""', '"a,b\\n\\"c"',
        '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"', '"=1+1"', '"ğ漢א"', "NaN", "tru", '"', "1" * 5_000,
    ]
)  # fmt: skip
NAMES = st.sampled_from(['"a"', '"b"', '"\\u0061"', '""', '"data"', '"format"', '"x:y"'])


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.builds(lambda name, value: f"{name}:{value}", NAMES, values)
    return st.lists(member, max_size=3).map(lambda members: "{" + ",".join(members) + "}")


VALUES = st.recursive(
    SCALARS,
    lambda inner: _objects(inner) | st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
    max_leaves=5,
)
ROWS = st.lists(_objects(VALUES), max_size=4).map(lambda rows: f"[{','.join(rows)}]")
COLUMN_LISTS = ['["a"]', '["a","b"]', '["b","a",""]', '["x:y"]']
FIELDS = {
    "format": st.sampled_from(['"csv"', '"csv"', '"pdf"', '"CSV"', "null", "1"]),
    "columns": st.sampled_from(['["a"]', '["a","b"]', '["b","a",""]', "[]", '["a","a"]', "[1]", "null", '"a"']),
    "data": ROWS | VALUES,
    "title": VALUES,
    "user": VALUES,
    "source": VALUES,
    "other": VALUES,
}


SOUND_VALUES = st.sampled_from(
    ["null", "true", "0", "-0", "-1.5e-7", '"x"', '"a,b\\n\\"c"', '"=1+1"', '"ğ漢א"', '{"a":[1,{"b":2}]}', '"12:30"']
)
SOUND_RECORD = st.lists(st.sampled_from(["a", "b", "", "x:y"]), max_size=4, unique=True).flatmap(
    lambda names: st.tuples(*(SOUND_VALUES.map(lambda value, name=name: f'"{name}":{value}') for name in names)).map(  # type: ignore[misc]
        lambda members: "{" + ",".join(members) + "}"
    )
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A sound body in every other case; else something like one."""
    if draw(st.booleans()):
        format_, columns = draw(st.sampled_from(["csv", "csv", "csv", "pdf"])), draw(st.sampled_from(COLUMN_LISTS))
        records = ",".join(draw(st.lists(SOUND_RECORD, max_size=5)))
        return f'{{"format":"{format_}","columns":{columns},"data":[{records}]}}'.encode()
    names = ["format", "columns", "data"] if draw(st.integers(0, 4)) else []
    names += draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=1 if names else 4))
    space = draw(st.sampled_from(["", "", " ", "\r\n\t"]))
    members = (f'{space}"{name}"{space}:{space}{draw(FIELDS[name])}{space}' for name in names)
    body = ("{" + ",".join(members) + "}").encode()
    if not draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + 1 :]
    return body


def check_body(service: Running, body: bytes, counts: Counter[str]) -> None:
    """200 or 400; what is exported has as many records as were sent, and no key was there twice."""
    answer = service.post(body)
    counts[str(answer.status)] += 1
    assert answer.status in (200, 400), (answer.status, answer.body[:300])
    if answer.status == 400:
        assert answer.json()["success"] is False and answer.json()["error"]
        return
    sent, twice = read(body)
    assert not twice, body
    assert answer.json()["records"] == len(sent["data"]), body
    if sent["format"] == "csv":
        rows = list(csv.reader(io.StringIO(service.file(answer).decode(), newline="")))
        assert rows[0] == sent["columns"] and len(rows) == len(sent["data"]) + 1, body


def read(body: bytes) -> tuple[Any, bool]:
    """A body as Python's own reader has it, and whether a key is twice in any object."""
    twice = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        twice = twice or len({name for name, _ in pairs}) < len(pairs)
        return dict(pairs)

    return json.loads(body, object_pairs_hook=look, parse_int=float), twice
