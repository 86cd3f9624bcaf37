"""A real browser, and pages in it that fetch nothing and complain of nothing."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from hydra_sweep.report.page import render
from tests.browser import chromium

Open = Callable[..., Page]
AXE = "axe-core@4.14.1"
UNDRAWN = ".chart:not(:has(svg, canvas))"
# the marks that each chart's series have; a parallel's or a curve's mark is a line
MARKS = """() => Object.fromEntries([...document.querySelectorAll('.chart')].map(chart => {
    const series = echarts.getInstanceByDom(chart).getOption().series;
    const marks = chart.closest('figure').id === 'curves' ? series.length
        : series.flatMap(one => (one.type === 'line' ? [] : one.data)).length;
    return [chart.closest('figure').id, [marks, chart.querySelectorAll('svg path, svg polyline').length]];
}))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    """The script that looks for what keeps people out: dequelabs/axe-core."""
    folder = tmp_path_factory.mktemp("axe")
    if not shutil.which("npm"):
        pytest.skip("there is no npm to fetch axe-core")
    done = subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{AXE} cannot be fetched: {done.stderr[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.fixture
def context(browser) -> Iterator[BrowserContext]:
    with browser.new_context() as one:
        yield one


@pytest.fixture
def open_page(context, tmp_path) -> Iterator[Open]:
    """Opens the page of these facts. In the end: nothing was fetched but the file, nothing went wrong."""
    wrong, fetched = [], []
    file = tmp_path / "report.html"

    def open_one(data: dict, width: int = 1280, scheme: str = "light") -> Page:
        file.write_text(render(data), encoding="utf-8")
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(file.as_uri())
        return page

    yield open_one
    assert not wrong
    assert {url for url in fetched if not url.startswith(("data:", "blob:"))} <= {file.as_uri()}


def draw_all(page: Page) -> None:
    """As printing does."""
    page.evaluate("dispatchEvent(new Event('beforeprint')), dispatchEvent(new Event('afterprint'))")


def numbers(page: Page) -> list[int]:
    """Of the trials in the table."""
    return [int(text) for text in page.locator("#trials tbody th").all_inner_texts()]
