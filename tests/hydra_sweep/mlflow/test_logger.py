from collections.abc import Callable

import mlflow
import optuna
import pytest

from hydra_sweep.mlflow import logger as mlflow_logger
from hydra_sweep.mlflow.logger import MLFlowLogger
from hydra_sweep.mlflow.store import PARENT_RUN, TRIAL_RUN


@pytest.fixture
def trial() -> optuna.Trial:
    return optuna.create_study().ask()


@pytest.fixture
def logger(tmp_path, compose_cfg, monkeypatch, trial) -> Callable[..., MLFlowLogger]:
    """Makes the logger of a further attempt at the same trial."""
    compose_cfg()
    monkeypatch.setattr(mlflow_logger, "current_trial", lambda: trial)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)  # as MLflow itself does, and leaves it behind
    return lambda **kwargs: MLFlowLogger(uri, **kwargs)


def test_what_is_done_again_is_not_logged_again(logger):
    points = [
        ("epoch", 0, 0),
        ("val/loss", 0.5, 0),
        ("epoch", 0, 0),
        ("epoch", 1, 9),
        ("val/loss", 0.25, 9),
    ]
    first = logger(prefix="a")
    for key, value, step in points[:2]:
        first.log_metrics({key: value}, step)
    first.finalize("failed")
    again = logger(prefix="a")
    assert again.run_id == first.run_id
    for key, value, step in points:
        again.log_metrics({key: value}, step)
    client = mlflow.MlflowClient(again._tracking_uri)
    for name in ("epoch", "val/loss"):
        history = client.get_metric_history(again.run_id, f"a-{name}")
        expected = [(value, step) for key, value, step in points if key == name]
        assert [(point.value, point.step) for point in history] == expected


def test_a_run_that_the_study_was_not_told_of_is_found_again(logger, trial):
    trial.study.set_user_attr(PARENT_RUN, "parent")
    first = logger()
    assert trial.user_attrs[TRIAL_RUN] == first.run_id
    trial.set_user_attr(TRIAL_RUN, None)  # killed before it could say
    trial.set_user_attr("attempt", 1)
    assert logger().run_id == first.run_id
    client = mlflow.MlflowClient(first._tracking_uri)
    assert len(client.search_runs([first.experiment_id])) == 1
