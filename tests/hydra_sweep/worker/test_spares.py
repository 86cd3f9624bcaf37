import errno
import os
import signal

import optuna
import psutil
import pytest
from optuna.trial import TrialState

from hydra_sweep.study.outcome import Outcome
from hydra_sweep.worker import process as module
from hydra_sweep.worker.process import TrialProcess, those_ended
from hydra_sweep.worker.spares import Spares


def say_what_is_to_be_done(job, entry, answer, is_early) -> None:
    assigned = entry.recv()
    entry.recv_bytes()
    answer.send(Outcome(TrialState.COMPLETE, [float(assigned.number)], reason=str((is_early, assigned))))


@pytest.fixture
def spares(monkeypatch):
    monkeypatch.setattr(module, "run_forked", say_what_is_to_be_done)
    spares = Spares(job=None)
    yield spares
    spares.drop()


@pytest.fixture
def trial():
    study = optuna.create_study()
    study.ask()
    return study.ask().storage.get_all_trials(0)[1]


def outcome_of(process: TrialProcess, trial) -> str:
    process.begin(trial, ["x=1"], 3, repeat=2)
    process.let_in()
    assert those_ended([process], 10) == [process]
    return process.outcome().reason


def test_a_process_learns_of_its_trial_later(spares, trial):
    spares.add()
    said = outcome_of(spares.take(), trial)
    assert said.startswith("(True, Assignment(number=1, ")
    assert "overrides=['x=1'], slots=3, rendezvous=None, repeat=2" in said


def test_where_none_is_ready_one_is_forked(spares, trial):
    assert outcome_of(spares.take(), trial).startswith("(False, ")


def test_one_that_was_killed_is_nobodys_trial(spares, trial):
    spares.add()
    spares.add()
    first, second = spares.waiting
    first.kill()
    first.process.join()
    taken = spares.take()
    taken.kill()
    assert taken is second


def test_one_that_dies_as_it_is_told_counts_as_a_killed_trial(spares, trial):
    spares.add()
    process = spares.take()
    process.kill()
    process.process.join()
    process.begin(trial, [], 1)
    process.let_in()
    assert process.outcome() is None
    assert process.why_ended().startswith("killed (SIGKILL)")


def test_what_is_dropped_is_gone(spares):
    spares.add()
    spares.add()
    pids = [one.pid for one in spares.waiting]
    spares.drop()
    assert not spares.waiting
    assert not any(map(psutil.pid_exists, pids))


def test_a_system_that_allows_no_other_process_is_no_harm(spares, monkeypatch):
    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    assert not spares.add()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])  # SIGTERM is heard as before
