"""A short sweep over real MNIST trainings, by the command of the README."""

import logging
import re
import shlex
import subprocess
import sys
from pathlib import Path

import mlflow
import torch
from optuna.trial import TrialState
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hydra_sweep.lightning.__main__ import main
from hydra_sweep.study.storage import StudyAddress

SEARCH = ["-m", "hparams_search=mnist_optuna"]
SHORT = ["trainer.max_epochs=2", "+trainer.limit_train_batches=20", "+trainer.limit_val_batches=5"]
STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED"}


def test_the_main_command(train, tmp_path, monkeypatch, capsys, hydra_restore_singletons):
    pruner = ["hydra.sweeper.pruner.n_startup_trials=1", "hydra.sweeper.pruner.n_warmup_steps=0"]
    done = train(*SEARCH, *SHORT, *pruner, "hydra.sweeper.n_trials=6")
    folder = tmp_path / "logs/train/multiruns/mnist_optuna"
    study = StudyAddress("mnist_optuna", folder).load()
    assert len(study.trials) == 6
    assert study.metric_names == ["val/acc_best"]
    assert {trial.state for trial in study.trials} <= set(STATUS)
    for trial in study.trials:
        assert len(trial.params) == 5
        epochs = 2 if trial.state == TrialState.COMPLETE else trial.last_step
        assert len(trial.intermediate_values) == epochs
        if trial.state == TrialState.COMPLETE:
            assert (folder / str(trial.number) / "checkpoints" / "last.ckpt").is_file()
    assert not list(folder.rglob("resume.ckpt"))  # of no use once a trial has ended

    best = study.best_trial
    assert f"best val/acc_best {best.value:.6g}, trial {best.number}" in done.stdout
    assert re.search(r"mlflow ui --backend-store-uri sqlite:///\S+mlflow.db", done.stdout)
    assert "open 'http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=" in done.stdout
    assert f"model.optimizer.lr={best.params['model.optimizer.lr']}" in done.stdout
    assert len(list((folder / "workers").glob("*_submitted.pkl"))) == 2

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/logs/mlflow/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert parent.info.run_name == "mnist_optuna"
    assert parent.info.status == "FINISHED"
    children = {int(run.data.tags["trial"]): run for run in runs if run is not parent}
    assert sorted(children) == list(range(6))
    for trial in study.trials:
        run = children[trial.number]
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.run_name == f"mnist_optuna-{trial.number}"
        assert run.info.status == STATUS[trial.state]
        assert run.data.tags["state"] == trial.state.name
        assert run.data.tags["folder"] == str(folder / str(trial.number))
        if trial.state == TrialState.COMPLETE:
            assert Path(run.data.tags["checkpoint"]).parent == folder / str(trial.number) / "checkpoints"
        assert run.data.params["data/batch_size"] == str(trial.params["data.batch_size"])
        curve = client.get_metric_history(run.info.run_id, "val/acc_best")
        assert [point.value for point in curve] == list(trial.intermediate_values.values())

    printed = dict(re.findall(r"^(\w.*):\n  (.+)$", done.stdout, re.MULTILINE))
    again = subprocess.run(
        printed["Train it again"], shell=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert f"val/acc_best: {best.value}\n" in again.stdout, again.stderr
    monkeypatch.chdir(tmp_path)
    lightning = logging.getLogger("lightning.pytorch")
    monkeypatch.setattr(lightning, "level", lightning.level)
    for label, said in (("Test it", r"test/acc +│ +0\.[89]"), ("Export it", r"\(batch, 1, 28, 28\)")):
        words = shlex.split(printed[label])
        monkeypatch.setattr(sys, "argv", words[words.index("hydra_sweep.lightning") :])
        main()
        assert re.search(said, capsys.readouterr().out)
    exported = torch.export.load(folder / f"mnist_optuna-{best.number}.pt2").module()
    assert exported(torch.zeros(7, 1, 28, 28)).shape == (7, 10)
    assert '"label":"Export it"' in (folder / "report.html").read_text()


def test_a_killed_trial_goes_on_and_ends_as_one_that_was_not(train, tmp_path):
    alike = [
        "model.optimizer.lr=0.01",
        *(f"model.net.lin{i}_size=64" for i in (1, 2, 3)),
        "data.batch_size=64",
        "+copy=choice(0,1)",  # of one seed nothing is trained twice
        "+callbacks.die_once._target_=tests.toy.die_once.DieOnce",
        "+callbacks.die_once.epoch=2",
        "+trainer.log_every_n_steps=5",
        "common/logger@logger=many_loggers",
    ]
    train(
        *SEARCH,
        *SHORT,
        *alike,
        "trainer.max_epochs=5",
        "hydra/sweeper/pruner=none",
        "hydra.sweeper.n_trials=2",
        "hydra.sweeper.n_jobs=1",
    )
    folder = tmp_path / "logs/train/multiruns/mnist_optuna"
    killed, other = StudyAddress("mnist_optuna", folder).load().trials
    assert killed.user_attrs["attempt"] == 1
    assert other.user_attrs.get("attempt", 0) == 0
    assert killed.value == other.value
    assert killed.intermediate_values == other.intermediate_values
    log = (folder / "0" / "train.log").read_text()
    assert "Attempt 2 goes on at step 40" in log  # the third of its five epochs
    files = [folder / str(i) / "checkpoints/last.ckpt" for i in (0, 1)]
    first, second = (torch.load(file, weights_only=True)["state_dict"] for file in files)
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    names = [sorted(path.name for path in (folder / str(i) / "checkpoints").iterdir()) for i in (0, 1)]
    assert names[0] == names[1]

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/logs/mlflow/mlflow.db")
    found = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    numbered = {run.data.tags.get("trial"): run.info.run_id for run in found}
    runs = [numbered[str(trial.number)] for trial in (killed, other)]
    for key in client.get_run(runs[0]).data.metrics:
        histories = [client.get_metric_history(run, key) for run in runs]
        points = [[(point.step, point.value) for point in history] for history in histories]
        assert points[0] == points[1], key
    tables = [(folder / str(i) / "csv/version_0/metrics.csv").read_text() for i in (0, 1)]
    assert tables[0].count("\n") == 11
    assert sorted(tables[0].splitlines()) == sorted(tables[1].splitlines())
    curves = [scalars(folder / str(i) / "tensorboard/version_0") for i in (0, 1)]
    assert curves[0] == curves[1]
    assert len(list(folder.rglob("version_*"))) == 4


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder)).Reload()
    keys = events.Tags()["scalars"]
    return {key: [(point.step, point.value) for point in events.Scalars(key)] for key in keys}
