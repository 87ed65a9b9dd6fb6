"""Is the answer to one behaviour probe right? Status, body and headers in, a sentence out. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from assertions.contract import FAMILIES
from assertions.probes.behaviour import AFTER_TEXTS, BehaviourCase
from assertions.prometheus.exposition import read_page

MAX_SENTENCE_CHARS: Final = 1_000
UNREAD: Final = frozenset({"reset", "short", "protocol"})
"""What a client sees of a server that closes the connection rather than read a large body to its end."""


def judge_behaviour(
    case: BehaviourCase,
    status: int | None,
    answer: str | None,
    headers: Mapping[str, str] | None = None,
    error: str | None = None,
) -> str | None:
    """Return why an answer is wrong, in one sentence, or None where it is right.

    status: None where no answer came; answer: its body as text; headers: of the answer, names in lower case (None:
    not looked at; only a file's headers are); error: why no answer came, in the words of a hit.
    """
    if status is None and case.padding_bytes and error in UNREAD:
        return None
    if status is None:
        return f"no answer came, expected {_statuses(case.expect)}; {case.why}"
    if status not in case.expect:
        return f"status {status}, expected {_statuses(case.expect)}; {case.why}"
    return _wrong(case, answer or "", headers)


def _statuses(expect: frozenset[int]) -> str:
    return "a refusal" if len(expect) > 3 else " or ".join(map(str, sorted(expect)))


def _wrong(probe: BehaviourCase, answer: str, headers: Mapping[str, str] | None) -> str | None:
    match probe.kind:
        case "refusal":
            return None
        case "error":
            return _wrong_error(probe, answer)
        case "export":
            return _wrong_export(answer)
        case "link":
            return _wrong_link(answer)
        case "file":
            return _wrong_file(answer, headers)
        case "page":
            return _wrong_page(answer, headers)


def _object(answer: str) -> dict[str, object] | None:
    try:
        read = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _is_iso(value: object) -> bool:
    if not isinstance(value, str) or "T" not in value.upper().replace(" ", "T"):
        return False
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True


def _wrong_error(case: BehaviourCase, answer: str) -> str | None:
    body = _object(answer)
    if body is None:
        return f"the answer is no JSON object: {answer[:80]!r}"
    if body.get("success") is not False:
        return f"`success` must be false, it is {body.get('success')!r}"
    error = body.get("error")
    if not isinstance(error, str) or not error.strip():
        return f"`error` must be one sentence, it is {error!r}"
    if "\n" in error.strip() or len(error) > MAX_SENTENCE_CHARS:
        return f"`error` must be one sentence, it begins {error[:80]!r}"
    names = (case.field, *case.or_fields) if case.field else ()
    if names and not any(name.casefold() in error.casefold() for name in names):
        return f"`error` must name {' or '.join(names)}: {error[:200]!r}"
    if not _is_iso(body.get("timestamp")):
        return f"`timestamp` must be ISO 8601, it is {body.get('timestamp')!r}"
    return None


def _wrong_export(answer: str) -> str | None:
    body = _object(answer)
    if body is None or body.get("success") is not True:
        return f"the export did not succeed: {answer[:80]!r}"
    return None


def _wrong_link(answer: str) -> str | None:
    body = _object(answer)
    if body is None:
        return f"the answer is no JSON object: {answer[:80]!r}"
    if body.get("status") != "ready" or "/export/files/" not in str(body.get("downloadUrl")):
        return f"an existing file must be `ready` with its `downloadUrl`: {answer[:200]!r}"
    if not _is_iso(body.get("timestamp")):
        return f"`timestamp` must be ISO 8601, it is {body.get('timestamp')!r}"
    return None


def _wrong_page(answer: str, headers: Mapping[str, str] | None) -> str | None:
    page = read_page(answer, (headers or {}).get("content-type"))
    if page.errors:
        return f"the metrics page in OpenMetrics format is malformed: {page.errors[0]}"
    absent = [known.name for known in FAMILIES if page.family(known.name) is None]
    if absent:
        return f"the metrics page in OpenMetrics format lacks {', '.join(absent)}"
    if not page.total("export_requests_total", status="succeeded"):
        return "the metrics page in OpenMetrics format counts no export that succeeded"
    return None


def _wrong_file(answer: str, headers: Mapping[str, str] | None) -> str | None:
    absent = [text for text in AFTER_TEXTS if text not in answer]
    if absent:
        return f"the file lacks {absent[0]!r}, which was exported"
    if headers is None:
        return None
    media = headers.get("content-type", "").split(";")[0].strip().lower()
    if media not in ("text/csv", "application/csv"):
        return f"the media type of a CSV file must be text/csv, it is {media!r}"
    if not headers.get("content-length", "").isdigit():
        return "the answer has no Content-Length"
    if "filename" not in headers.get("content-disposition", "").lower():
        return "the answer has no download name (Content-Disposition)"
    return None
