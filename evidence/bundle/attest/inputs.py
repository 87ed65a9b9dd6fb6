"""What a run is judged by, hashed before its first request: limits, profiles, judge, subject. Held at its end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from assertions.record.files import read_one, write_one
from assertions.record.types import Record, RecordError
from assertions.record.view import ScenarioRecord
from evidence.bundle.layout import LIMITS
from evidence.collect.provenance import Context
from evidence.subject import Subject

NAME = "inputs.json"
SLACK_S = 5.0
"""Clocks of two processes of one run may be so far apart."""


class Inputs(Record, frozen=True, kw_only=True):
    """The hashes, written before a run's first request; a scenario that joins the run later adds its profile."""

    run_id: str
    limits_sha256: str
    judge_sha256: str
    """Of all code that decides a verdict."""
    subject_sha256: str
    """Of what was named as the subject, as JSON."""
    waivers_sha256: str
    profiles: dict[str, str]
    """Scenario to the SHA-256 of its profile's text."""
    written: dict[str, float]
    """Scenario to when its profile was written here; Unix seconds."""


def subject_sha256(subject: Subject | None) -> str:
    """Return the hash of what was named as the subject, and of nothing."""
    return hashlib.sha256(msgspec.json.encode(subject)).hexdigest()


def _waivers_sha256(context: Context) -> str:
    return hashlib.sha256(msgspec.json.encode(dict(sorted(context.waivers.items())))).hexdigest()


def write(folder: Path, context: Context, profiles: Mapping[str, str], now: float | None = None) -> None:
    """Write the hashes, or add scenarios to those of a run that is joined. OSError."""
    moment = time.time() if now is None else now
    mine = Inputs(
        run_id=context.run_id,
        limits_sha256=context.limits_sha256,
        judge_sha256=context.harness_sha256,
        subject_sha256=subject_sha256(context.subject),
        waivers_sha256=_waivers_sha256(context),
        profiles=dict(profiles),
        written=dict.fromkeys(profiles, moment),
    )
    try:
        there = read_one(folder / NAME, Inputs)
    except RecordError:
        there = None
    if there is not None and there.run_id == mine.run_id:
        mine = msgspec.structs.replace(
            there, profiles={**there.profiles, **mine.profiles}, written={**there.written, **mine.written}
        )
    write_one(folder / NAME, mine)


def of_records(folder: Path, records: Mapping[str, ScenarioRecord], context: Context) -> Iterator[str]:
    """Yield what of a judged run is not what was hashed before its first request, a sentence each."""
    yield from differences(
        folder,
        context,
        {name: record.plan.profile_sha256 for name, record in records.items()},
        {name: min(hit.start for hit in record.hits) for name, record in records.items() if record.hits},
    )


def differences(
    folder: Path, context: Context, profiles: Mapping[str, str], first_requests: Mapping[str, float] | None = None
) -> Iterator[str]:
    """Yield what is not what was hashed before the first request, a sentence each.

    profiles: scenario to its plan's hash of the profile; first_requests: scenario to the time of its first request.
    """
    try:
        before = read_one(folder / NAME, Inputs)
    except RecordError as error:
        yield f"what the run began with is not known: {str(error).replace(f'{folder}/', '')}"
        return
    if before.run_id != context.run_id:
        yield f"{NAME} is of the run {before.run_id}, run.json of {context.run_id}"
    limits = folder / LIMITS
    now = hashlib.sha256(limits.read_bytes()).hexdigest() if limits.is_file() else "missing"
    for what, then, found in (
        ("the limits", before.limits_sha256, now),
        ("the judge", before.judge_sha256, context.harness_sha256),
        ("the subject", before.subject_sha256, subject_sha256(context.subject)),
        ("the waivers", before.waivers_sha256, _waivers_sha256(context)),
    ):
        if then != found:
            yield f"{what} changed after the run began: {NAME} has {then[:16]}, now it is {found[:16]}"
    for name, profile in profiles.items():
        if before.profiles.get(name) != profile:
            yield (
                f"the profile of {name} changed after the run began: {NAME} has "
                f"{before.profiles.get(name, 'none')[:16]}, its plan {profile[:16]}"
            )
        first = (first_requests or {}).get(name)
        if first is not None and not before.written.get(name, 9e99) <= first + SLACK_S:
            yield f"{NAME} was written after the first request of {name}"
