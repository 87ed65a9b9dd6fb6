"""Pictures of the panels in a run directory: judged, shown, and vouched for like all else that a run leaves."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from msgspec.structs import replace

from assertions.console import run_command
from assertions.record.files import write_one
from assertions.record.prometheus_run import SAMPLES
from assertions.record.results.panels_drawn import PANELS, RESULTS, PanelsDrawn
from dashboards.panels.page import Tools
from evidence import panels
from evidence.bundle.layout import HTML, REPORT
from evidence.bundle.verify import verify
from evidence.settings import Settings
from tests.assertions.healthy.drawn import drawn_files

pytestmark = pytest.mark.e2e
"""The run directory is made by the real command on a real target."""


def picture(shade: int) -> bytes:
    """A small picture of one colour."""
    file = io.BytesIO()
    image.imsave(file, np.full((4, 8, 3), shade, dtype=np.uint8), format="png")
    return file.getvalue()


def drawn_into(out: Path, dashboard: Path, tools: Tools, finite: int = 60) -> PanelsDrawn:
    """Stand in for the browser: leave three pictures, the first panel with so many points."""
    samples = out / "smoke" / SAMPLES
    samples.write_bytes(b"samples")
    (out / PANELS).mkdir()
    drawn = drawn_files().drawn
    made = []
    for shade, panel in enumerate(drawn.panels, 10):
        (out / PANELS / panel.picture).write_bytes(picture(shade))
        made.append(replace(panel, sha256=hashlib.sha256(picture(shade)).hexdigest()))
    made[0] = replace(made[0], queries=(replace(made[0].queries[0], finite=finite),))
    (out / PANELS / drawn.overview).write_bytes(picture(9))
    reported = replace(
        drawn,
        scenario="smoke",
        samples_sha256=hashlib.sha256(b"samples").hexdigest(),
        overview_sha256=hashlib.sha256(picture(9)).hexdigest(),
        panels=tuple(made),
    )
    write_one(out / PANELS / RESULTS, reported)
    return reported


@dataclass(frozen=True)
class Asked:
    """The exit code and what was printed."""

    code: int
    out: str
    err: str


Ask = Callable[..., Asked]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run the command in this process with a browser and tools that are stood in for."""
    monkeypatch.setattr(panels, "find_tools", lambda env: Tools(node="node", npm="npm", browser="chromium"))
    monkeypatch.setattr(panels, "draw_run", drawn_into)

    def asked(*words: str) -> Asked:
        code = run_command(panels.panels_command, words, "panels")
        return Asked(code, *capsys.readouterr())

    return asked


def test_a_run_takes_its_pictures_in(ask: Ask, bundle: Path) -> None:
    """The run directory verifies before and after; its report shows each picture and the figures."""
    asked = ask(str(bundle))
    assert (asked.code, asked.err) == (0, "")
    assert asked.out.splitlines() == [
        "ok   Export Latency P95 (ms): 60 points",
        "ok   Export Success Rate (%): 60 points",
        "ok   Export Throughput (ops/sec): 120 points",
        "ok   Export Bytes Total (MB): 60 points",
        "ok   Concurrent Exports: 60 points",
        "ok   Queue depth: 60 points",
        f"pictures: {bundle / PANELS}",
    ]
    assert verify(bundle)[0] == []
    report = (bundle / REPORT).read_text(encoding="utf-8")
    assert "## The dashboard's panels" in report
    assert [f"]({PANELS}/{name})" in report for name in ("02.png", "03.png", "06.png")] == [True] * 3
    assert (bundle / HTML).read_text(encoding="utf-8").count('src="data:image/png;base64,') == 6


def test_an_edited_picture_is_found(ask: Ask, bundle: Path) -> None:
    """The manifest, the check and the page each say so; so does a picture that is gone or is none."""
    assert ask(str(bundle)).code == 0
    (bundle / PANELS / "02.png").write_bytes(picture(200))
    problems, report = verify(bundle)
    assert report is not None
    reported = next(verdict for verdict in report.verdicts if verdict.id == "panels-drawn")
    assert reported.judgement.reason == "the picture 02.png is not the one that was drawn"
    assert any(problem.startswith(f"{PANELS}/02.png was changed") for problem in problems)
    assert any(problem.startswith(f"{HTML} ") for problem in problems)
    (bundle / PANELS / "02.png").write_bytes(b"<svg onload=...>")
    assert verify(bundle)[0] != []
    (bundle / PANELS / "02.png").unlink()
    assert f"{PANELS}/02.png is missing" in verify(bundle)[0]


def test_a_panel_without_data_is_red(ask: Ask, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, the panel is named, and the published run is RED and verifies."""
    monkeypatch.setattr(panels, "draw_run", lambda out, dashboard, tools: drawn_into(out, dashboard, tools, finite=0))
    asked = ask(str(bundle))
    assert asked.code == 1
    assert asked.out.startswith("FAIL Export Latency P95 (ms): query A brought no data point: q\n")
    problems, report = verify(bundle)
    assert (problems, report is not None and report.colour) == ([], "RED")


def test_nothing_is_drawn_into_a_run_that_does_not_hold(ask: Ask, bundle: Path) -> None:
    """An edited run can't be published again with a new manifest by having its panels drawn."""
    (bundle / "smoke" / "locust.log").write_text("edited")
    asked = ask(str(bundle))
    assert asked.code == 1
    assert asked.out.endswith(f"{bundle} does not hold, so nothing is drawn into it; problems: 2\n")
    assert not (bundle / PANELS).exists()


def test_a_missing_tool_is_one_sentence(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 before anything is run or changed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_command(panels.panels_command, [str(bundle)], "panels") == 2
    assert not (bundle / PANELS).exists()


def test_without_a_folder_load_is_run_first(ask: Ask, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded service, scenario load, in a separate folder."""
    asked_for = list[Settings]()
    monkeypatch.setattr(panels, "run", lambda settings, view: asked_for.append(settings))
    monkeypatch.setattr(panels, "DEFAULT_OUT", bundle)
    assert ask().code == 0
    assert [(one.scenarios, one.out, one.target) for one in asked_for] == [(("load",), bundle, None)]
