"""The contract as an OpenAPI 3.1 document, served at /openapi.json."""

from __future__ import annotations

from typing import Any

from service.http.access import OPEN_PATHS
from service.request.export_request import DEFAULT_TITLE, DEFAULT_USER, MAX_COLUMNS
from service.settings import VERSION


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


STRING = {"type": "string"}
INTEGER = {"type": "integer", "minimum": 0}
TRUE = {"const": True}
TIME = {"type": "string", "format": "date-time"}
PROBLEM = _object("success error timestamp", success={"const": False}, error=STRING, timestamp=TIME, queueDepth=INTEGER)
RETRY = {"Retry-After": {"description": "Seconds until a place is likely free.", "schema": INTEGER}}
NAME = [{"name": "name", "in": "path", "required": True, "schema": STRING}]
LARGEST = {**INTEGER, "maximum": 2**63 - 1}
FIRST_RECORD = {"type": "object", "minProperties": 1, "maxProperties": MAX_COLUMNS}
EXPORT_REQUEST = {
    **_object(
        "format",
        format={"enum": ["csv", "pdf"]},
        data={"type": "array", "items": {"type": "object"}},
        columns={"type": "array", "items": STRING, "minItems": 1, "maxItems": MAX_COLUMNS, "uniqueItems": True},
        title={"type": "string", "default": DEFAULT_TITLE},
        user={"type": "string", "default": DEFAULT_USER},
        source={
            **_object("table", table=STRING, limit={**LARGEST, "type": ["integer", "null"]}, offset=LARGEST),
            "additionalProperties": False,
        },
    ),
    "additionalProperties": False,
    "oneOf": [{"required": ["data"]}, {"required": ["source"]}],
    "if": {"properties": {"format": {"const": "csv"}}, "required": ["format"]},
    "then": {"required": ["columns"]},
    # without columns a PDF has those of its first record
    "else": {"anyOf": [{"required": ["columns"]}, {"properties": {"data": {"prefixItems": [FIRST_RECORD]}}}]},
}
DONE = _object(
    "success result processingTime records timestamp",
    success=TRUE,
    result=_object(
        "success bytes filename downloadUrl", success=TRUE, bytes=INTEGER, filename=STRING, downloadUrl=STRING
    ),
    processingTime={"type": "number", "description": "Milliseconds from the request's arrival."},
    records=INTEGER,
    timestamp=TIME,
)
STATUS = _object(
    "status concurrentExports queueDepth maxConcurrentExports timestamp version",
    status={"enum": ["ready", "stopping"]},
    concurrentExports=INTEGER,
    queueDepth=INTEGER,
    maxConcurrentExports=INTEGER,
    timestamp=TIME,
    version=STRING,
)


def _problem(text: str, **more: Any) -> dict[str, Any]:
    return {"description": text, "content": _json(PROBLEM), **more}


def _get(text: str, schema: dict[str, Any], *, name: bool = False) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": text, "content": _json(schema)}}
    if name:
        responses["404"] = _problem("No such export.")
    return {"get": {"summary": text, "responses": responses, **({"parameters": NAME} if name else {})}}


def document() -> dict[str, Any]:
    """The whole document as plain data."""
    run = {
        "summary": "Make an export; answers when the file is complete and durable.",
        "requestBody": {"required": True, "content": _json(EXPORT_REQUEST)},
        "responses": {
            "200": {"description": "Done.", "content": _json(DONE)},
            "400": _problem("The body is no export request; the sentence names the field."),
            "413": _problem("The body is over the limit."),
            "415": _problem("Content-Type is not JSON, or Content-Encoding not known."),
            "429": _problem("All places are taken.", headers=RETRY),
            "417": _problem("An expectation other than 100-continue."),
            "500": _problem("The export failed, or took too long; no file is left behind."),
            "503": _problem("The service is shutting down.", headers=RETRY),
            "507": _problem("No space on the disk; no file is left behind."),
        },
    }
    file = {
        "summary": "A finished file.",
        "parameters": NAME,
        "responses": {
            "200": {"description": "The file.", "content": {"text/csv": {}, "application/pdf": {}}},
            "404": _problem("No such export."),
            "503": _problem("Too many downloads at once.", headers=RETRY),
        },
    }
    page = {
        "summary": "The nine metrics.",
        "responses": {
            "200": {
                "description": "Prometheus text or OpenMetrics, as Accept asks.",
                "content": {"text/plain": {}, "application/openmetrics-text": {}},
            }
        },
    }
    health = _object("ok ts", ok=TRUE, ts={"type": "integer", "description": "Milliseconds since 1970."})
    link = _object("downloadUrl status timestamp", downloadUrl=STRING, status={"const": "ready"}, timestamp=TIME)
    paths: dict[str, dict[str, Any]] = {
        "/health": _get("Is it awake?", health),
        "/export/status": _get("What runs and what waits.", STATUS),
        "/export/metrics": {"get": page},
        "/export/run": {"post": run},
        "/export/files/{name}": {"get": file},
        "/export/download/{name}": _get("Where a finished file is.", link, name=True),
    }
    for path, calls in paths.items():
        for call in calls.values():
            call["responses"]["403"] = _problem("Host or Origin is another name than the service's.")
            call["responses"].setdefault("503", _problem("Too many connections at once.", headers=RETRY))
            if path not in OPEN_PATHS:
                call["responses"]["401"] = _problem("The service asks for a bearer token.")
                call["security"] = [{}, {"token": []}]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Export service", "version": VERSION},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
