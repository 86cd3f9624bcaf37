import math

import optuna
import pytest
from optuna.trial import TrialState

from hydra_sweep.pruners import AshaPruner, FirstRungPruner


def pruned(values: list[float], direction: str = "minimize", first: int = 1, **arguments) -> list[int]:
    """Which of the trials, each with one value at five steps, were stopped, in order
    of their coming."""
    study = optuna.create_study(direction=direction, pruner=FirstRungPruner(**arguments))
    for value in values:
        trial = study.ask()
        state = TrialState.COMPLETE
        for step in range(first, first + 5):
            trial.report(value, step)
            if trial.should_prune():
                state = TrialState.PRUNED
                break
        study.tell(trial, value if state == TrialState.COMPLETE else None, state)
    return [trial.number for trial in study.trials if trial.state == TrialState.PRUNED]


@pytest.mark.parametrize(
    ("values", "arguments", "stopped"),
    [
        ([3, 2, 1], {"k": 2}, []),
        ([1, 2, 3], {"k": 2}, [2]),
        ([1, 2, 3, 0, 2], {"k": 2}, [2, 4]),
        ([1, 1, 1, 1], {"k": 2}, []),  # none is better than they
        ([3, 2, 1], {"k": 2, "direction": "maximize"}, [2]),
        ([math.nan, 1], {"k": 2}, [0]),
        ([math.inf, 1, math.inf], {"k": 1}, [2]),
        ([1, 2], {"k": 1, "rung": 5}, [1]),
        ([1, 2], {"k": 1, "rung": 6}, []),  # so far none comes
        ([1, 2], {"k": 1, "rung": 3, "first": 4}, [1]),  # who is not validated at each epoch
    ],
)
def test_the_best_k_of_those_that_came_so_far_go_on(values, arguments, stopped):
    assert pruned(values, **arguments) == stopped


def test_it_is_judged_there_once():
    study = optuna.create_study(pruner=FirstRungPruner(k=1))
    early, late = study.ask(), study.ask()
    early.report(2.0, 1)
    assert not early.should_prune()
    late.report(1.0, 1)
    assert not late.should_prune()
    early.report(2.0, 2)
    assert not early.should_prune(), "it was among the best when it came"


@pytest.mark.parametrize("arguments", [{"k": 0}, {"rung": 0}])
def test_there_is_no_less_than_one(arguments):
    with pytest.raises(ValueError, match="from 1 up"):
        FirstRungPruner(**arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"min_resource": "auto", "promote": True}, "expected min_resource to be a number of epochs"),
        ({"promote": "yes"}, "expected true or false, got 'yes'"),
        ({"reduction_factor": 1}, "reduction_factor"),
    ],
)
def test_asha_is_told_what_it_cannot_be(arguments, said):
    with pytest.raises(ValueError, match=said):
        AshaPruner(**arguments)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_asha_that_promotes_none_is_optunas(direction):
    ours, theirs = AshaPruner(2, 2, 1), optuna.pruners.SuccessiveHalvingPruner(2, 2, 1)
    studies = [optuna.create_study(direction=direction, pruner=pruner) for pruner in (ours, theirs)]
    for study in studies:
        study.optimize(_train, n_trials=30)
    steps = [[trial.last_step for trial in study.trials] for study in studies]
    assert steps[0] == steps[1]
    assert set(steps[0]) == {4, 8, 16, 20}


def _train(trial: optuna.Trial) -> float:
    value = trial.number * 7 % 30
    for step in range(1, 21):
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return value
