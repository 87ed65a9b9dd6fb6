"""Where the binaries `promtool` and `prometheus` come from: environment, PATH, the user's cache, Debian's archive.

Fetching needs no root and leaves the system's package lists as they are: apt uses private folders, the package is only
unpacked, never installed (installing it would start a service). One process fetches at a time, under a file lock; a
folder shows up in the cache only when it is complete.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rules.records import RulesError

PROMTOOL: Final = "promtool"
PROMETHEUS: Final = "prometheus"
BINARIES: Final = (PROMTOOL, PROMETHEUS)
"""What is kept of a package. Debian 12 has both in `prometheus`; Debian 13 has promtool in a separate package."""

NEXT_MAJOR: Final = 3
"""The major version of Prometheus that Debian 12 and 13 do not have yet."""
NEXT_SUITES: Final = ("testing", "unstable")
"""Debian's suites that have it, asked in this order."""
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

APT_TIMEOUT_S: Final = 300.0
VERSION_TIMEOUT_S: Final = 20.0

_VERSION: Final = re.compile(r"^(?:promtool|prometheus), version (\S+)", re.MULTILINE)
_ADVICE: Final = (
    "Install it (macOS: `brew install prometheus`; Debian 13: the package `promtool`; Debian 12, Ubuntu: the package "
    "`prometheus`; elsewhere: the release page of Prometheus), put it on PATH, or name it in ${variable}."
)


class ToolMissing(RulesError):
    """A binary can't be had; the message says where it was looked for and what to do."""


class ToolFailed(RulesError):
    """A binary ran, but not as it should: it hung, it was killed, or it can't be executed."""

    def __init__(self, argv: Sequence[str], exit_code: int | None, stderr: str, why: str) -> None:
        self.argv = tuple(argv)
        """The command; files with their whole paths."""
        self.exit_code = exit_code
        """Negative: killed by that signal; None: it never ended, or never began."""
        self.stderr = stderr
        """What it printed there, whole."""
        last = stderr.strip().splitlines()[-1:] or ["no message"]
        super().__init__(f"{Path(self.argv[0]).name} {why} (exit code {exit_code}): {last[0]}")


def find_binary(name: str, env: Mapping[str, str]) -> Path:
    """Return the path of `promtool` or `prometheus`, fetching it where it must. ToolMissing when it can't be had.

    Looked for in this order: $PROMTOOL or $PROMETHEUS, PATH, the cache folder, Debian's archive by apt.
    """
    variable = name.upper()
    if given := env.get(variable):
        path = Path(given)
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise ToolMissing(f"${variable} is {given}, which is no executable file. Correct it or unset it.")
        return path
    if on_path := shutil.which(name, path=env.get("PATH", "")):
        return Path(on_path)
    cache = cache_folder(env)
    cached = _cached(name, cache)
    if cached is not None:
        return cached
    try:
        return _fetch(name, cache, env)
    except (ToolFailed, OSError) as error:
        advice = _ADVICE.format(variable=variable)
        raise ToolMissing(
            f"{name} is not on PATH and apt did not bring it: {_no_addresses(str(error))}. {advice}"
        ) from error


def find_next(name: str, env: Mapping[str, str], *, fetch: bool) -> Path:
    """Return the path of a `promtool` or `prometheus` of version 3 or later. ToolMissing when it can't be had.

    Looked for in $PROMTOOL3 or $PROMETHEUS3 and in the cache folder; with `fetch` also in a newer Debian suite, by apt.
    """
    variable = f"{name.upper()}{NEXT_MAJOR}"
    if given := env.get(variable):
        if not os.access(given, os.X_OK):
            raise ToolMissing(f"${variable} is {given}, which is no executable file. Correct it or unset it.")
        return Path(given)
    cache = cache_folder(env) / "next"
    cached = _cached(name, cache)
    if cached is not None:
        return cached
    if not fetch:
        raise ToolMissing(f"no {name} {NEXT_MAJOR}.x: ${variable} is not set, and `nox -s rules` has not fetched one")
    try:
        return _fetch(name, cache, env, NEXT_SUITES)
    except (ToolFailed, OSError) as error:
        raise ToolMissing(
            f"no {name} {NEXT_MAJOR}.x: ${variable} is not set, and apt did not bring it from Debian "
            f"{' or '.join(NEXT_SUITES)}: {_no_addresses(str(error))}"
        ) from error


def version_of(binary: Path) -> str:
    """Ask a binary for its version, such as `2.42.0+ds`. ToolFailed when it does not tell one."""
    argv = [str(binary), "--version"]
    done = run(argv, timeout_s=VERSION_TIMEOUT_S)
    # Release builds print to stdout, some older ones to stderr.
    match = _VERSION.search(done.stdout + done.stderr)
    if done.returncode != 0 or match is None:
        raise ToolFailed(argv, done.returncode, done.stderr, "named no version")
    return match[1]


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. ToolFailed when it can't be executed, hangs, or is killed by a signal."""
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            cwd=cwd,
            env=env,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(argv, None, _text(error.stderr), f"did not end within {timeout_s:g} s") from error
    except OSError as error:
        raise ToolFailed(argv, None, error.strerror or str(error), "can't be executed") from error
    if done.returncode < 0:
        raise ToolFailed(argv, done.returncode, _text(done.stderr), "was killed by a signal")
    return subprocess.CompletedProcess(done.args, done.returncode, _text(done.stdout), _text(done.stderr))


