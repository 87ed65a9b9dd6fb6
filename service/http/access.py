"""Who may ask: a bearer token, and names that a browser's page of somebody else can't send."""

from __future__ import annotations

import hmac
import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from aiohttp import web

from service.errors import ServiceError
from service.settings import Settings

OPEN_PATHS = ("/health",)
"""Answered without a token, for what watches the process."""


class Denied(ServiceError):
    """A request that may not be made: its status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether a name or an address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() in ("localhost", "localhost.")


def check_access(request: web.BaseRequest, settings: Settings) -> None:
    """Raise Denied for a request without the token, or with a Host or Origin of somewhere else."""
    if is_loopback(settings.host):
        for name, value in (("Host", request.host), ("Origin", _host_of(request.headers.get("Origin")))):
            if value is not None and not _is_ours(value, settings):
                raise Denied(403, f"{name}: {value[:100]!r} is not this service; --allow-host NAME allows a name")
    if settings.token is None or request.path in OPEN_PATHS:
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # compared as bytes: a header may hold what is no ASCII
    same = hmac.compare_digest(token.strip().encode("utf-8", "surrogateescape"), settings.token.encode())
    if scheme.lower() != "bearer" or not same:
        raise Denied(401, "Authorization: a bearer token is required")


def _host_of(origin: str | None) -> str | None:
    if origin is None:
        return None
    try:
        return urlsplit(origin).netloc or origin
    except ValueError:
        return origin


@lru_cache(maxsize=256)
def _is_ours(host: str, settings: Settings) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name == settings.host.lower() or name in map(str.lower, settings.allow_host)
