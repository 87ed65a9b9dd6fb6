"""Random mutations of a real bundle: each is found with the key, and all but a whole publication without one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence.bundle.attest import signing
from tests.evidence.conftest import Made
from tests.evidence.mutations.trial import finding, missed, table, trials

pytestmark = pytest.mark.e2e
COUNT = 60
SEED = 20_261_130


def test_random_mutations(made: Made, tmp_path: Path) -> None:
    """No mutation escapes, and no untouched bundle is suspected."""
    bundle = Path(shutil.copytree(made.path, tmp_path / "signed"))
    public = signing.make_keys(tmp_path / "key")
    signing.sign_stored(bundle, tmp_path / "key")
    assert (finding(bundle, public), finding(bundle, None), finding(made.path, None)) == (None, None, None)
    found = list(trials(bundle, public, COUNT, SEED, tmp_path))
    assert missed(found) == [], table(found, 3, 0)
