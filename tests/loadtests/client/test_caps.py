"""What a target may send: files, pages and answers have caps, and no JSON breaks the client."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions.record.types import Hit
from loadtests.client import export
from loadtests.client.answer import Answer
from loadtests.client.clock import start_clock
from loadtests.client.export import answered_filename, download_url, fetch_file, file_bytes_most
from loadtests.client.target_settings import parse_target
from loadtests.examiner.disconnects import under_way
from loadtests.seed import failure_of
from tests.loadtests.client.test_target import raw_server

DEEP = "[" * 1_000_000


def hit(answer: str, bytes_sent: int = 1) -> Hit:
    """An export that was answered with 200."""
    return Hit(
        id="one-0", phase="one", index=0, case="csv-1", method="POST", path="/export/run", format="csv", records=1,
        user=None, tag=None, bytes_sent=bytes_sent, intended=1, start=1, end=2, status=200, error=None, headers={},
        answer=answer, client="c",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bytes_sent", "most"),
    [(0, 64 << 20), (6_710_886, 64 << 20), (6_710_887, 67_108_870), (250_000_000, 2_500_000_000)],
)
def test_a_file_may_have_64_mib_or_ten_times_its_request(bytes_sent: int, most: int) -> None:
    """Whichever is more: an export of a million records is larger than 64 MiB."""
    assert file_bytes_most(hit("{}", bytes_sent)) == most


def test_a_file_without_end_is_cut_off_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its download has an error, and its bytes do not fill the disk."""
    monkeypatch.setattr(export, "MAX_FILE_BYTES", 200_000)
    link = '{"result": {"downloadUrl": "/export/files/export_1_a.csv"}}'
    with raw_server(lambda line: line.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000)) as url:
        fetch = fetch_file(parse_target(url, start_clock()), hit(link), tmp_path, 20.0)
    assert (fetch.status, fetch.error) == (200, "too-long")
    assert fetch.bytes <= 200_000
    assert (tmp_path / "one-0.csv").stat().st_size == 0


@pytest.mark.parametrize("answer", [DEEP, '{"result":' * 100_000, "{" * 100_000, '{"concurrentExports": 1e999}'])
def test_deep_json_is_an_answer_like_any_other(answer: str) -> None:
    """It holds nothing that was asked for, and breaks nothing."""
    assert (download_url(answer), answered_filename(answer)) == (None, None)
    assert under_way(Answer(200, None, {}, answer.encode(), 1.0, 2.0)) is None
    assert failure_of(hit(answer)) is not None


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ('{"concurrentExports": 2, "queueDepth": 3}', 5),
        ('{"concurrentExports": 2}', None),
        ('{"concurrentExports": true, "queueDepth": 0}', None),
        ("", None),
    ],
)
def test_a_status_page_gives_whole_numbers_or_nothing(page: str, count: int | None) -> None:
    """Anything else than whole numbers is no count."""
    assert under_way(Answer(200, None, {}, page.encode(), 1.0, 2.0)) == count
