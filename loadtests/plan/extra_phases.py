"""Sizes and numbers of the phases that the examiner makes."""

from __future__ import annotations

BURST_SIZE = 20
"""Four times what may run at once."""


SMALL_SIZE = 12


BURSTS_MOST = 6


BURSTS_LEAST = 5


BURSTS_PHASE_NUMBER = 98
"""In the tags of their records."""


LEAK_PHASE_NUMBER = 99
"""In the tags of the leak phase; load phases count from 0."""


LARGE_CASES = ("pdf-2k", "pdf-2k", "pdf-10k", "pdf-10k")
"""Of each round's five; the larger ones are for targets that are done with 2,000 records too soon to be seen at it."""


SMALL_CASE = "csv-20"


OVER_ADMISSION_PHASE_NUMBER = 97
"""In the tags of its records."""
