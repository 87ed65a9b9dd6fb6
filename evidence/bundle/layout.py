"""Names of the files in a run directory."""

from __future__ import annotations

from pathlib import Path

from assertions import judged_run
from evidence.bundle import manifest

DEFAULT_OUT = Path("evidence/export")
"""The run directory that is used where none is named."""


CONTEXT = judged_run.NOTES


LIMITS = judged_run.LIMITS


VERDICT = "verdict.json"


REPORT = "GREEN_EVIDENCE_v1.7.md"


HTML = "report.html"


PDF = "report.pdf"


JUNIT = "junit.xml"


STEP_SUMMARY = "step_summary.md"


PLOTS = "plots"


COMPARISON = "comparison.json"
"""What changed since the baseline."""


ATTESTATION = manifest.ATTESTATION


FACES = (REPORT, HTML, PDF, JUNIT, STEP_SUMMARY)
"""The report, in each of its forms."""


COLOURED = (*FACES, VERDICT, manifest.NAME, "assert.log", COMPARISON, ATTESTATION)
"""What says a colour, or vouches for it."""
