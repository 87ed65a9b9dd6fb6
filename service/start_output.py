"""The lines that the service prints on stdout when it is ready: address, version, routes, as the runbook shows them.

Log lines go to stderr, so that each stream has one format: stdout for people, stderr for machines.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterable

from aiohttp import web

from service.settings import VERSION


def list_routes(app: web.Application) -> list[tuple[str, str]]:
    """Return path and methods of every route, sorted by path."""
    methods: dict[str, list[str]] = {}
    for route in app.router.routes():
        if route.resource is not None:
            methods.setdefault(route.resource.canonical, []).append(route.method)
    return sorted((path, ", ".join(sorted(names))) for path, names in methods.items())


def start_lines(address: str, family: int, port: int, routes: Iterable[tuple[str, str]]) -> str:
    """Return the text: the runbook's three lines word for word, then one line a route.

    The plugin that the runbook speaks of is the set of export routes here.
    """
    family_name = "IPv6" if family == socket.AF_INET6 else "IPv4"
    release = ".".join(VERSION.split(".")[:2])
    lines = [
        f"[BOOT] listened {{ address: '{address}', family: '{family_name}', port: {port} }}",
        f"v{release} Export@Scale plugin registered",
        "--- ROUTE TREE ---",
        *(f"{path} ({methods})" for path, methods in routes),
    ]
    return "\n".join(lines) + "\n"


def print_start(text: str) -> None:
    """Write to stdout; a closed pipe or a full device never stops the service.

    The text bypasses Python's buffer: what stays in that buffer would turn the exit code into 120.
    """
    if sys.stdout is not None:
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.stdout.fileno(), text.encode())
