"""Mutate copies of a bundle, and record what `verify` finds, with the signer's key and without any."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assertions.record.types import Record, RecordError
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


class Trial(Record, frozen=True, kw_only=True):
    """One mutation."""

    number: int
    """From 0; number, seed and bundle make the mutation."""
    kind: str
    what: str
    with_key: str | None
    """What was found; None: nothing."""
    of_bundle: bool
    """Whether it changed the bundle itself, not only the signed statement next to it."""
    without_key: str | None
    """What was found in the same bundle without its attestation and without a key."""


@dataclass(frozen=True)
class Signed:
    """A signed bundle and the public key of its signature."""

    path: Path
    key: Path
    contents: tuple[bytes, Manifest]
    """What the bundle consists of, without the statement on it."""


def signed_copy(bundle: Path, place: Path) -> Signed:
    """Copy a bundle into a folder and sign the copy with a key made for the purpose."""
    copy = Path(shutil.copytree(bundle, place / "signed"))
    (copy / ATTESTATION).unlink(missing_ok=True)
    public = signing.make_keys(place / "key")
    signing.sign_stored(copy, place / "key")
    return Signed(copy, public, _contents(copy))


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


def trials(bundle: Signed, numbers: Iterable[int], seed: int, place: Path) -> Iterator[Trial]:
    """Yield the mutations of these numbers; `place` is a folder for copies."""
    for number in numbers:
        yield one_trial(bundle, number, seed, place)


def one_trial(bundle: Signed, number: int, seed: int, place: Path) -> Trial:
    """Return one mutation of a signed bundle and what was found of it."""
    dice = random.Random(f"{seed}/{number}")
    others = [kind for kind in KINDS if kind != REPUBLISHED]
    republish = number % REPUBLISHED_SHARE == REPUBLISHED_SHARE - 1
    kind = REPUBLISHED if republish else others[number % len(others)]
    out = place / "copy"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(bundle.path, out)
    what = KINDS[kind](out, dice)
    with_key = finding(out, bundle.key)
    (out / ATTESTATION).unlink(missing_ok=True)
    of_bundle = _contents(out) != bundle.contents
    return Trial(
        number=number,
        kind=kind,
        what=what,
        with_key=with_key,
        of_bundle=of_bundle,
        without_key=finding(out, None) if of_bundle else None,
    )


def _contents(folder: Path) -> tuple[bytes, Manifest]:
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
