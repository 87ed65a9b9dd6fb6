"""The page in a headless browser: everything it asks for is answered from here, and nothing leaves the machine."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dashboards.panels.errors import PanelsError

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
ORIGIN: Final = "http://localhost/"
"""Never asked over the network: each request is answered by `_Answers`."""
PROXY: Final = "/prometheus/"
WIDTH, HEIGHT = 1440, 900
QUERY_TIMEOUT_S: Final = 30.0
DRAWN_TIMEOUT_MS: Final = 60_000
HTML: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Panels</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="main.css">
<style>body { overflow: visible; } #root { padding: 16px; }</style>
</head><body><div id="root"></div><script src="main.js"></script></body></html>
"""
_KINDS: Final = {".js": "text/javascript", ".css": "text/css"}
_WAITING: Final = """() => window.failure
    || Object.values(window.panels()).every((panel) => panel.state === 'failed'
        || (panel.state === 'done' && (panel.series.length === 0 || panel.draws > 0)))"""
_SETTLED: Final = "() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 500))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One panel as the page reports it."""

    record: dict[str, Any]
    measured: dict[str, Any]
    picture: bytes
    """PNG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All panels, by id."""

    browser: str
    overview: bytes
    """PNG of the whole dashboard."""
    panels: dict[int, Drawn]


@dataclass(kw_only=True)
class _Answers:
    """What the page asks for: its own files, the dashboard, and Prometheus through a proxy."""

    site: Path
    prometheus: str
    files: Mapping[str, bytes]
    refused: list[str] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        url = route.request.url
        parts = urllib.parse.urlsplit(url)
        name = parts.path.removeprefix("/")
        if not url.startswith(ORIGIN):
            self.refused.append(url)
            route.abort()
        elif parts.path.startswith(PROXY):
            status, body = _asked(f"{self.prometheus}/{parts.path.removeprefix(PROXY)}?{parts.query}")
            route.fulfill(status=status, body=body, content_type="application/json")
        elif name in self.files:
            route.fulfill(body=self.files[name], content_type="application/json")
        elif name == "":
            route.fulfill(body=HTML, content_type="text/html")
        elif (self.site / name).suffix in _KINDS and (self.site / name).is_file():
            route.fulfill(body=(self.site / name).read_bytes(), content_type=_KINDS[(self.site / name).suffix])
        else:
            self.refused.append(url)
            route.fulfill(status=404, body="")


def draw(
    browser: str,
    site: Path,
    dashboard: bytes,
    prometheus: str,
    span_ms: tuple[int, int],
    scrape_interval_ms: int,
    ids: tuple[int, ...],
) -> Drawing:
    """Draw a dashboard's file, as it is, and take a picture of each panel. PanelsError where the page fails.

    site: the folder with the built page; prometheus: base URL; ids: of the panels to take pictures of.
    """
    settings = {"from": span_ms[0], "to": span_ms[1], "scrapeIntervalMs": scrape_interval_ms}
    files = {"dashboard.json": dashboard, "settings.json": json.dumps(settings).encode()}
    answers = _Answers(site=site, prometheus=prometheus, files=files)
    with _opened(browser) as (page, version):
        errors = list[str]()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route("**/*", answers.answer)
        page.goto(ORIGIN)
        _await_drawn(page, errors)
        records = page.evaluate("() => window.panels()")
        panels = {number: _drawn(page, number, records[str(number)]) for number in ids}
        return Drawing(browser=version, overview=page.locator("#root").screenshot(), panels=panels)


def _await_drawn(page: Page, errors: list[str]) -> None:
    """Return once each panel is drawn, or its data has failed; at the latest after a minute, with what there is."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout  # noqa: PLC0415

    try:
        page.wait_for_function("() => window.failure || Object.keys(window.panels?.() ?? {}).length > 0")
        page.wait_for_function(_WAITING, timeout=DRAWN_TIMEOUT_MS)
    except PlaywrightTimeout as error:
        if errors:
            raise PanelsError(f"the page that draws the panels failed: {errors[0][:400]}") from error
    failure = page.evaluate("() => window.failure ?? null")
    if failure is not None:
        raise PanelsError(f"the dashboard can't be drawn: {str(failure)[:400]}")
    height = page.evaluate("() => document.documentElement.scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": max(HEIGHT, int(height))})
    page.evaluate(_SETTLED)


def _drawn(page: Page, number: int, record: dict[str, Any]) -> Drawn:
    place = page.locator(f'[data-viz-panel-key="panel-{number}"]')
    return Drawn(
        record=record, measured=page.evaluate("(id) => window.measured(id)", number), picture=place.screenshot()
    )


@contextmanager
def _opened(browser: str) -> Iterator[tuple[Page, str]]:
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - only drawing takes it
    except ImportError as error:
        raise PanelsError(
            "drawing panels takes the Python package playwright, which is not installed; "
            "`nox -s panels` brings it, or `pip install playwright`"
        ) from error
    try:
        with sync_playwright() as playwright:
            opened = playwright.chromium.launch(executable_path=browser, args=list(FLAGS))
            try:
                page = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1)
                yield page, f"Chromium {opened.version}"
            finally:
                opened.close()
    except Error as error:
        raise PanelsError(f"the browser failed: {str(error).splitlines()[0]}") from error


def _asked(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=QUERY_TIMEOUT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError as error:
        return 502, json.dumps({"status": "error", "error": f"no answer: {error}"}).encode()
