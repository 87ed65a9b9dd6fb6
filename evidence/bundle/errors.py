"""Errors of this package that commands show, apart from what verifying takes, which is slow to load."""

from __future__ import annotations


class VerifyError(Exception):
    """There is nothing that could be verified, or it could not be; the message says what is missing, or why not."""


class UnfinishedError(Exception):
    """A part of the verification did not come to its end, which is no finding on the bundle; one sentence."""