def cache_folder(env: Mapping[str, str]) -> Path:
    """Return where fetched binaries are kept: `export-at-scale` in $XDG_CACHE_HOME, else in ~/.cache."""
    base = env.get("XDG_CACHE_HOME") or str(Path(env.get("HOME") or Path.home()) / ".cache")
    return Path(base) / "export-at-scale"


def _cached(name: str, cache: Path) -> Path | None:
    kept = [folder / name for folder in cache.glob("promtool-*") if os.access(folder / name, os.X_OK)]
    return max(kept, key=lambda path: _numbers(path.parent.name), default=None)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", text))


def _fetch(name: str, cache: Path, env: Mapping[str, str], suites: Sequence[str] = ()) -> Path:
    """Fetch the package by apt: from the system's own sources, or from the first of these Debian suites that has it."""
    search = env.get("PATH", "")
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool, path=search) is None:
            raise FileNotFoundError(f"{tool} is not on PATH")
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "fetch.lock"):
        cached = _cached(name, cache)  # another process may have brought it while this one waited
        if cached is not None:
            return cached
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as folder:
            kept = _unpack_any(Path(folder), search, suites) if suites else _unpack(Path(folder), search)
            if not (kept / name).exists():
                raise FileNotFoundError(f"Debian's packages hold no {name} here")
            home = cache / f"promtool-{version_of(kept / name)}"
            if home.exists():  # an earlier, incomplete one: it lacked what is asked for now
                shutil.rmtree(home)
            kept.replace(home)
    return home / name


def _unpack_any(folder: Path, search: str, suites: Sequence[str]) -> Path:
    """Return the binaries of version 3 or later from the first of the suites that has them. ToolFailed, OSError."""
    archive = _archive(search)
    trouble: ToolFailed | OSError | None = None
    for suite in suites:
        place = folder / suite
        place.mkdir()
        sources = place / "sources.list"
        sources.write_text(f"deb [signed-by={KEYRING}] {archive} {suite} main\n", encoding="utf-8")
        try:
            kept = _unpack(place, search, [f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=-"])
            for binary in kept.iterdir():
                found = version_of(binary)
                if _numbers(found)[:1] < (NEXT_MAJOR,):
                    raise FileNotFoundError(f"Debian {suite} has {binary.name} {found}")
        except (ToolFailed, OSError) as error:
            trouble = error
        else:
            return kept
    raise trouble or FileNotFoundError("no suite was asked")


def _archive(search: str) -> str:
    """Return the address of the Debian archive that this system's own sources name. ToolFailed, OSError."""
    if not KEYRING.is_file():
        raise FileNotFoundError("this system has no keyring of Debian's archive")
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    done = run(argv, timeout_s=VERSION_TIMEOUT_S, env={"PATH": search, "LC_ALL": "C"})
    found = [line for line in done.stdout.splitlines() if line.rstrip("/").endswith("/debian")]
    if not found:
        raise ToolFailed(argv, done.returncode, done.stderr, "named no archive of Debian's")
    return found[0]


def _unpack(folder: Path, search: str, options: Sequence[str] = ()) -> Path:
    """Download and unpack the packages inside `folder`; return the folder with the binaries that they hold.

    options: further ones of apt, each `NAME=VALUE`.
    """
    lists, cache, root, kept = (folder / name for name in ("lists", "cache", "root", "kept"))
    for made in (lists / "partial", cache / "archives" / "partial", root, kept):
        made.mkdir(parents=True)
    settings = [f"Dir::State::Lists={lists}", f"Dir::Cache={cache}", *options]
    apt = ["apt-get", "-q", *(word for setting in settings for word in ("-o", setting))]
    env = {"PATH": search, "LC_ALL": "C", **{key: value for key, value in os.environ.items() if "proxy" in key.lower()}}
    _succeed([*apt, "update"], folder, env)
    failed: ToolFailed | None = None
    for package in (PROMETHEUS, PROMTOOL):
        if all((kept / name).exists() for name in BINARIES):
            break
        try:
            _succeed([*apt, "download", package], folder, env)
        except ToolFailed as error:  # the other package may still hold what is asked for
            failed = error
            continue
        for file in folder.glob(f"{package}_*.deb"):
            _succeed(["dpkg-deb", "-x", str(file), str(root)], folder, env)
        for name in BINARIES:
            if (root / "usr/bin" / name).is_file():
                shutil.copy2(root / "usr/bin" / name, kept / name)
    if failed is not None and not any(kept.iterdir()):
        raise failed
    return kept


def _succeed(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
    done = run(argv, timeout_s=APT_TIMEOUT_S, cwd=cwd, env=env)
    if done.returncode != 0:
        raise ToolFailed(argv, done.returncode, done.stderr, "failed")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _text(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def _no_addresses(text: str) -> str:
    # A package source's address may carry a password, and belongs in no report.
    return re.sub(r"\w+://\S+", "(address)", text)
