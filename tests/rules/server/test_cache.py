"""Results of tools are kept whole or not at all, and never for other inputs or by other code."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pytest

from rules.server.cache import Cache, file_sha256, key_of


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    """A result is found under its own key only."""
    cache = Cache(tmp_path / "new" / "folder", 3)
    assert cache.get("a") is None
    cache.put("a", b"result")
    assert cache.get("a") == b"result"
    assert cache.get("b") is None


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 32 + b"result"], ids=["empty", "cut off", "other hash"])
def test_damaged_result_is_none(tmp_path: Path, content: bytes) -> None:
    """A file that was cut off or edited is as if it had never been kept, and is replaced by the next result."""
    cache = Cache(tmp_path, 3)
    cache.put("a", b"result")
    (tmp_path / "a").write_bytes(content)
    assert cache.get("a") is None
    cache.put("a", b"result")
    assert cache.get("a") == b"result"


def test_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    """Where the folder's place is taken by a file, work goes on without a cache."""
    (tmp_path / "taken").write_text("")
    cache = Cache(tmp_path / "taken", 3)
    cache.put("a", b"result")
    assert cache.get("a") is None


def test_longest_unused_results_go_first(tmp_path: Path) -> None:
    """No more than so many are kept; one that was asked for lately stays before younger ones."""
    cache = Cache(tmp_path, 2)
    for age_s, key in ((300, "a"), (200, "b")):
        cache.put(key, key.encode())
        os.utime(tmp_path / key, (age_s, age_s))
    os.utime(tmp_path / "a", (100, 100))
    assert cache.get("a") == b"a"
    cache.put("c", b"c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


def test_key_is_of_every_part_and_of_the_code(tmp_path: Path) -> None:
    """Another part, another border between parts, or other code makes another key; the same ones make the same."""
    source = tmp_path / "code.py"
    source.write_text("made = 1\n")
    module = ModuleType("code")
    module.__file__ = str(source)
    keys = [key_of(b"ab", b"c"), key_of(b"a", b"bc"), key_of(b"abc"), key_of(b"ab", b"d")]
    keys.append(key_of(b"ab", b"c", code=[module]))
    assert keys[4] == key_of(b"ab", b"c", code=[module])
    source.write_text("made = 2\n")
    keys.append(key_of(b"ab", b"c", code=[module]))
    assert len(set(keys)) == len(keys)


def test_file_hash_is_of_its_content(tmp_path: Path) -> None:
    """Files of the same content have one hash, whatever they are called."""
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    assert file_sha256(tmp_path / "a") == file_sha256(tmp_path / "b") != file_sha256(tmp_path / "c")
