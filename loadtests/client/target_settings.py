"""A target from its URL and the environment's headers and token."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from loadtests.client.clock import Clock
from loadtests.client.target import _PATH, DEFAULT_PORTS, Target, TargetError

TARGET_HEADERS = "EXPORT_TARGET_HEADERS"


TARGET_TOKEN = "EXPORT_TARGET_TOKEN"


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


_HEADER_VALUE = re.compile(r"[\t -~]*")


FRAMING = ("content-length", "transfer-encoding")


def parse_target(
    url: str,
    clock: Clock,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    timeout_s: float = 60.0,
    insecure: bool = False,
) -> Target:
    """A target from its base URL, such as `http://127.0.0.1:4001/base`; TargetError says what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetError(f"--target {url!r} is no URL: {error}") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise TargetError(f"--target must be http://HOST[:PORT][/BASE] or https://…, not {url!r}")
    if not parts.hostname.isascii():
        raise TargetError(f"--target must name its host in ASCII (punycode), not {parts.hostname!r}")
    if parts.username is not None or parts.password is not None:
        raise TargetError(f"--target must hold no credentials; put a header line into ${TARGET_HEADERS} instead")
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise TargetError("--target must end with its base path: no query, no fragment, no spaces")
    return Target(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or DEFAULT_PORTS[parts.scheme],
        base_path=parts.path.rstrip("/"),
        clock=clock,
        headers=headers,
        timeout_s=timeout_s,
        insecure=insecure,
    )


def headers_from(environment: Mapping[str, str] = os.environ) -> tuple[tuple[str, str], ...]:
    """The extra headers that the environment asks for: lines `Name: value`, and a bearer token."""
    found: list[tuple[str, str]] = []
    for number, header in enumerate(environment.get(TARGET_HEADERS, "").splitlines(), 1):
        if not header.strip():
            continue
        name, colon, value = header.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name.strip()) or not _HEADER_VALUE.fullmatch(value.strip()):
            raise TargetError(f"${TARGET_HEADERS} line {number} is no `Name: value` in ASCII")
        if name.strip().lower() in FRAMING:
            raise TargetError(f"${TARGET_HEADERS} line {number} names {name.strip()}, which is made for each request")
        if name.strip().lower() in {known.lower() for known, _ in found}:
            raise TargetError(f"${TARGET_HEADERS} line {number} names {name.strip()} once more")
        found.append((name.strip(), value.strip()))
    token = environment.get(TARGET_TOKEN, "").strip()
    if token:
        if not _PATH.fullmatch(token):
            raise TargetError(f"${TARGET_TOKEN} must be one word in ASCII")
        if "authorization" in {known.lower() for known, _ in found}:
            raise TargetError(f"${TARGET_TOKEN} and ${TARGET_HEADERS} both set Authorization; set one of them")
        found.append(("Authorization", f"Bearer {token}"))
    return tuple(found)
