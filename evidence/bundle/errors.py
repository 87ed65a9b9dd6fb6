"""Errors of this package that commands show, apart from what verifying takes, which is slow to load."""

from __future__ import annotations


class VerifyError(Exception):
    """There is nothing that could be verified; the message says what is missing or malformed."""
