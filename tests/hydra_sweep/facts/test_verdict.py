import random

import pytest
from optuna.trial import TrialState

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.verdict import verdict
from tests.hydra_sweep.facts.studies import seen, trial

BEST = "Trial 1 is the best: value 0.5 with lr=0.01, opt=adam."


def three(*values, **attrs):
    params = [{"model.lr": 0.1, "opt": "sgd"}, {"model.lr": 0.01, "opt": "adam"}, {"model.lr": 0.001}]
    return [trial(one, value, **attrs) for one, value in zip(params, values, strict=False)]


def again(value, spread):
    """The worst configuration four times more."""
    rng = random.Random(0)
    return [trial({"model.lr": 0.1, "opt": "sgd"}, value + rng.gauss(0, spread)) for _ in range(4)]


CASES = {
    "nothing": ([], "No trial has a result yet."),
    "queued": ([trial(state=TrialState.WAITING)], "No trial has a result yet."),
    "failed": ([trial()] * 3, "No trial has a result, and 3 failed"),
    "infeasible": (
        [trial({}, 1.0, constraints={"w < 3": 2.0}), trial({}, 1.0, constraints={"w < 3": 1.0})],
        "No trial keeps the constraints. Trial 1 comes closest: it breaks w < 3 by 1.",
    ),
    "one": ([trial({}, 0.5)], "Trial 0 is the best: value 0.5. There is no other to compare it with."),
    "not known": (
        three(0.9, 0.5, 0.7),
        f"{BEST} It leads the next by 0.2, and the middle one of all by 0.2. ",
    ),
    "sure": (
        [*three(0.9, 0.5, 0.7), *again(0.9, 0.01)],
        "The lead is more than luck: values are known to ±",
    ),
    "luck": ([*three(9.0, 0.5, 0.7), *again(9.0, 1.0)], "The lead is no more than luck"),
}


@pytest.mark.parametrize(("trials", "said"), CASES.values(), ids=CASES)
def test_which_by_how_much_sure_or_luck(trials, said):
    assert said in verdict(seen(trials), [])


def test_of_a_front():
    made = seen([trial({}, [1.0, 2.0]), trial({}, [2.0, 1.0]), trial({}, [3.0, 3.0])], ["minimize"] * 2)
    assert verdict(made, []).startswith("2 trials are the best, each in its own way")
    made = seen([trial({}, [1.0, 2.0]), trial({}, [3.0, 3.0])], ["minimize"] * 2)
    assert verdict(made, []).startswith("Trial 0 is the best in each of value 0 and value 1.")


def test_what_next():
    done, hint = three(0.9, 0.5, 0.7), Hint("edge", "Better values of lr may lie beyond", "…", None)
    assert verdict(seen(done, n_trials=3), [hint]).endswith(
        "Next: better values of lr may lie beyond (see the hints)."
    )
    assert verdict(seen(done, n_trials=3), []).endswith("other seeds before you rely on it.")
    assert verdict(seen(done, n_trials=5), [hint]).endswith("2 trials of 5 are yet to end.")
