"""Trials that a person changes between two starts, by the real commands."""

import pytest
from omegaconf import OmegaConf

from tests.conftest import run_python
from tests.toy.sweeps import SLOW, TWO_WORKERS, load, on, start, times, wait_for_running

MOST = "hydra.sweeper.max_failure_rate=1"


@pytest.fixture
def by_hand(tmp_path):
    """`python -m hydra_sweep`, with the sweep's folder behind the first word."""

    def run(what: str, *arguments: str, storage: str | None = None, check: bool = True):
        where = [f"--storage={storage}"] if storage else []
        folder = str(tmp_path / "multirun/toy")
        module = "src/hydra_sweep/__main__.py"
        return run_python(module, what, folder, *arguments, *where, cwd=tmp_path, check=check)

    return run


def test_retry_drop_and_add_and_the_sweep_goes_on(toy, by_hand, tmp_path, database):
    # Parameters, in order: each is the value.
    enqueue = "hydra.sweeper.enqueue=['x=0.1','x=0.2','x=0.3']"
    options = [on(database), enqueue, "hydra.sweeper.n_trials=3"]
    toy(*options, "what={1: raise, 2: prune}", MOST)

    before = load(tmp_path, database).trials
    done = by_hand("retry", "--dry-run", storage=database)
    assert "trial 1 failed (ValueError: the toy is broken) -> queued  x=0.2" in done.stdout
    assert load(tmp_path, database).trials == before

    by_hand("retry", storage=database)
    by_hand("drop", "0", "--reason", "wrong data", storage=database)
    done = by_hand("add", "x=0.05", "--value", "0.05", storage=database)
    assert "It counts once hydra.sweeper.n_trials is at least 4; it is 3." in done.stdout
    done = toy(on(database), enqueue, "hydra.sweeper.n_trials=4")
    assert "0 queued, 0 running, 2 done, 1 pruned, 1 failed" in done.stdout
    assert times(tmp_path) == [0, 1, 2, 1]

    trials = load(tmp_path, database).trials
    assert [trial.state.name for trial in trials] == ["FAIL", "COMPLETE", "PRUNED", "COMPLETE"]
    assert [trial.params["x"] for trial in trials] == [0.1, 0.2, 0.3, 0.05]
    assert trials[0].user_attrs["reason"] == "dropped by hand (it had 0.1): wrong data"
    assert (trials[1].user_attrs["attempt"], trials[1].value) == (1, 0.2)
    (first,) = trials[1].user_attrs["attempts"]
    assert (first["attempt"], first["why"]) == (0, "retried by hand")
    assert first["ended"] == before[1].datetime_complete.timestamp()
    results = OmegaConf.load(tmp_path / "multirun/toy/optimization_results.yaml")
    assert results.best_value == 0.05


def test_a_retried_trial_is_trained_from_the_start(toy, by_hand, tmp_path):
    """On a space with conditions, which the trials that are added and dropped keep."""
    space = ["+kind=choice(a,b)", "+y=interval(0.0,1.0)", '+hydra.sweeper.when={+y: "+kind=a"}']
    enqueue = "hydra.sweeper.enqueue=['x=0.1 +kind=a +y=0.5','x=0.2 +kind=b']"
    told = ["hydra.sweeper.constraints='cost < 2'", "what={0: tell, 1: tell}"]
    options = [*space, "epochs=1", "steps=1", enqueue, *told]
    toy(*options, "hydra.sweeper.n_trials=2")
    was = load(tmp_path).trials
    by_hand("retry", "0", "1")
    by_hand("drop", "1")
    refused = by_hand("add", "x=0.3", "kind=b", "y=0.5", "--value", "1", check=False)
    assert "add: y is for trials with kind=a alone." in refused.stderr
    by_hand("add", "x=0.3", "kind=b", "--value", "0.3")
    toy(*options, "hydra.sweeper.n_trials=3")
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [trial.params for trial in trials[:2]] == [trial.params for trial in was]
    assert trials[2].params == {"x": 0.3, "+kind": "b"}
    assert trials[0].intermediate_values == was[0].intermediate_values
    assert trials[0].constraints == was[0].constraints
    epochs = [(tmp_path / "multirun/toy" / name / "epochs") for name in ("0", "0_before_retry_1")]
    assert [len(file.read_text().splitlines()) for file in epochs] == [1, 1]


def test_it_is_refused_while_a_supervisor_or_a_worker_lives(by_hand, tmp_path, toy):
    supervisor = start(tmp_path, *SLOW)
    wait_for_running(tmp_path, 2)
    assert "This sweep already has a supervisor" in by_hand("drop", "0", check=False).stderr
    supervisor.kill()
    supervisor.communicate()
    assert "Workers of this sweep live: " in by_hand("drop", "0", check=False).stderr
    # The same command sees to the workers that live, whether it then ends them or they end.
    toy(*SLOW, TWO_WORKERS, "hydra.sweeper.timeout=1")
    by_hand("drop", "0")
    assert load(tmp_path).trials[0].state.name == "FAIL"
