"""GREEN_EVIDENCE and the step summary as Markdown, from the model."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from evidence.reports.model import MARKS, NO_BASELINE, ReportModel
from evidence.reports.units import plain

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_MARKUP = re.compile(r"[\\`*\[\]|~$]|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|!(?=\[)")


def cell(text: str) -> str:
    """Return plain words in which nothing acts as Markdown or HTML."""
    return _MARKUP.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """Return plain words as a span of code."""
    return command(text.replace("|", "/"))


def command(text: str) -> str:
    """Return a command as a span of code; it stands in no table, so it may hold a bar."""
    return f"`{text.replace('`', chr(39))}`"


def first_line(headline: str) -> str:
    """Return the first line of a report; a headline may hold a reason, and a reason what a target said."""
    return f"# {cell(plain(headline))}"


def markdown(model: ReportModel) -> str:
    """Return the whole report. Its first line is the colour with what goes with it."""
    return _template("report.md.j2").render(model=model, marks=MARKS, no_baseline=NO_BASELINE)


def step_summary(model: ReportModel) -> str:
    """Return a short report for the summary of a CI step: what was decided first, no links into the bundle."""
    return _template("step_summary.md.j2").render(model=model, marks=MARKS, no_baseline=NO_BASELINE)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": cell, "code": code, "command": command}
    return environment.get_template(name)
