"""The report as one self-contained page: no network, from disk and in print; whole without scripts. From the model."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from evidence.reports.faces.markdown import TEMPLATES
from evidence.reports.model import NO_BASELINE, ReportModel
from evidence.reports.plots.interactive import document, library
from evidence.reports.plots.model import Drawing

SIGNS = {"PASS": "✓", "FAIL": "✗", "NO DATA": "○", "WAIVED": "–"}
"""Signs that every system font has."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
OWN_SCRIPT = TEMPLATES / "plots.js"
_LIBRARY = re.compile(r'<script id="library">.*?</script>', re.DOTALL)
_HASHES = re.compile(r"; script-src [^\"]*")
_SVG = re.compile(r"<svg .*</svg>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")


def html(model: ReportModel, pictures: Mapping[str, str], drawings: Sequence[Drawing] = ()) -> str:
    """Return the page; a plot or picture that is missing leaves its caption.

    pictures: by path, the SVG text of each plot, and the address of each picture of a panel (`picture_address`).
    drawings: the plots that can be zoomed; none: the page has no scripts.
    """
    inline = {path: text if text.startswith("data:") else Markup(inlined(text)) for path, text in pictures.items()}
    return template("report.html.j2").render(
        model=model, signs=SIGNS, no_baseline=NO_BASELINE, drawings=inline, **scripts(drawings)
    )


def scripts(drawings: Sequence[Drawing]) -> dict[str, Any]:
    """Return what a page needs to make plots zoomable; its policy allows these scripts by their hash, and no other."""
    if not drawings:
        return {"plots": None, "policy": POLICY}
    texts = (library(), OWN_SCRIPT.read_text(encoding="utf-8"))
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts)
    plots = {
        "names": frozenset(drawing.name for drawing in drawings),
        # within a script element nothing may look like a tag
        "data": Markup(document(drawings).replace("<", "\\u003c")),
        "scripts": tuple(Markup(text) for text in texts),
    }
    return {"plots": plots, "policy": f"{POLICY}; script-src {hashes}"}


def without_library(page: str) -> str:
    """Return a page without the library's script and the scripts' hashes: the part that no version of it changes."""
    return _HASHES.sub("", _LIBRARY.sub("", page))


def picture_address(png: bytes) -> str:
    """Return an address that holds the picture itself, so that the page is one file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def inlined(svg: str) -> str:
    """Return the drawing itself, without the declarations of a standalone file."""
    found = _SVG.search(svg)
    return _METADATA.sub("", found.group()) if found else ""


def _coded(text: str) -> Markup:
    """Return our own text with its spans of code as elements."""
    parts = _CODE.split(text)
    made = [
        Markup("<code>{}</code>").format(part) if index % 2 else Markup("{}").format(part)
        for index, part in enumerate(parts)
    ]
    return Markup("").join(made)


def _kind(word: str) -> str:
    """Return the class of a verdict's word; empty for any other text."""
    return {"PASS": "pass", "FAIL": "fail", "NO DATA": "none", "WAIVED": "waived"}.get(word, "")


@cache
def template(name: str) -> Template:
    """Return a template of a page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"coded": _coded, "kind": _kind}
    return environment.get_template(name)
