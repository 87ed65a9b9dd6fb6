"""Profiles: what load a scenario makes, as TOML, checked whole before anything runs."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from assertions.record.phases import BEHAVIOUR, BURSTS, DEFAULT, DISCONNECTS, LEAK, OVER_ADMISSION, REFUSALS, JudgedFor
from loadtests.datasets.records import CaseError, parse_case
from loadtests.plan.arrivals import Arrivals, constant
from loadtests.plan.toml_reader import TableReader

OWN_PROFILES = Path(__file__).resolve().parents[1] / "profiles"
MODES = ("closed", "open", "sequence")
MAX_CLIENTS = 1000
MAX_REQUESTS = 1_000_000
MAX_RATE_PER_S = 10_000.0
MAX_PHASES = 90
DAY_S = 86_400.0
RESERVED = (BEHAVIOUR, LEAK, REFUSALS, BURSTS, DISCONNECTS, OVER_ADMISSION)

LoadMode = Literal["closed", "open", "sequence"]


class ProfileError(Exception):
    """A profile is missing or wrong; `problems` holds one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Share:
    """One case's part in a phase."""

    case: str
    count: int
    """Closed and sequence: how many at least; open: its weight."""


@dataclass(frozen=True)
class Phase:
    """One stretch of load."""

    name: str
    mode: LoadMode
    clients: int
    """In flight at once (closed); the pool's size (open); 1 (sequence)."""
    mix: tuple[Share, ...]
    timeout_s: float
    """After this a request counts as unanswered."""
    at_once: bool
    """Closed: all clients start in one moment."""
    users: int
    """Values of the body's `user` that take turns."""
    seconds: float
    """Closed and sequence: the mix is repeated until this much time is over, too; 0: as many as asked for."""
    max_count: int
    """Closed and sequence: never more requests than this."""
    max_seconds: float
    """After this no new request starts, and the phase counts as cut short."""
    shape: tuple[tuple[float, float], ...]
    """Open: points (seconds, arrivals a second)."""
    arrivals: Arrivals
    scaled: bool = False
    """`--minutes` stretches it."""
    judge: tuple[JudgedFor, ...] = DEFAULT
    """What its exports are judged for; none: they are not, as in a warmup."""

    @property
    def lasts_s(self) -> float:
        """How long it is meant to last; 0: as long as its requests take."""
        return self.shape[-1][0] if self.shape else self.seconds

    @property
    def count(self) -> int:
        """Requests asked for at least (closed and sequence)."""
        return sum(share.count for share in self.mix)


@dataclass(frozen=True)
class Leak:
    """Many exports one after the other, to see whether memory comes back."""

    cases: tuple[str, ...]
    count: int
    seconds: float


@dataclass(frozen=True)
class Profile:
    """One scenario's load."""

    name: str
    sha256: str
    """Of the TOML text."""
    phases: tuple[Phase, ...]
    behaviour: bool
    """True: the examiner's probes of single behaviours follow the load."""
    leak: Leak | None
    over_admission: bool = False
    """True: after the load a sixth export is asked for while five run."""


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """The profile of that name, from `folder` or else from ours; ProfileError when missing or wrong."""
    if folder is not None and not folder.is_dir():
        raise ProfileError([f"--profiles {folder} is no folder"])
    folders = [place for place in (folder, OWN_PROFILES) if place is not None]
    plain = name.replace("-", "").replace("_", "").isalnum()
    path = next((place / f"{name}.toml" for place in folders if plain and (place / f"{name}.toml").is_file()), None)
    if path is None:
        known = sorted({file.stem for place in folders for file in place.glob("*.toml")})
        raise ProfileError([f"there is no scenario {name!r}; there are {', '.join(known)}"])
    return parse_profile(name, path.read_bytes())


