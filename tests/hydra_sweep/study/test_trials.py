from collections.abc import Iterable
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study import queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials

ENDS = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)


@pytest.fixture(params=["journal", "sqlite", "postgresql", "memory"])
def studies(request, tmp_path: Path) -> tuple[optuna.Study, optuna.Study]:
    """One study, opened twice."""
    if request.param == "memory":
        study = optuna.create_study()
        return study, study
    storage = f"sqlite:///{tmp_path}/study.db" if request.param == "sqlite" else None
    if request.param == "postgresql":
        storage = request.getfixturevalue("postgres").new_database()
    address = StudyAddress("toy", tmp_path, storage)
    return address.create(["minimize"], {}), address.load()


@pytest.fixture
def study(studies) -> optuna.Study:
    return studies[0]


@pytest.fixture
def other(studies) -> optuna.Study:
    return studies[1]


def told(trials: Iterable[FrozenTrial], running: bool) -> list[tuple]:
    """What is to be known of them."""
    return [
        (t.number, t.state, t.params, t.user_attrs if running or t.state != TrialState.RUNNING else None)
        for t in trials
    ]


@pytest.mark.parametrize("running", [True, False])
def test_what_is_read_again_is_what_the_study_says(study, other, running):
    """Whatever happened between two looks."""
    n = 10
    trials, worker = Trials(other, n, running), Trials(study, n + 1)
    assert trials.read().counts() == {TrialState.WAITING: n}
    claimed = [queue.claim(worker.read(), "one") for _ in range(2)]
    for i in range(12):
        optuna.Trial(study, claimed[-1]._trial_id).suggest_float("x", 0, 1)
        expected = study.get_trials(deepcopy=False)[:n]
        assert told(trials.read(), running) == told(expected, running)
        assert trials.ended == sorted(trials.ended, key=lambda trial: trial.datetime_complete)
        assert trials.n_ended.total() == len(trials.ended) == sum(t.state.is_finished() for t in expected)
        assert trials.failed == [t for t in trials.ended if t.state == TrialState.FAIL]
        assert sum(trials.counts().values()) == n
        first = claimed.pop(0)
        if i % 4 == 3:
            queue.put_back(study, first, "lost")
        else:
            state = ENDS[i % 3]
            queue.tell(study, first, Outcome(state, [1.0] if state == TrialState.COMPLETE else None))
        claimed += [queue.claim(worker.read(), "one") or first]
    assert len(trials) == n
    assert other.trials == study.trials, "what the storage itself reads is complete after it"


def test_what_has_ended_is_not_looked_at_again(study):
    worker = Trials(study, 3)
    for _ in range(2):
        queue.tell(study, queue.claim(worker.read(), "one"), Outcome(TrialState.COMPLETE, [1.0]))
    trials = Trials(study, 3).read()
    before = list(trials.ended)
    queue.claim(worker.read(), "one")
    assert all(one is other for one, other in zip(before, trials.read().ended, strict=True))
    assert list(trials.open) == [2]
