"""Whether a target can be tested at all, checked before any load."""

from __future__ import annotations

import os
import socket
import ssl

from assertions.contract import HEALTH_PATH, METRICS_PATH, RUN_PATH
from loadtests.client.target import Target
from loadtests.client.target_settings import TARGET_HEADERS, TARGET_TOKEN

CHECK_S = 5.0
TLS_S = 2.0
CERTIFICATE_HINT = (
    "does it serve https, with a certificate of an authority that is known here? $SSL_CERT_FILE names a file with one "
    "more, --insecure goes without"
)


def _certificate_hint() -> str:
    path = os.environ.get("SSL_CERT_FILE")
    if path:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:  # ssl.SSLError is one
            return f"$SSL_CERT_FILE names {path}, of which no certificate can be read: {error.strerror or error}"
    return CERTIFICATE_HINT


_ERRORS = {
    "dns": "its host name has no address",
    "refused": "nothing listens there (connection refused)",
    "timeout": f"GET {{path}} had no answer within {CHECK_S:g} s",
    "reset": "the connection was closed before GET {path} was answered",
    "tls": "no TLS connection could be made",
    "protocol": "what answered GET {path} does not speak HTTP",
}
"""Why a request has no answer, for people."""


def _hint(target: Target, error: str | None) -> str:
    """Return what the user may do about a request without an answer."""
    if error == "dns":
        return "is the name right?"
    if target.scheme == "https":
        return _certificate_hint() if error == "tls" else "is it running?"
    if error != "refused" and speaks_tls(target):
        return "it answers with TLS; is it https://?"
    return "is it running?"


def speaks_tls(target: Target) -> bool:
    """Whether the port answers a TLS greeting, be it with a refusal. Takes at most 2 seconds."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((target.host, target.port), timeout=TLS_S) as plain:
            plain.settimeout(TLS_S)
            with context.wrap_socket(plain, server_hostname=target.host):
                return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def check_target(target: Target) -> str | None:
    """Return why the target can't be tested, as one sentence; None where it answers. Takes at most 5 seconds."""
    deadline = target.clock.now() + CHECK_S
    statuses: dict[str, int | None] = {}
    # GET of the exports' own path makes no export and is counted nowhere, but a server that asks for a key asks for it
    for path in (HEALTH_PATH, METRICS_PATH, RUN_PATH):
        answer = target.request("GET", path, timeout_s=max(deadline - target.clock.now(), 0.1))
        if answer.status is None and path != RUN_PATH:
            why = _hint(target, answer.error)
            error = _ERRORS.get(answer.error or "", "GET {path} ended with " + str(answer.error)).format(path=path)
            return f"the target {target.url} can't be reached: {error}; {why}"
        statuses[path] = answer.status
    # some gateways answer an unknown method with 403
    shut = next(
        (path for path, status in statuses.items() if status in ((401,) if path == RUN_PATH else (401, 403))), None
    )
    if shut is not None:
        return (
            f"{target.url} answers GET {shut} with {statuses[shut]}; does it ask for a token? "
            f"${TARGET_TOKEN} and ${TARGET_HEADERS} name it"
        )
    if statuses[HEALTH_PATH] == 400 and target.scheme == "http" and speaks_tls(target):
        return f"the target {target.url} answers with TLS; is it https://?"
    if statuses[HEALTH_PATH] == statuses[METRICS_PATH] == 404:
        return f"{target.url} answers, but knows neither /health nor /export/metrics; is it an export service?"
    return None
