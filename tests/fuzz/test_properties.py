"""The service on raw bytes and on any body: a few hundred of each; `nox -s fuzz` tries thousands."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz.properties import CSV_HEAD, bodies, check_body, check_raw, raw_requests
from tests.service.conftest import shared
from tests.service.helpers import Running

pytestmark = pytest.mark.e2e
__all__ = ["shared"]
SHARED = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@SHARED
@given(request_=raw_requests())
@example(request_=b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n")
@example(request_=b"CONNECT GET\r\n\r\n")
@example(request_=CSV_HEAD + b"Content-Encoding: zstd\r\nContent-Length: 1\r\n\r\nx")
@example(request_=CSV_HEAD + b"Expect: foo\r\nContent-Length: 1\r\n\r\nx")
@example(request_=CSV_HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
def test_raw_bytes(shared: Running, request_: bytes) -> None:
    """No 5xx, no status that the service does not mean, every error in the contract's shape."""
    check_raw(shared, request_, Counter())


@SHARED
@given(body=bodies())
@example(body=b'{"format":"csv","source":{"table":""}}')
@example(body=b'{"format":"csv","columns":["a"],"data":[{"a":1,"a":2}]}')
@example(body=b'{"format":"csv","columns":["a"],"data":[{"a":"\\ud800"}]}')
@example(body=b'{"format":"csv","columns":["a"],"data":[{"a":' + b"[" * 1_500 + b"]" * 1_500 + b"}]}")
def test_any_body(shared: Running, body: bytes) -> None:
    """200 with all that was sent, or 400 with a sentence."""
    check_body(shared, body, Counter())
