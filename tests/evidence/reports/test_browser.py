"""The page in a real browser, from disk: no error, no request, nothing cut off, no serious fault of accessibility."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from assertions.judge import judge
from assertions.record.run import Run
from evidence.reports.faces.html import html
from evidence.reports.plots import draw
from tests.assertions.healthy.records import healthy
from tests.evidence.golden import CASES, model_of
from tests.evidence.sample_reports import LIMITS

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
CHROMIUM = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="no chromium or google-chrome is installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield opened
        opened.close()


def written(name: str, folder: Path) -> Path:
    """A case's page with real drawings in it, on disk."""
    run = Run(Path("run"), {"load": healthy("load")})
    draw(folder / "plots", run, judge(run, LIMITS), LIMITS)
    drawing = (folder / "plots" / "load-timeline.svg").read_text(encoding="utf-8")
    model = model_of(name)
    (folder / "report.html").write_text(html(model, dict.fromkeys((one.path for one in model.plots), drawing)))
    return folder / "report.html"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
@pytest.mark.parametrize("name", CASES)
def test_the_page_in_a_browser(browser: Browser, tmp_path: Path, name: str, width: int, scheme: Any) -> None:
    """At phone and desk width, dark and light: nothing in the console, nothing fetched, no sideways scrolling."""
    page_path = written(name, tmp_path)
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    console, requests = list[str](), list[str]()
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_path.as_uri())
    assert console == []
    assert [url for url in requests if url != page_path.as_uri() and not url.startswith("data:")] == []
    assert cast(int, page.evaluate("document.documentElement.scrollWidth")) <= width
    assert page.locator(".colour").inner_text() == CASES[name][0].colour
    faults = Axe().run(page).response["violations"]
    assert [one["id"] for one in faults if one["impact"] in ("serious", "critical")] == []
    page.close()


def test_the_page_is_small(tmp_path: Path) -> None:
    """A page with a drawing is far below 6 MB."""
    assert written("red", tmp_path).stat().st_size < 2_000_000
