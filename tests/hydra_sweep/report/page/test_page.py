"""The page as a whole: whoever reads it, of whatever study, in whatever light."""

import re

import pytest
from playwright.sync_api import expect

from tests.hydra_sweep.report.page import examples
from tests.hydra_sweep.report.page.conftest import UNDRAWN, draw_all
from tests.hydra_sweep.report.page.plausible import plausible

pytestmark = pytest.mark.xdist_group("browser")
# what a script writes of what it did not find
NOTHING = re.compile(r"\b(null|undefined|NaN|Infinity|Invalid Date)\b|\[object")
CUT = """[...document.querySelectorAll('.command code')]
    .filter(one => one.scrollWidth > one.clientWidth).length"""
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nobody_is_kept_out(open_page, axe, scheme, width):
    page = open_page(plausible(16), width, scheme)
    draw_all(page)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.get_by_role("button", name="Trial 1: details").first.click()
    page.evaluate(axe)
    found = []
    for _ in ("with the dialog", "without it"):
        found += page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
        page.keyboard.press("Escape")
    said = [(one["id"], one["impact"], one["nodes"][0]["html"][:150]) for one in found]
    assert not said


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("empty", "No trial has begun yet."),
        ("waiting", "No trial has begun yet."),
        ("running", "30 of 60"),
        ("one_trial", "It is the only result so far."),
        ("confirmed", "mean of 2 runs with fresh seeds, higher is better\n0.5000\n"),
        ("all_failed", "No result: every trial failed"),
        ("two_objectives", "on the Pareto front"),
        ("thirty_parameters", "18 more, which matter less"),
        ("several", "2 studies side by side"),
        ("hostile", "<script>window.hacked=1"),
    ],
)
def test_odd_studies(open_page, name, told):
    page = open_page(getattr(examples, name)(), width=390, scheme="dark")
    draw_all(page)
    assert told in page.locator("main").inner_text()
    assert page.evaluate(OVERFLOW) == 0
    assert not page.evaluate(CUT)
    assert page.locator(UNDRAWN).count() == 0
    for button in page.locator("#trials tbody button.link").all()[:3]:
        button.click()
        assert not NOTHING.search(page.locator("body").inner_text())
        page.keyboard.press("Escape")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, a[href^=javascript]").count() == 0
    if name == "several":
        page.get_by_role("button", name="mnist_random", exact=True).click()
        assert page.locator("#answer h2").inner_text() == "mnist_random"
        assert "50 of 50" in page.locator("#answer").inner_text()


def test_the_theme_is_chosen_and_print_has_all_in_light(open_page):
    page = open_page(plausible(), scheme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_label("Theme").select_option("light")
    assert page.evaluate(ground) != dark
    page.get_by_label("Theme").select_option("dark")
    assert page.evaluate(ground) == dark
    page.emulate_media(media="print")
    expect(page.locator(UNDRAWN)).to_have_count(0)
    page.emulate_media(media="screen")
    page.pdf()
    expect(page.locator(UNDRAWN)).to_have_count(0)
    expect(page.locator("html")).to_have_css("background-color", dark)


def test_a_page_that_refreshes_itself_stays_where_it_was(open_page, context):
    context.clock.install()
    page = open_page(examples.running())
    page.locator("#filters summary").click()
    page.get_by_label("dropout from").fill("0.2")
    page.keyboard.press("Tab")
    page.get_by_label("Theme").select_option("dark")
    page.evaluate("window.old = true")
    context.clock.fast_forward(31_000)
    assert page.evaluate("window.old")  # while a field has the focus
    page.evaluate("document.activeElement.blur(), scrollTo(0, 700)")
    with page.expect_event("load"):
        context.clock.fast_forward(6_000)
    assert not page.evaluate("window.old")
    assert page.evaluate("scrollY") == 700
    assert page.get_by_label("dropout from").input_value() == "0.2"
    assert page.locator("#filters").get_attribute("open") is not None
    assert page.get_by_label("Theme").input_value() == "dark"

    page.get_by_role("button", name=re.compile("Trial .*: details")).first.click()
    context.clock.fast_forward(31_000)
    assert page.get_by_role("dialog").is_visible()
