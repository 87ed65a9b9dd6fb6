"""The report as one self-contained page: no network, no scripts, from disk and in print. From the model."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from evidence.reports.faces.markdown import TEMPLATES
from evidence.reports.model import NO_BASELINE, ReportModel

SIGNS = {"PASS": "✓", "FAIL": "✗", "NO DATA": "○", "WAIVED": "–"}
"""Signs that every system font has."""
_SVG = re.compile(r"<svg .*</svg>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")


def html(model: ReportModel, drawings: Mapping[str, str]) -> str:
    """Return the page; a plot or picture that is missing leaves its caption.

    drawings: by path, the SVG text of each plot, and the address of each picture of a panel (`picture_address`).
    """
    inline = {path: text if text.startswith("data:") else Markup(_inline(text)) for path, text in drawings.items()}
    return _template().render(model=model, signs=SIGNS, no_baseline=NO_BASELINE, drawings=inline)


def picture_address(png: bytes) -> str:
    """Return an address that holds the picture itself, so that the page is one file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _inline(svg: str) -> str:
    """Return the drawing itself, without the declarations of a file of its own."""
    found = _SVG.search(svg)
    return _METADATA.sub("", found.group()) if found else ""


def _coded(text: str) -> Markup:
    """Return a text of our own with its spans of code as elements."""
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
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"coded": _coded, "kind": _kind}
    return environment.get_template("report.html.j2")
