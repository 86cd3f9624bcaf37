"""Processes that wait for a trial."""

import time

import optuna
import psutil

from tests.processes import family, kill
from tests.toy.sweeps import load, on, start, wait_for_running


def wait_for(number: int, folder, storage) -> optuna.trial.FrozenTrial:
    while (running := wait_for_running(folder, 1, storage)[0]).number < number:
        time.sleep(0.05)
    return running


def test_what_a_trial_reports_in_one_that_was_there_before_it_is_kept(tmp_path, storage):
    sweep = start(tmp_path, on(storage), "hydra.sweeper.n_jobs=1", "steps=50", "hydra.sweeper.n_trials=3")
    trial = wait_for(1, tmp_path, storage)
    processes = family(int(trial.user_attrs["worker"]))[1:]
    assert min(map(psutil.Process.create_time, processes)) < trial.datetime_start.timestamp()
    said, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 0, said
    for trial in load(tmp_path, storage).trials:
        x = trial.params["x"]
        assert trial.intermediate_values == {step: x + 1 / step for step in range(1, 51)}
        assert trial.value == x


def test_there_are_no_more_than_slots(tmp_path):
    """Also where no other trial may begin, because one has failed, and no supervisor tells the worker."""
    failing = ["what={0: raise}", "seconds=[0.3,2,2,2]", "hydra.sweeper.n_trials=20"]
    sweep = start(tmp_path, "hydra.sweeper.n_jobs=1", "hydra.sweeper.slots=4", *failing)
    worker = int(wait_for_running(tmp_path, 4)[0].user_attrs["worker"])
    kill([psutil.Process(sweep.pid)])
    sweep.communicate()
    numbers = []
    while processes := family(worker):
        numbers.append(len(processes))
        time.sleep(0.01)
    assert max(numbers) <= 2 + 4 + 4  # the job and its task; trials and those that wait
