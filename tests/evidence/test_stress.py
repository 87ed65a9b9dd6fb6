"""Stress at the evidence command: a fresh service for each case, one report, and a page that needs no other file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from assertions.limits import DEFAULT_PATH
from evidence import command as entry
from evidence import stress
from evidence.reports.faces.stress_html import html, plots
from evidence.settings import RunError
from loadtests.runner.request import NAME, StressRequest, read_stress_request
from loadtests.stress.search import CaseResult, Percentiles, Step, Stress, Word
from tests.evidence.command import Shown
from tests.evidence.recorded import raising
from tests.evidence.runs.test_drive import stand_in, started

Patch = pytest.MonkeyPatch
pytestmark = pytest.mark.e2e


def step(number: int, rate: float, word: Word, p95_ms: float | None = 120.0) -> Step:
    """A step with this P95."""
    seen = None if p95_ms is None else Percentiles(count=9, p50_ms=p95_ms / 2, p95_ms=p95_ms, p99_ms=p95_ms * 2)
    return Step(
        number=number, rate_per_s=rate, seconds=5, planned=9, done=9, refused=0, failed=0, intended=seen, sent=seen,
        growth=None if p95_ms is None else 0.01, start_delay_p99_ms=None if p95_ms is None else 1.0, cpu_ratio=0.1,
        others_ratio=0.25 if word == "broke" else None, word=word, reason=f"why <{word}>",
    )  # fmt: skip


def case(name: str, records: int, outcome: Any, *steps: Step, unloaded: tuple[float, ...] = (50.0,)) -> CaseResult:
    """What a search found, as far as a page shows it."""
    held = max((one.rate_per_s for one in steps if one.word == "held"), default=None)
    broke = min((one.rate_per_s for one in steps if one.word == "broke"), default=None)
    return CaseResult(
        case=name, format=name[:3], records=records, body_bytes=1_700_000, unloaded_ms=unloaded, outcome=outcome,
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
        case("pdf-50k", 50_000, "below", unloaded=()),
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


def test_the_page_needs_no_other_file() -> None:
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
    assert "pdf unloaded, median" in texts["Latency against size"]
    assert "pdf" not in texts["Highest rate against size"]


def test_a_session_of_nothing_has_a_page() -> None:
    """Where not one export was done nothing is drawn, and the table says so."""
    nothing = msgspec.structs.replace(SESSION, found=(case("pdf-50k", 50_000, "below", unloaded=()),))
    assert "<td>none</td>" in html(nothing)
    assert list(plots(nothing)) == []


def test_a_real_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real service, the real drive: a table, a page, and a report that says which rates were tried."""
    out = tmp_path / "out"
    words = ["stress", "--out", str(out), "--sizes", "50", "--formats", "csv", "--rates", "6,12", "--seconds", "1"]
    assert entry.main(words) == 0
    reported = capsys.readouterr().out
    report = msgspec.json.decode((out / "stress.json").read_bytes(), type=Stress)
    assert report.target == "embedded"
    assert [(one.rate_per_s, one.planned, one.word) for one in report.found[0].steps] == [
        (6, 6, "held"),
        (12, 12, "held"),
    ]
    assert report.found[0].outcome == "at least"
    assert "csv-50 at 12/s for 1 s: HELD" in reported and "at least 12" in reported
    assert (out / "stress.html").read_text("utf-8") == html(report)
    assert '"event": "listening"' in (out / "csv-50-service.log").read_text().replace('":"', '": "')
    assert stress.MAX_BODY[0] not in os.environ


def options(out: Path, **fields: Any) -> stress.StressSettings:
    """What a session of one case is asked for."""
    usual: dict[str, Any] = {
        "target": "http://h:1/b", "out": out, "sizes": ("10k",), "formats": ("pdf",), "rates": (), "seconds": 2.0,
        "max_rate": 50.0, "limits": DEFAULT_PATH, "target_pid": None, "workers": 2, "seed": 3, "insecure": True,
    }  # fmt: skip
    return stress.StressSettings(**{**usual, **fields})


