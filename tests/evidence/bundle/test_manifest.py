"""The manifest: any change is named."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from assertions.record.types import RecordError
from evidence.bundle import manifest

NAMES = st.sampled_from(["a", "b.txt", "smoke/hits.jsonl", "smoke/sent/x.json", "plots/manifest.json"])
TREES = st.dictionaries(NAMES, st.binary(min_size=1, max_size=40), min_size=1)


def grow(folder: Path, tree: dict[str, bytes]) -> None:
    """Write files."""
    for name, content in tree.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@given(TREES, st.data())
def test_any_byte(tree: dict[str, bytes], data: st.DataObject) -> None:
    """A changed byte, a removed file and an added one are each named, and only they."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        grow(folder, tree)
        manifest.write(folder, "run")
        said = manifest.read(folder)
        assert manifest.differences(folder, said) == []
        name = data.draw(st.sampled_from(sorted(tree)))
        at = data.draw(st.integers(0, len(tree[name]) - 1))
        bit = data.draw(st.integers(0, 7))
        content = bytearray(tree[name])
        content[at] ^= 1 << bit
        (folder / name).write_bytes(content)
        (problem,) = manifest.differences(folder, said)
        assert problem.startswith(f"{name} was changed: ")
        (folder / name).unlink()
        assert manifest.differences(folder, said)[0] == f"{name} is missing"
        (folder / name).write_bytes(tree[name])
        (folder / "new").write_bytes(b"")
        assert manifest.differences(folder, said) == ["new is not in the manifest"]


def test_lists_size_and_hash(tmp_path: Path) -> None:
    """Each file is listed by path, in order, with its size and SHA-256; the manifest itself is not."""
    grow(tmp_path, {"b/c": b"abc", "a": b""})
    manifest.write(tmp_path, "run")
    assert [(one.path, one.bytes, one.sha256[:8]) for one in manifest.read(tmp_path).artifacts] == [
        ("a", 0, "e3b0c442"),
        ("b/c", 3, "ba7816bf"),
    ]


def test_links_and_pipes_are_named(tmp_path: Path) -> None:
    """What is neither a file nor a folder is named: its contents could be others tomorrow."""
    grow(tmp_path, {"a": b"1"})
    manifest.write(tmp_path, "run")
    (tmp_path / "to-file").symlink_to("a")
    (tmp_path / "to-folder").symlink_to("/")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert manifest.differences(tmp_path, manifest.read(tmp_path)) == [
        "dangling is neither a file nor a folder: it is a symbolic link",
        "pipe is neither a file nor a folder: it is a named pipe",
        "to-file is neither a file nor a folder: it is a symbolic link",
        "to-folder is neither a file nor a folder: it is a symbolic link",
        "folder is an empty folder",
    ]


def test_a_path_listed_twice(tmp_path: Path) -> None:
    """A path that the manifest lists twice is named, whether both entries agree or not."""
    grow(tmp_path, {"a": b"1"})
    manifest.write(tmp_path, "run")
    said = manifest.read(tmp_path)
    twice = replace(said, artifacts=said.artifacts * 2)
    assert manifest.differences(tmp_path, twice) == ["a is in the manifest 2 times"]


def test_a_manifest_that_is_a_link_or_huge(tmp_path: Path) -> None:
    """A manifest that is no regular file, or larger than any, is not read."""
    (tmp_path / "elsewhere").write_text('{"run_id": "x", "artifacts": []}')
    (tmp_path / manifest.NAME).symlink_to("elsewhere")
    with pytest.raises(RecordError, match=r"manifest\.json is no regular file"):
        manifest.read(tmp_path)
    (tmp_path / manifest.NAME).unlink()
    with (tmp_path / manifest.NAME).open("wb") as file:
        file.truncate(manifest.MOST_BYTES + 1)
    with pytest.raises(RecordError, match=r"manifest\.json is larger than 32 MB"):
        manifest.read(tmp_path)


def test_a_file_of_another_size_is_not_read(tmp_path: Path) -> None:
    """A file that is larger than the manifest says is named by its size; nobody waits until it is hashed."""
    grow(tmp_path, {"a": b"1"})
    manifest.write(tmp_path, "run")
    with (tmp_path / "a").open("wb") as file:
        file.truncate(2 * 10**9)
    assert manifest.differences(tmp_path, manifest.read(tmp_path)) == [
        "a was changed: 2000000000 bytes, where the manifest says 1 bytes"
    ]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """A file whose name is no UTF-8 is listed with escapes, and can be read back."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_bytes(b"1")
    manifest.write(tmp_path, "run")
    assert [one.path for one in manifest.read(tmp_path).artifacts] == ["\\xff"]
    assert manifest.differences(tmp_path, manifest.read(tmp_path)) == []


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"run_id": 1, "artifacts": []}', '{"run_id": "x"}'])
def test_malformed(tmp_path: Path, text: str | None) -> None:
    """A manifest that is missing or malformed is an error that names it."""
    if text is not None:
        (tmp_path / manifest.NAME).write_text(text)
    with pytest.raises(RecordError, match=r"manifest\.json"):
        manifest.read(tmp_path)
