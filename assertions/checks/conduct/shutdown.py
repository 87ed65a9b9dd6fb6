"""Check: the embedded service stops on SIGTERM."""

from __future__ import annotations

from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed


def shutdown(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The embedded service ended with exit code 0 after SIGTERM."""
    if not record.scenario.embedded:
        return no_data("the target was not started by this run, so it was not stopped either")
    if record.scenario.shutdown_exit_code is None:
        return failed("the embedded service was still running when its time after SIGTERM was over")
    if record.scenario.shutdown_exit_code != 0:
        return failed(f"the embedded service ended with exit code {record.scenario.shutdown_exit_code} after SIGTERM")
    return passed("the embedded service ended with exit code 0 after SIGTERM")
