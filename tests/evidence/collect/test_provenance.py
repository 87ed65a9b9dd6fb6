"""What a run was made with, and which scenarios may join it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from msgspec.structs import replace

from evidence.collect import provenance as contexts
from evidence.collect.provenance import JOIN_S, with_incident
from tests.evidence.sample_reports import context

SETTINGS: dict[str, Any] = {
    "target": "embedded",
    "limits_sha256": "l",
    "profiles_sha256": None,
    "waivers": {},
    "harness_sha256": "h",
}


def test_read() -> None:
    """The machine, the versions and the checkout are read, not guessed."""
    mine = contexts.read(**SETTINGS)
    assert mine.target == "embedded"
    assert mine.cpus > 0
    assert mine.memory_bytes > 10**8
    # `pip install .` leaves its metadata in the checkout
    assert set(mine.packages) - {contexts.OURS} == set(contexts.PACKAGES)
    assert "not installed" not in mine.packages.values()
    assert mine.incidents == ()
    assert (mine.changes_sha256 is not None) == bool(mine.dirty)


def test_outside_of_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, commit and changes are unknown, not clean."""

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    mine = contexts.read(**SETTINGS)
    assert (mine.commit, mine.dirty, mine.changes_sha256) == (None, None, None)


@pytest.mark.parametrize(("said", "dirty"), [("", False), (" M x", True)])
def test_changes_are_distinguished(monkeypatch: pytest.MonkeyPatch, said: str, dirty: bool) -> None:
    """A clean checkout has no changes; of others the changes are hashed, so that two kinds are told apart."""
    answers = {"rev-parse": "abc", "status": said, "diff": "+x"}
    monkeypatch.setattr(contexts, "_git", lambda *words: answers[words[0]])
    mine = contexts.read(**SETTINGS)
    assert (mine.commit, mine.dirty, mine.changes_sha256 is not None) == ("abc", dirty, dirty)


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is not installed is written down as that."""
    monkeypatch.setattr(contexts, "PACKAGES", ("no-such-package",))
    found = contexts.read(**SETTINGS).packages
    assert {name: version for name, version in found.items() if name != contexts.OURS} == {
        "no-such-package": "not installed"
    }


@pytest.mark.parametrize(
    "field",
    [
        {"target": "http://127.0.0.1:2"},
        {"header_variables": ("EXPORT_TARGET_TOKEN",)},
        {"commit": "other"},
        {"dirty": True},
        {"changes_sha256": "other"},
        {"limits_sha256": "other"},
        {"profiles_sha256": "other"},
        {"waivers": {"memory": "reason"}},
        {"harness_sha256": "other"},
        {"python": "3.12.0"},
        {"packages": {}},
        {"machine": "other"},
    ],
)
def test_another_run(field: dict[str, Any]) -> None:
    """A scenario does not join a run that differs in anything on which a verdict rests."""
    assert context().fits(context())
    assert not context().fits(context(**field))


def test_why_a_new_run_begins() -> None:
    """The reason names what is another, what went wrong, or the age."""
    changed, late = context(changes_sha256="other"), replace(context(), started=context().started + JOIN_S)
    assert (
        context().misfit(context()),
        context().misfit(changed),
        with_incident(context(), "one").misfit(context()),
        context().misfit(late),
    ) == (
        None,
        "files of the checkout were changed in between",
        "something kept the older one from its end",
        "the older one did not begin within the last 6 hours",
    )


@pytest.mark.parametrize(
    ("later_s", "joins"), [(-1, False), (0, True), (JOIN_S - 1, True), (JOIN_S, False), (JOIN_S + 1, False)]
)
def test_age(later_s: float, joins: bool) -> None:
    """A scenario joins a run younger than 6 hours, and none from the future."""
    assert context().fits(replace(context(), started=context().started + later_s)) is joins


def test_incidents_begin_a_new_run() -> None:
    """A run in which something went wrong is not completed, and all that went wrong is kept."""
    twice = with_incident(with_incident(context(), "one"), "two")
    assert twice.incidents == ("one", "two")
    assert not twice.fits(context())
