import json
import math
from collections import Counter
from copy import copy

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from hydra_sweep.facts import importance
from hydra_sweep.facts.collect import facts
from hydra_sweep.facts.trial_rows import ALL_POINTS
from tests.hydra_sweep.facts.studies import SPACE, WORDS, drawn, seen, trial

KEYS = {
    *("name", "folder", "state", "why", "begun", "ended", "n_trials", "objectives", "setup", "command"),
    *("commands", "params", "trials", "best", "counts", "importance", "importance_note", "pairs"),
    *("timeline", "idle", "compute", "failures", "hints", "verdict", "unit"),
}
RUNNING, WAITING, PRUNED = TrialState.RUNNING, TrialState.WAITING, TrialState.PRUNED
ODD = {
    "x": FloatDistribution(0.0, 1.0, step=0.25),
    "+y": IntDistribution(1, 64, log=True),
    "flag": CategoricalDistribution([True, None, 1.5, "${x}"]),
    "len(layers)": IntDistribution(1, 2),
    "layers[0]": IntDistribution(1, 9),
    "one": IntDistribution(3, 3),
}
ODD_PARAMS = {"x": 0.5, "+y": 8, "flag": None, "len(layers)": 1, "layers[0]": 4, "one": 3}
CURVE = [math.nan, math.inf, *(1 / step for step in range(1, 200))]
STUDIES = {
    "empty": ([], ["minimize"], {}, "unfinished"),
    "one trial": ([trial({"model.lr": 0.1}, 1.0)], ["maximize"], {}, "complete"),
    "all failed": ([trial(reason="why")] * 3, ["minimize"], {"n_trials": 3}, "complete"),
    "several objectives": (
        [trial(t.params, [t.value, -t.value]) for t in drawn(20, lambda p: p["model.lr"])],
        ["minimize", "maximize"],
        {"metric": ["loss", "acc"]},
        "complete",
    ),
    "conditional": (
        [trial(dict(list(t.params.items())[: 1 + i % 3]), t.value) for i, t in enumerate(drawn(20, len))],
        ["minimize"],
        {},
        "complete",
    ),
    "infeasible": (
        [trial({"model.lr": 0.1}, 1.0, constraints={"w < 3": 2.0})],
        ["minimize"],
        {},
        "complete",
    ),
    "odd values": (
        [
            trial(ODD_PARAMS, math.inf, space=ODD, curve=CURVE),
            trial(ODD_PARAMS, -math.inf, space=ODD),
            trial(ODD_PARAMS, state=PRUNED, space=ODD, curve=[math.nan], reason="the metric is nan"),
        ],
        ["minimize"],
        {},
        "complete",
    ),
    "running": (
        [trial({"model.lr": 0.1}, state=RUNNING, worker="a"), trial(state=WAITING)],
        ["minimize"],
        {"n_trials": 9},
        "running",
    ),
    "not finished": ([trial({}, 1.0), trial(state=WAITING)], ["minimize"], {"n_trials": 9}, "unfinished"),
    "stopped": (
        [trial({}, 1.0), trial(state=WAITING)],
        ["minimize"],
        {"n_trials": 9, "stopped": 9, "stopped_by": {"why": "target reached", "rules": None}},
        "stopped",
    ),
}


def strict(data):
    """As a browser reads it."""

    def refuse(word):
        raise ValueError(word)

    return json.loads(json.dumps(data), parse_constant=refuse)


@pytest.mark.parametrize(("trials", "directions", "attrs", "state"), STUDIES.values(), ids=STUDIES)
def test_any_study_has_its_facts(trials, directions, attrs, state):
    one = seen(trials, directions, **attrs)
    found = strict(facts([one], 15.0))
    assert (found["differences"], found["refresh_s"]) == ([], 15.0)
    (study,) = found["studies"]
    assert study.keys() == KEYS
    assert study["state"] == state
    assert [row["number"] for row in study["trials"]] == list(range(len(trials)))
    assert Counter(row["state"] for row in study["trials"]) == study["counts"]
    assert all(len(row["curve"]) <= 50 for row in study["trials"])
    names = {param["name"] for param in study["params"]}
    assert all(set(pair) <= names for pair in study["pairs"])
    assert {name for row in study["trials"] for name in row["params"]} <= names | {"one"}


