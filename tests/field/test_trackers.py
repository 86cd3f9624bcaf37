"""Names that trackers refuse, and trackers that are away: the tracker is a view of the study."""

import csv
import shutil
from pathlib import Path

from mlflow.entities import Run

from hydra_sweep.mlflow.store import open_store
from hydra_sweep.study.storage import StudyAddress
from tests.field.table import SEARCH

SHORT = ["trainer.max_epochs=2", "+trainer.limit_train_batches=3", "+trainer.limit_val_batches=2"]
ONE_WORKER = ["hydra.sweeper.n_jobs=1", "hydra/sweeper/pruner=none"]
NAME = 'it\'s 100% "ü" #1'
# names that Hydra and Lightning allow, and how MLflow shows them
METRICS = {
    "val/recall@10": "val/recall:at:10",
    "val/recall10": "val/recall10",
    "VAL/RECALL10": "VAL/RECALL10",
    "acc (top-5)": "acc :u28:top-5:u29:",
    "a//b": "a:slash::slash:b",
    "größe": "größe",
}
PARAMETERS = {
    "+trainer.gradient_clip_val": ":plus:trainer.gradient_clip_val",
    "common/callbacks@callbacks": "common/callbacks:at:callbacks",
    "model.optimizer.lr": "model.optimizer.lr",
}
SEARCHED = [
    "+trainer.gradient_clip_val=interval(0.1,1.0)",
    "common/callbacks@callbacks=choice(none,default)",
    "optimized_metric=val/recall@10",
    "+callbacks.odd._target_=tests.toy.odd_metrics.OddMetrics",
    f"+callbacks.odd.names={list(METRICS)}",
    f'hydra.sweeper.study_name="{NAME.replace(chr(34), chr(92) + chr(34))}"',
    "task_name=2026",
    "common/logger@logger=[mlflow,csv,tensorboard]",
]


def test_every_name_is_shown_alike_and_what_is_deleted_is_written_afresh(train, tmp_path):
    sweep = [*SEARCH, *SEARCHED, *SHORT, *ONE_WORKER]
    train(*sweep, "hydra.sweeper.n_trials=2")
    store = tmp_path / "logs/mlflow"
    for run in check_mlflow(tmp_path, 2):
        assert set(METRICS.values()) < run.data.metrics.keys()
    folder = tmp_path / "logs/2026/multiruns" / NAME
    with open(next((folder / "0/csv").rglob("metrics.csv"))) as table:
        assert set(METRICS) < set(csv.DictReader(table).fieldnames)
    assert list((folder / "0/tensorboard").rglob("events.*"))

    shutil.rmtree(store)
    done = train(*sweep, "hydra.sweeper.n_trials=3")
    assert "mlflow ui" in done.stdout
    check_mlflow(tmp_path, 3)

    # and with nothing to train
    store.rename(tmp_path / "elsewhere")
    train(*sweep, "hydra.sweeper.n_trials=3")
    check_mlflow(tmp_path, 3)


def check_mlflow(tmp_path: Path, n: int) -> list[Run]:
    """MLflow's runs say what the study does, by the same names on all pages. Those of the trials."""
    study = StudyAddress(NAME, tmp_path / "logs/2026/multiruns" / NAME).load()
    client, experiment = open_store(f"sqlite:///{tmp_path}/logs/mlflow/mlflow.db", "2026")
    runs = client.search_runs([experiment])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = {int(run.data.tags["trial"]): run for run in runs if run is not parent}
    assert sorted(children) == list(range(n)) == [trial.number for trial in study.trials]
    assert (parent.info.run_name, parent.info.status) == (NAME, "FINISHED")
    assert parent.data.metrics["val/recall:at:10"] == study.best_value
    for trial in study.trials:
        run = children[trial.number]
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        for name, shown in PARAMETERS.items():
            assert run.data.params[shown] == str(trial.params[name])
            assert shown in parent.data.params
        points = client.get_metric_history(run.info.run_id, "val/recall:at:10")
        curve = [point.value for point in points]
        assert curve[-1] == trial.value
        reported = list(trial.intermediate_values.values())  # nothing without the callback Pruning
        assert curve == reported or not reported
    return list(children.values())
