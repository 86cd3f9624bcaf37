import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState

from hydra_sweep.study.confirmation import Confirmed, candidates, fresh_seeds, ranked

MIN, MAX = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE


def trial(number: int, *values: float, **params: float) -> optuna.trial.FrozenTrial:
    space = {name: optuna.distributions.FloatDistribution(0, 9) for name in params}
    made = optuna.create_trial(values=values, params=params, distributions=space)
    made.number = number
    return made


def confirmed(number: int, *runs: tuple[float, ...] | None) -> Confirmed:
    failed = optuna.create_trial(state=TrialState.FAIL)
    size = len(next(run for run in runs if run))
    of_search = trial(number, *[0.0] * size)
    return Confirmed(of_search, [trial(i, *run) if run else failed for i, run in enumerate(runs)])


def test_more_seeds_go_on_from_those_that_were():
    assert fresh_seeds(7)[:5] == fresh_seeds(5)
    assert len(set(fresh_seeds(99))) == 99


def test_two_that_are_alike_are_one():
    best = [trial(4, 0.1, x=1.0), trial(2, 0.2, x=1.0), trial(7, 0.3, x=2.0), trial(1, 0.4, x=3.0)]
    assert [one.number for one in candidates(best, 2)] == [4, 7]
    assert candidates([], 3) == []


@pytest.mark.parametrize(
    ("directions", "found", "order"),
    [
        ([MIN], [confirmed(0, (3.0,), (5.0,)), confirmed(1, (1.0,), (6.0,))], [1, 0]),
        ([MAX], [confirmed(0, (3.0,), (5.0,)), confirmed(1, (1.0,), (6.0,))], [0, 1]),
        # what fails now and then is behind what never does
        ([MIN], [confirmed(0, (1.0,), None), confirmed(1, (2.0,), (2.0,))], [1, 0]),
        ([MIN], [confirmed(0, (2.0,), None), confirmed(1, (1.0,), None)], [1, 0]),
        # the front of the means
        (
            [MIN, MAX],
            [confirmed(0, (1.0, 1.0)), confirmed(1, (2.0, 0.0)), confirmed(2, (0.0, 0.0))],
            [0, 2, 1],
        ),
    ],
)
def test_the_order_is_that_of_the_means(directions, found, order):
    assert [one.trial.number for one in ranked(found, directions)] == order


def test_one_whose_runs_all_failed_has_no_mean():
    nothing = Confirmed(trial(3, 0.1), [optuna.create_trial(state=TrialState.FAIL)])
    assert ranked([nothing], [MIN]) == []


def test_the_mean_and_its_spread():
    one = confirmed(5, (1.0,), (2.0,), (3.0,))
    assert (one.means, one.spreads) == ([2.0], [1.0])
    assert (one.as_trial().number, one.as_trial().value, one.trial.value) == (5, 2.0, 0.0)
