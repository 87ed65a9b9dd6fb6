"""Right-to-left text in the order it is drawn."""

from __future__ import annotations

import re

RIGHT_TO_LEFT = "\u0590-\u065f\u066a\u066d-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
"""Without Arabic digits and the signs in their numbers, which run from left to right."""
_ANY = re.compile(f"[{RIGHT_TO_LEFT}]")
# runs of right-to-left letters with the spaces and signs between them; digits and other letters end a run
_RUN = re.compile(f"[{RIGHT_TO_LEFT}](?:[^\\w]*[{RIGHT_TO_LEFT}])*")


def visual(text: str) -> str:
    """A line with its right-to-left runs reversed, as they are drawn from left to right; all else unchanged.

    Readers of PDF turn such runs round again. Letters are not joined (Arabic is shown in its separate forms).
    """
    if _ANY.search(text) is None:
        return text
    return _RUN.sub(lambda run: run[0][::-1], text)
