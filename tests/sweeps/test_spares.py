"""Processes that wait for a trial."""

import time
from contextlib import suppress

import psutil

from tests.processes import family, kill
from tests.toy.sweeps import load, on, start, wait_for_running


def below(worker: int) -> set[int]:
    """The processes that its task has forked."""
    with suppress(psutil.NoSuchProcess):
        return {one.pid for task in psutil.Process(worker).children() for one in task.children()}
    return set()


def test_the_second_trial_runs_and_reports_in_a_process_that_was_there_before_it(tmp_path, storage):
    size = ["hydra.sweeper.n_jobs=1", "hydra.sweeper.n_trials=2", "seconds=[1,1]", "steps=3"]
    sweep = start(tmp_path, on(storage), *size)
    worker = int(wait_for_running(tmp_path, 1, storage)[0].user_attrs["worker"])
    seen = []
    while sweep.poll() is None:
        seen.append(below(worker))
        time.sleep(0.01)
    said, _ = sweep.communicate()
    assert sweep.returncode == 0, said
    assert (
        max(map(len, seen)) == len(set.union(*seen)) == 2
    )  # the first trial's, and beside it the second's
    for trial in load(tmp_path, storage).trials:
        x = trial.params["x"]
        assert trial.intermediate_values == {step: x + 1 / step for step in range(1, 4)}
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
