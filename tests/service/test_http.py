"""Every call and every status of the contract, over real HTTP to a real process."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
from datetime import datetime
from pathlib import Path

import pytest

from service.app import MAX_DOWNLOADS
from tests.service.helpers import FINAL, Running, assert_identity, call, encoded, running, sample

pytestmark = pytest.mark.e2e

ROWS = [{"id": number, "name": f"Ünal {number}", "paid": number % 2 == 0} for number in range(1_200)]
COLUMNS = ["id", "name", "paid"]


def test_health_says_ok_with_a_time(shared: Running) -> None:
    """GET /health answers 200 with ok true and milliseconds."""
    answer = shared.get("/health")
    assert (answer.status, answer.json()["ok"]) == (200, True)
    assert isinstance(answer.json()["ts"], int)


def test_status_has_the_contracts_keys_and_values(shared: Running) -> None:
    """GET /export/status at rest shows nothing running, five places and the version."""
    body = shared.get("/export/status").json()
    assert datetime.fromisoformat(body.pop("timestamp")).tzinfo is not None
    assert body == {
        "status": "ready",
        "concurrentExports": 0,
        "queueDepth": 0,
        "maxConcurrentExports": 5,
        "version": "1.7.0-export-scale",
    }


def test_csv_answer_file_and_counters_agree(service: Running) -> None:
    """A CSV export's answer, its file and the counters all say the same."""
    answer = service.run(format="csv", data=ROWS, columns=COLUMNS, user="ayşe")
    body = answer.json()
    assert answer.status == 200
    assert body["success"] is True
    assert body["records"] == 1_200
    assert body["processingTime"] > 0
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    result = body["result"]
    assert re.fullmatch(r"exports/export_\d{13}_[a-z0-9]{9}\.csv", result["filename"])
    name = result["filename"].removeprefix("exports/")
    assert result["downloadUrl"] == f"/export/files/{name}"
    data = service.file(answer)
    assert result["bytes"] == len(data) == (service.exports / name).stat().st_size
    read = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert read[0] == COLUMNS
    assert read[3] == ["2", "Ünal 2", "true"]
    assert len(read) == 1_201
    page = service.metrics()
    for status, count in (("started", 1), ("succeeded", 1), ("failed", 0), ("rejected", 0)):
        assert sample(page, "export_requests_total", format="csv", status=status, user="ayşe") == count
    assert sample(page, "export_bytes_total", format="csv", status="success") == len(data)
    assert sample(page, "export_latency_ms_count", format="csv", size="medium") == 1
    counted = sample(page, "export_latency_ms_sum", format="csv", size="medium")
    assert body["processingTime"] == pytest.approx(counted, abs=0.001)
    assert sample(page, "export_success_rate", format="csv") == 1
    assert sample(page, "export_throughput_ops_per_sec", format="csv") == pytest.approx(1 / 60)
    assert_identity(page)


def test_pdf_columns_default_to_the_first_records_keys(shared: Running) -> None:
    """A PDF without columns takes them from the first record, and 1,200 records make 24 pages."""
    answer = shared.run(format="pdf", data=ROWS)
    data = shared.file(answer)
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type/Page/") == 24


