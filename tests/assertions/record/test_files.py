"""Files of the record: plain and compressed ones read the same, and a damaged one is named."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assertions.record.files import compress, read_lines, stored, write_lines
from assertions.record.types import HealthProbe, RecordError


def probe(answer: str) -> HealthProbe:
    """A call of /health with this answer."""
    return HealthProbe(path="/health", phase=None, start=1.0, end=2.0, status=200, error=None, answer=answer)


@given(answers=st.lists(st.text(), max_size=5))
def test_a_compressed_file_reads_like_the_plain_one(
    answers: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Compressing replaces the plain file by a compressed one next to it, and the records stay as they are."""
    path = tmp_path_factory.mktemp("record") / "health.jsonl"
    write_lines(path, [probe(answer) for answer in answers])
    before = list(read_lines(path, HealthProbe))
    assert compress(path) == path.with_name("health.jsonl.xz") == stored(path)
    assert [file.name for file in path.parent.iterdir()] == ["health.jsonl.xz"]
    assert list(read_lines(path, HealthProbe)) == before == [probe(answer) for answer in answers]


def test_where_both_are_there_the_plain_one_counts(tmp_path: Path) -> None:
    """A run that was ended while it compressed a file left both, and the plain one is whole."""
    path = tmp_path / "health.jsonl"
    write_lines(path, [probe("whole")])
    (tmp_path / "health.jsonl.xz").write_bytes(b"half")
    assert stored(path) == path
    assert [one.answer for one in read_lines(path, HealthProbe)] == ["whole"]


def test_pages_that_are_alike_cost_little_more_than_one(tmp_path: Path) -> None:
    """A hundred pages of 100 kB each, of which a number changes, take less than twice the space of one page."""
    lines = [f'a_total{{number="{number}"}} {number * 7919 % 1000}' for number in range(3000)]
    sizes = []
    for count in (1, 100):
        path = tmp_path / f"{count}.jsonl"
        pages = ("\n".join([*lines, f"up {page}"]) for page in range(count))
        write_lines(path, [probe(page) for page in pages])
        sizes.append(compress(path).stat().st_size)
    assert sizes[1] < 2 * sizes[0]


@pytest.mark.parametrize("keep", [0, 20, -8])
def test_a_compressed_file_that_is_cut(tmp_path: Path, keep: int) -> None:
    """A compressed file that ends early is an error that names it, whatever could still be read of it."""
    path = tmp_path / "health.jsonl"
    write_lines(path, [probe("x" * 100)])
    packed = compress(path)
    packed.write_bytes(packed.read_bytes()[:keep])
    with pytest.raises(RecordError, match=r"health\.jsonl\.xz can't be decompressed"):
        list(read_lines(path, HealthProbe))


def test_a_compressed_file_that_is_none(tmp_path: Path) -> None:
    """Other bytes under the name of a compressed file are an error that names it; a bad line has its number."""
    path = tmp_path / "health.jsonl"
    packed = path.with_name("health.jsonl.xz")
    packed.write_bytes(b"plain text")
    with pytest.raises(RecordError, match=r"health\.jsonl\.xz can't be decompressed"):
        list(read_lines(path, HealthProbe))
    packed.write_bytes(lzma.compress(b"{}\n"))
    with pytest.raises(RecordError, match=r"health\.jsonl line 1 is no HealthProbe"):
        list(read_lines(path, HealthProbe))
