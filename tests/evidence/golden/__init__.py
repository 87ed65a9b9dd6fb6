"""Reports, and how they must read. `python -m tests.evidence.golden` rewrites the files next to this one."""

from __future__ import annotations

from dataclasses import replace as with_fields
from pathlib import Path

from msgspec.structs import replace

from assertions.judge import Report, with_incidents
from evidence.collect.provenance import Context
from evidence.reports.faces.junit import junit
from evidence.reports.faces.markdown import markdown, step_summary
from evidence.reports.figures import Figures
from evidence.reports.model import ReportModel, build
from evidence.subject import Subject
from tests.evidence.sample_reports import FIGURES, FOUND, GREEN, LIMITS, RED, REMOTE, SMOKE_ONLY, WAIVED, context

GONE = (
    "load: the target http://127.0.0.1:4001 can't be reached: nothing listens there (connection refused); "
    "is it running?"
)
ORDERS = Subject(
    name="orders-export", version="2.3.1", digest=f"sha256:{'3f' * 32}", environment="staging", source="command line"
)
BENCHMARKS = ("pdf 10,000 over HTTP: Fastify (Node) takes 20.00 times our time",)
CASES: dict[str, tuple[Report, Context, Figures]] = {
    "green": (GREEN, context(subject=ORDERS, benchmarks=BENCHMARKS), FIGURES),
    "waived": (WAIVED, context(waivers=REMOTE, dirty=True), FIGURES),
    "red": (RED, context(subject=ORDERS), with_fields(FIGURES, found=FOUND)),
    "no_data": (SMOKE_ONLY, context(commit=None, dirty=None, target="embedded"), Figures()),
    "incomplete": (with_incidents(replace(SMOKE_ONLY), (GONE,)), context(incidents=(GONE,)), Figures()),
}
FACES = {"md": markdown, "xml": junit, "summary.md": step_summary}
"""The faces that are kept as golden files, by ending."""


def model_of(name: str) -> ReportModel:
    """Return a case's model."""
    report, mine, figures = CASES[name]
    return build(report, LIMITS, mine, figures)


def whole(name: str, face: str = "md") -> str:
    """Return the text of a face of a case."""
    return FACES[face](model_of(name))


def path(name: str, face: str = "md") -> Path:
    """Return where the golden text is kept."""
    return Path(__file__).parent / f"{name}.{face}"
