"""What judging the records showed, for people and as the report's stored proof (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from assertions.checks.catalogue import ASSERTIONS, CHECKS
from evidence.reports.proofs.fault_coverage import AtContract, CriticalTier, Sensitivity, Shown, Under
from tests.targets.edits.edit import Edit
from tests.targets.proving.proving import Proof
from tests.targets.recording.conditions import AT_CONTRACT, BY_NAME, CONTRACT

SHOWN_MOST = 5
"""Faults that the stored proof names for one check."""


def _usual(proofs: Sequence[Proof]) -> list[Proof]:
    """Targets under their usual conditions: neither edits, nor shown under the contract's own, too."""
    return [one for one in proofs if not _edited(one) and one.made.conditions != CONTRACT.name]


def _edited(proof: Proof) -> bool:
    return isinstance(proof.case.subject, Edit)


def _tiers(edits: Sequence[Proof]) -> list[Proof]:
    """Edits whose check must name a critical bound as missed."""
    return [one for one in edits if isinstance(one.case.subject, Edit) and one.case.subject.critical]


def _right(proofs: Sequence[Proof]) -> int:
    return sum(proof.problem is None for proof in proofs)


def summary(proofs: Sequence[Proof], stale: Mapping[str, Sequence[str]]) -> str:
    """What came out, in a few lines; each case that was misjudged and each stale record by name."""
    usual = _usual(proofs)
    faulty, healthy = ([one for one in usual if one.case.healthy is kind] for kind in (False, True))
    edits = [one for one in proofs if _edited(one)]
    contract = [one for one in proofs if not _edited(one) and one.made.conditions == CONTRACT.name]
    lines = [
        f"{_right(faulty)} of {len(faulty)} faulty targets were caught for a fitting reason",
        f"{_right(healthy)} of {len(healthy)} healthy targets came out GREEN",
        f"{_right(contract)} of {len(contract)} faulty targets were caught under the contract's own conditions",
        f"{_right(edits)} of {len(edits)} edited records were noticed, "
        f"{_right(_tiers(edits))} of {len(_tiers(edits))} as beyond a critical bound",
    ]
    if stale:
        why = Counter(reason for reasons in stale.values() for reason in reasons)
        reasons = ", ".join(f"{reason} ({count})" for reason, count in why.items())
        lines.append(
            f"{len(stale)} records are stale, since something is not as it was when they were made: {reasons}; "
            "`python -m tests.targets record --core --resume` makes them anew"
        )
    silent = sorted({check.id for check in CHECKS} - _noticed(proofs))
    if silent:
        lines.append(f"checks that nothing recorded turned red: {', '.join(silent)}")
    lines += [f"WRONG {one.case.name}: {one.problem}" for one in proofs if one.problem is not None]
    return "\n".join(lines)


def _noticed(proofs: Sequence[Proof]) -> set[str]:
    """Checks that turned red on something faulty, or had no data of an edit that they must see."""
    red = {name for one in proofs if not one.case.healthy for name in one.failed}
    return red | {name for one in proofs if _edited(one) for name in one.case.noticed(one.judged)}


def unnoticed(proofs: Sequence[Proof]) -> dict[str, list[str]]:
    """For each check, in the judge's order, what would be misjudged if it passed everything."""
    return {
        check.id: [f"{one.case.name}: {one.unnoticed[check.id]}" for one in proofs if check.id in one.unnoticed]
        for check in CHECKS
    }


def sensitivity(
    proofs: Sequence[Proof],
    *,
    faulty_known: int,
    healthy_known: int,
    stale: int,
    commit: str,
    when: str,
    judge_sha256: str,
    load_side_sha256: str,
) -> Sensitivity:
    """The proof in the form that reports read."""
    usual = _usual(proofs)
    faulty, healthy = ([one for one in usual if one.case.healthy is kind] for kind in (False, True))
    edits = [one for one in proofs if _edited(one)]
    recorded = [one for one in proofs if not _edited(one)]
    counted = Counter(one.made.conditions for one in recorded)
    return Sensitivity(
        commit=commit,
        when=when,
        judge_sha256=judge_sha256,
        load_side_sha256=load_side_sha256,
        recorded_first=min(one.made.when for one in recorded),
        recorded_last=max(one.made.when for one in recorded),
        stale=stale,
        repeated=sum(one.made.attempts > 1 for one in recorded),
        faulty_known=faulty_known,
        healthy_known=healthy_known,
        faults=len(faulty),
        caught=_right(faulty),
        healthy=len(healthy),
        green=_right(healthy),
        edits=len(edits),
        noticed=_right(edits),
        conditions=tuple(
            Under(description=one.description, limits_sha256=one.limits_sha256(), records=counted[name])
            for name, one in BY_NAME.items()
            if counted[name]
        ),
        at_contract=tuple(_at_contract(recorded)),
        tiers=tuple(_tier(one) for one in _tiers(edits)),
        checks=_shown(faulty),
    )


def _tier(proof: Proof) -> CriticalTier:
    edit = proof.case.subject
    assert isinstance(edit, Edit)
    return CriticalTier(
        limit=edit.critical, edit=edit.name, why=edit.why, check=edit.check, shown=proof.problem is None
    )


def _at_contract(recorded: Sequence[Proof]) -> list[AtContract]:
    found = []
    for six in ASSERTIONS:
        for one in recorded:
            if one.made.conditions == CONTRACT.name and one.made.target == AT_CONTRACT[six.title]:
                mine = {*six.target, *six.outside, *six.agreement}
                seen = tuple(sorted(one.case.noticed(one.judged) & mine))
                found.append(AtContract(assertion=six.title, fault=one.made.target, why=one.case.why, checks=seen))
    return found


def _shown(faulty: Sequence[Proof]) -> dict[str, tuple[Shown, ...]]:
    checks: dict[str, list[tuple[bool, Shown]]] = {}
    for one in faulty:
        for name in one.failed:
            shown = Shown(fault=one.case.name, why=one.case.why, only=len(one.failed) == 1)
            checks.setdefault(name, []).append((name not in one.case.expect, shown))
    return {
        name: tuple(shown for _, shown in sorted(seen, key=lambda one: (not one[1].only, one[0]))[:SHOWN_MOST])
        for name, seen in sorted(checks.items())
    }


def as_json(proof: Sensitivity) -> bytes:
    """The stored proof, as an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(proof), indent=2) + b"\n"


def replaces(new: Sensitivity, stored: Sensitivity | None) -> bool:
    """Whether a new proof takes the place of the stored one: that is of another judge, or covers no more targets.

    A proof that shows fewer checks able to fail never does: the report calls the larger one stale instead.
    """
    if stored is None:
        return True
    if not stored.checks.keys() <= new.checks.keys() or new.edits - new.noticed > stored.edits - stored.noticed:
        return False
    if stored.judge_sha256 != new.judge_sha256:
        return True
    return (new.faults, new.healthy) >= (stored.faults, stored.healthy) or stored.stale > new.stale
