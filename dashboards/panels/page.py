"""The page that draws: its tools, and its bundle, built once from `web/` and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dashboards.panels.errors import PanelsError
from rules.server.fetch import ToolFailed, cache_folder, run

WEB: Final = Path(__file__).parent / "web"
BUNDLE: Final = ("main.js", "main.css")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
SHOWN: Final = ("@grafana/ui", "@grafana/data", "@grafana/runtime", "@grafana/schema", "@grafana/scenes", "react")
"""Libraries whose versions stand in the results."""
INSTALL_TIMEOUT_S: Final = 600.0
BUILD_TIMEOUT_S: Final = 120.0
_SOURCES: Final = ("package.json", "package-lock.json", ".npmrc", "build.mjs", "src/*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The programs that drawing takes."""

    node: str
    npm: str
    browser: str


def find_tools(env: Mapping[str, str]) -> Tools:
    """Find Node.js, npm and a browser on PATH. PanelsError with one sentence for the first that is missing."""
    search = env.get("PATH", "")
    node, npm = (shutil.which(name, path=search) for name in ("node", "npm"))
    browser = next((found for name in BROWSERS if (found := shutil.which(name, path=search))), None)
    if node is None or npm is None:
        missing = "node" if node is None else "npm"
        raise PanelsError(
            f"drawing panels takes Node.js 20 or later and npm, and {missing} is not on PATH; "
            "install them (Debian: the packages `nodejs` and `npm`)"
        )
    if browser is None:
        raise PanelsError(
            "drawing panels takes Chromium, and none of chromium, chromium-browser, google-chrome is on PATH; "
            "install it (Debian: the package `chromium`)"
        )
    return Tools(node=node, npm=npm, browser=browser)


def bundle(tools: Tools, env: Mapping[str, str]) -> Path:
    """Return the folder with the built page, building it where the cache has none of these sources.

    PanelsError where the libraries can't be installed or the page can't be built.
    """
    kept = cache_folder(env) / f"panels-{_sources_sha256()[:16]}"
    if all((kept / name).is_file() for name in BUNDLE):
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="panels-", dir=kept.parent) as made:
        web, built = Path(made) / "web", Path(made) / "built"
        shutil.copytree(WEB, web, ignore=shutil.ignore_patterns("node_modules"))
        _succeed(
            [tools.npm, "ci", "--omit=dev"], web, env, INSTALL_TIMEOUT_S, "Grafana's libraries could not be installed"
        )
        _succeed([tools.node, "build.mjs", str(built)], web, env, BUILD_TIMEOUT_S, "the page could not be built")
        if kept.exists():  # another process was quicker, or an older one was ended in between
            shutil.rmtree(kept)
        built.replace(kept)
    return kept


def library_versions() -> dict[str, str]:
    """Return the versions that the lock file pins, of the libraries that matter for a picture."""
    packages = json.loads((WEB / "package-lock.json").read_bytes())["packages"]
    return {name: packages[f"node_modules/{name}"]["version"] for name in SHOWN}


def _sources_sha256() -> str:
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(WEB.glob(pattern)):
            digest.update(path.relative_to(WEB).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _succeed(argv: list[str], cwd: Path, env: Mapping[str, str], timeout_s: float, why: str) -> None:
    try:
        done = run(argv, timeout_s=timeout_s, cwd=cwd, env=dict(env) or dict(os.environ))
    except ToolFailed as error:
        raise PanelsError(f"{why}: {error}") from error
    if done.returncode != 0:
        reported = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise PanelsError(f"{why} (exit code {done.returncode}): {' | '.join(reported[:3]) or 'no message'}")
