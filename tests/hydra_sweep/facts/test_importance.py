import math

import pytest
from optuna.trial import TrialState

from hydra_sweep.facts.importance import importance
from tests.hydra_sweep.facts.studies import drawn, seen, trial


def dominated(params):
    """lr matters much, width a little, opt not at all."""
    return 10 * (math.log10(params["model.lr"]) + 2) ** 2 + (params["model.width"] / 100) ** 2


def pruned_where_bad(trials):
    """The worse half without a value, as a pruner leaves them."""
    middle = sorted(one.value for one in trials)[len(trials) // 2]
    return [
        one if one.value < middle else trial(one.params, state=TrialState.PRUNED, curve=[9.0])
        for one in trials
    ]


RANDOM = drawn(300, dominated)


@pytest.mark.parametrize("trials", [RANDOM, pruned_where_bad(RANDOM)], ids=["complete", "half pruned"])
def test_what_matters_most_comes_first_and_surely(trials):
    found, note = importance(seen(trials))
    assert found[0].name == "model.lr"
    assert found[0].low > 0.6
    assert sum(one.value for one in found) == pytest.approx(1)
    assert all(0 <= one.low <= one.value <= one.high <= 1 for one in found)
    assert next(one for one in found if one.name == "opt").high < 0.1
    assert "300 trials" in note
    assert ("150 of them without a result" in note) == (trials is not RANDOM)


def test_fewer_trials_are_less_sure():
    few, many = (importance(seen(RANDOM[:n]))[0] for n in (20, 300))
    width = [max(one.high - one.low for one in found) for found in (few, many)]
    assert width[0] > width[1]


def test_of_several_objectives():
    trials = [trial(t.params, [t.value, t.params["model.width"] / 100]) for t in RANDOM[:80]]
    found, _ = importance(seen(trials, ["minimize", "maximize"]))
    assert {one.name for one in found} == {"model.lr", "model.width", "opt"}


def test_of_conditional_parameters():
    made = []
    for one in drawn(120, dominated):
        params = dict(one.params)
        if params["opt"] == "none":
            del params["model.width"]
        made.append(trial(params, one.value))
    found, _ = importance(seen(made))
    assert found[0].name == "model.lr"


ONE_VALUE = [trial({"model.lr": 0.1 + i / 100, "model.width": i + 1}, 1.0) for i in range(30)]
ODD = {
    "none": ([], "Nothing was searched."),
    "failed": ([trial({"model.lr": 0.1, "model.width": 3})] * 3, "Nothing was searched."),
    "one parameter": ([trial({"model.lr": 0.1}, 1.0)] * 30, "One parameter"),
    "few": (RANDOM[:11], "Too few trials to tell: 11"),
    "infeasible": (
        [trial(one.params, 1.0, constraints={"x < 1": 1.0}) for one in RANDOM[:30]],
        "Too few trials to tell: 0",
    ),
    "infinite": ([trial(one.params, math.inf) for one in RANDOM[:30]], "Too few trials to tell: 0"),
    "one value": (ONE_VALUE, "PED-ANOVA"),
}


@pytest.mark.parametrize(("trials", "note"), ODD.values(), ids=ODD)
def test_what_cannot_be_told_is_said(trials, note):
    found, said = importance(seen(trials))
    assert said.startswith(note)
    assert bool(found) == (note == "PED-ANOVA")