def test_memory_of_a_10k_export_is_above_zero(service: Running) -> None:
    """The memory gauge shows a measured amount after 10,000 records, the first time and again."""
    rows = [{"id": number, "text": "some text for a row " * 4} for number in range(10_000)]
    for _ in range(2):
        for format in ("csv", "pdf"):
            assert service.run(format=format, data=rows, columns=["id", "text"]).status == 200
            memory = sample(service.metrics(), "export_memory_bytes", format=format)
            assert 100_000 < memory < 100_000_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"nul", "body"),
        (b'\xff{"format":"csv"}', "body"),
        (b'{"format":"csv","columns":["a"],"data":[]} x', "body"),
        (encoded(data=[]), "format"),
        (encoded(format="xml", data=[]), "format"),
        (encoded(format=None, data=[]), "format"),
        (encoded(format="csv", data=[]), "columns"),
        (encoded(format="csv", data=[], columns=[]), "columns"),
        (encoded(format="pdf", data=[], columns=[]), "columns"),
        (encoded(format="csv", data=[], columns=["a", "a"]), "columns"),
        (encoded(format="csv", data=[], columns=["a", 1]), "columns"),
        (encoded(format="csv", data=[], columns="a"), "columns"),
        (encoded(format="pdf", data=[{}]), "columns"),
        (encoded(format="csv", columns=["a"]), "data"),
        (encoded(format="csv", columns=["a"], data=None), "data"),
        (encoded(format="csv", columns=["a"], data={}), "data"),
        (encoded(format="csv", columns=["a"], data=[{"a": 1}, 7]), "data"),
        (encoded(format="csv", columns=["a"], data=[{"a": 1}, None]), "data"),
        (encoded(format="csv", columns=["a"], data=[[1]]), "data"),
        (b'{"format":"csv","columns":["a"],"data":[{"a":"\xff"}]}', "data"),
        (b'{"format":"csv","columns":["a"],"data":[{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}]}", "body"),
        (encoded(format="csv", columns=["a"], data=[], title=3), "title"),
        (encoded(format="csv", columns=["a"], data=[], user=None), "user"),
        (encoded(format="csv", columns=["a"], data=[], colour="red"), "colour"),
        (encoded(format="csv", columns=["a"], data=[], source={"table": "t"}), "source"),
        (encoded(format="csv", columns=["a"], source={"table": "t"}), "source"),
        (encoded(format="csv", columns=["a"], source={}), "source.table"),
        (encoded(format="csv", columns=["a"], source={"table": "t", "limit": -1}), "source.limit"),
        (encoded(format="csv", columns=["a"], source={"table": "t", "where": "1"}), "source.where"),
    ],
)
def test_a_bad_body_is_400_with_a_sentence_that_names_the_field(shared: Running, body: bytes, field: str) -> None:
    """Each kind of bad body is refused before a file is made, counted as rejected, and told why."""
    before = shared.metrics()
    files = sorted(shared.exports.iterdir())
    answer = shared.post(body)
    after = shared.metrics()
    assert answer.status == 400
    assert answer.json()["success"] is False
    assert answer.json()["error"].startswith(f"{field}:")
    assert "\n" not in answer.json()["error"]
    assert sorted(shared.exports.iterdir()) == files
    count = "export_requests_total"
    assert sample(after, count, status="rejected") == sample(before, count, status="rejected") + 1
    assert sample(after, count, status="started") == sample(before, count, status="started")


@pytest.mark.parametrize(
    ("body", "format", "user"),
    [
        (b"{", "unknown", "anonymous"),
        (encoded(format="xml", data=[], user="mia"), "unknown", "mia"),
        (encoded(format="pdf", data=7, user="mia"), "pdf", "mia"),
        (encoded(format="csv", data=[], user=7), "csv", "anonymous"),
    ],
)
def test_a_rejection_is_counted_under_what_is_known(service: Running, body: bytes, format: str, user: str) -> None:
    """A rejected request's labels are its format and user where the body shows them."""
    service.post(body)
    assert sample(service.metrics(), "export_requests_total", status="rejected", format=format, user=user) == 1


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "x\\ud800y" + "z" * 50, "\\udc00" + "z" * 50])
def test_half_a_surrogate_pair_is_refused(shared: Running, half: str) -> None:
    """Half a surrogate pair is no character, no UTF-8 file can hold it, so it is refused instead of changed."""
    answer = shared.post(f'{{"format":"csv","columns":["a"],"data":[{{"a":"{half}"}}]}}'.encode())
    assert answer.status == 400


def test_a_body_over_the_limit_is_413_and_at_the_limit_is_not(tmp_path: Path) -> None:
    """The limit itself is allowed, one byte more is not, whether its length is announced or not."""
    body = encoded(format="csv", columns=["a"], data=[{"a": "x" * 900}])
    body += b" " * (1_024 - len(body))
    with running("--max-body", "1024", exports=tmp_path / "e") as service:
        assert service.post(body).status == 200
        assert service.post(body + b" ").status == 413
        chunked = call(service.url, "POST", "/export/run", iter([body, b" "]))
        assert chunked.status == 413
        far_over = service.post(body + b" " * 30_000_000)
        assert far_over.status == 413
        assert far_over.json()["error"].startswith("body:")
        assert sample(service.metrics(), "export_requests_total", status="rejected", format="unknown") == 3
        assert all(FINAL.fullmatch(one.name) for one in service.exports.iterdir())


