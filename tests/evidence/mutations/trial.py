"""Mutate copies of a bundle, and count what `verify` finds, with the signer's key and without any."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assertions.record.types import RecordError
from evidence.bundle import digest, inventory, manifest
from evidence.bundle.attest import signing
from evidence.bundle.errors import VerifyError
from evidence.bundle.inventory import InventoryError
from evidence.bundle.layout import ATTESTATION, REPORT
from evidence.bundle.manifest import Manifest
from evidence.bundle.verify import verify
from tests.evidence.mutations.kinds import KINDS, REPUBLISHED

REPUBLISHED_SHARE = 25
"""One in so many mutations publishes everything again, which takes seconds."""


@dataclass(frozen=True)
class Trial:
    """One mutation."""

    kind: str
    what: str
    with_key: str | None
    """What was found; None: nothing."""
    of_bundle: bool
    """Whether it changed the bundle itself, not only the signed statement next to it."""
    without_key: str | None
    """What was found in the same bundle without its attestation and without a key."""


def finding(out: Path, key: Path | None) -> str | None:
    """Return the first thing that `verify` finds; None where the bundle holds.

    The quick ones of `verify`'s own steps come first: what one of them finds, `verify` finds.
    """
    try:
        said = manifest.read(out)
        found = manifest.differences(out, said)
        found += [f"{name} is no file of a run" for name in inventory.foreign(inventory.take(out).files)]
    except (RecordError, InventoryError) as error:
        return str(error)
    if not found and key is not None:
        found = [sentence for sentence in signing.opened(out, key)[1:] if sentence]
    if not found and (out / REPORT).is_file():
        named = digest.named_in((out / REPORT).read_text(encoding="utf-8", errors="replace"))
        found = [f"{REPORT} names {named}"] if named is not None and named != digest.of(out) else []
    try:
        found = found or verify(out, key)[0]
    except VerifyError as error:
        return str(error)
    return found[0] if found else None


def trials(bundle: Path, key: Path, count: int, seed: int, place: Path) -> Iterator[Trial]:
    """Yield mutations of a signed bundle; `place` is a folder for copies. The same seed makes the same mutations."""
    dice = random.Random(seed)
    others = [kind for kind in KINDS if kind != REPUBLISHED]
    for number in range(count):
        republish = number % REPUBLISHED_SHARE == REPUBLISHED_SHARE - 1
        kind = REPUBLISHED if republish else others[number % len(others)]
        out = place / "copy"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(bundle, out)
        what = KINDS[kind](out, dice)
        with_key = finding(out, key)
        (out / ATTESTATION).unlink(missing_ok=True)
        yield Trial(
            kind=kind,
            what=what,
            with_key=with_key,
            of_bundle=_contents(out) != _contents(bundle),
            without_key=finding(out, None),
        )


def _contents(folder: Path) -> tuple[bytes, Manifest]:
    """Return what a bundle consists of, without the statement on it."""
    path = folder / manifest.NAME
    return path.read_bytes() if path.is_file() else b"", manifest.make(folder, "")


def missed(found: Iterable[Trial]) -> list[Trial]:
    """Return the mutations that escaped: any with the key; without one, of the bundle, any but a whole publication.

    A whole publication that is found without a key would say that the trial did not publish what it should.
    """
    return [
        trial
        for trial in found
        if trial.with_key is None or (trial.of_bundle and (trial.without_key is None) != (trial.kind == REPUBLISHED))
    ]


def table(found: list[Trial], untouched: int, alarms: int) -> str:
    """Return the figures by kind."""
    lines = [f"{'mutation':<34}{'made':>7}{'found with key':>17}{'of the bundle':>16}{'found without':>16}"]
    for kind in KINDS:
        mine = [trial for trial in found if trial.kind == kind]
        lines.append(
            f"{kind:<34}{len(mine):>7}{sum(trial.with_key is not None for trial in mine):>17}"
            f"{sum(trial.of_bundle for trial in mine):>16}"
            f"{sum(trial.of_bundle and trial.without_key is not None for trial in mine):>16}"
        )
    lines.append(f"{'untouched: false alarms':<34}{untouched:>7}{alarms:>17}")
    return "\n".join(lines)
