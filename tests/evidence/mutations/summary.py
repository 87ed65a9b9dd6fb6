"""What the mutations gave, by kind: kept as `results.json` and shown in docs/evidence.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from assertions.record.files import read_one, write_one
from assertions.record.types import Record
from tests.evidence.mutations.kinds import KINDS
from tests.evidence.mutations.trial import Trial, missed

STORED = Path(__file__).with_name("results.json")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "evidence.md"
KEPT = re.compile(r"(<!-- mutations -->\n).*(<!-- /mutations -->)", re.DOTALL)


class KindCount(Record, frozen=True, kw_only=True):
    """Mutations of one kind."""

    kind: str
    made: int
    found_with_key: int
    of_bundle: int
    """Without those that changed only the signed statement, which says nothing where no key is given."""
    found_without_key: int
    """Of these."""


class Summary(Record, frozen=True, kw_only=True):
    """All mutations of one bundle."""

    version: str
    """Of the harness that verified."""
    scenarios: tuple[str, ...]
    files: int
    bytes: int
    """Of the bundle."""
    seed: int
    made: int
    missed: int
    untouched: int
    """How often the untouched bundle was verified, with the key and without."""
    false_alarms: int
    kinds: tuple[KindCount, ...]


def counts(found: Sequence[Trial]) -> tuple[KindCount, ...]:
    """Return the counts by kind."""
    by_kind = {kind: [trial for trial in found if trial.kind == kind] for kind in KINDS}
    return tuple(
        KindCount(
            kind=kind,
            made=len(made),
            found_with_key=sum(trial.with_key is not None for trial in made),
            of_bundle=sum(trial.of_bundle for trial in made),
            found_without_key=sum(trial.of_bundle and trial.without_key is not None for trial in made),
        )
        for kind, made in by_kind.items()
    )


def progress_line(found: Sequence[Trial], count: int) -> str:
    """Return one line on what was found so far."""
    kinds = ", ".join(f"{kind.kind} {kind.made}" for kind in counts(found) if kind.made)
    escaped = len(missed(found))
    with_key = sum(trial.with_key is not None for trial in found)
    return f"{len(found):,} of {count:,} mutations: {with_key:,} found with the key, {escaped} escaped ({kinds})"


def table(kinds: Iterable[KindCount], untouched: int, false_alarms: int) -> str:
    """Return the counts as a Markdown table."""
    lines = [
        "| mutation | made | found with the key | of the bundle itself | of these found without a key |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.kind} | {one.made:,} | {one.found_with_key:,} | {one.of_bundle:,} | {one.found_without_key:,} |"
        for one in kinds
    ]
    total = [f"{sum(getattr(one, name) for one in kinds):,}" for name in KindCount.__struct_fields__[1:]]
    lines += [
        f"| together | {' | '.join(total)} |",
        f"| none: untouched | {untouched} | {false_alarms} false alarms | | |",
    ]
    return "\n".join(lines)


class Results(Record, frozen=True, kw_only=True):
    """All that is stored."""

    bundles: tuple[Summary, ...]


def page_part(results: Results) -> str:
    """Return what docs/evidence.md says of the mutations."""
    return "\n".join(bundle_part(summary) for summary in results.bundles)


def bundle_part(summary: Summary) -> str:
    """Return what there is to say of the mutations of one bundle."""
    return (
        f"{summary.made:,} mutations of a bundle of {', '.join(summary.scenarios)} ({summary.files} files, "
        f"{summary.bytes / 1e6:.1f} MB), seed {summary.seed}, version {summary.version}:\n\n"
        f"{table(summary.kinds, summary.untouched, summary.false_alarms)}\n\n"
        f"Escaped: {summary.missed}. A bundle that was published again as a whole is found with the key only.\n"
    )


def read_stored() -> Results:
    """Return the stored figures. RecordError."""
    return read_one(STORED, Results)


def store(summary: Summary) -> None:
    """Write the figures of a bundle in place of those of the same scenarios, and show all in docs/evidence.md."""
    older = read_stored().bundles if STORED.is_file() else ()
    kept = [one for one in older if one.scenarios != summary.scenarios]
    results = Results(bundles=tuple(sorted([*kept, summary], key=lambda one: -one.made)))
    write_one(STORED, results)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(KEPT.sub(lambda found: f"{found[1]}{page_part(results)}{found[2]}", text), encoding="utf-8")
