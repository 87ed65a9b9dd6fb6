"""Stress at the evidence door: a fresh service for each case, one report, and a page that needs nothing beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from evidence import __main__ as entry
from evidence import stress
from evidence.reports.stress_html import html, plots
from evidence.run import RunError
from loadtests.stress.search import CaseResult, Percentiles, Step, Stress, Word
from tests.evidence.test_run import Patch, quiet, raising

pytestmark = pytest.mark.e2e


def step(number: int, rate: float, word: Word, p95_ms: float | None = 120.0) -> Step:
    """A step with this P95."""
    seen = None if p95_ms is None else Percentiles(count=9, p50_ms=p95_ms / 2, p95_ms=p95_ms, p99_ms=p95_ms * 2)
    return Step(
        number=number, rate_per_s=rate, seconds=5, planned=9, done=9, refused=0, failed=0, intended=seen, sent=seen,
        growth=None if p95_ms is None else 0.01, start_delay_p99_ms=None if p95_ms is None else 1.0, cpu_ratio=0.1,
        others_ratio=0.25 if word == "broke" else None, word=word, reason=f"why <{word}>",
    )  # fmt: skip


def case(name: str, records: int, outcome: Any, *steps: Step, alone: tuple[float, ...] = (50.0,)) -> CaseResult:
    """What a search found, as far as a page shows it."""
    held = max((one.rate_per_s for one in steps if one.word == "held"), default=None)
    broke = min((one.rate_per_s for one in steps if one.word == "broke"), default=None)
    return CaseResult(
        case=name, format=name[:3], records=records, body_bytes=1_700_000, alone_ms=alone, outcome=outcome,
        highest_held_per_s=None if outcome == "no data" else held, lowest_broke_per_s=broke, reason="because",
        steps=steps,
    )  # fmt: skip


SESSION = Stress(
    target="http://host/<b>",
    seed=17,
    limits_sha256="0",
    latency_limit="< 10,000 ms",
    success_limit=">= 0.95 ratio",
    found=(
        case("csv-10k", 10_000, "held", step(1, 10, "held"), step(2, 20, "broke", 900.0)),
        case("csv-1000k", 1_000_000, "below", step(1, 0.1, "broke", 12_000.0)),
        case("csv-50k", 50_000, "at least", step(1, 5, "held")),
        case("pdf-10k", 10_000, "no data", step(1, 5, "held"), step(2, 9, "no data"), step(3, 9, "no data", None)),
        case("pdf-50k", 50_000, "below", alone=()),
    ),
)


class Tags(HTMLParser):
    """Collects every address that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]


def test_the_page_needs_nothing_beside_it() -> None:
    """No script, no image, no address but places within itself; what a target is called is shown as plain text."""
    page = html(SESSION)
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "link", "iframe", "b"} & set(tags.names)
    assert all(address.startswith("#") for address in tags.addresses)
    assert tags.names.count("svg") == 3
    assert "http://host/&lt;b&gt;" in page
    assert "<td>below 0.1</td>" in page and "<td>at least 5</td>" in page and "<td>NO DATA</td>" in page
    assert page.count('<td class="broke">BROKE</td>') == 2
    assert page.count("<td>25%</td>") == 2
    assert "makes nothing GREEN" in page
    assert html(SESSION) == page


def test_the_plots_show_every_case_the_limit_and_the_break() -> None:
    """Each drawing is well-formed; a line a case that was measured under load, the limit, and the break named."""
    drawn = dict(plots(SESSION))
    texts = {title: " ".join(ET.fromstring(svg).itertext()) for title, svg in drawn.items()}
    rate = texts["Latency against rate"]
    for word in ("csv-10k", "csv-1000k", "csv-50k", "pdf-10k", "limit < 10,000 ms", "breaks: csv-10k"):
        assert word in rate
    assert "breaks: csv-1000k" not in rate
    assert "pdf-50k" not in rate
    assert "csv P95 at the highest rate" in texts["Latency against size"]
    assert "pdf alone, median" in texts["Latency against size"]
    assert "pdf" not in texts["Highest rate against size"]


def test_a_session_of_nothing_has_a_page() -> None:
    """Where not one export was done nothing is drawn, and the table says so."""
    nothing = msgspec.structs.replace(SESSION, found=(case("pdf-50k", 50_000, "below", alone=()),))
    assert "<td>none</td>" in html(nothing)
    assert list(plots(nothing)) == []


