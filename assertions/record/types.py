"""The raw record: what recorders write down and the judge reads. One struct per line, one file per kind.

Clock: every time is Unix seconds (float). A recorder takes the wall clock once and adds the monotonic clock to it, so
that differences within one process are exact even when the wall clock is set back.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from assertions.record.phases import JudgedFor, judged_by_name

INTERRUPTED = "interrupted"
"""The error of a request that the harness interrupted, and the note of the phase of that request."""

Mode = Literal["closed", "open", "sequence", "probe"]

PhaseEnd = Literal[
    "complete", "interrupted", "aborted", "timed out", "deadline", "too few", "incomplete record", "not begun"
]
"""Why a phase ended. complete: its plan was carried out; interrupted: by a signal; aborted: by `--abort-on-fail`;
timed out: the target answered no more; deadline: the longest time of the phase or the scenario was over; too few: an
experiment made fewer exports than it needs; incomplete record: a generator ended early, or requests are missing;
not begun: the run ended before it."""


class RecordError(Exception):
    """A record file is missing or malformed; the message names the file, the line and what was expected."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records: frozen, closed against unknown keys."""


class Request(Record, frozen=True, kw_only=True):
    """One planned request."""

    index: int
    """Its place in the phase's plan, from 0."""
    case: str
    """What is asked: a data set and a format (`csv-10k`), or a behaviour probe (`bad-not-json`)."""
    format: str | None = None
    """`csv`, `pdf`, or None where the request names none."""
    records: int | None = None
    """How many records are sent."""
    user: str | None = None
    """The body's `user`."""
    tag: str | None = None
    """Written into each record sent, so that no two files of a run are equal; None: the data bear no tag."""
    intended_s: float | None = None
    """Open model: seconds after the phase's start; None in a closed model or a sequence."""


class PhasePlan(Record, frozen=True, kw_only=True):
    """One stretch of load of one kind."""

    name: str
    """The profile's, or one of the examiner's: `behaviour`, `leak` … (`assertions.record.phases`)."""
    mode: Mode
    """closed: `clients` users, each asks again when answered; open: each request at its own moment; sequence: one
    after the other; probe: single requests outside the load."""
    clients: int
    """How many may be in flight (closed); 1 for a sequence; the size of the pool in the open model."""
    requests: tuple[Request, ...]
    """In order."""
    timeout_s: float
    """After this a request counts as unanswered."""
    at_once: bool = False
    """All clients start together (a burst)."""
    judge: tuple[JudgedFor, ...] | None = None
    """What its exports are judged for; None: a plan from before plans named purposes."""

    @property
    def judged_for(self) -> frozenset[JudgedFor]:
        """What its exports are judged for, in older plans by its name."""
        return frozenset(judged_by_name(self.name) if self.judge is None else self.judge)


class Plan(Record, frozen=True, kw_only=True):
    """What a scenario asks for, fixed before the first request is sent."""

    scenario: str
    profile_sha256: str
    """Of the profile's TOML text."""
    seed: int
    phases: tuple[PhasePlan, ...]
    bodies: dict[str, str] | None = None
    """Case to the SHA-256 of its encoded body with the tag's placeholder: the body itself is made again from the seed.
    None: a plan from before plans had it; its bodies are in the folder `sent`."""


class Hit(Record, frozen=True, kw_only=True):
    """One request, recorded by its client. Every request sent to the target's /export/run is here, good or bad."""

    id: str
    """Unique in the scenario: `<phase>-<index>`."""
    phase: str
    index: int
    case: str
    method: str
    path: str
    format: str | None
    records: int | None
    user: str | None
    tag: str | None
    bytes_sent: int
    """Length of the request body."""
    intended: float
    """When the request should have started: the planned moment (open), or the moment its client was free (closed)."""
    start: float
    """Just before the first byte was sent."""
    end: float
    """After the last byte of the answer, or when the client gave up."""
    status: int | None
    """None: no answer came."""
    error: str | None
    """Why no answer came: `timeout`, `refused`, `reset`, `…`; None when one did."""
    headers: dict[str, str]
    """Of the answer, names in lower case."""
    answer: str | None
    """The answer's body as text, cut at 64 KiB."""
    client: str
    """Which generator sent the request: `locust-<worker>-<user>` or `examiner`."""


class Fetch(Record, frozen=True, kw_only=True):
    """One download of an exported file, made right after its export was answered."""

    hit: str
    """The id of the export's hit."""
    path: str
    """What was asked for: the answer's `downloadUrl`."""
    start: float
    end: float
    status: int | None
    error: str | None
    headers: dict[str, str]
    bytes: int
    """How many came."""
    sha256: str | None
    """Of what came; None when nothing did."""
    purpose: Literal["file", "again"] = "file"
    """`again`: the same file fetched once more at the scenario's end, to see whether it is still the same."""


class Finding(Record, frozen=True, kw_only=True):
    """One fault of one file."""

    code: str
    """A closed set, see `assertions.contents`: `row-count`, `cell`, `header`, `order`, `encoding`, `pages`, …"""
    where: str
    """`row 17, column name`, `page 3`, or empty for the whole file."""
    expected: str
    """Cut at 200 characters."""
    found: str
    """Cut at 200 characters."""


class FileCheck(Record, frozen=True, kw_only=True):
    """What opening one exported file showed."""

    hit: str
    format: str
    records: int
    """How many were sent."""
    bytes: int
    sha256: str
    rows: int | None
    """Data rows read back (csv)."""
    pages: int | None
    """Pages (pdf)."""
    findings: tuple[Finding, ...]
    """At most 20, at least one of each kind, the worst kind first; empty: the file holds what was sent."""
    finding_count: int
    """How many there were in all."""
    kinds: dict[str, int] = msgspec.field(default_factory=dict)
    """How many of each kind (`code` of a finding), the worst first."""
    kept: str | None
    """Where the file is kept, relative to the scenario's folder, compressed where the name ends in `.xz`; None: not
    kept, its hash is."""


