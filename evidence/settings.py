"""What a run is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assertions import limits as limits_file
from assertions.verdicts import SCENARIOS
from evidence.bundle.run_folder import HISTORY_MOST
from evidence.subject import Subject
from loadtests.options import DEFAULT_SEED
from loadtests.runner.request import RunRequest

EMBEDDED = "embedded"
"""The target's name where it is the embedded service."""
LAST_GREEN = "last-green"
"""Names the last GREEN run as the baseline."""


class RunError(Exception):
    """The run can't go on; the message is one sentence that says what was wrong and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of `run`."""

    scenarios: tuple[str, ...]
    out: Path
    target: str | None
    """None: the embedded service."""
    then: tuple[str, ...] = ()
    """Scenarios that commands after this one add to the same run."""
    target_pid: int | None = None
    exports: Path | None = None
    log: Path | None = None
    """Where the target writes its log; None: it can't be read. The embedded service's is known."""
    limits: Path = limits_file.DEFAULT_PATH
    profiles: Path | None = None
    waivers: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    listen: tuple[str, int] | None = None
    """Address for workers of other machines; None: they are processes of this one."""
    seed: int = DEFAULT_SEED
    minutes: float | None = None
    """Stretches the phases that a profile marks so; smoke, load and batch have none."""
    insecure: bool = False
    """The target's https certificate is not checked."""
    abort_on_fail: bool = False
    """Stop as soon as the run can no longer be GREEN."""
    jobs: int | None = None
    """Processes that open files at once, when the load is over; None: one a processor."""
    rules: Path | None = None
    """The target's own alert rules; None: ours."""
    rules_tests: Path | None = None
    """Their promtool tests; None: NAME.test.yml in the folder of the rules."""
    dashboard: Path | None = None
    """The target's own dashboard; None: ours."""
    subject: Subject | None = None
    """What is judged, where somebody named it."""
    baseline: str | None = None
    """The run to compare with: `last-green`, or a run directory; None: the last GREEN one, for information only."""
    keep: int = HISTORY_MOST
    """Older runs that are kept next to the run directory; the last GREEN one is one more."""
    sign: Path | None = None
    """The private key with which the bundle is signed; None: it is not."""
    deadline_s: float | None = None
    """The longest time of each scenario; None: by its name, see `loadtests.plan.deadline`."""

    @property
    def own_limits(self) -> bool:
        """Whether the limits are not the default ones, so that rules and dashboard are built from them."""
        return self.limits.resolve() != limits_file.DEFAULT_PATH.resolve()


def request_for(
    settings: Settings, scenario: str, url: str, target_pid: int | None, exports: Path | None
) -> RunRequest:
    """Return what the load side is asked for. Paths hold from any folder."""
    return RunRequest(
        scenario=scenario,
        target=url,
        out=str((settings.out / scenario).resolve()),
        seed=settings.seed,
        workers=settings.workers,
        listen=settings.listen,
        target_pid=target_pid,
        exports=None if exports is None else str(exports.resolve()),
        profiles=None if settings.profiles is None else str(settings.profiles.resolve()),
        embedded=settings.target is None,
        insecure=settings.insecure,
        minutes=None if scenario in SCENARIOS else settings.minutes,
        abort_on_fail=settings.abort_on_fail,
        deadline_s=settings.deadline_s,
        limits=str(settings.limits.resolve()),
    )
