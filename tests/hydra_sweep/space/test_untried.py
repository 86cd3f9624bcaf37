import multiprocessing
import threading
import time

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState

from hydra_sweep.space.combinations import combinations, count, mark
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.untried import PROPOSED, Tried, Untried
from hydra_sweep.study import queue
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials

FEW = SearchSpace({"x": CategoricalDistribution(["a", "b", "c"])}, [])


class Same(optuna.samplers.RandomSampler):
    """Proposes the same again and again."""

    def sample_independent(self, study, trial, param_name, param_distribution):
        return "a"


def untried(sampler, space: SearchSpace, study: optuna.Study) -> Untried:
    return Untried(sampler, Tried(space, Trials(study, 99)))


def new_study() -> optuna.Study:
    study = optuna.create_study()
    study.sampler = untried(Same(), FEW, study)
    return study


def ask(study: optuna.Study) -> str:
    return study.ask(FEW.distributions).params["x"]


@pytest.mark.parametrize(
    ("params", "n"),
    [
        ({"x": "1,2", "y": "range(0.1,0.5,0.1)", "z": "int(interval(1,3))"}, 2 * 5 * 3),
        ({"x": "tag(log,int(interval(1,100)))"}, 100),
        ({"x": "choice(a)", "y": "interval(2.0,2.0)"}, 1),
        ({"x": "1,2", "y": "interval(0.0,1.0)"}, None),
        ({}, 1),
    ],
)
def test_the_combinations_of_a_space(params, n):
    space = parse_space(params, [])
    assert count(space) == n
    all_of_them = list(combinations(space)) if n else []
    assert len({mark(space, params) for params in all_of_them}) == (n or 0)
    for params in all_of_them:
        assert all(one._contains(one.to_internal_repr(params[k])) for k, one in space.distributions.items())


def test_a_sum_of_steps_is_the_step_itself():
    space = parse_space({"x": "range(0.0,0.9,0.1)"}, [])
    assert mark(space, {"x": 0.1 * 3}) == mark(space, {"x": 0.3})


def test_nothing_is_proposed_twice_whatever_the_sampler_says():
    study = new_study()
    assert sorted(ask(study) for _ in range(3)) == ["a", "b", "c"]
    assert ask(study) == "a", "where all was tried, the sampler decides"


def test_what_failed_is_tried_again_when_all_else_was():
    study = new_study()
    for state in (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED):
        trial = study.ask(FEW.distributions)
        study.tell(trial, 1.0 if state == TrialState.COMPLETE else None, state)
    failed = study.trials[1].params["x"]
    assert failed != "a"
    assert ask(study) == failed


def test_a_trial_that_was_put_back_keeps_what_it_has():
    study = new_study()
    trial = study.ask(FEW.distributions)
    queue.put_back(study, study.trials[0], "lost")
    claimed = queue.claim(Trials(study, 1).read(), "one")
    again = optuna.Trial(study, claimed._trial_id)
    assert again._suggest("x", FEW.distributions["x"]) == trial.params["x"]


def test_a_lower_number_that_announced_the_same_comes_first():
    study = new_study()
    first = study.ask()  # announces, and has not taken it yet
    first.storage.set_trial_user_attr(first._trial_id, PROPOSED, mark(FEW, {"x": "a"}))
    assert ask(study) != "a"


@pytest.mark.parametrize("takes_it", [True, False])
def test_a_higher_number_that_announced_the_same_is_waited_for(takes_it):
    study = optuna.create_study()
    lower, higher = study.ask(), study.ask()
    higher.storage.set_trial_user_attr(higher._trial_id, PROPOSED, mark(FEW, {"x": "a"}))
    found = []
    study.sampler = untried(Same(), FEW, study)
    waiting = threading.Thread(
        target=lambda: found.append(optuna.Trial(study, lower._trial_id).relative_params["x"])
    )
    waiting.start()
    time.sleep(0.3)
    assert found == []
    if takes_it:
        higher.storage.set_trial_param(higher._trial_id, "x", 0.0, FEW.distributions["x"])
    else:
        higher.storage.set_trial_user_attr(higher._trial_id, PROPOSED, mark(FEW, {"x": "b"}))
    waiting.join(10)
    assert (found[0] == "a") != takes_it


MANY = parse_space({"x": "range(0.1,0.4,0.1)", "y": "choice(a,b,c)"}, [])


def empty_the_queue(address: StudyAddress) -> None:
    study = address.load()
    trials = Trials(study, 12)
    while claimed := queue.claim(trials.read(), "one"):
        mine = address.load(study._storage, sampler=untried(optuna.samplers.RandomSampler(), MANY, study))
        trial = optuna.Trial(mine, claimed._trial_id)
        for name, distribution in MANY.distributions.items():
            trial._suggest(name, distribution)


def test_processes_that_propose_at_once_never_propose_the_same(tmp_path, storage):
    address = StudyAddress("one", tmp_path, storage)
    queue.fill(address.create(["minimize"], {}), 12, None, {})
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=empty_the_queue, args=(address,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    trials = address.load().trials
    assert len({mark(MANY, trial.params) for trial in trials}) == len(trials) == 12