def test_a_big_body_goes_over_the_disk_and_leaves_nothing_there(shared: Running) -> None:
    """A body that is too big for memory is exported whole, checked all the same, and its spool file goes."""
    rows = [{"id": number, "text": "ğ" * 500} for number in range(6_000)]
    body = encoded(format="csv", data=rows, columns=["id", "text"])
    assert len(body) > 5_000_000
    answer = shared.post(body)
    assert answer.json()["records"] == 6_000
    assert shared.file(answer).count(b"\r\n") == 6_001
    bad = shared.post(body.replace(b'{"id": 5999,', b"7,{", 1))
    assert bad.status == 400
    assert all(FINAL.fullmatch(one.name) for one in shared.exports.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "export_1_aaaaaaaaa.csv",
        "..%2Fsecret.csv",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..",
        "secret.csv",
        ".export_1_aaaaaaaaa.csv.part",
        "export_1_aaaaaaaaa.csv%00",
        "export_1_linklinkl.csv",
    ],
)
def test_nothing_but_finished_exports_can_be_fetched(shared: Running, name: str) -> None:
    """Unknown names, names of other files, ways out of the folder and links are all 404."""
    (shared.exports.parent / "secret.csv").write_text("secret")
    (shared.exports / "secret.csv").write_text("secret")
    (shared.exports / ".export_1_aaaaaaaaa.csv.part").write_text("secret")
    link = shared.exports / "export_1_linklinkl.csv"
    link.unlink(missing_ok=True)
    link.symlink_to(shared.exports.parent / "secret.csv")
    try:
        for call_name in ("files", "download"):
            answer = shared.get(f"/export/{call_name}/{name}")
            assert answer.status == 404
            assert b"secret" not in answer.body.replace(name.encode(), b"")
    finally:
        for left in ("secret.csv", ".export_1_aaaaaaaaa.csv.part", link.name):
            (shared.exports / left).unlink()


def test_file_and_download_link_have_the_right_heads(shared: Running) -> None:
    """A file comes with media type, length and a download name; the link call says ready only for what is there."""
    for format, media in (("csv", "text/csv; charset=utf-8"), ("pdf", "application/pdf")):
        answer = shared.run(format=format, data=[{"a": 1}], columns=["a"])
        url = answer.json()["result"]["downloadUrl"]
        name = url.rsplit("/", 1)[1]
        file = shared.get(url)
        assert file.headers["content-type"] == media
        assert file.headers["content-length"] == str(answer.json()["result"]["bytes"]) == str(len(file.body))
        assert file.headers["content-disposition"] == f'attachment; filename="{name}"'
        link = shared.get(f"/export/download/{name}").json()
        assert (link["downloadUrl"], link["status"]) == (url, "ready")


def test_wrong_methods_and_paths_are_answered_in_the_contracts_shape(shared: Running) -> None:
    """405 and 404 come as JSON with a sentence."""
    wrong = shared.get("/export/run")
    assert (wrong.status, wrong.json()["success"], wrong.headers["allow"]) == (405, False, "POST")
    assert shared.get("/nowhere").json()["success"] is False


def test_a_request_id_is_kept_and_one_is_made(shared: Running) -> None:
    """X-Request-ID comes back as sent; without one, or with a bad one, a new one is made."""
    assert shared.get("/health", X_Request_ID="abc-1").headers["x-request-id"] == "abc-1"
    assert re.fullmatch(r"[0-9a-f]{16}", shared.get("/health").headers["x-request-id"])
    assert re.fullmatch(r"[0-9a-f]{16}", shared.get("/health", X_Request_ID="a b").headers["x-request-id"])


def test_openapi_lists_every_call(shared: Running) -> None:
    """The OpenAPI document has all calls and all statuses of the export call."""
    paths = shared.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/health",
        "/export/status",
        "/export/metrics",
        "/export/run",
        "/export/files/{name}",
        "/export/download/{name}",
    }
    statuses = {"200", "400", "401", "403", "413", "415", "417", "429", "500", "503", "507"}
    assert set(paths["/export/run"]["post"]["responses"]) == statuses


