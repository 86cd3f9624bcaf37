"""Sweeps whose trials pause at the rungs of asynchronous successive halving, by the real command."""

import random
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import mlflow
import psutil
import torch

from hydra_sweep.pruners import AshaPruner
from hydra_sweep.study.promotion import Rungs
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials
from tests.processes import family, kill
from tests.toy.sweeps import load, on, start, wait_for_running

PROMOTE = ["hydra/sweeper/pruner=asha", "hydra.sweeper.pruner.promote=true"]
EPOCHS, TRIALS = 4, 7
LONG = [
    f"epochs={EPOCHS}",
    "epoch_s=0.4",
    f"hydra.sweeper.n_trials={TRIALS}",
    "hydra.sweeper.max_retries=99",
]


def epochs_of(folder: Path, number: int) -> list[int]:
    """Those that it has trained to their end, in their order."""
    lines = (folder / "multirun/toy" / str(number) / "epochs").read_text().splitlines()
    return [int(line.split()[1]) for line in lines]


def test_killed_at_random_none_is_lost_and_each_goes_on_where_it_was(tmp_path, database):
    rng = random.Random(1)

    def disturb(choose: Callable[[list[psutil.Process]], list[psutil.Process]], n: int = 1) -> None:
        """Of the workers that have a trial, and their trials."""
        running = wait_for_running(tmp_path, n, database)
        time.sleep(rng.uniform(0, 0.4))
        workers = (family(int(trial.user_attrs["worker"])) for trial in running)
        kill(choose([*chain(*workers)]))

    supervisor = start(tmp_path, *PROMOTE, *LONG, on(database))
    for _ in range(3):
        disturb(lambda alive: alive and [rng.choice(alive)])
    supervisor.kill()
    disturb(lambda alive: alive)
    supervisor.communicate(timeout=60)
    before = load(tmp_path, database).trials

    again = start(tmp_path, *PROMOTE, *LONG, on(database))
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0, out
    study = load(tmp_path, database)
    assert len(study.trials) == TRIALS
    assert all(study.trials[trial.number].params == trial.params for trial in before if trial.params)
    for trial in study.trials:
        assert epochs_of(tmp_path, trial.number) == list(range(trial.last_step)), "each once, in order"
        assert trial.last_step == EPOCHS if trial.state.name == "COMPLETE" else trial.last_step in (1, 3)
    rungs = Rungs(AshaPruner(promote=True), study.direction)
    Trials(study, TRIALS, rungs=rungs).read()
    assert len(rungs.values[0]) == TRIALS
    ends = {trial.number: trial.last_step for trial in study.trials}
    assert all(ends[number] > 1 for _, number in rungs.values[0][: TRIALS // 3]), "the best went on"
    assert any(trial.state.name == "COMPLETE" for trial in study.trials)


def test_a_training_that_paused_ends_as_one_that_did_not(train, tmp_path):
    training = [
        *("hparams_search=mnist_optuna", "trainer.max_epochs=5"),
        *("+trainer.limit_train_batches=10", "+trainer.limit_val_batches=3"),
        *(f"model.net.lin{i}_size=64" for i in (1, 2, 3)),
        "data.batch_size=64",
        "model.optimizer.lr=0.01",
    ]
    # three alike, of which the first goes on; there is none other at epoch 3, where it pauses again
    sweep = ["-m", *PROMOTE, "+copy=choice(0,1,2)", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1"]
    done = train(*sweep, *training)
    assert "trial 0 paused at step 1 with" in done.stdout
    folder = tmp_path / "logs/train/multiruns/mnist_optuna"
    trials = StudyAddress("mnist_optuna", folder).load().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "PRUNED"]
    assert [list(trial.intermediate_values) for trial in trials] == [[1, 2, 3, 4, 5], [1], [1]]
    assert trials[0].user_attrs["attempt"] == 2
    assert "losses" not in trials[0].user_attrs
    assert not list(folder.rglob("resume.ckpt"))

    train(*training, "hydra.mode=RUN", "extra_name=alone")
    (alone,) = (tmp_path / "logs").rglob("runs/*alone*")
    files = [one / "checkpoints/last.ckpt" for one in (folder / "0", alone)]
    paused, whole = (torch.load(file, weights_only=True)["state_dict"] for file in files)
    assert paused.keys() == whole.keys()
    assert all(torch.equal(value, whole[key]) for key, value in paused.items())

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/logs/mlflow/mlflow.db")
    found = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    runs = {
        run.data.tags.get("trial", "alone"): run for run in found if run.info.run_name != "mnist_optuna"
    }
    assert len(runs) == len(found) - 1 == 4, "one of each trial"
    for key in runs["alone"].data.metrics:
        curves = [client.get_metric_history(runs[name].info.run_id, key) for name in ("0", "alone")]
        points = [[(point.step, point.value) for point in curve] for curve in curves]
        assert points[0] == points[1], key
    assert [runs[str(i)].info.status for i in range(3)] == ["FINISHED", "KILLED", "KILLED"]