def test_what_the_load_side_is_reported(tmp_path: Path, monkeypatch: Patch) -> None:
    """Every option reaches the load side in one file, with paths that hold from another folder."""
    stand_in(
        tmp_path,
        monkeypatch,
        "file = pathlib.Path(sys.argv[5]); (file.parent / 'stress.json').write_text('{}');"
        "(file.parent / 'seen.json').write_bytes(file.read_bytes()); print('halfway', file=sys.stderr)",
    )
    monkeypatch.chdir(tmp_path)
    shown = Shown()
    asked = stress.request_for(options(Path(), rates=(2.0, 4.0)), "pdf-10k", "http://h:1/b", 7)
    stress.drive(tmp_path, asked, shown)
    assert read_stress_request(tmp_path / "seen.json") == asked
    assert asked == StressRequest(
        target="http://h:1/b", out=str(tmp_path), cases=("pdf-10k",), seed=3, rates=(2.0, 4.0), max_rate=50.0,
        seconds=2.0, workers=2, target_pid=7, insecure=True, limits=str(DEFAULT_PATH.resolve()),
    )  # fmt: skip
    assert shown.lines == ["halfway"]
    assert not (tmp_path / "stress.json").exists() and not (tmp_path / NAME).exists()


@pytest.mark.parametrize("mine", [None, "1MiB"])
def test_our_own_service_takes_large_bodies(tmp_path: Path, monkeypatch: Patch, mine: str | None) -> None:
    """The embedded service is started for each case with a larger body limit, unless the user sets one."""
    seen: list[str] = []
    asked: list[StressRequest] = []

    @contextmanager
    def service(log: Path, environment: dict[str, str]) -> Iterator[Any]:
        seen.append(environment["EXPORT_MAX_BODY"])
        yield SimpleNamespace(url="http://127.0.0.1:9", pid=7)

    monkeypatch.delenv("EXPORT_MAX_BODY", raising=False)
    if mine is not None:
        monkeypatch.setenv("EXPORT_MAX_BODY", mine)
    session = options(tmp_path, target=None, sizes=("10k", "50k"))
    with pytest.raises(RunError):  # there is no record to report on
        stress.run(session, Shown(), service, lambda out, request, view: asked.append(request))
    assert seen == [mine or "256MiB"] * 2
    assert os.environ.get("EXPORT_MAX_BODY") == mine
    assert [(one.target, one.target_pid, one.cases) for one in asked] == [
        ("http://127.0.0.1:9", 7, ("pdf-10k",)),
        ("http://127.0.0.1:9", 7, ("pdf-50k",)),
    ]


def test_a_load_side_without_a_report_is_reported_by_its_sentence(tmp_path: Path, monkeypatch: Patch) -> None:
    """What it says last is why the session ends."""
    stand_in(tmp_path, monkeypatch, "sys.stderr.write('loadtests: the target is gone\\n'); sys.exit(2)")
    with pytest.raises(RunError, match=r"^the target is gone$"):
        stress.drive(tmp_path, stress.request_for(options(tmp_path), "pdf-10k", "u", None), Shown())


def test_the_load_side_is_gone_after_an_interrupt(tmp_path: Path, monkeypatch: Patch) -> None:
    """Interrupted, it may close its record, and no process of it is left."""
    stand_in(tmp_path, monkeypatch, "print('ready', file=sys.stderr, flush=True); time.sleep(60)")
    processes = started(monkeypatch)
    shown = Shown()
    monkeypatch.setattr(shown, "say", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        stress.drive(tmp_path, stress.request_for(options(tmp_path), "pdf-10k", "u", None), shown)
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
        assert entry.main(["stress", "--sizes", "5", "--formats", "csv", *words]) == 2
        (sentence,) = capsys.readouterr().err.splitlines()
        assert sentence.startswith("evidence: ")
    assert (tmp_path / "csv-5" / "mine").read_text() == "mine"
