"""The tools that drawing takes, and the libraries that are pinned."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashboards.panels.errors import PanelsError
from dashboards.panels.page import WEB, Tools, find_tools, library_versions


def folder_with(path: Path, *names: str) -> dict[str, str]:
    """An environment whose PATH has just these programs."""
    for name in names:
        (path / name).write_text("#!/bin/sh\n")
        (path / name).chmod(0o755)
    return {"PATH": str(path)}


def test_tools_are_found_on_path(tmp_path: Path) -> None:
    """Any of the browser's names will do."""
    env = folder_with(tmp_path, "node", "npm", "google-chrome")
    assert find_tools(env) == Tools(
        node=str(tmp_path / "node"), npm=str(tmp_path / "npm"), browser=str(tmp_path / "google-chrome")
    )


@pytest.mark.parametrize(
    ("there", "missing"), [(("npm", "chromium"), "node"), (("node", "chromium"), "npm"), (("node", "npm"), "Chromium")]
)
def test_a_missing_tool_is_one_sentence(tmp_path: Path, there: tuple[str, ...], missing: str) -> None:
    """The sentence names what is missing and how to get it."""
    with pytest.raises(PanelsError, match=f"{missing}.*install") as raised:
        find_tools(folder_with(tmp_path, *there))
    assert str(raised.value).count("\n") == 0


def test_the_lock_file_pins_versions_and_names_no_registry() -> None:
    """Every package has a version and a hash; no address of a registry stands in the file."""
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: found for name, found in json.loads(text)["packages"].items() if name}
    assert [name for name, found in packages.items() if not found["version"] or not found["integrity"]] == []
    assert '"resolved"' not in text
    assert re.findall(r"https?://[^/\"]*(?:registry|npmjs)[^\"]*", text) == []


def test_asked_versions_are_exact() -> None:
    """No range: the same libraries draw tomorrow."""
    asked = json.loads((WEB / "package.json").read_bytes())["dependencies"]
    assert [name for name, version in asked.items() if not re.fullmatch(r"(npm:[\w-]+@)?\d+\.\d+\.\d+", version)] == []
    assert library_versions()["@grafana/ui"] == asked["@grafana/ui"]
