import pytest
from optuna import create_trial
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.best import best_first, broken_line, closest

DOWN, UP = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE


def trial(number: int, *values: float, state=TrialState.COMPLETE, **constraints: float) -> FrozenTrial:
    made = create_trial(state=state, values=values or None, constraints=constraints)
    made.number = number
    return made


TRIALS = [
    trial(0, 0.5),
    trial(1, 0.1, size=3.0, time=-1.0),
    trial(2, 0.9, size=0.5, time=0.25),
    trial(3, 0.3, size=0.0, time=-1.0),
    trial(4, state=TrialState.PRUNED, size=0.1),
    trial(5, state=TrialState.FAIL),
    trial(6, 0.7, size=-1.0),
]


@pytest.mark.parametrize(("direction", "best"), [(DOWN, [3, 0, 6]), (UP, [6, 0, 3])])
def test_the_best_are_complete_and_feasible(direction, best):
    assert [one.number for one in best_first(TRIALS, [direction])] == best


def test_of_several_objectives_the_feasible_front():
    trials = [trial(0, 1, 1), trial(1, 2, 2), trial(2, 2, 0), trial(3, 0, 9, size=1.0), trial(4, 1, 1)]
    assert [one.number for one in best_first(trials, [DOWN, UP])] == [0, 1, 4]


def test_the_closest_of_those_that_break_a_constraint():
    assert closest(TRIALS).number == 2, "complete ones first"
    assert broken_line(TRIALS[2]) == "breaks size by 0.5, breaks time by 0.25"
    assert closest([TRIALS[0]]) is None
    assert closest([TRIALS[4]]).number == 4
    assert best_first([], [DOWN]) == best_first([], [DOWN, UP]) == []