def test_a_real_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real service, the real drive: a table, a page, and a report that says which rates were tried."""
    out = tmp_path / "out"
    words = ["stress", "--out", str(out), "--sizes", "50", "--formats", "csv", "--rates", "6,12", "--seconds", "1"]
    assert entry.main(words) == 0
    told = capsys.readouterr().out
    report = msgspec.json.decode((out / "stress.json").read_bytes(), type=Stress)
    assert report.target == "embedded"
    assert [(one.rate_per_s, one.planned, one.word) for one in report.found[0].steps] == [
        (6, 6, "held"),
        (12, 12, "held"),
    ]
    assert report.found[0].outcome == "at least"
    assert "csv-50 at 12/s for 1 s: HELD" in told and "at least 12" in told
    assert (out / "stress.html").read_text("utf-8") == html(report)
    assert '"event": "listening"' in (out / "csv-50-service.log").read_text().replace('":"', '": "')
    assert stress.MAX_BODY[0] not in os.environ


def stand_in(folder: Path, monkeypatch: Patch, text: str) -> None:
    """A program in place of the load room's door."""
    program = folder / "program"
    program.write_text(f"#!{sys.executable}\nimport sys, json, pathlib, time, signal\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setattr(stress, "interpreter", lambda: str(program))


def options(*words: str) -> Any:
    """What these words ask for."""
    return entry._parser().parse_args(["stress", *words])


WRITES = (
    "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1]); (out / 'stress.json').write_text('{}')\n"
    "(out / 'told.json').write_text(json.dumps(sys.argv[1:])); print('halfway', file=sys.stderr)"
)


def test_what_the_load_room_is_told(tmp_path: Path, monkeypatch: Patch) -> None:
    """Every option reaches it, with paths that hold from another folder; its progress is passed on."""
    stand_in(tmp_path, monkeypatch, WRITES)
    said: list[str] = []
    asked = options(
        "--target", "http://h:1/b/", "--target-pid", "7", "--insecure", "--out", str(tmp_path), "--rates", "4,2",
        "--seconds", "2", "--max-rate", "50", "--workers", "2", "--seed", "3",
    )  # fmt: skip
    stress._measure(asked, "pdf-10k", said.append)
    told = json.loads((tmp_path / "told.json").read_text())
    assert told == [
        *("-m", "loadtests", "stress", "--target", "http://h:1/b", "--target-pid", "7", "--out", str(tmp_path)),
        *("--sizes", "10k", "--formats", "pdf", "--seconds", "2.0", "--seed", "3", "--max-rate", "50.0"),
        *("--limits", str(asked.limits.resolve()), "--workers", "2", "--rates", "2.0,4.0", "--insecure"),
    ]
    assert said == ["halfway"]
    assert not (tmp_path / "stress.json").exists()


@pytest.mark.parametrize("mine", [None, "1MiB"])
def test_our_own_service_takes_large_bodies(tmp_path: Path, monkeypatch: Patch, mine: str | None) -> None:
    """It is told to, unless the user says otherwise; the environment is as before afterwards."""
    seen: list[str | None] = []

    @contextmanager
    def service(log: Path) -> Iterator[Any]:
        seen.append(os.environ.get("EXPORT_MAX_BODY"))
        yield SimpleNamespace(url="http://127.0.0.1:9", pid=7)

    stand_in(tmp_path, monkeypatch, WRITES)
    monkeypatch.setattr(stress, "running", service)
    monkeypatch.delenv("EXPORT_MAX_BODY", raising=False)
    if mine is not None:
        monkeypatch.setenv("EXPORT_MAX_BODY", mine)
    stress._measure(options("--out", str(tmp_path)), "csv-10k", quiet)
    assert seen == [mine or "256MiB"]
    assert os.environ.get("EXPORT_MAX_BODY") == mine
    told = json.loads((tmp_path / "told.json").read_text())
    assert told[3:7] == ["--target", "http://127.0.0.1:9", "--target-pid", "7"]


def test_a_load_room_without_a_report_is_told_by_its_sentence(tmp_path: Path, monkeypatch: Patch) -> None:
    """What it says last is why the session ends."""
    stand_in(tmp_path, monkeypatch, "sys.stderr.write('loadtests: the target is gone\\n'); sys.exit(2)")
    with pytest.raises(RunError, match=r"^the target is gone$"):
        stress.run(options("--target", "http://h", "--out", str(tmp_path / "out"), "--sizes", "5"), quiet)


def test_the_load_room_is_gone_after_an_interrupt(tmp_path: Path, monkeypatch: Patch) -> None:
    """Interrupted, it may close its record, and no process of it is left."""
    stand_in(tmp_path, monkeypatch, "print('ready', file=sys.stderr, flush=True); time.sleep(60)")
    processes: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def noted(*words: Any, **how: Any) -> subprocess.Popen[str]:
        processes.append(real(*words, **how))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    asked = options("--target", "http://h", "--out", str(tmp_path / "out"), "--sizes", "5")
    with pytest.raises(RunError, match=r"^interrupted; the records until then are in .*out, without a report$"):
        stress.run(asked, raising(KeyboardInterrupt()))
    assert processes[0].returncode not in (None, 0)


def test_what_can_not_be_begun_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of somebody else's, a file in its place, limits that can't be read, a page that can't be written."""
    (tmp_path / "csv-5").mkdir()
    (tmp_path / "csv-5" / "mine").write_text("mine")
    (tmp_path / "file").write_text("")
    (tmp_path / "page" / "stress.html" / "x").mkdir(parents=True)
    for words in (
        ("--out", str(tmp_path)),
        ("--out", str(tmp_path / "file")),
        ("--out", str(tmp_path / "new"), "--limits", str(tmp_path / "none.toml")),
        ("--out", str(tmp_path / "page")),
    ):
        assert entry.main(["stress", "--target", "http://127.0.0.1:9", "--sizes", "5", "--formats", "csv", *words]) == 2
        (sentence,) = capsys.readouterr().err.splitlines()
        assert sentence.startswith("evidence: ")
    assert (tmp_path / "csv-5" / "mine").read_text() == "mine"
