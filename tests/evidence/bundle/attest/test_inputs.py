"""Hashes of what a run is judged by, written before its first request: what changed afterwards is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assertions.limits import DEFAULT_PATH, load
from evidence.bundle.attest import inputs
from evidence.subject import Subject
from tests.evidence.sample_reports import context

PROFILES = {"smoke": "aa" * 32}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run directory in which the hashes were written at 1,000 s."""
    (tmp_path / "limits.toml").write_bytes(DEFAULT_PATH.read_bytes())
    inputs.write(tmp_path, mine(), PROFILES, now=1_000.0)
    return tmp_path


def mine(**fields: Any) -> Any:
    """The run's context."""
    return context(limits_sha256=load().sha256, **fields)


def found(out: Path, first: float = 1_001.0, profiles: dict[str, str] = PROFILES, **fields: Any) -> list[str]:
    """What is no longer the same."""
    return list(inputs.differences(out, mine(**fields), profiles, dict.fromkeys(profiles, first)))


def test_the_same(out: Path) -> None:
    """Nothing is found where nothing changed; a request may be sent as long after as the clocks are apart."""
    assert (found(out), found(out, first=995.0)) == ([], [])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"harness_sha256": "00" * 32}, "the judge changed after the run began: inputs.json has abababab"),
        ({"subject": Subject(name="other")}, "the subject changed after the run began"),
        ({"waivers": {"memory": "later"}}, "the waivers changed after the run began"),
        ({"run_id": "another"}, "inputs.json is of the run 20260102T030405Z-42, run.json of another"),
        ({"profiles": {"smoke": "bb" * 32}}, "the profile of smoke changed after the run began: inputs.json has aaaa"),
        ({"profiles": {"load": "bb" * 32}}, "the profile of load changed after the run began: inputs.json has none"),
        ({"first": 994.9}, "inputs.json was written after the first request of smoke"),
    ],
)
def test_what_changed(out: Path, fields: dict[str, Any], words: str) -> None:
    """What is another than before the first request is named."""
    assert words in found(out, **fields)[0]


def test_limits_that_changed(out: Path) -> None:
    """Limits that were edited while the run was under way are named."""
    with (out / "limits.toml").open("a") as file:
        file.write("# later\n")
    (problem,) = found(out)
    assert problem.startswith("the limits changed after the run began")
    (out / "limits.toml").unlink()
    assert found(out)[0].endswith("now it is missing")


def test_a_scenario_that_joins(out: Path) -> None:
    """A scenario that is run later adds its profile and its time; those of the first stay."""
    inputs.write(out, mine(), {"load": "cc" * 32}, now=2_000.0)
    assert found(out, profiles={**PROFILES, "load": "cc" * 32}, first=2_001.0) == []
    assert found(out, profiles={"load": "cc" * 32}, first=1_500.0) == [
        "inputs.json was written after the first request of load"
    ]


def test_none(tmp_path: Path) -> None:
    """A run without the hashes is not known to have begun with these."""
    (problem,) = found(tmp_path)
    assert problem.startswith("what the run began with is not known: inputs.json is missing")
