"""GREEN_EVIDENCE and the step summary as Markdown, from the model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from evidence.reports.faces.markdown_text import cell, code, command
from evidence.reports.model import MARKS, NO_BASELINE, ReportModel

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


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
