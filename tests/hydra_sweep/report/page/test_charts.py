"""What the charts draw, and say of what they draw."""

from itertools import pairwise

import pytest

from hydra_sweep.report.page import render
from tests.hydra_sweep.report.page import examples
from tests.hydra_sweep.report.page.conftest import MARKS, UNDRAWN, draw_all, numbers
from tests.hydra_sweep.report.page.plausible import plausible

pytestmark = pytest.mark.xdist_group("browser")
PLAUSIBLE = plausible()
STUDY = PLAUSIBLE["studies"][0]
# of each chart of values: the ends, and where it has which labels
TICKS = """() => Object.fromEntries(['history', 'curves', 'slice-0'].map(id => {
    const axis = echarts.getInstanceByDom(document.querySelector(`#${id} .chart`)).getOption().yAxis[0];
    const { customValues, formatter } = axis.axisLabel;
    return [id, [axis.min, axis.max, customValues.map(value => [value, formatter(value)])]];
}))"""
# of the marks of a choice's slice, which are spread
OFFSETS = """echarts.getInstanceByDom(document.querySelector('#slice-3 .chart')).getOption().series
    .flatMap(one => one.data.map(({ trial, symbolOffset }) => [trial, symbolOffset]))"""


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
