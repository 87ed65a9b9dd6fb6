"""The embedded service ends when it is asked to."""

from __future__ import annotations

from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed


def shutdown(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The embedded service ended by itself when asked to."""
    if not record.scenario.embedded:
        return no_data("the target is not ours to end")
    if record.scenario.shutdown_exit_code is None:
        return failed("the embedded service did not end within its time after SIGTERM")
    if record.scenario.shutdown_exit_code != 0:
        return failed(f"the embedded service ended with exit code {record.scenario.shutdown_exit_code} after SIGTERM")
    return passed("the embedded service ended with exit code 0 after SIGTERM")
