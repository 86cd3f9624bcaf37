import math

import optuna
import pytest
from optuna.trial import TrialState

from hydra_sweep.pruners import FirstRungPruner


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
