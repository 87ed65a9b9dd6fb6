"""What can end a load test; every error is a LoadTestError with one sentence."""

from __future__ import annotations


class RunError(Exception):
    """The scenario can't go on, through no fault of the target; one sentence."""


STOPPED = "stopped early: "
"""Begins the note of a phase that was ended, or left out, for what was seen."""


class AbortRun(Exception):
    """The run is stopped early; `sentence` says for what."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class FolderError(Exception):
    """The folder can't be used; one sentence."""


class LocustError(Exception):
    """Locust could not be started, or ended before the load did; the message shows its last words."""
