"""Texts in Markdown in which nothing acts as markup but what is meant to."""

from __future__ import annotations

import re

from evidence.reports.units import plain

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
