"""A promtool 3.x: where it comes from, what it adds to a check, and that its absence is reported and fails nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assertions.record.files import read_one
from rules.promtool import find, find_next_major
from rules.records import PromtoolResults
from rules.server import fetch
from rules.server.fetch import ToolMissing, cache_folder
from tests.rules.conftest import Copies, RunCommand, edit
from tests.rules.test_promtool import script, speaking

pytestmark = pytest.mark.e2e

ARCHIVE = "http://user:secret@archive.invalid/debian/"


def test_order_of_search(tmp_path: Path) -> None:
    """$PROMTOOL3 goes before the cache's own folder of it; the other promtools of PATH and cache are not it."""
    named = speaking(tmp_path / "named", "3.1.0")
    speaking(tmp_path / "bin" / "promtool", "3.2.0")
    cache = tmp_path / "cache" / "export-at-scale"
    speaking(cache / "promtool-2.42.0" / "promtool", "2.42.0")
    env = {
        "PROMTOOL3": str(named),
        "PATH": str(tmp_path / "bin"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    assert find_next_major(env, fetch=False).version == "3.1.0"
    del env["PROMTOOL3"]
    with pytest.raises(ToolMissing, match=r"no promtool 3\.x: \$PROMTOOL3 is not set, and `nox -s rules` has not"):
        find_next_major(env, fetch=False)
    speaking(cache / "next" / "promtool-3.5.3" / "promtool", "3.5.3")
    assert find_next_major(env, fetch=False).version == "3.5.3"
    assert find({"XDG_CACHE_HOME": str(tmp_path / "cache")}).version == "2.42.0"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("2.53.0", r"no promtool 3\.x: \$PROMTOOL3 is 2\.53\.0"),
        (None, r"\$PROMTOOL3 is .*, which is no executable file"),
    ],
)
def test_a_wrong_variable_is_an_error(version: str | None, message: str, tmp_path: Path) -> None:
    """An older promtool, or no executable, is not taken for one."""
    named = tmp_path / "named" if version is None else speaking(tmp_path / "named", version)
    with pytest.raises(ToolMissing, match=message):
        find_next_major({"PROMTOOL3": str(named)}, fetch=False)


def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **versions: str) -> dict[str, str]:
    """An apt whose suites have these versions; each other suite can't be read."""
    monkeypatch.setattr(fetch, "KEYRING", tmp_path / "keyring")
    (tmp_path / "keyring").write_text("")
    cases = " ".join(f"*' {suite} '*) echo {version} > version;;" for suite, version in versions.items())
    script(
        tmp_path / "bin" / "apt-get",
        f"if [ $1 = indextargets ]; then echo {ARCHIVE}; exit 0; fi\n"
        'for word; do case "$word" in Dir::Etc::SourceList=*) list=$(cat "${word#*=}");; esac; last=$word; done\n'
        'if [ "$last" = update ]; then rm -f version; case "$list" in '
        f'{cases} *) echo "E: Failed to fetch {ARCHIVE}" >&2; exit 100;; esac; exit 0; fi\n'
        ': > "${last}_1.deb"',
    )
    script(
        tmp_path / "bin" / "dpkg-deb",
        'mkdir -p "$3/usr/bin"; for name in promtool prometheus; do\n'
        'printf "#!/bin/sh\\necho promtool, version $(cat version)\\n" > "$3/usr/bin/$name"\n'
        'chmod +x "$3/usr/bin/$name"; done',
    )
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.mark.parametrize(
    "versions", [{"testing": "3.5.3"}, {"unstable": "3.5.3"}, {"testing": "2.53.0", "unstable": "3.5.3"}]
)
def test_it_is_fetched_from_the_first_suite_that_has_it(
    versions: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suite that can't be read or is older is passed over; the cache's other promtool stays what it is."""
    env = archive(tmp_path, monkeypatch, **versions)
    assert find_next_major(env, fetch=True).path == cache_folder(env) / "next" / "promtool-3.5.3" / "promtool"
    assert sorted(path.name for path in cache_folder(env).iterdir()) == ["next"]


def test_none_to_be_had_is_told_without_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last suite's reason is in the message; an address, which may carry a password, is not."""
    env = archive(tmp_path, monkeypatch, testing="2.53.0")
    with pytest.raises(ToolMissing) as caught:
        find_next_major(env, fetch=True)
    assert "apt did not bring it from Debian testing or unstable: apt-get failed (exit code 100)" in str(caught.value)
    assert "secret" not in str(caught.value)
    monkeypatch.setattr(fetch, "KEYRING", tmp_path / "absent")
    with pytest.raises(ToolMissing, match="this system has no keyring of Debian's archive"):
        find_next_major(env, fetch=True)


def stand_in(path: Path) -> Path:
    """This machine's promtool under the name of a version 3."""
    real = find(os.environ).path
    return script(path, f'[ "$1" = --version ] && echo "promtool, version 3.9.9 (x)" || exec {real} "$@"')


def test_it_checks_the_rules_too(run_command: RunCommand, some: Copies, tmp_path: Path) -> None:
    """Both promtools are named; what the newer one refuses fails the check, by its own steps."""
    newer = str(stand_in(tmp_path / "newer"))
    words = ("--rules", some.rules, "--tests", some.tests, "--out", tmp_path)
    done = run_command(*words, PROMTOOL3=newer)
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (done.code, results.next_version, results.next_problem) == (0, "3.9.9", None)
    assert [step.name for step in results.steps][2:5] == ["test rules", "check rules 3.x", "test rules 3.x"]
    assert done.out.splitlines()[1] == "promtool 3.9.9 too"
    edit(some.rules, "export_queue_depth > 80", "export_queue_depth > 90")
    assert run_command(*words, PROMTOOL3=newer).code == 1
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert {step.name for step in results.steps if not step.ok} == {"test rules", "test rules 3.x"}


def test_none_is_no_data_and_no_failure(run_command: RunCommand, tmp_path: Path) -> None:
    """Where there is no promtool 3.x the results say so with the reason, and pass."""
    done = run_command("--kept", "--out", tmp_path)
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (done.code, results.ok, results.next_version) == (0, True, None)
    assert (results.next_problem or "").startswith("$PROMTOOL3 is ")
    assert "promtool 3.x too: NO DATA: $PROMTOOL3 is " in (tmp_path / "promtool_results.txt").read_text()


def test_a_first_promtool_of_version_3_needs_no_second(run_command: RunCommand, some: Copies, tmp_path: Path) -> None:
    """Its own steps are those of version 3."""
    words = ("--rules", some.rules, "--tests", some.tests, "--out", tmp_path)
    run_command(*words, PROMTOOL=str(stand_in(tmp_path / "newer")))
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (results.version, results.next_version) == ("3.9.9", None)
    assert results.next_problem == "the first promtool is 3.9.9 itself"
