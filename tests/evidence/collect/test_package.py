"""The package check on the real sources, and on copies of them that do not build or do not start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from assertions.record.run import ToolRun
from evidence.collect import package
from evidence.collect.provenance import ROOT

pytestmark = pytest.mark.e2e


def checked(root: Path) -> ToolRun:
    """The check's results on a checkout, as the judge reads them."""
    return msgspec.convert(package.check_package(root), ToolRun)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources to break, and an empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package.copy_sources(ROOT, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_installed_wheel_answers_with_its_version(copy: Path) -> None:
    """All three steps pass, and the last one's output is the version; a second time the kept result is taken."""
    results = checked(copy)
    assert [(step.name, step.ok) for step in results.steps] == [(name, True) for name in package.STEPS]
    assert results.steps[-1].output == f"export-at-scale {results.version}"
    assert checked(copy) == results


@pytest.mark.parametrize(
    ("file", "old", "new", "step"),
    [
        ("pyproject.toml", 'version = "', 'version = "not a version ', "build wheel"),
        ("pyproject.toml", 'export-at-scale = "evidence', 'another-name = "evidence', "--version"),
        ("evidence/__main__.py", "from __future__", "import nothing_of_this_name\nfrom __future__", "--version"),
    ],
)
def test_a_broken_package_fails_at_its_step(copy: Path, file: str, old: str, new: str, step: str) -> None:
    """The step that failed is the last one, and says why."""
    path = copy / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    results = checked(copy)
    assert (results.ok, results.steps[-1].name, results.steps[-1].ok) == (False, step, False)


def test_results_in_a_package_are_no_sources(copy: Path, tmp_path: Path) -> None:
    """Run directories and benchmark results, which lie in `evidence/`, make no other package."""

    def sources(name: str) -> dict[Path, bytes]:
        package.copy_sources(copy, tmp_path / name)
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        return {path.relative_to(tmp_path / name): path.read_bytes() for path in files}

    before = sources("before")
    for name in ("export/smoke", "export.history", "bench", "mine"):
        (copy / "evidence" / name).mkdir(parents=True)
        (copy / "evidence" / name / "main-job.log").write_text("a run\n")
    assert sources("with results") == before
    (copy / "service" / "fonts" / "another.ttf").write_bytes(b"")
    assert sources("with a font") == before | {Path("service/fonts/another.ttf"): b""}


def test_the_command_writes_its_results_once(tmp_path: Path) -> None:
    """A second scenario of the same run takes the file that is there."""
    words = [sys.executable, "-m", "evidence.collect.package", str(tmp_path)]
    outputs = [subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert outputs == ["ok\n", "as before\n"]
    assert json.loads((tmp_path / package.NAME).read_bytes())["ok"]
