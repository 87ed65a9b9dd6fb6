"""Reports, and how they must read. `python -m tests.evidence.golden` rewrites the files beside this one."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from assertions.judge import Report, with_incidents
from evidence.collect.provenance import Context
from evidence.reports.markdown import Figures, markdown
from tests.evidence.sample_reports import FIGURES, GREEN, LIMITS, RED, REMOTE, SMOKE_ONLY, WAIVED, context

GONE = "load: the target http://127.0.0.1:4001 can't be reached: GET /health ended with refused; is it running?"
CASES: dict[str, tuple[Report, Context, Figures]] = {
    "green": (GREEN, context(), FIGURES),
    "waived": (WAIVED, context(waivers=REMOTE, dirty=True), FIGURES),
    "red": (RED, context(), FIGURES),
    "smoke_only": (SMOKE_ONLY, context(commit=None, dirty=None), Figures()),
    "incident": (with_incidents(replace(SMOKE_ONLY), (GONE,)), context(incidents=(GONE,)), Figures()),
}


def whole(name: str) -> str:
    """The report's text."""
    report, context, figures = CASES[name]
    return markdown(report, LIMITS, context, figures)


def path(name: str) -> Path:
    """Where the golden text is kept."""
    return Path(__file__).parent / f"{name}.md"
