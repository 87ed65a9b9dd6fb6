"""Answers in the contract's shapes."""

from __future__ import annotations

import msgspec
from aiohttp import web

from service.logs import now_iso

SERVER = "export-at-scale"
"""The Server header; it names no versions."""


def json_response(data: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        body=msgspec.json.encode(data),
        status=status,
        content_type="application/json",
        headers={"Server": SERVER, **(headers or {})},
    )


def error_response(sentence: str, status: int, headers: dict[str, str] | None = None, **more: object) -> web.Response:
    """Return an error answer; `more` are further keys of its body."""
    return json_response({"success": False, "error": sentence, "timestamp": now_iso(), **more}, status, headers)


def shape_error(error: web.HTTPException, method: str, path: str) -> web.Response:
    """Return one of aiohttp's own errors (404, 405, 417 …) in the contract's shape."""
    kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return error_response(f"{method} {path}: {error.reason.lower()}", error.status, kept)
