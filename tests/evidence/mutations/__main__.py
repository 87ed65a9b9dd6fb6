"""Mutate a bundle at random: `python -m tests.evidence.mutations DIR --count 2000 --trials FILE --store`.

DIR: a bundle that holds; a copy of it is signed here with a key made for the purpose. A bundle of smoke only is the
quickest. `--trials` keeps each mutation's outcome, and a run that was ended goes on where it was. Exit code 1 where a
mutation escaped or an untouched bundle was suspected.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import msgspec

from assertions.verdicts import SCENARIOS
from evidence.bundle import manifest
from service.settings import VERSION
from tests.evidence.mutations.summary import Summary, bundle_part, counts, progress_line, store
from tests.evidence.mutations.trial import Signed, Trial, finding, missed, one_trial, signed_copy

UNTOUCHED = 10
PROGRESS_S = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the trials that are missing, print the table, and store it where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.evidence.mutations", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--count", type=int, default=2_000, help="mutations from number 0 on")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first number that is made now")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--trials", type=Path, help="file for the outcomes, one a line; those in it are not made again")
    parser.add_argument("--store", action="store_true", help="write results.json and docs/evidence.md")
    asked = parser.parse_args(argv)
    found = [trial for trial in _read(asked.trials) if trial.number < asked.count]
    done = {trial.number for trial in found}
    numbers = [number for number in range(asked.first, asked.count) if number not in done]
    with tempfile.TemporaryDirectory() as folder:
        bundle = signed_copy(asked.bundle, Path(folder))
        alarms = sum(finding(bundle.path, key) is not None for key in (bundle.key, None) for _ in range(UNTOUCHED // 2))
        shown = time.monotonic()
        for trial in _made(bundle, numbers, asked.seed, Path(folder), asked.jobs):
            found.append(trial)
            _keep(asked.trials, trial)
            if time.monotonic() - shown >= PROGRESS_S:
                shown = time.monotonic()
                print(progress_line(found, asked.count), file=sys.stderr, flush=True)
    artifacts = manifest.make(asked.bundle, "").artifacts
    summary = Summary(
        version=VERSION,
        scenarios=tuple(name for name in SCENARIOS if (asked.bundle / name / "plan.json").is_file()),
        files=len(artifacts),
        bytes=sum(artifact.bytes for artifact in artifacts),
        seed=asked.seed,
        made=len(found),
        missed=len(missed(found)),
        untouched=UNTOUCHED,
        false_alarms=alarms,
        kinds=counts(found),
    )
    sys.stdout.write(bundle_part(summary))
    for trial in missed(found):
        sys.stdout.write(f"escaped: number {trial.number}, {trial.kind}: {trial.what}: {trial.without_key}\n")
    if asked.store:
        store(summary)
    return 1 if summary.missed or alarms else 0


def _read(path: Path | None) -> list[Trial]:
    if path is None or not path.is_file():
        return []
    return [msgspec.json.decode(line, type=Trial) for line in path.read_bytes().splitlines()]


def _keep(path: Path | None, trial: Trial) -> None:
    if path is not None:
        with path.open("ab") as file:
            file.write(msgspec.json.encode(trial) + b"\n")


def _made(bundle: Signed, numbers: Sequence[int], seed: int, place: Path, jobs: int) -> Iterator[Trial]:
    """Make mutations in this process, or in several, in any order."""
    if jobs == 1:
        yield from (one_trial(bundle, number, seed, place) for number in numbers)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        shares = [numbers[start : start + 10] for start in range(0, len(numbers), 10)]
        for future in as_completed([pool.submit(_share, bundle, share, seed, place) for share in shares]):
            yield from future.result()


def _share(bundle: Signed, numbers: Sequence[int], seed: int, place: Path) -> list[Trial]:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        return [one_trial(bundle, number, seed, Path(folder)) for number in numbers]


if __name__ == "__main__":
    raise SystemExit(main())
