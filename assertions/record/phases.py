"""Names of the phases that the examiner makes."""

from __future__ import annotations

BURSTS = "bursts"
"""The examiner's phase of small exports that come many at once, most of which have to wait."""


OVER_ADMISSION = "over-admission"
"""The examiner's phase in which a sixth export is asked for while five run."""


DISCONNECTS = "disconnects"
"""The examiner's last phase: clients that go away. How their requests are counted is the service's own affair."""


PROBING = ("behaviour", "refusals")
"""Phases of requests that are not well-formed."""
