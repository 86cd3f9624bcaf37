"""Trials that a person changes between two starts, by the real commands."""

import signal

import pytest
from omegaconf import OmegaConf

from tests.conftest import run_python
from tests.toy.sweeps import SLOW, load, on, start, times, wait_for_running

MOST = "hydra.sweeper.max_failure_rate=1"


@pytest.fixture
def by_hand(tmp_path):
    """`python -m hydra_sweep`, with the sweep's folder behind the first word."""

    def run(what: str, *arguments: str, storage: str | None = None, check: bool = True):
        where = [f"--storage={storage}"] if storage else []
        folder = str(tmp_path / "multirun/toy")
        module = "src/hydra_sweep/__main__.py"
        return run_python(module, what, folder, *where, *arguments, cwd=tmp_path, check=check)

    return run


def test_retry_drop_and_add_and_the_sweep_goes_on(toy, by_hand, tmp_path, storage):
    # Parameters, in order: each is the value.
    enqueue = "hydra.sweeper.enqueue=['x=0.1','x=0.2','x=0.3']"
    options = [on(storage), enqueue, "hydra.sweeper.n_trials=3"]
    toy(*options, "what={1: raise, 2: prune}", MOST)

    before = load(tmp_path, storage).trials
    done = by_hand("retry", "--dry-run", storage=storage)
    assert "trial 1 failed (ValueError: the toy is broken) -> queued  x=0.2" in done.stdout
    assert load(tmp_path, storage).trials == before

    by_hand("retry", storage=storage)
    by_hand("drop", "0", "--reason", "wrong data", storage=storage)
    done = by_hand("add", "x=0.05", "--value", "0.05", storage=storage)
    assert "It counts once hydra.sweeper.n_trials is at least 4; it is 3." in done.stdout
    done = toy(on(storage), enqueue, "hydra.sweeper.n_trials=4")
    assert "0 queued, 0 running, 2 done, 1 pruned, 1 failed" in done.stdout
    assert times(tmp_path) == [0, 1, 2, 1]

    trials = load(tmp_path, storage).trials
    assert [trial.state.name for trial in trials] == ["FAIL", "COMPLETE", "PRUNED", "COMPLETE"]
    assert [trial.params["x"] for trial in trials] == [0.1, 0.2, 0.3, 0.05]
    assert trials[0].user_attrs["reason"] == "dropped by hand (it had 0.1): wrong data"
    assert (trials[1].user_attrs["attempt"], trials[1].value) == (1, 0.2)
    results = OmegaConf.load(tmp_path / "multirun/toy/optimization_results.yaml")
    assert results.best_value == 0.05


MISTAKES = {
    "retry 9": "There is no trial 9. Valid: 0 to 1.",
    "retry 1": "Trial 1 has not ended: queued.",
    "retry": "No trial has failed. Name those that are to be trained again.",
    "drop 0 7": "There is no trial 7.",
    "add y=1 --value 1": "Unknown parameter 'y'. Valid: w, x.",
    "add x=2 w=a --value 1": "add: x=2 is outside of interval(0.0, 1.0).",
    "add x=1 w=c --value 1": "add: w=c is outside of choice(a, '1').",
    "add x=1 --value 1": "add: w is missing: expected a value for each of x, w.",
    "add x=1 w=a --value nan": "add: --value: expected 1 finite number, got nan.",
    "add x=1 w=a --value 1 2": "add: --value: expected 1 finite number, got 1.0 2.0.",
}


def test_a_mistake_is_told_and_changes_nothing(toy, by_hand, tmp_path):
    options = ["+w=choice(a,'1')", "hydra.sweeper.n_trials=1"]
    toy(*options)
    waits = load(tmp_path)
    waits.enqueue_trial({"x": 0.5})
    before = (tmp_path / "multirun/toy/study.journal").read_bytes()
    for words, message in MISTAKES.items():
        done = by_hand(*words.split(" "), check=False)
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, done.stderr.strip())
        assert message in done.stderr
        assert (tmp_path / "multirun/toy/study.journal").read_bytes() == before
    by_hand("add", "x=1", "w=1", "--value", "0.5")
    assert load(tmp_path).trials[2].params == {"x": 1.0, "w": "'1'"}
    by_hand("drop", "1", "2")
    assert [trial.state.name for trial in load(tmp_path).trials] == ["COMPLETE", "FAIL", "FAIL"]


def test_a_folder_without_a_study_is_told(by_hand, tmp_path):
    assert "is no sweep's folder: expected a journal in it" in by_hand("retry", check=False).stderr
    assert not (tmp_path / "multirun").exists()


def test_it_is_refused_while_a_supervisor_or_a_worker_lives(by_hand, tmp_path, toy):
    supervisor = start(tmp_path, *SLOW)
    wait_for_running(tmp_path, 2)
    assert "This sweep already has a supervisor" in by_hand("drop", "0", check=False).stderr
    supervisor.kill()
    supervisor.communicate()
    assert "Workers of this sweep live: " in by_hand("drop", "0", check=False).stderr
    again = start(tmp_path, *SLOW)
    while "go on" not in again.stdout.readline():
        pass
    again.send_signal(signal.SIGINT)
    again.communicate()
    assert {trial.state.name for trial in load(tmp_path).trials} <= {"WAITING", "COMPLETE"}
    by_hand("drop", "0")
    assert load(tmp_path).trials[0].state.name == "FAIL"
