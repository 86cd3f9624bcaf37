import copy
import multiprocessing
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from hydra_sweep.study.inherited import inherited
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.storage import StudyAddress

N_FORKS, N_STEPS = 3, 10


@pytest.fixture(params=["journal", "sqlite", "postgresql", "postgresql with a pool"])
def study(request, tmp_path: Path) -> Iterator[optuna.Study]:
    storage: Any = None
    if request.param == "sqlite":
        storage = f"sqlite:///{tmp_path}/study.db"
    if request.param.startswith("postgresql"):
        storage = request.getfixturevalue("postgres").new_database()
    if request.param.endswith("pool"):
        storage = {"_target_": "optuna.storages.RDBStorage", "url": storage}
    study = StudyAddress("toy", tmp_path, storage).create(["minimize"], {})
    yield study
    if storage:
        study._storage._backend.engine.dispose()  # nobody else ends its connections before they warn


def live(study: optuna.Study, trial_id: int) -> LiveTrial:
    own = copy.copy(study)
    own._storage = inherited(study._storage)
    return LiveTrial(own, trial_id)


def report(study: optuna.Study, trial_id: int, parents: int, go: Any, seen: Any) -> None:
    trial = live(study, trial_id)
    go.wait(30)  # the parent has told meanwhile
    told = trial.study.get_trials(deepcopy=False)[parents]
    for step in range(N_STEPS):
        trial.report(step / 10, step)
    seen.put((trial_id, told.state.name, trial.should_prune()))


def test_forks_go_on_with_what_their_parent_has_open(study):
    """Each speaks for itself, and sees what the others say."""
    ids = [study.ask()._trial_id for _ in range(N_FORKS)]
    own = study.ask()
    assert len(study.get_trials(deepcopy=False)) == N_FORKS + 1
    fork = multiprocessing.get_context("fork")
    go, seen = fork.Event(), fork.Queue()
    forks = [fork.Process(target=report, args=(study, i, own.number, go, seen)) for i in ids]
    for one in forks:
        one.start()
    study.tell(own, 1.0)
    with suppress(UpdateFinishedTrialError):  # a mistake of the parent's is none of theirs
        study._storage.set_trial_user_attr(own._trial_id, "late", True)
    go.set()
    assert sorted(seen.get(timeout=60) for _ in ids) == [(i, "COMPLETE", False) for i in ids]
    for one in forks:
        one.join(60)
        assert one.exitcode == 0
    values = {step: step / 10 for step in range(N_STEPS)}
    assert [trial.intermediate_values for trial in study.trials] == [values] * N_FORKS + [{}]
    assert study.ask().number == N_FORKS + 1, "the parent's connections are as they were"


def open_another_trial(study: optuna.Study, trial_id: int, claimed: Any) -> None:
    storage = inherited(study._storage)
    claimed.put(storage.set_trial_state_values(trial_id, TrialState.RUNNING))


def test_what_the_parent_claimed_is_not_its_forks_claim(study):
    study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    (trial,) = study.get_trials(deepcopy=False)
    assert study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    fork = multiprocessing.get_context("fork")
    claimed = fork.Queue()
    one = fork.Process(target=open_another_trial, args=(study, trial._trial_id, claimed))
    one.start()
    assert claimed.get(timeout=60) is False
    one.join(60)


def test_a_storage_that_a_fork_cannot_use_is_opened_anew():
    assert inherited(optuna.storages.InMemoryStorage()) is None
