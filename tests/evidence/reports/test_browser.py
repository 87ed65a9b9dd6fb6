"""The pages in a real browser, from disk: no error, no request, nothing cut off, plots that zoom, no serious fault of
accessibility."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from assertions.judge import judge
from assertions.record.run import Run
from evidence.comparison.compare import compare
from evidence.comparison.page import comparison_page
from evidence.comparison.samples import samples_of
from evidence.reports.faces.html import html
from evidence.reports.plots.drawings import drawings_of, plots_of
from evidence.reports.plots.model import Drawing
from evidence.reports.plots.static import svg
from tests.assertions.healthy.records import healthy, with_hits
from tests.evidence.comparison.test_compare import comparison
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


@cache
def drawings() -> tuple[Drawing, ...]:
    """The plots of a healthy load."""
    run = Run(Path("run"), {"load": healthy("load")})
    return drawings_of(run, judge(run, LIMITS), LIMITS)


@cache
def page_of(name: str) -> str:
    """A case's page with real plots in it."""
    model = replace(model_of(name), plots=tuple(plots_of("plots", drawings())))
    return html(model, {f"plots/{drawing.name}.svg": svg(drawing) for drawing in drawings()}, drawings())


def written(name: str, folder: Path) -> Path:
    """A case's page on disk."""
    (folder / "report.html").write_text(page_of(name), encoding="utf-8")
    return folder / "report.html"


def opened(browser: Browser, path: Path, width: int = 1280, scheme: Any = "light", script: bool = True) -> Page:
    """A page, with its plots drawn; fails where anything stood in the console or was fetched."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script
    )
    page = context.new_page()
    console, requests = list[str](), list[str]()
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    if script:
        page.wait_for_function("document.documentElement.dataset.plots === 'ready'", timeout=60_000)
    assert console == []
    assert [url for url in requests if url != path.as_uri() and not url.startswith("data:")] == []
    return page


def serious_faults(page: Page) -> list[str]:
    """Serious faults of accessibility, by axe."""
    faults = Axe().run(page).response["violations"]
    return [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    # what runs over the edge does so on a phone; at a desk the pages that between them show every colour
    [*((name, 390, "dark") for name in CASES), *((name, 1280, "light") for name in ("waived", "red", "no_data"))],
)
def test_the_page_in_a_browser(browser: Browser, tmp_path: Path, name: str, width: int, scheme: Any) -> None:
    """At phone and desk width, dark and light: nothing in the console, nothing fetched, no sideways scrolling."""
    page = opened(browser, written(name, tmp_path), width, scheme)
    assert cast(int, page.evaluate("document.documentElement.scrollWidth")) <= width
    assert page.locator(".colour").inner_text() == CASES[name][0].colour
    assert serious_faults(page) == []
    page.context.close()


def x_range(page: Page, name: str) -> tuple[float, float]:
    """The range of x that a plot shows."""
    start, end = cast(
        list[float],
        page.evaluate(
            """name => {
              const roots = Bokeh.documents.flatMap((document) => document.roots());
              const range = roots.flatMap((root) => root.children.map(([plot]) => [root, plot]))
                .find(([root]) => root.name === name)[1].x_range;
              return [range.start, range.end];
            }""",
            name,
        ),
    )
    return start, end


def drag(page: Page, name: str) -> None:
    """Drag the mouse over the middle of a plot's first panel."""
    place = page.locator(f"#zoomed-{name} .bk-Figure, #zoomed-{name} [class*=bk-Figure]").first
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, height, steps=5)
    page.mouse.up()


def test_a_plot_is_zoomed_by_mouse_and_keys(browser: Browser, tmp_path: Path) -> None:
    """Dragging shows a part of the time axis in both plots of the scenario; keys zoom, move and show all again."""
    page = opened(browser, written("green", tmp_path))
    whole = x_range(page, "load-timeline")
    assert whole == next(drawing.x_range for drawing in drawings() if drawing.name == "load-timeline")
    drag(page, "load-timeline")
    zoomed = x_range(page, "load-timeline")
    assert whole[0] < zoomed[0] < zoomed[1] < whole[1]
    assert x_range(page, "load-target") == pytest.approx(zoomed)
    place = page.locator("#zoomed-load-target")
    place.press("0")
    assert x_range(page, "load-timeline") == pytest.approx(whole)
    place.press("+")
    start, end = x_range(page, "load-timeline")
    assert end - start == pytest.approx((whole[1] - whole[0]) / 2)
    place.press("ArrowRight")
    assert x_range(page, "load-timeline")[0] > start
    page.context.close()


def test_hovering_shows_the_value(browser: Browser, tmp_path: Path) -> None:
    """The mouse over a point of the latencies shows its value and which export it was."""
    page = opened(browser, written("green", tmp_path))
    at = cast(
        dict[str, Any],
        page.evaluate(
            """() => {
              document.getElementById("zoomed-load-timeline").scrollIntoView();
              const root = Bokeh.documents.flatMap((document) => document.roots())
                .find((one) => one.name === "load-timeline");
              const plot = Bokeh.index.find_one_by_id(root.children[0][0].id);
              const points = plot.model.renderers.find((renderer) => renderer.name === "csv");
              const data = points.data_source.data;
              const [x, y] = [...(data.get ? [data.get("x"), data.get("y")] : [data.x, data.y])].map((ys) => ys[0]);
              const box = plot.el.getBoundingClientRect();
              const frame = plot.frame;
              return { left: box.left + frame.x_scale.compute(x), top: box.top + frame.y_scale.compute(y), y };
            }"""
        ),
    )
    page.mouse.move(at["left"] - 1, at["top"])
    page.mouse.move(at["left"], at["top"], steps=3)
    tooltip = page.locator(".plot-value").first
    tooltip.wait_for(state="visible")
    assert f"{at['y']:,.6g} ms" in tooltip.inner_text()
    assert "csv-" in tooltip.inner_text()
    page.context.close()


def test_without_scripts_and_in_print_the_pictures_stand(browser: Browser, tmp_path: Path) -> None:
    """The static picture is there where scripts don't run, and on paper."""
    path = written("green", tmp_path)
    still, zoomed = "#figure-load-timeline .still svg", "#zoomed-load-timeline"
    page = opened(browser, path, script=False)
    assert (page.locator(still).is_visible(), page.locator(zoomed).is_visible()) == (True, False)
    page.context.close()
    page = opened(browser, path)
    assert (page.locator(still).is_visible(), page.locator(zoomed).is_visible()) == (False, True)
    page.emulate_media(media="print")
    assert (page.locator(still).is_visible(), page.locator(zoomed).is_visible()) == (True, False)
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_comparison_in_a_browser(browser: Browser, tmp_path: Path, width: int, scheme: Any) -> None:
    """The page of a comparison works as the report does."""
    record = healthy("load")
    slow = with_hits(record, lambda hit: {"end": hit.start + 2 * (hit.end - hit.start)})
    before, after = samples_of({"load": record}), samples_of({"load": slow})
    path = tmp_path / "comparison.html"
    path.write_text(comparison_page(comparison(*compare(before, after)), before, after, "measured"), encoding="utf-8")
    page = opened(browser, path, width, scheme)
    assert cast(int, page.evaluate("document.documentElement.scrollWidth")) <= width
    assert page.locator(".colour").inner_text().endswith("WORSE")
    assert page.locator(".zoomed:visible").count() == 2
    assert serious_faults(page) == []
    page.context.close()


def test_the_page_is_small(tmp_path: Path) -> None:
    """A page with the plots of a scenario is far below 6 MB."""
    assert written("red", tmp_path).stat().st_size < 4_000_000
