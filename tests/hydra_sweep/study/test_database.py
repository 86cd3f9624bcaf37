import sqlite3
import time
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event

from hydra_sweep.study import database, pausing, queue, retry
from hydra_sweep.study.database import one_connection
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.promotion import is_paused
from hydra_sweep.study.retry import patiently
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials


@pytest.fixture
def study(postgres, tmp_path: Path) -> optuna.Study:
    return StudyAddress("toy", tmp_path, postgres.new_database()).create(["minimize"], {})


def connections(postgres) -> int:
    postgres.execute("SELECT pg_stat_clear_snapshot()")
    return postgres.execute("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'db%'")[0][0]


def test_what_is_done_in_one_connection_makes_no_other_and_leaves_none(study, postgres):
    made = []
    engine = study._storage._backend.engine
    event.listen(engine, "connect", lambda *_: made.append(1))
    with one_connection(study._storage):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, 1.0)
        assert connections(postgres) == 1
    assert len(made) == 1
    deadline = time.monotonic() + 10
    while connections(postgres) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert connections(postgres) == 0
    assert study.trials[0].value == 1.0
    assert len(made) > 1


def test_a_server_that_is_started_again_meanwhile_is_waited_for(study, postgres):
    with one_connection(study._storage):
        study.set_user_attr("before", 1)
        postgres.stop()
        postgres.start()
        patiently(study.set_user_attr, "after", 2)
    assert study.user_attrs == {"before": 1, "after": 2}


def test_an_error_inside_is_rolled_back_alone(study):
    with one_connection(study._storage):
        with pytest.raises(StorageInternalError):
            study.set_user_attr("x\0", 1)
        study.set_user_attr("y", 2)
    assert study.user_attrs == {"y": 2}


def test_a_study_is_read_part_by_part(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "PART", 3)
    address = StudyAddress("toy", tmp_path, f"sqlite:///{tmp_path}/study.db")
    study = address.create(["minimize"], {})
    for i in range(10):
        trial = study.ask()
        if i % 4:
            study.tell(trial, float(i))
    other = address.load()
    assert other.trials == study.trials
    study.tell(0, 7.0)
    study.ask()
    assert other.trials == study.trials
    assert len(other.trials) == 11


def silent_at(study: optuna.Study, kth: int, monkeypatch, after_commit: bool) -> list[int]:
    """Has the database fall silent once: at its k-th statement, or right after its k-th commit, of which
    nobody hears. The list has what was counted."""
    engine, counted = study._storage._backend.engine, []

    def count() -> None:
        counted.append(1)
        if len(counted) == kth:
            raise sqlite3.OperationalError("server closed the connection unexpectedly")

    if after_commit:
        commit = engine.dialect.do_commit
        monkeypatch.setattr(engine.dialect, "do_commit", lambda connection: (commit(connection), count()))
    else:
        execute = engine.dialect.do_execute
        monkeypatch.setattr(engine.dialect, "do_execute", lambda *args: (count(), execute(*args)))
    return counted


def work(trials: Trials) -> None:
    """What a worker has the study do for a trial, one that is put back first."""
    study = trials.study

    def claim() -> FrozenTrial | None:
        try:
            return queue.claim(trials, "one")
        except StorageInternalError:
            queue.put_back_strays(trials, "one", [], "its claim was not answered")
            raise

    for n in range(2):
        trials.read()
        while (claimed := patiently(claim)) is None:
            [nameless] = trials.read().in_state(TrialState.RUNNING)  # the supervisor, after a minute
            assert not nameless.user_attrs.get("worker")
            patiently(queue.put_back, study, nameless, "worker lost")
            trials.read()
        trial = patiently(LiveTrial, study, claimed._trial_id)
        patiently(trial.suggest_float, "x", 0, 1)
        trial.report(0.5, step=n)
        if n:
            patiently(queue.tell, study, claimed, Outcome(TrialState.COMPLETE, [0.5]))
        else:
            patiently(queue.put_back, study, claimed, "killed", 3)
            patiently(queue.put_back_strays, trials, "one", [], "left")


@pytest.mark.parametrize("after_commit", [False, True])
def test_wherever_a_database_falls_silent_no_trial_is_lost_or_trained_twice(
    tmp_path, monkeypatch, after_commit
):
    monkeypatch.setattr(retry, "PAUSE_S", 0)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = StudyAddress("toy", tmp_path, f"sqlite:///{tmp_path}/study.db").open_storage()
    for kth in range(1, 1000):
        study = optuna.create_study(storage=storage)
        with monkeypatch.context() as patch:
            counted = silent_at(study, kth, patch, after_commit)
            work(Trials(study, 1))
        [trial] = study.trials
        assert (trial.state.name, trial.value, trial.intermediate_values) == (
            "COMPLETE",
            0.5,
            {0: 0.5, 1: 0.5},
        )
        if len(counted) < kth:
            return
    raise AssertionError("it never came to its end")


def test_wherever_a_database_falls_silent_a_trial_pauses_once(tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "PAUSE_S", 0)
    storage = StudyAddress("toy", tmp_path, f"sqlite:///{tmp_path}/study.db").open_storage()
    for kth in range(1, 1000):
        study = optuna.create_study(storage=storage)
        claimed = queue.claim(Trials(study, 1).read(), "one")
        LiveTrial(study, claimed._trial_id).report(0.5, step=1)
        with monkeypatch.context() as patch:
            counted = silent_at(study, kth, patch, after_commit=True)
            patiently(pausing.pause, study, claimed, {})
        [trial] = study.trials
        assert is_paused(trial)
        assert trial.user_attrs["attempt"] == 1
        if len(counted) < kth:
            return
    raise AssertionError("it never came to its end")
