import base64
import hashlib
import json
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

import hydra_sweep.report.page
from hydra_sweep.report.page import render
from tests.hydra_sweep.report.page import examples
from tests.hydra_sweep.report.page.conftest import draw_all
from tests.hydra_sweep.report.page.plausible import DROPOUT, OPTIMIZER, plausible

pytestmark = pytest.mark.xdist_group("browser")
PLAUSIBLE = plausible()
STUDY = PLAUSIBLE["studies"][0]
FOLDER = Path(hydra_sweep.report.page.__file__).parent
# the marks that each chart's series have; a parallel's or a curve's mark is a line
MARKS = """() => Object.fromEntries([...document.querySelectorAll('.chart')].map(chart => {
    const series = echarts.getInstanceByDom(chart).getOption().series;
    const marks = chart.closest('figure').id === 'curves' ? series.length
        : series.flatMap(one => (one.type === 'line' ? [] : one.data)).length;
    return [chart.closest('figure').id, [marks, chart.querySelectorAll('svg path, svg polyline').length]];
}))"""
AREAS = """echarts.getInstanceByDom(document.querySelector('#parallel .chart')).getZr().storage
    .getDisplayList().filter(shape => shape.name === 'main').length"""
LEFT = (
    """echarts.getInstanceByDom(document.querySelector('#parallel .chart')).getOption().parallel[0].left"""
)
# of each chart of values: the ends, and where it has which labels
TICKS = """() => Object.fromEntries(['history', 'curves', 'slice-0'].map(id => {
    const axis = echarts.getInstanceByDom(document.querySelector(`#${id} .chart`)).getOption().yAxis[0];
    const { customValues, formatter } = axis.axisLabel;
    return [id, [axis.min, axis.max, customValues.map(value => [value, formatter(value)])]];
}))"""
# of the marks of a choice's slice, which are spread
OFFSETS = """echarts.getInstanceByDom(document.querySelector('#slice-3 .chart')).getOption().series
    .flatMap(one => one.data.map(({ trial, symbolOffset }) => [trial, symbolOffset]))"""
# what a script writes of what it did not find
NOTHING = re.compile(r"\b(null|undefined|NaN|Infinity|Invalid Date)\b|\[object")
CUT = """[...document.querySelectorAll('.command code')]
    .filter(one => one.scrollWidth > one.clientWidth).length"""
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
UNDRAWN = ".chart:not(:has(svg, canvas))"


def numbers(page) -> list[int]:
    """Of the trials in the table."""
    return [int(text) for text in page.locator("#trials tbody th").all_inner_texts()]


def having(**ends: tuple[float, float]) -> set[int]:
    return {
        t["number"] for t in STUDY["trials"] if all(a <= t["params"][n] <= b for n, (a, b) in ends.items())
    }


def test_the_policy_names_the_scripts_and_the_facts_are_whole():
    page = render(examples.hostile())
    facts = re.search(r'<script id="facts" type="application/json">(.*?)</script>', page, re.S)[1]
    assert json.loads(facts) == examples.hostile()
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)[1]
    scripts = re.findall(r'<script(?: type="module")?>(.*?)</script>', page, re.S)
    hashes = {base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts}
    assert set(re.findall(r"'sha256-(.*?)'", policy)) == hashes
    assert len(hashes) == 2
    assert policy.startswith("default-src 'none'")
    with pytest.raises(ValueError, match="JSON compliant"):
        render({**PLAUSIBLE, "made": float("nan")})


def test_the_library_is_the_one_that_is_said():
    said = re.search(r"SHA-256 (\w+)", (FOLDER / "echarts.md").read_text())[1]
    assert hashlib.sha256((FOLDER / "echarts.min.js").read_bytes()).hexdigest() == said
    assert b"Licensed to the Apache Software Foundation" in (FOLDER / "echarts.min.js").read_bytes()[:200]


def test_every_chart_has_a_mark_for_each_trial(open_page):
    page = open_page(PLAUSIBLE)
    assert page.locator(UNDRAWN).count() > 5  # what is far below is drawn when it is near
    draw_all(page)
    found = page.evaluate(MARKS)
    states = [t["state"] for t in STUDY["trials"]]
    complete = states.count("complete")
    known = [t for t in STUDY["trials"] if t["state"] != "failed"]
    of_slices = {
        f"slice-{i}": sum(one["name"] in t["params"] for t in known)
        for i, one in enumerate(STUDY["params"])
    }
    assert {name: marks for name, (marks, _) in found.items()} == {
        "history": len(states),  # the star is one of them
        "parallel": len(states),
        "importance": 3 * len(STUDY["importance"]),  # bar, whisker, number
        "curves": len(states) - states.count("failed"),
        **of_slices,
        **{f"pair-{i}": complete for i in range(3)},
        "timeline": len(STUDY["timeline"]) + len(STUDY["idle"]),
    }
    assert all(shapes >= marks / 3 for marks, shapes in found.values())
    assert page.locator(".chart[role=img][aria-label]").count() == len(found)
    for name, (low, high, labels) in page.evaluate(TICKS).items():
        steps = [round((b - a) / (high - low), 6) for a, b in pairwise(value for value, _ in labels)]
        assert len(set(steps)) == 1, (name, labels)
        assert [float(text.removeprefix("≤ ")) for _, text in labels] == [value for value, _ in labels]
    offsets = page.evaluate(OFFSETS)
    page.reload()
    draw_all(page)
    assert offsets == page.evaluate(OFFSETS)


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


def test_a_curve_is_told_where_the_pointer_is(open_page):
    page = open_page(PLAUSIBLE)
    page.locator("#curves").scroll_into_view_if_needed()
    page.locator("#curves svg").wait_for()
    lowest = min((t for t in STUDY["trials"] if t["curve"]), key=lambda t: t["curve"][0][1])
    step, value = lowest["curve"][0]
    x, y = page.evaluate(f"""echarts.getInstanceByDom(document.querySelector('#curves .chart'))
        .convertToPixel({{gridIndex: 0}}, [{step}, {value}])""")
    box = page.locator("#curves .chart").bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y + 1)
    tip = page.locator("#curves .tip")
    assert f"Trial {lowest['number']}" in tip.inner_text()
    assert f"at epoch {step}\n{value:.4f}" in tip.inner_text()
    page.mouse.click(box["x"] + x, box["y"] + y + 1)
    assert page.get_by_role("dialog").get_by_role("heading", name=f"Trial {lowest['number']}").is_visible()
    tip.wait_for(state="hidden")


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
    page = open_page(PLAUSIBLE, scheme="dark")
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


def test_a_thousand_trials_with_curves(open_page):
    data = examples.thousand()
    assert len(render(data).encode()) < 5_000_000
    page = open_page(data)
    began = page.evaluate("performance.now()")
    draw_all(page)
    # under 3 s on an idle machine, of which this draws each chart twice or thrice
    assert page.evaluate("performance.now()") - began < 15_000
    assert page.locator(UNDRAWN).count() == 0
    assert len(numbers(page)) == 10
    assert page.evaluate(MARKS)["history"][0] == 1000
