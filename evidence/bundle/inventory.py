"""What lies in a run directory: regular files only, of names that a run leaves. Nothing is opened, no link followed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assertions.verdicts import SCENARIOS

MOST_ENTRIES = 50_000
"""Files and folders; the longest runs leave a few hundred."""
MOST_BYTES = 2 * 1024**3
"""Of all files together."""
MOST_DEPTH = 8

_TOP = re.compile(
    r"GREEN_EVIDENCE_v1\.7\.md|report\.(html|pdf)|junit\.xml|step_summary\.md|(verdict|manifest|comparison|baseline)\.json"
    r"|assert\.log|seed_batch\.log|metrics_snapshot\.txt|sample_1k\.(csv|pdf)|promtool_results\.txt"
    r"|(run|inputs|queries|promtool|alerts|dashboard|package|sensitivity|timings|request)\.json|limits\.toml"
    r"|attestation\.json|recompute\.py"
    r"|panels/[^/]+|plots/[^/]+\.(svg|png)|rules/.+|dashboards/.+"
)
_SCENARIO = re.compile(
    r"(plan|scenario|prometheus)\.json|(hits|fetches|files|scrapes|health|probes|calibration|machine)\.jsonl(\.xz)?"
    r"|locust\.log|seed_batch\.log|prometheus_samples\.txt\.xz|prometheus\.log|sent/[^/]+\.json|kept/[^/]+"
)


class InventoryError(Exception):
    """The folder holds more than any run leaves; the message says what."""


@dataclass(frozen=True)
class Inventory:
    """A folder's files by name, and what is no file."""

    files: dict[str, int]
    """Path relative to the folder, with forward slashes, to its size in bytes; sorted."""
    irregular: tuple[str, ...]
    """Sentences on links, pipes, sockets and devices: their contents are elsewhere, or have no end."""
    empty: tuple[str, ...]
    """Folders without any file below them."""


def shown_name(name: str) -> str:
    """Return a path as it is listed; bytes that are no UTF-8 are escaped, so that it can be written and printed."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def take(folder: Path) -> Inventory:
    """List a folder. OSError when a part of it can't be listed; InventoryError when it is beyond any run's size."""
    files: dict[str, int] = {}
    irregular: list[str] = []
    folders: set[str] = set()
    for entries, (name, entry) in enumerate(_walk(folder, "", 0), 1):
        if entries > MOST_ENTRIES:
            raise InventoryError(f"it holds more than {MOST_ENTRIES:,} files and folders; no run leaves so many")
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISREG(mode):
            files[shown_name(name)] = entry.stat(follow_symlinks=False).st_size
        elif stat.S_ISDIR(mode):
            folders.add(shown_name(name))
        else:
            irregular.append(f"{shown_name(name)} is neither a file nor a folder: it is {_kind(mode)}")
    if sum(files.values()) > MOST_BYTES:
        raise InventoryError(f"its files have more than {MOST_BYTES / 1e9:.1f} GB; no run leaves so much")
    filled = {parent for name in files for parent in _parents(name)}
    return Inventory(dict(sorted(files.items())), tuple(sorted(irregular)), tuple(sorted(folders - filled)))


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, os.DirEntry[str]]]:
    if depth > MOST_DEPTH:
        raise InventoryError(f"{shown_name(prefix)} lies more than {MOST_DEPTH} folders deep; no run leaves such")
    with os.scandir(folder) as found:
        for entry in found:
            name = f"{prefix}{entry.name}"
            yield name, entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/", depth + 1)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "of an unknown kind")


def _parents(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of paths that differ in case only: some file systems hold one of them."""
    first: dict[str, str] = {}
    return [(first[key], name) for name in names if first.setdefault(key := name.casefold(), name) != name]


def foreign(names: Iterable[str]) -> list[str]:
    """Return the files that no run leaves, by their names. Further scenarios are known by their plan."""
    names = list(names)
    scenarios = {*SCENARIOS, *(name.partition("/")[0] for name in names if name.endswith(("/plan.json",)))}
    return [name for name in names if not _is_known(name, scenarios)]


def _is_known(name: str, scenarios: set[str]) -> bool:
    if _TOP.fullmatch(name):
        return True
    first, slash, rest = name.partition("/")
    if not slash:
        return name.endswith("-service.log") and name.removesuffix("-service.log") in scenarios
    return first in scenarios and _SCENARIO.fullmatch(rest) is not None
