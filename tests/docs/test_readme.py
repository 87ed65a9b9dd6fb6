"""What README.md shows works: commands and options are known to the real parsers, the sample has the real form."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_workflows import nox_sessions, sessions
from tests.processes import WIDE, run_main

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
ENTRIES = {
    "run": "evidence",
    "verify": "evidence",
    "gate": "evidence",
    "compare": "evidence",
    "history": "evidence",
    "evidence": "evidence",
    "stress": "evidence",
    "seed": "loadtests",
    "body": "loadtests",
    "assert": "assertions",
    "serve": "service",
    "rules": "rules",
    "dashboards": "dashboards",
}
"""Which module each command of `export-at-scale` runs."""
OWN_COMMAND = ("run", "verify", "gate", "compare", "history", "stress", "seed", "body")
"""Commands that are a subcommand of their module, too."""


def blocks(page: str) -> list[list[str]]:
    """The lines of each indented code block."""
    found: list[list[str]] = [[]]
    for line in (ROOT / page).read_text("utf-8").splitlines():
        if line.startswith("    ") and line.strip():
            found[-1].append(line[4:])
        elif found[-1]:
            found.append([])
    return [block for block in found if block]


def commands(page: str) -> Iterator[list[str]]:
    """The words of each command of ours in a page's indented blocks, from the program on."""
    for line in (line for block in blocks(page) for line in block):
        for part in re.split(r"&&|;", re.sub(r"\s{2,}.*$", "", line.strip()).partition(" #")[0]):
            words = shlex.split(part, posix=True)
            names = [Path(word).name for word in words]
            if names[:1] == ["export-at-scale"]:
                yield ["export-at-scale", *words[1:]]
            elif names[:2] in (["python", "-m"], ["python3", "-m"]) and names[2].split(".")[0] in {
                *ENTRIES.values(),
                "tests",
            }:
                yield words[1:]


def help_of(module: str, *words: str, captured: pytest.CaptureFixture[str]) -> str:
    """The help text of `python -m module words`."""
    name = {"evidence": "evidence.command"}.get(module, f"{module}.__main__")
    ended = run_main(importlib.import_module(name).main, *words, "--help", captured=captured)
    assert ended.code == 0, ended.err
    return ended.out


def entry_of(words: list[str]) -> list[str]:
    """The `python -m` words that open the same command as a command."""
    if words[0] != "export-at-scale":
        entry = words[1]
        return [
            "-m",
            entry,
            *(
                [words[2]]
                if len(words) > 2 and re.fullmatch("[a-z][a-z-]*", words[2]) and entry != "assertions"
                else []
            ),
        ]
    if words[1] == "--version":
        return []
    name = words[1]
    if name == "evidence":
        return ["-m", ENTRIES[name], name, words[2]]
    if name in ("rules", "dashboards"):
        return ["-m", ENTRIES[name], *([words[2]] if name == "dashboards" else [])]
    return ["-m", ENTRIES[name], *([name] if name in OWN_COMMAND else [])]


def test_the_first_two_blocks_are_the_two_commands() -> None:
    """The main job, in an environment that is made first, and the tests."""
    first, second = blocks("README.md")[:2]
    assert first == ['python3 -m venv .venv && .venv/bin/pip install "nox[uv]" && .venv/bin/nox -s smoke load batch']
    assert second == [".venv/bin/nox -s tests"]


@pytest.mark.parametrize("page", DOCUMENTED)
def test_nox_sessions_of_a_page_exist(page: str) -> None:
    """Every session that a page names is in the noxfile."""
    assert nox_sessions((ROOT / page).read_text("utf-8")) - sessions() == set()


def test_the_extra_that_is_installed_brings_uv() -> None:
    """The noxfile asks for uv first, which `nox[uv]` installs."""
    assert 'default_venv_backend = "uv|virtualenv"' in (ROOT / "noxfile.py").read_text("utf-8")


def test_the_readme_shows_the_runbooks_block() -> None:
    """The sample of `assert` has the runbook's form, line for line."""
    patterns = tomllib.loads(Path(__file__).with_name("runbook_names.toml").read_text("utf-8"))["assert_lines"]
    (sample,) = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    for pattern, line in zip(patterns, sample.splitlines(), strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)


def test_commands_of_the_pages_are_known(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of a page is one of its command, and each option stands in that command's help."""
    for name, value in WIDE.items():
        monkeypatch.setenv(name, value)
    helps: dict[tuple[str, ...], str] = {}
    unknown: list[str] = []
    seen = 0
    for page in DOCUMENTED:
        for words in commands(page):
            entry = tuple(entry_of(words))
            if not entry or (entry[1].startswith("tests.") and entry[1] != "tests.targets"):
                continue
            seen += 1
            if entry not in helps:
                helps[entry] = help_of(*entry[1:], captured=capsys)
            text = helps[entry]
            unknown += [
                f"{page}: {shlex.join(words)}: {word}"
                for word in words
                if word.startswith("--") and not re.search(rf"{word.partition('=')[0]}\b", text)
            ]
    assert unknown == []
    assert seen > 30