class Scrape(Record, frozen=True, kw_only=True):
    """One reading of the metrics page, whole."""

    start: float
    end: float
    moment: Literal["before", "during", "rest", "after"]
    """before: ahead of the first request; during: load ran; rest: between two phases, nothing in flight; after: the
    last, when the target had time to come to rest."""
    phase: str | None
    status: int | None
    error: str | None
    content_type: str | None
    text: str
    """The page; cut at 8 MiB."""


class ProcessSample(Record, frozen=True, kw_only=True):
    """One process of the target's tree at one moment."""

    pid: int
    name: str
    uss_bytes: int | None
    """Memory that would be freed if the process ended; None where the platform has no figure."""
    rss_bytes: int
    peak_rss_bytes: int | None
    """The kernel's high-water mark (VmHWM); None where the platform does not tell."""
    cpu_s: float
    """User and system time since its start."""
    fds: int | None
    threads: int


class Probe(Record, frozen=True, kw_only=True):
    """The target's process tree at one moment."""

    at: float
    phase: str | None
    exports_done: int
    """Exports answered since the scenario's start: the x axis of a leak."""
    resting: bool
    """True: nothing of ours was in flight."""
    processes: tuple[ProcessSample, ...]
    """The root first; empty when the root had ended."""


class HealthProbe(Record, frozen=True, kw_only=True):
    """One call of /health or /export/status."""

    path: str
    phase: str | None
    start: float
    end: float
    status: int | None
    error: str | None
    answer: str | None
    """Cut at 4 KiB."""


class PhaseRun(Record, frozen=True, kw_only=True):
    """When a phase ran and whether its generator came through whole."""

    name: str
    start: float
    end: float
    planned: int
    recorded: int
    completed: bool
    """False: the phase was cut short; `ended` and `note` have the reason."""
    ended: PhaseEnd | None = None
    """Why the phase ended; derived from `completed` and `note` where a record of an older version lacks it."""
    note: str | None = None
    """The reason as a sentence."""

    def __post_init__(self) -> None:
        """Derive `ended` where the record does not say it: older versions wrote it as a part of the note."""
        if self.ended is None or (self.ended == "complete") != self.completed:
            msgspec.structs.force_setattr(self, "ended", _ended_of(self.completed, self.note or ""))


def _ended_of(completed: bool, note: str) -> PhaseEnd:
    if completed:
        return "complete"
    if INTERRUPTED in note:
        return "interrupted"
    if note.startswith("stopped early: "):
        return "aborted"
    return "not begun" if note == "never began" else "incomplete record"


class Calibration(Record, frozen=True, kw_only=True):
    """One request to the known server, made by a generator before its scenario by the code that measures the target."""

    worker: int
    """Number of the generator, from 0."""
    index: int
    intended: float
    start: float
    end: float
    """As in Hit."""
    status: int | None
    error: str | None
    server_start: float | None
    """When the request came, by the server; None: the server did not answer. The clock is the generator's too."""
    server_end: float | None
    """When its answer left."""


class GeneratorClock(Record, frozen=True, kw_only=True):
    """How far one generator's clock was from the runner's, by messages to and fro; seconds."""

    worker: int
    host: str
    """Of its machine."""
    offset_s: float
    """The generator's wall clock minus the runner's, before the load. Its records are in the runner's time."""
    error_s: float
    """Half of the quickest way to and fro: the offset is known to so much."""
    drift_s: float | None
    """Error of its records' time at the end; None: not reported."""


class Generator(Record, frozen=True, kw_only=True):
    """What the load generator says of itself; the instrument's own health."""

    exit_code: int | None
    """Locust's exit code; None: the process was killed."""
    version: str
    cpu_ratio: float | None
    """CPU seconds a wall second of its busiest process while load ran."""
    event_loop_lag_p99_ms: float | None
    """How late its event loop woke, 99th percentile."""
    start_delay_p99_ms: float | None
    """start - intended over open-model hits, waits for a free connection included; None without any."""
    end_marks: int
    """Workers that reported a whole record."""
    workers: int
    scheduling_delay_p99_ms: float | None = None
    """How late it began open arrivals, 99th percentile: its own part of the lateness, no wait for a free connection
    in it. None without any."""
    clocks: tuple[GeneratorClock, ...] = ()
    """Of the generators on other machines; those on the runner's share its clock."""


class Scenario(Record, frozen=True, kw_only=True):
    """One scenario's run: where, when, how it ended."""

    name: str
    target: str
    """Base URL, without credentials."""
    insecure: bool = False
    """Its https certificate was not checked."""
    embedded: bool
    """The harness started the target itself."""
    target_pid: int | None
    pid_note: str
    """How the process was found, or why not."""
    start: float
    end: float
    phases: tuple[PhaseRun, ...]
    generator: Generator
    exports_folder: str | None
    """Where the target keeps its files, when the folder can be read."""
    leftovers: tuple[str, ...] | None
    """Names in the exports folder at the end that are no finished export; None: the folder can't be seen."""
    grew: tuple[str, ...] | None = None
    """Names of exports whose file bore its final name before it was complete; None: the folder was not watched."""
    absent: tuple[str, ...] | None = None
    """Names that answers have and that are not in the exports folder at the end; None: the folder can't be seen."""
    shutdown_exit_code: int | None = None
    """Of the embedded target after SIGTERM; None: not ours to end."""


R = TypeVar("R", bound=Record)
