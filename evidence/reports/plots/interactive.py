"""The same plots as data for the page's script, which draws them with Bokeh so that they can be zoomed and hovered."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from evidence.reports.plots.model import Drawing, y_range

PACKAGE = "bokeh"
SCRIPTS = ("bokeh.min.js", "bokeh-api.min.js")


def library_version() -> str | None:
    """Return the version of the library that is installed; None where none is."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def library() -> str:
    """Return the library's own scripts, as its package has them. OSError where they can't be read."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(2, f"the package {PACKAGE} is not installed", PACKAGE)
    folder = Path(spec.origin).parent / "server" / "static" / "js"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)


def document(drawings: Iterable[Drawing]) -> str:
    """Return plots as JSON: the fields of each `Drawing`, and the range of y of each panel."""
    return msgspec.json.encode([_shown(drawing) for drawing in drawings]).decode()


def _shown(drawing: Drawing) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(drawing)
    for panel, made in zip(drawing.panels, fields["panels"], strict=True):
        made["y_range"] = y_range(panel)
    return fields
