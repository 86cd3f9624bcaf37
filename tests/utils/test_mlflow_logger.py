from collections.abc import Callable

import mlflow
import optuna
import pytest

from src.utils import mlflow_logger
from src.utils.mlflow_logger import TrialMLFlowLogger


@pytest.fixture
def logger(tmp_path, compose_cfg, monkeypatch) -> Callable[..., TrialMLFlowLogger]:
    """Makes the logger of a further attempt at the same trial."""
    compose_cfg()
    trial = optuna.create_study().ask()
    monkeypatch.setattr(mlflow_logger, "current_trial", lambda: trial)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)  # as MLflow itself does, and leaves it behind
    return lambda **kwargs: TrialMLFlowLogger(uri, **kwargs)


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
