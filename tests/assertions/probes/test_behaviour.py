"""The behaviour probes are well formed, and their judge tells right answers from wrong ones."""

from __future__ import annotations

import json

import pytest

from assertions.contract import FAMILIES
from assertions.probes.behaviour import (
    AFTER_TEXTS,
    BAD_BODIES,
    BY_NAME,
    CASES,
    TRAVERSALS,
    BehaviourCase,
    judge_behaviour,
)

NOW = "2026-11-23T18:00:00.000Z"
GOOD_FILE = "ref,name\r\n" + "".join(f"after-{i},{text}\r\n" for i, text in enumerate(AFTER_TEXTS))
FILE_HEADERS = {
    "content-type": "text/csv; charset=utf-8",
    "content-length": "90",
    "content-disposition": 'attachment; filename="x.csv"',
}


def error(sentence: object, **more: object) -> str:
    """An error body."""
    return json.dumps({"success": False, "error": sentence, "timestamp": NOW, **more})


def test_names_are_unique() -> None:
    """No two cases share a name, so a hit's case finds its probe."""
    assert len(BY_NAME) == len(CASES)


@pytest.mark.parametrize("case", BAD_BODIES, ids=lambda case: case.name)
def test_a_bad_body_answered_by_the_contract_passes(case: BehaviourCase) -> None:
    """A 400 whose sentence names the field is right, for each name that the probe allows."""
    for name in (case.field, *case.or_fields):
        assert judge_behaviour(case, 400, error(f"`{name or 'body'}` is wrong")) is None


@pytest.mark.parametrize("case", BAD_BODIES, ids=lambda case: case.name)
@pytest.mark.parametrize("status", [200, 422, 429, 500, None])
def test_a_bad_body_answered_otherwise_fails(case: BehaviourCase, status: int | None) -> None:
    """Success, another status, a crash and silence are all wrong for a bad body."""
    assert judge_behaviour(case, status, error(f"`{case.field}` is wrong")) is not None


@pytest.mark.parametrize("case", [case for case in BAD_BODIES if case.field], ids=lambda case: case.name)
def test_a_sentence_must_name_the_field(case: BehaviourCase) -> None:
    """A refusal that does not say what is wrong fails."""
    reason = judge_behaviour(case, 400, error("Bad request"))
    assert reason is not None
    assert str(case.field) in reason


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Bad Request",
        "[]",
        error(""),
        error(None),
        error({"message": "format"}),
        error("format\nTraceback (most recent call last)"),
        error("format " * 1000),
        json.dumps({"success": True, "error": "`format` is wrong", "timestamp": NOW}),
        json.dumps({"error": "`format` is wrong", "timestamp": NOW}),
        json.dumps({"success": False, "error": "`format` is wrong"}),
        json.dumps({"success": False, "error": "`format` is wrong", "timestamp": "now"}),
        json.dumps({"success": False, "error": "`format` is wrong", "timestamp": "2026-13-45T99"}),
        json.dumps({"success": False, "error": "`format` is wrong", "timestamp": 5}),
    ],
)
def test_an_error_of_another_shape_fails(answer: str) -> None:
    """An error must be a JSON object with success false, one sentence and a time."""
    assert judge_behaviour(BY_NAME["bad-format-unknown"], 400, answer) is not None


@pytest.mark.parametrize(
    "stamp", [NOW, "2026-11-23T18:00:00+00:00", "2026-11-23T18:00:00", "2026-11-23T18:00:00.123456Z"]
)
def test_iso_times_of_all_kinds_pass(stamp: str) -> None:
    """ISO 8601 allows fractions, offsets, and neither."""
    answer = json.dumps({"success": False, "error": "`format` is wrong", "timestamp": stamp})
    assert judge_behaviour(BY_NAME["bad-format-unknown"], 400, answer) is None


@pytest.mark.parametrize("case", TRAVERSALS, ids=lambda case: case.name)
def test_a_way_out_of_the_folder_must_be_refused(case: BehaviourCase) -> None:
    """404 and 400 pass, whatever the body; 200 and silence fail, and so does 500 where the path is text at all."""
    stumbles = case.name in ("path-nul", "path-overlong")
    passed = [judge_behaviour(case, status, "x") is None for status in (404, 400, 200, 500, None)]
    assert passed == [True, True, False, stumbles, False]


