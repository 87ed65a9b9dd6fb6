"""promtool is found in the documented order, fetched without root, and its accidents are told from its verdicts."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rules.promtool import ALLOWED_COMPLAINTS, Promtool, find
from rules.server import fetch
from rules.server.cache import Cache
from rules.server.fetch import ToolFailed, ToolMissing, cache_folder, find_binary, run, version_of
from tests.rules.conftest import ROOT, RULES, TESTS, Copies, edit
from tests.rules.endpoint import page

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """The promtool of this machine, found or fetched."""
    return find()


def script(path: Path, body: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def speaking(path: Path, version: str) -> Path:
    """Write a script that prints a version as promtool does."""
    return script(path, f"echo 'promtool, version {version} (branch: x)'")


def test_order_of_search(tmp_path: Path) -> None:
    """$PROMTOOL goes before PATH, PATH before the cache, and the cache's newest version before older ones."""
    named = speaking(tmp_path / "named", "1.0.0")
    on_path = speaking(tmp_path / "bin" / "promtool", "2.0.0")
    for version in ("2.9.0", "2.42.0+ds"):
        speaking(tmp_path / "cache" / "export-at-scale" / f"promtool-{version}" / "promtool", version)
    env = {"PROMTOOL": str(named), "PATH": str(on_path.parent), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert find(env) == Promtool(path=named, version="1.0.0")
    del env["PROMTOOL"]
    assert find(env) == Promtool(path=on_path, version="2.0.0")
    del env["PATH"]
    assert find(env).version == "2.42.0+ds"


def test_a_wrong_variable_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    """A $PROMTOOL that names no executable is reported, though PATH may have one."""
    for given in (tmp_path / "absent", tmp_path):
        with pytest.raises(ToolMissing, match=r"^\$PROMTOOL is .*, which is no executable file"):
            find({"PROMTOOL": str(given), "PATH": os.environ["PATH"]})


def test_where_the_cache_is() -> None:
    """The cache is below $XDG_CACHE_HOME, else below ~/.cache; an empty variable counts as unset."""
    assert cache_folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/export-at-scale")
    assert cache_folder({"XDG_CACHE_HOME": "", "HOME": "/h"}) == Path("/h/.cache/export-at-scale")
    assert cache_folder({}) == Path.home() / ".cache" / "export-at-scale"


def test_fetching_into_an_empty_cache(tmp_path: Path) -> None:
    """With apt both binaries come into an empty cache, and nothing else stays; without, the message says so."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for tool in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if tool.name not in {"promtool", "prometheus"} and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    env = {"PATH": str(tools), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    if shutil.which("apt-get", path=str(tools)) is None:
        with pytest.raises(ToolMissing, match="apt-get is not on PATH"):
            find(env)
        return
    found = find(env)
    server = find_binary("prometheus", env)
    assert version_of(server) == version_of(found.path) == found.version
    kept = tmp_path / "cache" / "export-at-scale"
    assert found.path.parent == server.parent == kept / f"promtool-{found.version}"
    assert sorted(path.name for path in kept.iterdir()) == ["fetch.lock", f"promtool-{found.version}"]
    assert sorted(path.name for path in found.path.parent.iterdir()) == ["prometheus", "promtool"]


def test_an_apt_that_fails_is_reported_without_addresses(tmp_path: Path) -> None:
    """apt's own last word is in the message, an address in it (which may carry a password) is not."""
    script(tmp_path / "bin" / "apt-get", "echo 'E: Failed to fetch https://user:secret@host/x  403' >&2; exit 100")
    script(tmp_path / "bin" / "dpkg-deb", "exit 0")
    env = {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with pytest.raises(ToolMissing) as caught:
        find(env)
    message = str(caught.value)
    assert "apt-get failed (exit code 100): E: Failed to fetch (address)  403." in message
    assert "brew install prometheus" in message
    assert "secret" not in message
    assert [path.name for path in cache_folder(env).iterdir()] == ["fetch.lock"]


def test_a_package_without_the_binary_is_reported(tmp_path: Path) -> None:
    """Downloads that hold no promtool leave no half-filled folder in the cache."""
    script(tmp_path / "bin" / "apt-get", "exit 0")
    script(tmp_path / "bin" / "dpkg-deb", "exit 0")
    env = {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with pytest.raises(ToolMissing, match="Debian's packages hold no promtool here"):
        find(env)
    assert [path.name for path in cache_folder(env).iterdir()] == ["fetch.lock"]


@pytest.mark.parametrize("packages", ["prometheus", "promtool prometheus"], ids=["Debian 12", "Debian 13"])
def test_both_layouts_of_debian(packages: str, tmp_path: Path) -> None:
    """promtool is kept, whether it comes in the package prometheus or in one of its own."""
    script(
        tmp_path / "bin" / "apt-get", 'for last; do :; done; case "$last" in update) ;; *) : > "${last}_1.deb";; esac'
    )
    both = "promtool" not in packages.split()
    script(
        tmp_path / "bin" / "dpkg-deb",
        'mkdir -p "$3/usr/bin"; name=${2##*/}; name=${name%_*}\n'
        f"for name in $name {'promtool' if both else ''}; do\n"
        'printf "#!/bin/sh\\necho promtool, version 9.8.7\\n" > "$3/usr/bin/$name"; chmod +x "$3/usr/bin/$name"; done',
    )
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    path = fetch._fetch("promtool", cache_folder(env), env)
    assert path == cache_folder(env) / "promtool-9.8.7" / "promtool"
    assert sorted(kept.name for kept in path.parent.iterdir()) == ["prometheus", "promtool"]
    assert fetch._cached("prometheus", cache_folder(env)) == path.parent / "prometheus"


def test_only_one_process_fetches(tmp_path: Path) -> None:
    """Three that ask at once get the same binary from one download; the others wait at the lock."""
    count = tmp_path / "count"
    script(
        tmp_path / "bin" / "apt-get",
        f'for last; do :; done; case "$last" in update) echo x >> {count}; sleep 0.3;; *) : > "${{last}}_1.deb";; esac',
    )
    script(
        tmp_path / "bin" / "dpkg-deb",
        'mkdir -p "$3/usr/bin"; for name in promtool prometheus; do\n'
        'printf "#!/bin/sh\\necho promtool, version 9.8.7\\n" > "$3/usr/bin/$name"; chmod +x "$3/usr/bin/$name"; done',
    )
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = (
        "from os import environ as e; from rules.server import fetch as f; "
        "print(f._fetch('promtool', f.cache_folder(e), e))"
    )
    asking = [
        subprocess.Popen([sys.executable, "-c", code], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in asking]
    assert [process.returncode for process in asking] == [0, 0, 0]
    assert answers == [str(cache_folder(env) / "promtool-9.8.7" / "promtool")] * 3
    assert count.read_text() == "x\n"


def test_a_binary_that_reports_no_version_is_an_error(tmp_path: Path) -> None:
    """Something else under the name promtool is refused, with its exit code and stderr."""
    other = script(tmp_path / "promtool", "echo 'what?' >&2; exit 7")
    with pytest.raises(ToolFailed, match=r"^promtool named no version \(exit code 7\): what\?$") as caught:
        find({"PROMTOOL": str(other)})
    assert (caught.value.exit_code, caught.value.stderr) == (7, "what?\n")
    assert caught.value.argv == (str(other), "--version")


def test_accidents_of_a_run(tmp_path: Path) -> None:
    """A hang, a signal and a file that can't be executed are errors, each saying so."""
    with pytest.raises(ToolFailed, match=r"sleep did not end within 0.2 s \(exit code None\)"):
        run(["sleep", "60"], timeout_s=0.2)
    with pytest.raises(ToolFailed, match=r"was killed by a signal \(exit code -9\)"):
        run(["sh", "-c", "kill -9 $$"], timeout_s=20)
    with pytest.raises(ToolFailed, match="can't be executed"):
        run([str(tmp_path)], timeout_s=20)


def test_what_promtool_leaves_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A promtool that is killed leaves its storage in no folder of the user's; one that ends neither."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    storage = 'mkdir "$TMPDIR/test_storage" || exit 9'
    ended = Promtool(path=script(tmp_path / "a" / "promtool", f"{storage}; exit 1"), version="1")
    killed = Promtool(path=script(tmp_path / "b" / "promtool", f"{storage}; kill -9 $$"), version="1")
    assert ended.check_rules(RULES).exit_code == 1
    with pytest.raises(ToolFailed, match="was killed by a signal"):
        killed.check_rules(RULES)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_another_exit_code_is_no_verdict(tmp_path: Path) -> None:
    """An exit code that promtool does not use for verdicts is an error."""
    odd = Promtool(path=script(tmp_path / "promtool", "exit 42"), version="1")
    with pytest.raises(ToolFailed, match=r"gave no verdict \(exit code 42\)"):
        odd.check_rules(RULES)


@pytest.mark.parametrize(("version", "major"), [("2.42.0+ds", 2), ("3.5.0", 3), ("devel", None)])
def test_major_version(version: str, major: int | None) -> None:
    """The major version is read off the version's front."""
    assert Promtool(path=Path("promtool"), version=version).major == major


def test_verdicts_on_the_committed_files(kept: Cache) -> None:
    """promtool is content with our rules and tests, and no path of this machine shows."""
    promtool = find(cache=kept)
    checked, tested = promtool.check_rules(RULES), promtool.test_rules(TESTS)
    assert (checked.ok, tested.ok) == (True, True)
    assert checked.argv == ("promtool", "check", "rules", "--lint=all", "--lint-fatal", "export.yml")
    assert "22 rules found" in checked.output
    assert str(RULES.parent) not in checked.output + tested.output


def test_silent_passes_of_promtool_itself(promtool: Promtool, some: Copies) -> None:
    """What the meta-check is for, seen on the real promtool: zero rules, a misspelt name and an empty glob all pass."""
    edit(some.tests, "  - export.yml\n", "  - export.yml\n  - no-such-*.yml\n")
    edit(some.tests, "eval_time: 9m\n        alertname: ExportQueue", "eval_time: 9m\n        alertname: Exprot")
    assert promtool.test_rules(some.tests).exit_code == 0
    some.rules.write_text("groups: []\n")
    assert promtool.check_rules(some.rules).exit_code == 0
    assert promtool.check_metrics(b"").exit_code == 0


def test_only_the_contracts_own_names_are_allowed(promtool: Promtool) -> None:
    """The complaints about units in the contract's two names are allowed; one more complaint is not."""
    outcome = promtool.check_metrics(page(1).encode())
    assert (outcome.exit_code, outcome.ok, outcome.allowed, outcome.complaints) == (3, True, ALLOWED_COMPLAINTS, ())
    more = promtool.check_metrics(page(1).encode() + b"# TYPE other_ms gauge\nother_ms 1\n")
    assert (more.exit_code, more.ok) == (3, False)
    assert any("other_ms" in line for line in more.complaints)
    broken = promtool.check_metrics(b"broken{\n")
    assert (broken.exit_code, broken.ok) == (1, False)
