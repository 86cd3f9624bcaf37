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
@pytest.mark.parametrize("n_startup", [0, 1])
def test_asha_lets_the_share_go_on_rounded_up(direction, n_startup):
    """Of each rung, a trial is among the best of those that came before it, and itself."""
    study = optuna.create_study(direction=direction, pruner=AshaPruner(2, 3, 1, n_startup))
    study.optimize(_train, n_trials=30)  # each with another value
    sign = 1 if direction == "minimize" else -1
    came: dict[int, list[int]] = {6: [], 18: []}
    for trial in study.trials:
        last = 20
        for rung, values in came.items():
            values.append(sign * trial.intermediate_values[1])
            rank = sum(one < values[-1] for one in values)
            if len(values) <= n_startup or rank >= math.ceil(len(values) / 3):
                last = rung
                break
        assert trial.last_step == last
    assert {trial.last_step for trial in study.trials} == {6, 18, 20}


def test_asha_judges_a_trial_at_each_rung_once():
    study = optuna.create_study(pruner=AshaPruner(2, 3))
    early, *late = (study.ask() for _ in range(5))
    for step in (1, 2):
        early.report(2.0, step)
        assert not early.should_prune()
    for trial in late:
        trial.report(1.0, 2)
    assert not late[0].should_prune()
    for step in (3, 4, 5):
        early.report(2.0, step)
        assert not early.should_prune(), "it was among the best when it came"
    early.report(2.0, 6)
    assert not early.should_prune(), "it is the first there"
    late[1].report(3.0, 7)  # reported nothing at the rung itself
    assert late[1].should_prune()


def test_asha_with_auto_is_optunas():
    ours, theirs = AshaPruner("auto", 2), optuna.pruners.SuccessiveHalvingPruner("auto", 2)
    studies = [optuna.create_study(pruner=pruner) for pruner in (ours, theirs)]
    for study in studies:
        study.optimize(_train, n_trials=30)
    steps = [[trial.last_step for trial in study.trials] for study in studies]
    assert steps[0] == steps[1]


def _train(trial: optuna.Trial) -> float:
    value = trial.number * 7 % 30
    for step in range(1, 21):
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return value