def test_an_unknown_file_is_404() -> None:
    """The contract says 404 for a file that does not exist, and nothing else."""
    case = BY_NAME["file-unknown"]
    assert judge_behaviour(case, 404, "") is None
    assert judge_behaviour(case, 400, "") is not None
    assert judge_behaviour(case, 200, "") is not None


def test_an_unknown_download_is_never_ready() -> None:
    """A link to a file that does not exist must not be answered 200."""
    assert judge_behaviour(BY_NAME["download-unknown"], 200, json.dumps({"status": "ready"})) is not None
    assert judge_behaviour(BY_NAME["download-unknown"], 404, "") is None


def test_the_good_export_must_succeed() -> None:
    """After the bad requests a good one is answered 200 with success."""
    case = BY_NAME["after-bad-input"]
    assert judge_behaviour(case, 200, json.dumps({"success": True})) is None
    assert judge_behaviour(case, 200, json.dumps({"success": False})) is not None
    assert judge_behaviour(case, 500, json.dumps({"success": False})) is not None


def test_a_file_is_served_whole_with_its_headers() -> None:
    """Content, media type, length and download name are each looked at."""
    case = BY_NAME["file-get"]
    assert judge_behaviour(case, 200, GOOD_FILE, FILE_HEADERS) is None
    assert judge_behaviour(case, 200, GOOD_FILE) is None
    assert judge_behaviour(case, 404, "", FILE_HEADERS) is not None
    assert judge_behaviour(case, 200, GOOD_FILE[:20], FILE_HEADERS) is not None
    for name in FILE_HEADERS:
        assert judge_behaviour(case, 200, GOOD_FILE, FILE_HEADERS | {name: "other"}) is not None


def test_an_existing_file_has_a_link() -> None:
    """The download page says ready and where."""
    case = BY_NAME["download-get"]
    good = {"downloadUrl": "/export/files/export_1_a.csv", "status": "ready", "timestamp": NOW}
    assert judge_behaviour(case, 200, json.dumps(good)) is None
    assert judge_behaviour(case, 200, json.dumps(good | {"status": "pending"})) is not None
    assert judge_behaviour(case, 200, json.dumps(good | {"downloadUrl": None})) is not None
    assert judge_behaviour(case, 200, "ready") is not None


def test_bad_bodies_are_counted_as_rejected() -> None:
    """Each refused export counts; requests for files do not."""
    assert all(case.rejected == (case.path == "/export/run" and case.expect <= {400, 413}) for case in CASES)


def test_a_page_for_prometheus_is_a_page_that_knows_of_exports() -> None:
    """Malformed, or without the exports that were done, is wrong; well-formed and knowing is right."""
    case = next(case for case in CASES if case.kind == "page")
    media = {"content-type": "text/plain; version=0.0.4"}
    series = 'export_requests_total{format="csv",status="succeeded",user="a"}'
    others = "".join(f"{name} 0\n" for family in FAMILIES[1:] for name in family.series)
    pages = [f"{series} {count}\n{others}" for count in (3, 0, "three")]
    said = [judge_behaviour(case, 200, page, media) for page in (*pages, f"{series} 3\n")]
    assert said[0] is None
    assert "lacks export_latency_ms, export_bytes_total, export_concurrent_running" in str(said[3])
    assert "counts no export that succeeded" in str(said[1])
    assert "is malformed" in str(said[2])


def test_a_large_body_may_be_refused_in_three_ways() -> None:
    """400, 413 and a connection that is closed early pass; an export, a hang and a crash do not."""
    case = BY_NAME["bad-large-body"]
    assert case.sent is not None
    assert len(case.sent) > case.padding_bytes == 30_000_000
    answers = [(400, None), (413, None), (None, "reset"), (200, None), (500, None), (None, "timeout")]
    judged = [judge_behaviour(case, status, error("no JSON"), None, problem) is None for status, problem in answers]
    assert judged == [True, True, True, False, False, False]
