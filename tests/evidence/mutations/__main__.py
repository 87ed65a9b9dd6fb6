"""Mutate a bundle at random: `python -m tests.evidence.mutations DIR --count 2000`. Exit code 1 where one is missed.

DIR: a bundle that holds; it is signed here with a key made for the purpose, in a copy.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from evidence.bundle.attest import signing
from tests.evidence.mutations.trial import finding, missed, table, trials

UNTOUCHED = 10


def main() -> int:
    """Run the trials and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        bundle = Path(shutil.copytree(asked.bundle, place / "signed"))
        public = signing.make_keys(place / "key")
        signing.sign_stored(bundle, place / "key")
        alarms = sum(finding(bundle, key) is not None for key in (public, None) for _ in range(UNTOUCHED // 2))
        found = list(trials(bundle, public, asked.count, asked.seed, place))
    sys.stdout.write(table(found, UNTOUCHED, alarms) + "\n")
    for trial in missed(found):
        sys.stdout.write(f"missed: {trial.kind}: {trial.what}: {trial.without_key}\n")
    return 1 if missed(found) or alarms else 0


if __name__ == "__main__":
    raise SystemExit(main())