def test_openapi_says_every_limit(shared: Running) -> None:
    """csv needs columns, there are at most 1,000 of them, numbers end at 2^63 - 1, unknown keys are refused."""
    document = shared.get("/openapi.json").json()
    content = document["paths"]["/export/run"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    assert (schema["if"], schema["then"]) == (
        {"properties": {"format": {"const": "csv"}}, "required": ["format"]},
        {"required": ["columns"]},
    )
    first = {"type": "object", "minProperties": 1, "maxProperties": 1_000}
    assert schema["else"]["anyOf"][1] == {"properties": {"data": {"prefixItems": [first]}}}
    assert shared.run(format="pdf", data=[{}]).status == 400
    assert shared.run(format="pdf", data=[]).status == shared.run(format="pdf", data=[{}], columns=["a"]).status == 200
    assert schema["properties"]["columns"]["maxItems"] == 1_000
    source = schema["properties"]["source"]
    assert source["properties"]["limit"]["maximum"] == source["properties"]["offset"]["maximum"] == 2**63 - 1
    assert schema["additionalProperties"] is source["additionalProperties"] is False
    assert shared.run(format="csv", columns=[str(number) for number in range(1_000)], data=[]).status == 200
    assert shared.run(format="csv", columns=[str(number) for number in range(1_001)], data=[]).status == 400
    large = {"table": "t", "offset": 2**63}
    assert shared.run(format="csv", columns=["a"], source=large).json()["error"].startswith("source.offset:")


def test_the_number_of_downloads_at_once_has_an_end(tmp_path: Path) -> None:
    """With 64 files on their way the next one is asked to come again, and /health stays quick."""
    with running(exports=tmp_path / "e") as service:
        name = "export_1_aaaaaaaaa.csv"
        (service.exports / name).write_bytes(b"x" * 20_000_000)
        host, port = service.url.removeprefix("http://").split(":")
        readers = []
        for _ in range(MAX_DOWNLOADS):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            reader.connect((host, int(port)))
            reader.sendall(b"GET /export/files/%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % name.encode())
            assert reader.recv(12) == b"HTTP/1.1 200"
            readers.append(reader)
        late = service.get(f"/export/files/{name}")
        assert (late.status, late.headers["retry-after"]) == (503, "1")
        assert service.get("/health").status == 200
        for reader in readers:
            reader.close()


def test_names_are_never_used_twice(shared: Running) -> None:
    """Many exports in the same milliseconds each have their own file."""
    answers = [shared.run(format="csv", data=[{"a": number}], columns=["a"]) for number in range(50)]
    names = {answer.json()["result"]["filename"] for answer in answers}
    assert len(names) == 50
    assert [shared.file(answer) for answer in answers] == [f"a\r\n{number}\r\n".encode() for number in range(50)]


def test_metrics_page_speaks_openmetrics_when_asked(shared: Running) -> None:
    """Content negotiation: OpenMetrics with its end mark, else the Prometheus text format."""
    text = shared.get("/export/metrics")
    assert text.headers["content-type"].startswith("text/plain")
    opened = shared.get("/export/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert opened.headers["content-type"].startswith("application/openmetrics-text")
    assert opened.body.endswith(b"# EOF\n")


def test_the_listening_line_reports_url_and_pid(service: Running) -> None:
    """One JSON line on stderr says where the service listens and which process it is."""
    assert service.event["event"] == "listening"
    assert service.event["pid"] == service.process.pid
    assert json.loads(call(service.event["url"], "GET", "/health").body)["ok"] is True


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_body_that_is_not_packed_as_it_says_is_refused(shared: Running, coding: str) -> None:
    """A 400, counted, and the next request is answered."""
    answer = shared.post(b"plain", Content_Encoding=coding)
    assert (answer.status, "body" in answer.json()["error"]) == (400, True)
    assert shared.run(format="csv", columns=["a"], data=[{"a": 1}]).status == 200


@pytest.mark.parametrize("size", [0, 3_000_000])
def test_what_is_nested_too_deep_is_refused_however_large_it_is(shared: Running, size: int) -> None:
    """It is found before the export starts: no export fails for what it was sent."""
    deep = b"[" * 3_000 + b"]" * 3_000
    body = b'{"format":"csv","columns":["a","b"],"data":[{"a":%b,"b":"%b"}]}' % (deep, b"x" * size)
    before = sample(shared.metrics(), "export_fail_total", reason="internal", format="csv")
    assert shared.post(body).status == 400
    assert sample(shared.metrics(), "export_fail_total", reason="internal", format="csv") == before
