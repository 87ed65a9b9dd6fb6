"""From a profile and a seed to a plan: every request fixed before the first is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assertions.contents.tags import USER
from assertions.contract import MAX_CONCURRENT
from assertions.probes.over_admission import ROUND_SIZE
from assertions.record.phases import BEHAVIOUR, BURSTS, DISCONNECTS, EXAMINED, LEAK, OVER_ADMISSION
from assertions.record.types import PhasePlan, Plan, Request
from loadtests.datasets.records import Dataset, make_tag
from loadtests.plan.arrivals import arrival_times
from loadtests.plan.extra_phases import (
    BURST_SIZE,
    BURSTS_MOST,
    BURSTS_PHASE_NUMBER,
    LARGE_CASES,
    LEAK_PHASE_NUMBER,
    OVER_ADMISSION_PHASE_NUMBER,
    SMALL_CASE,
)
from loadtests.plan.limits import PhaseLimits
from loadtests.plan.profile import Leak, Phase, Profile, Share

PROBE_TIMEOUT_S = 60.0


def interleave(mix: Sequence[Share]) -> Iterator[str]:
    """The cases of a mix without end, spread as evenly as their counts allow, in the same order for the same mix."""
    total = sum(share.count for share in mix)
    while True:
        given = [0] * len(mix)
        for step in range(1, total + 1):
            # the share that lags most behind its part of the requests so far; the first one named wins a tie
            lags = [share.count * step - given[place] * total for place, share in enumerate(mix)]
            place = lags.index(max(lags))
            given[place] += 1
            yield mix[place].case


def cases_of(profile: Profile) -> tuple[str, ...]:
    """Every case that a profile asks for, once, in the order of their first place."""
    named = [share.case for phase in profile.phases for share in phase.mix]
    leak = profile.leak.cases if profile.leak else ()
    sixth = (*LARGE_CASES, SMALL_CASE) if profile.over_admission else ()
    return tuple(dict.fromkeys([*named, *leak, *sixth]))


def build_plan(profile: Profile, datasets: dict[str, Dataset], seed: int) -> Plan:
    """The plan of a scenario; `datasets` holds every case of `cases_of`."""
    phases = [_plan_phase(number, phase, datasets, seed) for number, phase in enumerate(profile.phases)]
    if profile.behaviour:
        phases.append(_probes(BEHAVIOUR))
    if profile.over_admission:
        phases.append(_plan_over_admission(datasets))
    if profile.leak is not None:
        phases.append(_plan_leak(profile.leak, datasets))
        phases.append(_plan_bursts(profile.leak, datasets))
    if profile.behaviour:
        phases.append(_probes(DISCONNECTS))
    return Plan(scenario=profile.name, profile_sha256=profile.sha256, seed=seed, phases=tuple(phases))


def drive_of(phase: Phase, plan: PhasePlan) -> PhaseLimits:
    """How far a phase goes."""
    least = len(plan.requests) if phase.mode == "open" else phase.count
    seconds = 0.0 if phase.mode == "open" else phase.seconds
    return PhaseLimits(least=least, seconds=seconds, max_seconds=phase.max_seconds)


def _plan_phase(number: int, phase: Phase, datasets: dict[str, Dataset], seed: int) -> PhasePlan:
    due: Sequence[float | None]
    if phase.mode == "open":
        due = tuple(arrival_times(phase.shape, phase.arrivals, seed + number))
    else:
        due = (None,) * phase.max_count
    cases = interleave(phase.mix)
    requests = tuple(
        _request(number, index, next(cases), datasets, at, user=_user(index, phase.users))
        for index, at in enumerate(due)
    )
    return PhasePlan(
        name=phase.name,
        mode=phase.mode,
        clients=phase.clients,
        requests=requests,
        timeout_s=phase.timeout_s,
        at_once=phase.at_once,
        judge=phase.judge,
    )


def _probes(name: str) -> PhasePlan:
    """A phase of single requests by the examiner, of which none is planned."""
    return PhasePlan(name=name, mode="probe", clients=1, requests=(), timeout_s=PROBE_TIMEOUT_S, judge=EXAMINED)


def _plan_leak(leak: Leak, datasets: dict[str, Dataset]) -> PhasePlan:
    requests = tuple(
        _request(LEAK_PHASE_NUMBER, index, leak.cases[index % len(leak.cases)], datasets, None)
        for index in range(leak.count)
    )
    return PhasePlan(
        name=LEAK, mode="sequence", clients=1, requests=requests, timeout_s=PROBE_TIMEOUT_S, judge=EXAMINED
    )


def _plan_bursts(leak: Leak, datasets: dict[str, Dataset]) -> PhasePlan:
    """Bursts of the leak series' first case."""
    requests = tuple(
        _request(BURSTS_PHASE_NUMBER, index, leak.cases[0], datasets, None) for index in range(BURSTS_MOST * BURST_SIZE)
    )
    return PhasePlan(
        name=BURSTS,
        mode="closed",
        clients=BURST_SIZE,
        requests=requests,
        timeout_s=PROBE_TIMEOUT_S,
        at_once=True,
        judge=EXAMINED,
    )


def _plan_over_admission(datasets: dict[str, Dataset]) -> PhasePlan:
    """Rounds of five large exports and a small one."""
    cases = [case for large in LARGE_CASES for case in (*(large,) * MAX_CONCURRENT, SMALL_CASE)]
    requests = tuple(
        _request(OVER_ADMISSION_PHASE_NUMBER, index, case, datasets, None) for index, case in enumerate(cases)
    )
    return PhasePlan(
        name=OVER_ADMISSION,
        mode="closed",
        clients=ROUND_SIZE,
        requests=requests,
        timeout_s=PROBE_TIMEOUT_S,
        at_once=True,
        judge=EXAMINED,
    )


def _user(index: int, users: int) -> str:
    return USER if users == 1 else f"{USER}-{index % users:03}"


def _request(
    phase: int, index: int, case: str, datasets: dict[str, Dataset], due: float | None, *, user: str = USER
) -> Request:
    dataset = datasets[case]
    return Request(
        index=index,
        case=case,
        format=dataset.format,
        records=len(dataset.rows),
        user=(dataset.user or None) if dataset.user != USER else user,
        tag=make_tag(phase, index) if dataset.tagged else None,
        intended_s=due,
    )