def parse_profile(name: str, text: bytes) -> Profile:
    """A profile from its TOML text; ProfileError names every wrong key at once."""
    try:
        reader = TableReader(tomllib.loads(text.decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProfileError([f"profile {name} is no TOML: {error}"]) from None
    phases = tuple(_phase(table) for table in reader.tables("phase"))
    behaviour, over_admission = reader.flag("behaviour"), reader.flag("over_admission")
    leak_table = reader.table_or_none("leak")
    leak = None if leak_table is None else _leak(leak_table)
    names = [phase.name for phase in phases]
    for twice in sorted({one for one in names if names.count(one) > 1}):
        reader.wrong("phase", f"has the name {twice!r} twice")
    for taken in sorted(set(names) & set(RESERVED)):
        reader.wrong("phase", f"may not be named {taken!r}, a name kept for the examiner")
    if len(phases) > MAX_PHASES:
        reader.wrong("phase", f"may be there {MAX_PHASES} times, not {len(phases)}")
    reader.done()
    if reader.problems:
        raise ProfileError([f"profile {name}: {problem}" for problem in reader.problems])
    return Profile(name, hashlib.sha256(text).hexdigest(), phases, behaviour, leak, over_admission)


def stretched(profile: Profile, minutes: float) -> Profile:
    """The profile with its scaled phases stretched, or shrunk, to so many minutes in all, their parts kept.

    An open phase keeps its rates and a closed one its clients; with the time goes how many requests there may be.
    ProfileError where no phase is marked, or where more requests would be made than a profile may ask for.
    """
    asked_s = sum(phase.lasts_s for phase in profile.phases if phase.scaled)
    if not asked_s:
        raise ProfileError([f"profile {profile.name} has no phase with `scaled = true`, so --minutes means nothing"])
    factor = minutes * 60 / asked_s
    phases = tuple(_stretch(phase, factor) if phase.scaled else phase for phase in profile.phases)
    problems = [
        f"profile {profile.name}: --minutes {minutes:g} makes more than {MAX_REQUESTS} requests of phase {phase.name!r}"
        for phase in phases
        if phase.scaled and max(_area(phase.shape), phase.max_count) > MAX_REQUESTS
    ]
    if problems:
        raise ProfileError(problems)
    return replace(profile, phases=phases)


def _stretch(phase: Phase, factor: float) -> Phase:
    return replace(
        phase,
        seconds=phase.seconds * factor,
        max_count=max(round(phase.max_count * factor), phase.count, 1),
        # the margin for a slow target stays what it is
        max_seconds=max(phase.max_seconds + phase.lasts_s * (factor - 1), phase.lasts_s * factor),
        shape=tuple((second * factor, rate) for second, rate in phase.shape),
    )


def _area(shape: tuple[tuple[float, float], ...]) -> float:
    """Requests that an open shape asks for."""
    return sum((end - start) * (a + b) / 2 for (start, a), (end, b) in itertools.pairwise(shape))


def _phase(reader: TableReader) -> Phase:
    name = reader.text("name")
    if name and not (name.isascii() and name.replace("-", "").isalnum()):
        reader.wrong("name", f"must be letters, digits and dashes, not {name!r}")
    mode = reader.one_of("mode", MODES, None)
    alone = mode == "sequence"
    clients = reader.whole("clients", 1 if alone else None, 1, 1 if alone else MAX_CLIENTS)
    mix = tuple(_share(table) for table in reader.tables("mix"))
    count = sum(share.count for share in mix)
    if count > MAX_REQUESTS:
        reader.wrong("mix", f"asks for more than {MAX_REQUESTS} requests")
    seconds = reader.number("seconds", 0.0, 0.0, DAY_S)
    at_once = reader.flag("at_once")
    users = reader.whole("users", 1, 1, MAX_CLIENTS)
    max_count = reader.whole("max_count", max(count, 1), 1, MAX_REQUESTS)
    arrivals = reader.one_of("arrivals", ("poisson", "uniform"), "poisson")
    rate = reader.number("rate_per_s", 0.0, 0.0, MAX_RATE_PER_S)
    shape = reader.points("shape", DAY_S, MAX_RATE_PER_S)
    if reader.sound and mode == "open":
        if bool(rate and seconds) == bool(shape) or bool(rate) != bool(seconds):
            reader.wrong("rate_per_s", "must be given with seconds, or else a shape alone, in an open phase")
        elif rate:
            shape = tuple(constant(rate, seconds))
        _without(reader, ("at_once", "max_count"), "has no meaning in an open phase")
    elif reader.sound:
        _without(reader, ("rate_per_s", "shape", "arrivals"), "has a meaning only in an open phase")
        if max_count < count:
            reader.wrong("max_count", f"is {max_count}, less than the mix's {count} requests")
        if seconds and max_count == count:
            reader.wrong("seconds", "needs a max_count above the mix's sum, else it can't be kept")
    if alone and reader.sound:
        _without(reader, ("at_once",), "has no meaning in a sequence")
    timeout_s = reader.number("timeout_s", 90.0, 0.1, 3600.0)
    max_seconds = reader.number("max_seconds", 900.0, 0.1, DAY_S)
    scaled = reader.flag("scaled")
    if scaled and reader.sound and not (shape or seconds):
        reader.wrong("scaled", "needs a phase that lasts some seconds")
    judge = _judge(reader)
    reader.done()
    return Phase(
        name=name,
        mode=cast(LoadMode, mode),
        clients=clients,
        mix=mix,
        timeout_s=timeout_s,
        at_once=at_once,
        users=users,
        seconds=seconds,
        max_count=max_count,
        max_seconds=max_seconds,
        shape=shape,
        arrivals=cast(Arrivals, arrivals),
        scaled=scaled,
        judge=judge,
    )


def _judge(reader: TableReader) -> tuple[JudgedFor, ...]:
    """Read what a phase is judged for: words of a closed set, each once."""
    words = reader.take("judge", list, list(DEFAULT)) or []
    known = {purpose.value: purpose for purpose in JudgedFor}
    unknown = [word for word in words if not (isinstance(word, str) and word in known)]
    if unknown:
        reader.wrong("judge", f"may hold {', '.join(known)}, not {unknown[0]!r}")
        return DEFAULT
    if len(set(words)) < len(words):
        reader.wrong("judge", "holds a word twice")
    return tuple(known[word] for word in words)


def _without(reader: TableReader, keys: tuple[str, ...], why: str) -> None:
    for key in keys:
        if key in reader.given:
            reader.wrong(key, why)


def _share(reader: TableReader) -> Share:
    case = reader.text("case")
    if reader.sound:
        _check_case(reader, case)
    count = reader.whole("count", 1, 1, MAX_REQUESTS)
    reader.done()
    return Share(case, count)


def _leak(reader: TableReader) -> Leak:
    given = reader.take("case", list, None)
    cases = tuple(str(case) for case in given or [])
    if given is not None and not cases:
        reader.wrong("case", "must name at least one case")
    for case in cases:
        _check_case(reader, case)
    count = reader.whole("count", None, 8, 100_000)
    seconds = reader.number("seconds", 30.0, 0.1, DAY_S)
    reader.done()
    return Leak(cases, count, seconds)


def _check_case(reader: TableReader, case: str) -> None:
    try:
        parse_case(case)
    except CaseError as error:
        reader.wrong("case", f"is wrong: {error}")
