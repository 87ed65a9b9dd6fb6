"""The root of all errors that end a load test, and those that more than one folder raises."""

from __future__ import annotations

from assertions.record.types import PhaseEnd

STOPPED = "stopped early: "
"""Begins the note of a phase that `--abort-on-fail` ended or left out."""


class LoadTestError(Exception):
    """Root of the errors of this package; `problems` holds one sentence for each thing to mend."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RunError(LoadTestError):
    """The scenario can't go on, and the target is not the reason."""


class FolderError(LoadTestError):
    """The folder can't be used."""


class LocustError(LoadTestError):
    """Locust could not be started, or ended before the load did; the message shows the end of its log."""


class EarlyEnd(LoadTestError):
    """The load ends before its plan does, because of what was observed; its record is completed all the same."""

    def __init__(self, ended: PhaseEnd, sentence: str) -> None:
        super().__init__(sentence)
        self.ended: PhaseEnd = ended
        """What the phases of the record give as the reason."""
        self.note = f"{STOPPED}{sentence}" if ended == "aborted" else sentence
        """The note of these phases."""
