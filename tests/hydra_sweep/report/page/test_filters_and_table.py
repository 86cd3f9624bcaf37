"""What is shown of the trials: by the filters, and by the table's order."""

import time

import pytest

from tests.hydra_sweep.report.page.conftest import MARKS, draw_all, numbers
from tests.hydra_sweep.report.page.plausible import DROPOUT, OPTIMIZER, plausible

pytestmark = pytest.mark.xdist_group("browser")
PLAUSIBLE = plausible()
STUDY = PLAUSIBLE["studies"][0]
AREAS = """echarts.getInstanceByDom(document.querySelector('#parallel .chart')).getZr().storage
    .getDisplayList().filter(shape => shape.name === 'main').length"""
LEFT = (
    """echarts.getInstanceByDom(document.querySelector('#parallel .chart')).getOption().parallel[0].left"""
)


def having(**ends: tuple[float, float]) -> set[int]:
    return {
        t["number"] for t in STUDY["trials"] if all(a <= t["params"][n] <= b for n, (a, b) in ends.items())
    }


def test_filters_by_pointer_and_by_keyboard(open_page):
    page = open_page(PLAUSIBLE)
    page.get_by_role("button", name="Show all 60").click()
    others = [t for t in STUDY["trials"] if not t["values"]]
    pruned = sorted((t for t in others if t["curve"]), key=lambda t: -t["curve"][-1][1])
    failed = [t for t in others if not t["curve"]]
    assert numbers(page) == STUDY["best"] + [t["number"] for t in pruned + failed]

    # along the first axis, the objective's
    page.locator("#parallel").scroll_into_view_if_needed()
    page.locator("#parallel .chart svg").wait_for()
    box = page.locator("#parallel .chart").bounding_box()
    left = box["x"] + page.evaluate(LEFT)
    page.mouse.move(left, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(left, box["y"] + 160, steps=4)
    page.mouse.up()
    brushed = numbers(page)
    assert 5 < len(brushed) < 60
    values = {t["number"]: t["values"][0] for t in STUDY["trials"] if t["values"]}
    low, high = min(values[n] for n in brushed), max(values[n] for n in brushed)
    assert set(brushed) == {n for n, value in values.items() if low <= value <= high}
    assert page.locator("#said").inner_text() == f"Shown: {len(brushed)} of 60 trials"
    page.locator("#parallel").get_by_role("button", name="Clear filters").click()
    assert len(numbers(page)) == 60
    assert "3 far worse values" in page.locator("#history").inner_text()

    page.get_by_role("link", name="Filter them").click()
    assert page.get_by_label("val/acc_best from").evaluate("one => one === document.activeElement")
    page.get_by_label("val/acc_best from").fill("5")
    page.keyboard.press("Tab")
    assert page.locator("#trials tbody").inner_text() == "No trial passes the filters."
    page.get_by_label("val/acc_best from").fill("0.8")
    page.keyboard.press("Tab")
    assert numbers(page) == [n for n in STUDY["best"] if values[n] >= 0.8]
    page.get_by_label("val/acc_best from").fill("0.97")
    page.keyboard.press("Tab")
    assert "far worse" not in page.locator("main").inner_text()
    page.locator("#parallel").get_by_role("button", name="Clear filters").click()
    page.get_by_label("dropout from").fill("0.2")
    page.keyboard.press("Tab")
    assert set(numbers(page)) == having(**{DROPOUT: (0.2, 0.5)})
    page.get_by_role("checkbox", name="adam").press("Space")
    sgd = {t["number"] for t in STUDY["trials"] if t["params"][OPTIMIZER] == "sgd"}
    assert set(numbers(page)) == having(**{DROPOUT: (0.2, 0.5)}) & sgd
    draw_all(page)
    assert page.evaluate(MARKS)["history"][0] in (len(numbers(page)), len(numbers(page)) + 1)
    page.set_viewport_size({"width": 1000, "height": 900})  # which draws the axes anew, and their areas
    deadline = time.monotonic() + 20
    while page.evaluate(AREAS) != 2:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    page.get_by_label("dropout from").fill("much")
    page.keyboard.press("Tab")
    assert page.get_by_label("dropout from").get_attribute("aria-invalid") == "true"


def test_the_table_by_keyboard_and_what_is_copied(open_page):
    page = open_page(PLAUSIBLE)
    page.locator("#trials thead").get_by_role("button", name="time").press("Enter")
    assert page.locator("th[aria-sort=ascending]").inner_text() == "time ↑"
    by_time = sorted(STUDY["trials"], key=lambda t: t["seconds"])
    assert numbers(page)[:5] == [t["number"] for t in by_time[:5]]
    page.keyboard.press("Enter")
    assert numbers(page)[:5] == [t["number"] for t in by_time[:-6:-1]]
    page.locator("#trials thead").get_by_role("button", name="val/acc_best").press("Enter")
    assert page.locator("th[aria-sort=descending]").inner_text() == "val/acc_best ↓"
    assert numbers(page)[:5] == STUDY["best"][:5]

    best = STUDY["trials"][STUDY["best"][0]]
    page.get_by_role("button", name=f"Trial {best['number']}: details").first.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading", name=f"Trial {best['number']}").is_visible()
    dialog.get_by_role("button", name="Copy the command").click()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.get_by_role("button", name=f"Trial {best['number']}: details").first.click()
    page.mouse.click(5, 5)
    assert not dialog.is_visible()
    page.locator("#filters summary").click()
    page.get_by_label("dropout from").focus()
    page.keyboard.press("Control+V")
    assert page.get_by_label("dropout from").input_value() == best["command"]
