"""MLflow's pages for a study, in a real browser."""

import base64
import json
import shlex
import zlib
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from optuna.distributions import FloatDistribution
from playwright.sync_api import Page, expect

from hydra_sweep.mlflow.comparison import LONGEST, share
from tests.browser import chromium

METRIC = "val/recall:at:10"
IS_DRAWN = "one => one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some(Boolean)"


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield page
        browser.close()


def test_the_printed_link_compares_the_trials_by_what_was_searched(sweep, server, page):
    sweep.uri = server.uri
    sweep.prepare()
    for values in ([0.1, 0.3], [0.2, 0.7], [0.3, 0.5]):
        sweep.train(values)
    (command,) = sweep.finish()
    for run in sweep.runs()[1].values():
        sweep.client.log_metric(run.info.run_id, "a/before", 1.0)  # of which MLflow makes a section
    page.goto(shlex.split(command)[1])
    axes = page.locator(".parcoords .label")
    expect(axes).to_have_count(3)
    assert axes.all_text_contents()[0::2] == [":plus:trainer.clip", METRIC]
    assert page.locator(".parcoords .foreground").evaluate(IS_DRAWN)
    assert page.get_by_text("matching runs").inner_text() == "3 matching runs"
    names = page.locator('a[href*="/runs/"]').filter(has_text=sweep.study.study_name)
    numbers = [name.rpartition("-")[2] for name in names.all_inner_texts()]
    assert numbers == ["1", "2", "0"]  # the best first
    assert page.get_by_text(METRIC, exact=True).count()  # its curves
    study, other = (page.get_by_text(name, exact=True) for name in ("Study", "a"))
    assert study.bounding_box()["y"] < other.bounding_box()["y"]

    # the page that compares what was ticked
    children = [run.info.run_id for run in sweep.runs()[1].values()]
    page.goto(f"{server.uri}/#/compare-runs?runs={quote(json.dumps(children))}&experiments=%5B%221%22%5D")
    expect(page.get_by_text("Comparing 3 Runs")).to_be_visible()
    expect(page.locator(".axis-title").first).to_be_visible()


def test_a_comparison_of_very_many_parameters_has_the_first(sweep):
    sweep.prepare()
    study, client = sweep.study, sweep.client
    space = {f"model.{i}.{hash(i / 7)}": FloatDistribution(0, 1) for i in range(900)}
    study.tell(study.ask(space), 0.5)
    share(client, "1", study.user_attrs["mlflow_parent_run_id"], [METRIC], True, study.trials)
    (text,) = client.get_experiment("1").tags.values()
    assert LONGEST / 3 < len(text) <= LONGEST
    state = json.loads(zlib.decompress(base64.b64decode(text.removeprefix("deflate;"))))
    columns = state["selectedColumns"]
    assert columns[:2] == [f"metrics.`{METRIC}`", f"params.`{next(iter(space))}`"]
    assert 40 < len(columns) < 900
