"""Names of the files in a run directory."""

from __future__ import annotations

from assertions import judged_run
from evidence import manifest

CONTEXT = judged_run.NOTES


LIMITS = judged_run.LIMITS


VERDICT = "verdict.json"


REPORT = "GREEN_EVIDENCE_v1.7.md"


COLOURED = (REPORT, VERDICT, manifest.NAME, "assert.log")
"""What says a colour, or vouches for it."""
