import json
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from hydra_sweep.errors import SweepError
from hydra_sweep.study import queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.reopen import reopen
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials

SPACE = {"x": FloatDistribution(0, 1), "+y": CategoricalDistribution(["a", "[64,32]"])}


@pytest.fixture(params=["journal", "sqlite", "postgresql"])
def address(request, tmp_path: Path) -> StudyAddress:
    storage = f"sqlite:///{tmp_path}/study.db" if request.param == "sqlite" else None
    if request.param == "postgresql":
        storage = request.getfixturevalue("postgres").new_database()
    return StudyAddress("toy", tmp_path / "sweep", storage)


def filled(address: StudyAddress) -> optuna.Study:
    """A study with a trial in each state, and a study beside it."""
    StudyAddress("other", address.folder, address.storage).create(["maximize"], {}).ask()
    study = address.create(["minimize"], {"n_trials": 5, "made": ["here"]})
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL):
        trial = study.ask(SPACE)
        trial.report(0.25, 1)
        trial.set_user_attr("reason", state.name)
        study.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state)
    study.ask(SPACE)
    study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    return study


def said(trial: optuna.trial.FrozenTrial) -> tuple:
    return trial.state, trial.values, trial.params, trial.distributions, trial.user_attrs, trial.number


def started(trial: optuna.trial.FrozenTrial) -> float | None:
    return trial.datetime_start and trial.datetime_start.timestamp()


def test_what_has_ended_runs_again_and_all_else_stays(address):
    before = filled(address)
    reopen(address, [0, 2])
    after = address.load()
    for was, now in zip(before.trials, after.trials, strict=True):
        if was.number not in (0, 2):
            assert said(now) == said(was)
            assert now.intermediate_values == was.intermediate_values
            assert started(now) == started(was)
        else:
            assert said(now) == (TrialState.RUNNING, None, *said(was)[2:])
            assert (now.intermediate_values, now.datetime_complete) == ({}, None)
    assert after.user_attrs == before.user_attrs
    assert after.directions == before.directions
    other = StudyAddress("other", address.folder, address.storage).load()
    assert [trial.state.name for trial in other.trials] == ["RUNNING"]
    with pytest.raises(ValueError, match=r"No trials|Record does not exist"):
        _ = after.best_trial


def test_nothing_of_its_training_stays_but_what_is_kept(address):
    study = filled(address)
    system = {"completed_rung_0": 0.25, "constraints:cost < 1": 2.0, "cma:generation": 3}
    again = study.ask(SPACE)
    for key, value in system.items():
        study._storage.set_trial_system_attr(again._trial_id, key, value)
    for key in ("reason", "attempt", "enqueued"):
        again.set_user_attr(key, 1)
    study.tell(again, 0.5)
    reopen(address, [again.number], keep={"attempt", "enqueued"})
    trial = address.load().trials[again.number]
    assert trial.params == again.params
    assert trial.user_attrs == {"attempt": 1, "enqueued": 1}
    assert (trial.constraints, trial.system_attrs) == ({}, {"cma:generation": 3})
    assert address.load().trials[0].user_attrs == {"reason": "COMPLETE"}


def test_it_then_ends_as_any_other(address):
    filled(address)
    reopen(address, [0])
    study = address.load()
    assert queue.put_back(study, study.trials[0], "by hand") == TrialState.WAITING
    claimed = queue.claim(Trials(study, 5).read(), "one")
    assert (claimed.number, queue.attempt_of(claimed)) == (0, 1)
    assert queue.tell(study, claimed, Outcome(TrialState.COMPLETE, [0.75]))
    assert address.load().best_trial.values == [0.75]


def test_an_interrupted_rewriting_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    address = StudyAddress("toy", tmp_path)
    filled(address)
    was = address.journal.read_bytes()
    monkeypatch.setattr("hydra_sweep.study.reopen.os.replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reopen(address, [0])
    assert address.journal.read_bytes() == was
    monkeypatch.undo()
    reopen(address, [0])
    assert address.load().trials[0].state == TrialState.RUNNING
    assert all(map(json.loads, address.journal.read_text().splitlines()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.journal"]


def test_other_storages_are_refused(tmp_path):
    file = {"_target_": "optuna.storages.journal.JournalFileBackend", "file_path": str(tmp_path / "log")}
    node = {"_target_": "optuna.storages.JournalStorage", "log_storage": file}
    address = StudyAddress("toy", tmp_path, node)
    filled(address)
    with pytest.raises(SweepError, match="expected a journal in the sweep's folder, or a database"):
        reopen(address, [0])
