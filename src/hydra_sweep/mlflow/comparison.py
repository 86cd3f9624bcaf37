"""The page of MLflow that compares the trials of a study: by what was searched and the study's metric.

It is MLflow's list of runs as a shared view: the state of the page is a tag of the experiment, which a link
names. The keys are those of MLflow's user interface (ExperimentPageUIState), which passes over what it does
not know.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from mlflow import MlflowClient
from optuna.trial import FrozenTrial

from hydra_sweep.mlflow.names import legal
from hydra_sweep.space.lists import values

TAG = "mlflow.sharedViewState."
# of a tag of an experiment, before MLflow 3.14
LONGEST = 5000
SECTION = "study"


def share(
    client: MlflowClient,
    experiment_id: str,
    parent: str,
    keys: Sequence[str],
    maximize: bool,
    ended: Sequence[FrozenTrial],
) -> None:
    """Has the comparison be there that `address.comparison` links; `keys` are the metrics'."""
    each = [values(trial.params) for trial in ended]
    searched = [legal(name) for name in dict.fromkeys(name for params in each for name in params)]
    # A line through the axes is only drawn of runs that have a value on each.
    common = [name for name in searched if all(name in map(legal, params) for params in each)]
    tag, known = f"{TAG}{parent}", client.get_experiment(experiment_id).tags
    # Of very many parameters the first: of the others there was no seeing anything.
    while len(text := _packed(_state(parent, keys, maximize, searched, common))) > LONGEST and searched:
        searched = searched[: len(searched) // 2]
        common = [name for name in common if name in searched]
    if known.get(tag) != text:
        client.set_experiment_tag(experiment_id, tag, text)


def _state(
    parent: str, keys: Sequence[str], maximize: bool, searched: list[str], common: list[str]
) -> dict[str, Any]:
    first = f"metrics.`{keys[0]}`"
    others = [f"metrics.`{key}`" for key in keys[1:]]
    params = [f"params.`{name}`" for name in searched]
    axes = {"selectedParams": common, "selectedMetrics": list(keys), "showAllRuns": True}
    charts = [_chart("PARALLEL", **axes), *map(_curves, keys)]
    if len(keys) > 1:
        x, y = ({"key": key, "type": "METRIC"} for key in keys[:2])
        charts.insert(1, _chart("SCATTER", xaxis=x, yaxis=y))
    section = {"uuid": SECTION, "name": "Study", "display": True, "columns": 1, "cardHeight": 420}
    return {
        "searchFilter": f"tags.mlflow.parentRunId = '{parent}'",
        "orderByKey": first,
        "orderByAsc": not maximize,
        "selectedColumns": [first, *others, *params, "tags.`state`", "tags.`reason`"],
        "runsHiddenMode": "SHOW_ALL",
        "compareRunSections": [section | {"isReordered": True, "deleted": False, "isGenerated": False}],
        "compareRunCharts": charts,
        "isAccordionReordered": True,  # other metrics' sections, which MLflow adds, come after
    }


def _curves(key: str) -> dict[str, Any]:
    return _chart(
        "LINE", metricKey=key, selectedMetricKeys=[key], xAxisKey="step", lineSmoothness=0, range={}
    )


def _chart(kind: str, **kwargs: Any) -> dict[str, Any]:
    own = {"metricSectionId": SECTION, "deleted": False, "isGenerated": False}
    name = "-".join([kind, *kwargs.get("selectedMetricKeys", ())])
    return {"uuid": name, "type": kind, "runsCountToCompare": 100, **own, **kwargs}


def _packed(state: dict[str, Any]) -> str:
    """As MLflow packs it."""
    return "deflate;" + base64.b64encode(zlib.compress(json.dumps(state).encode(), 9)).decode()
