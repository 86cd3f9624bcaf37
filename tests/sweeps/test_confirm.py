"""The best run again with fresh seeds, by the real command: hydra.sweeper.confirm."""

import signal
import statistics
import time
from pathlib import Path

import optuna
import pytest
from omegaconf import OmegaConf

from hydra_sweep.study.confirmation import address_of
from hydra_sweep.study.storage import StudyAddress
from tests.conftest import run_python
from tests.toy.sweeps import TWO_WORKERS, on, start

CONFIRM = "hydra.sweeper.confirm={top: 3, seeds: 5}"
# with this seed x=0.4 has the luck to look best, and 0.1 is
LUCKY = ["+seed=11", "noise=0.15", "hydra/sweeper/sampler=grid", "x=choice(0.1,0.2,0.3,0.4,0.5,0.6)"]


def runs_of(folder: Path, storage: str | None = None) -> list[optuna.trial.FrozenTrial]:
    address = address_of(StudyAddress("toy", folder / "multirun" / "toy", storage))
    study = address.load_existing()
    return study.trials if study else []


def n_trained(folder: Path) -> int:
    """Runs of the best, each time that one was begun and came to its end."""
    return len((folder / "multirun/toy/confirm/times").read_text().splitlines())


def test_the_first_was_luck(toy, tmp_path):
    words = [*LUCKY, CONFIRM, TWO_WORKERS]
    done = toy(*words, "hydra.sweeper.n_trials=4")
    before = [line for line in done.stdout.splitlines() if " is the best, not trial " in line]
    runs = runs_of(tmp_path)
    assert len(runs) == n_trained(tmp_path) == 15
    assert all(run.state.name == "COMPLETE" for run in runs)
    assert len({run.params["seed"] for run in runs}) == 5
    assert (tmp_path / "multirun/toy/confirm/14/toy.log").is_file()

    # All are known by now, and what was confirmed is not run again.
    done = toy(*words, "hydra.sweeper.n_trials=6")
    runs = runs_of(tmp_path)
    means = {x: statistics.mean(r.value for r in runs if r.params["x"] == x) for x in (0.1, 0.3, 0.4)}
    assert min(means, key=means.get) == 0.1
    assert "After the last trial the best 3 are run again, with 5 fresh seeds each." in done.stdout
    assert before or " is the best, not trial " in done.stdout
    assert "x=0.1" in done.stdout.splitlines()[-1], "the command of the winner"
    found = OmegaConf.load(tmp_path / "multirun/toy/optimization_results.yaml")
    assert found.best_params.x == 0.1
    assert found.best_value == pytest.approx(means[0.1])
    assert n_trained(tmp_path) == len(runs) <= 25

    again = toy(*words, "hydra.sweeper.n_trials=6")
    assert n_trained(tmp_path) == len(runs), "nothing is run twice"
    assert " is the best, not trial " in again.stdout
    spread = statistics.stdev(r.value for r in runs if r.params["x"] == 0.1)
    assert f"{means[0.1]:.3f} ± {spread:.3f}" in again.stdout
    status = run_python("src/hydra_sweep/__main__.py", "status", "multirun/toy", cwd=tmp_path)
    assert "is the best by the mean of 5 runs with fresh seeds" in status.stdout
    assert "x=0.1" in status.stdout.splitlines()[-1]


def test_it_goes_on_where_it_stopped(tmp_path, toy, database):
    words = [on(database), "+seed=11", "what={2: kill once, 5: raise}", "epochs=1"]
    words += ["hydra.sweeper.confirm={top: 2, seeds: 3}", "hydra.sweeper.n_trials=2"]
    words += ["hydra.sweeper.max_failure_rate=1"]
    sweep = start(tmp_path, *words)
    deadline = time.monotonic() + 60
    while not any(run.state.is_finished() for run in runs_of(tmp_path, database)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    sweep.send_signal(signal.SIGINT)
    assert "Go on with:" in sweep.communicate(timeout=60)[0]
    assert sweep.returncode == 130
    folder = tmp_path / "multirun/toy"
    assert (folder / "optimization_results.yaml").is_file(), "what the search has found"
    assert (folder / "best/experiment.yaml").is_file()
    done = toy(*words, TWO_WORKERS)
    runs = runs_of(tmp_path, database)
    assert [run.state.name for run in runs] == [*["COMPLETE"] * 5, "FAIL"]
    assert n_trained(tmp_path) == 6, "each has come to its end once"
    assert "2 of 3" in done.stdout
    assert f"x={runs[0].params['x']}" in done.stdout.splitlines()[-1], "it comes before one that failed"