@pytest.mark.parametrize(
    ("said", "attrs", "unit"),
    [
        (["MedianPruner after epoch 3, at a=0.1", "the metric is nan", None], {}, "epoch"),
        (["MedianPruner after validation 3, at a=0.1"], {}, "validation"),
        (["MedianPruner after epoch 3, at a=0.1", "A after validation 3, at a=0.1"], {}, "step"),
        (["MedianPruner after epoch 3, at a=0.1"], {"first_step": 0}, "step"),
        ([None, {"odd": 1}], {}, "step"),
    ],
)
def test_what_a_step_counts(said, attrs, unit):
    assert seen([trial({}, 1.0, reason=one) for one in said], **attrs).unit == unit


def test_a_trial_in_full():
    one = trial(ODD_PARAMS, 0.25, space=ODD, begun=5, curve=CURVE, worker="12_0", attempt=2)
    (row,) = facts([seen([one])])["studies"][0]["trials"]
    curve = row.pop("curve")
    assert (len(curve), curve[0], curve[-1]) == (50, [3, 1.0], [201, 0.00502513])
    assert row == {
        "number": 0,
        "state": "complete",
        "values": [0.25],
        "again": None,
        "feasible": True,
        "params": {"x": 0.5, "+y": 8, "flag": "null", "len(layers)": 1, "layers[0]": 4, "one": 3},
        "begun": one.datetime_start.timestamp(),
        "ended": one.datetime_complete.timestamp(),
        "seconds": 10.0,
        "reason": None,
        "worker": "12_0",
        "attempts": 3,
        "folder": None,
        "command": None,
    }


def test_parameters_as_they_were_searched():
    space = {**WORDS, "layers": "tag(list:1:2, int(interval(1, 9)))"}
    made = seen(
        [trial({"model.lr": 0.1, "opt": "sgd"}, 1.0), trial(ODD_PARAMS, 1.0, space=ODD)], space=space
    )
    params = {one["name"]: one for one in facts([made])["studies"][0]["params"]}
    assert params["model.lr"] == {
        "name": "model.lr",
        "label": "lr",
        "kind": "float",
        "log": True,
        "low": 1e-4,
        "high": 1.0,
        "choices": [],
        "words": WORDS["model.lr"],
    }
    assert (params["opt"]["kind"], params["opt"]["choices"]) == ("categorical", ["adam", "sgd", "none"])
    assert params["flag"]["choices"] == ["true", "null", "1.5", "${x}"]
    assert params["layers[0]"]["words"] == params["len(layers)"]["words"] == space["layers"]
    assert (params["+y"]["label"], params["+y"]["kind"], params["+y"]["log"]) == ("y", "int", True)
    assert "one" not in params


def test_several_studies_side_by_side():
    def node(name, **more):
        return {"_target_": f"optuna.samplers.{name}", "seed": None, **more}

    both = [
        seen(
            drawn(5, len, {"model.lr": SPACE["model.lr"]}),
            space=WORDS,
            n_trials=5,
            started_workers={"started with": {"slots": 1, "sampler": sampler, "seed": 3}},
        )
        for sampler in (node("TPESampler", multivariate=True), node("RandomSampler"))
    ]
    both.append(seen([trial({"model.lr": 0.1}, [1.0, 2.0])], ["minimize", "maximize"]))
    found = facts(both)
    rows = {row["what"]: row["values"] for row in found["differences"]}
    assert rows == {
        "objective": ["minimize value", "minimize value", "minimize value 0, maximize value 1"],
        "model.lr": [WORDS["model.lr"]] * 2 + [str(SPACE["model.lr"])],
        "sampler": ["TPESampler: multivariate=true", "RandomSampler", "-"],
        "trials asked for": ["5", "5", "-"],
        "slots of each": ["1", "1", "-"],
        "seed of the sampler": ["3", "3", "-"],
    }
    assert next(iter(rows)) == "objective"


def test_what_is_looked_at_of_many_trials_is_bounded(monkeypatch):
    """Importance looks at a sample, and curves share what a page can hold."""
    one = seen(drawn(10, lambda p: p["model.lr"], curve=[1.0] * 60))
    one.trials = [copy(one.trials[i % 10]) for i in range(4000)]
    for i, made in enumerate(one.trials):
        made.number = i
    sizes, shares = [], importance._shares
    monkeypatch.setattr(
        importance, "_shares", lambda s, t, several: sizes.append(len(t)) or shares(s, t, several)
    )
    (found,) = facts([one])["studies"]
    assert sum(len(row["curve"]) for row in found["trials"]) <= ALL_POINTS
    assert len(sizes) <= 14
    assert max(sizes) <= 1000
