"""Whether the package builds: a wheel made of this checkout, installed into an empty folder, must answer `--version`.

Run as a program, `python -m evidence.collect.package DIR`: writes `DIR/package.json`, in the form of the other tools.
What was found for a state of the sources is kept in the user's cache folder, by their hash and the Python's version.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from evidence.collect.provenance import OURS, ROOT
from rules.server.fetch import cache_folder

NAME: Final = "package.json"
STEPS: Final = ("build wheel", "install wheel", "--version")
TIMEOUT_S: Final = 120.0
OLDEST_SETUPTOOLS: Final = 77
"""As `pyproject.toml` requires it."""
_BUILD: Final = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"

Step = dict[str, object]


def check_package(root: Path = ROOT) -> dict[str, object]:
    """Return the results of the three steps, as `package.json` has them.

    `version` is None where they could not be tried, with the reason in the last step's note. An installed copy builds
    nothing: that it runs is the proof.
    """
    project = root / "pyproject.toml"
    if not project.is_file():
        version = metadata.version(OURS)
        note = f"this run was made by an installed copy of {OURS} {version}"
        return {"ok": True, "version": version, "steps": [_step(name, note=note) for name in STEPS]}
    missing = [name for name in ("setuptools", "installer") if find_spec(name) is None]
    if not missing and int(metadata.version("setuptools").partition(".")[0]) < OLDEST_SETUPTOOLS:
        missing = [f"setuptools {OLDEST_SETUPTOOLS} or newer"]
    if missing:
        note = f"{' and '.join(missing)} can't be imported; install requirements/run.txt"
        return {"ok": False, "version": None, "steps": [_step(STEPS[0], ok=False, note=note)]}
    with tempfile.TemporaryDirectory(prefix="export-at-scale-package-") as name:
        # setuptools writes next to the sources, so it gets a copy of them
        source = Path(name) / "source"
        copy_sources(root, source)
        sources_sha256 = _sha256(source)
        kept = cache_folder(os.environ) / "packages" / f"{sources_sha256}-{platform.python_version()}.json"
        with contextlib.suppress(OSError, ValueError):
            return _object(json.loads(kept.read_bytes()))
        steps = _try(source, Path(name))
    version = str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    results = {
        "ok": len(steps) == len(STEPS) and all(step["ok"] for step in steps),
        "version": version,
        "steps": steps,
        "sources_sha256": sources_sha256,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(results), encoding="utf-8")
        part.replace(kept)
    return results


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _sha256(folder: Path) -> str:
    """Return a hash over the names and contents of all files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _try(source: Path, folder: Path) -> list[Step]:
    """Run the steps up to the first that fails."""
    wheels, prefix = folder / "wheels", folder / "prefix"
    wheels.mkdir()
    steps = [_ran(STEPS[0], [sys.executable, "-c", _BUILD, str(wheels)], source)]
    wheel = next(iter(wheels.glob("*.whl")), None)
    if not steps[-1]["ok"] or wheel is None:
        return steps
    steps[-1]["note"] = wheel.name
    steps.append(_ran(STEPS[1], [sys.executable, "-m", "installer", "--prefix", str(prefix), str(wheel)], folder))
    script = next(iter(prefix.glob(f"*/{OURS}*")), None)
    library = next(iter(prefix.glob("**/site-packages")), None)
    if not steps[-1]["ok"]:
        return steps
    if script is None or library is None:
        return [*steps, _step(STEPS[2], ok=False, note=f"the wheel installs no command {OURS}")]
    run = f"import runpy, sys; sys.path.insert(0, {str(library)!r}); sys.argv[0] = {OURS!r}; "
    run += f"runpy.run_path({str(script)!r}, run_name='__main__')"
    steps.append(_ran(STEPS[2], [sys.executable, "-I", "-c", run, "--version"], folder))
    return steps


def copy_sources(root: Path, source: Path) -> None:
    """Copy what a wheel is made of: the packages, the project file, the README and the license."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    source.mkdir()
    for name in ("pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]):
        shutil.copy(root / name, source / name)
    setuptools = project["tool"]["setuptools"]
    for pattern in setuptools["packages"]["find"]["include"]:
        name = pattern.removesuffix("*")
        data = {Path(file).parts[0] for file in setuptools["package-data"].get(name, ())}
        shutil.copytree(root / name, source / name, ignore=_left_out(root / name, data))


def _left_out(package: Path, data: set[str]) -> Callable[[str, list[str]], set[str]]:
    """Return a function that says what is no source: caches, and folders of a package that are none and hold no data.

    Run directories and the results of benchmarks lie in `evidence/` by default.
    """

    def left_out(folder: str, names: list[str]) -> set[str]:
        inner = [Path(folder) / name for name in names if Path(folder) == package and name not in data]
        foreign = {path.name for path in inner if path.is_dir() and not (path / "__init__.py").is_file()}
        return foreign | ({"__pycache__", "node_modules"} & set(names))

    return left_out


def _ran(name: str, words: list[str], folder: Path) -> Step:
    try:
        process = subprocess.run(
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _step(name, ok=False, note=f"no end within {TIMEOUT_S:.0f} s")
    ok = process.returncode == 0
    said = process.stdout.strip() if ok else process.stderr.strip() or process.stdout.strip()
    shown = said.splitlines()[-1 if ok else -8 :]
    return _step(name, ok=ok, note=None if ok else f"exit {process.returncode}", output="\n".join(shown))


def _step(name: str, *, ok: bool = True, note: str | None = None, output: str = "") -> Step:
    return {"name": name, "ok": ok, "output": output, "note": note}


def main() -> int:
    """Write `package.json` into the run directory named by the first argument, and print one line on it."""
    path = Path(sys.argv[1]) / NAME
    if path.is_file():  # made with an earlier scenario of the same run, thus of the same sources
        sys.stdout.write("as before\n")
        return 0
    results = check_package()
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    steps = results["steps"]
    assert isinstance(steps, list)
    sys.stdout.write("ok\n" if results["ok"] else f"{steps[-1]['name']}: {steps[-1]['note']}\n")
    return 0 if results["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
