"""The reference target and one healthy variant of each module hold the contract, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.targets.answers import NAMES, ask, body_of, csv_right, export, file_of, metric, pdf_pages, records
from tests.targets.commands import recorded_core
from tests.targets.edits.every import BASE
from tests.targets.fixtures.entry import Entry, all_targets, chosen, module_of
from tests.targets.recording.run import alive

pytestmark = pytest.mark.e2e

RECORDED = {target.name for target in recorded_core(chosen([]))}
"""`nox -s prove` judges their committed records, of the same calls and many more."""
HEALTHY = [target for target in all_targets() if target.healthy]
FIRSTS = {module_of(target.name): target.name for target in reversed(HEALTHY)}
LIVE = [target for target in HEALTHY if target.name in {BASE, *FIRSTS.values()} or target.name not in RECORDED]
REFERENCE = next(target for target in HEALTHY if target.name == "reference")


@pytest.fixture(params=LIVE, ids=lambda target: target.name)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A healthy target's address while it lives."""
    target: Entry = request.param
    with alive(target, tmp_path) as (address, _):
        yield address


def test_a_healthy_target_holds_the_contract(url: str) -> None:
    """Health, status, both formats, downloads, refusals and counters are as the contract says."""
    assert ask(url, "GET", "/health").json["ok"] is True
    status = ask(url, "GET", "/export/status").json
    assert (status["status"], status["concurrentExports"], status["queueDepth"]) == ("ready", 0, 0)
    before = ask(url, "GET", "/export/metrics").body.decode()
    sizes = {"csv": _csv(url), "pdf": _pdf(url)}
    refused = _refusals(url)
    after = ask(url, "GET", "/export/metrics").body.decode()
    for form, size_bytes in sizes.items():
        labels = {"format": form}
        moved = {
            name: metric(after, "export_requests_total", status=name, **labels)
            - metric(before, "export_requests_total", status=name, **labels)
            for name in ("started", "succeeded", "failed")
        }
        assert moved == {"started": 1, "succeeded": 1, "failed": 0}
        counted = metric(after, "export_bytes_total", **labels) - metric(before, "export_bytes_total", **labels)
        assert counted == size_bytes
        count = metric(after, "export_latency_ms_count", **labels) - metric(before, "export_latency_ms_count", **labels)
        assert count == 1
    rejected = {"status": "rejected"}
    assert (
        metric(after, "export_requests_total", **rejected) - metric(before, "export_requests_total", **rejected)
        == refused
    )
    assert metric(after, "export_concurrent_running") == metric(after, "export_queue_depth") == 0


def _csv(url: str) -> int:
    answer = export(url, body_of("csv", 40))
    assert answer.status == 200
    assert (answer.json["success"], answer.json["records"]) == (True, 40)
    file = file_of(url, answer)
    assert (file.status, len(file.body)) == (200, answer.json["result"]["bytes"])
    assert file.headers["content-type"].startswith("text/csv")
    assert re.search(r"export_[0-9]{13}_[A-Za-z0-9]+\.csv$", answer.json["result"]["filename"])
    assert csv_right(file.body, 40)
    return len(file.body)


def _pdf(url: str) -> int:
    answer = export(url, body_of("pdf", 51))
    assert answer.status == 200
    file = file_of(url, answer)
    assert file.headers["content-type"] == "application/pdf"
    pages = pdf_pages(file.body)
    assert len(pages) == 2
    for number, record in enumerate(records(51)):
        assert f"{record['ref']}" in pages[number // 50]
    names = {re.sub(r"\s", "", name) for name in NAMES}
    assert [name for name in names if name not in pages[0]] == []
    assert all(word in pages[0] for word in ("Başlık", "tester", "51"))
    return len(file.body)


def _refusals(url: str) -> int:
    bad: list[object] = [b"no JSON", {"format": "xml"}, body_of("csv", 1) | {"extra": 1}, {"format": "csv", "data": []}]
    for body in bad:
        answer = export(url, body)
        assert (answer.status, answer.json["success"]) == (400, False)
        assert answer.json["error"]
    for path in ("/export/files/..%2f..%2fetc%2fpasswd", "/export/files/none.csv", "/export/download/none.csv"):
        assert ask(url, "GET", path).status == 404
    return len(bad)


def test_the_reference_answers_a_burst_in_full(tmp_path: Path) -> None:
    """Of 130 exports at once none is lost: each is done or rejected with Retry-After, and each file is its own."""
    with alive(REFERENCE, tmp_path) as (url, _), ThreadPoolExecutor(130) as pool:
        answers = list(pool.map(lambda _: export(url, body_of("csv", 300)), range(130)))
        done = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status == 429]
        assert len(done) + len(refused) == 130
        assert len(done) >= 105
        assert all(answer.headers["retry-after"] and answer.json["queueDepth"] == 100 for answer in refused)
        assert len({answer.json["result"]["filename"] for answer in done}) == len(done)
        page = ask(url, "GET", "/export/metrics").body.decode()
        assert metric(page, "export_requests_total", status="succeeded") == len(done)
        assert metric(page, "export_requests_total", status="rejected") == len(refused)


def test_the_reference_leaves_nothing_half_made(tmp_path: Path) -> None:
    """After exports in both formats the folder holds final names only, and the service ends with code 0."""
    with alive(REFERENCE, tmp_path) as (url, _):
        made = [export(url, body_of(form, 3)).json["result"]["filename"] for form in ("csv", "pdf")]
    assert sorted(path.name for path in (tmp_path / "exports").iterdir()) == sorted(Path(name).name for name in made)
