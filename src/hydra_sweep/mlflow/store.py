"""The MLflow store, without Lightning: importing that takes four times as long."""

import logging
import os
from pathlib import Path

import mlflow

from hydra_sweep.study.secrets import masked

# attribute of the study, and of the trial, that holds the id of its MLflow run
PARENT_RUN, TRIAL_RUN = "mlflow_parent_run_id", "mlflow_run_id"

SQLITE = "sqlite:///"
# Lightning's own
DEFAULT_EXPERIMENT = "lightning_logs"


def prepare_store(tracking_uri: str, experiment_name: str, artifact_location: str | None = None) -> str:
    """Sees to it that the store and the experiment exist. Returns the experiment's id.

    Two processes that are first at the same new sqlite store race in MLflow's migration: a sweep
    calls this once before its workers start.
    """
    if tracking_uri.startswith(SQLITE):
        folder = Path(tracking_uri.removeprefix(SQLITE)).parent
        folder.mkdir(parents=True, exist_ok=True)
        artifact_location = artifact_location or (folder.resolve() / "artifacts").as_uri()
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    client = mlflow.MlflowClient(tracking_uri)
    if experiment := client.get_experiment_by_name(experiment_name):
        return experiment.experiment_id
    return client.create_experiment(experiment_name, artifact_location)


def runs_with(client: mlflow.MlflowClient, experiment_id: str, tags: dict[str, str]) -> list:
    """The runs that have all the tags."""
    wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    return client.search_runs([experiment_id], wanted)


def ui_command(tracking_uri: str) -> str:
    """The command that opens the store in a browser, without a password."""
    tracking_uri = masked(tracking_uri)
    if tracking_uri.startswith(SQLITE):
        tracking_uri = SQLITE + os.path.normpath(tracking_uri.removeprefix(SQLITE))
    if tracking_uri.startswith("http"):
        return f"open {tracking_uri}"
    return f"mlflow ui --backend-store-uri {tracking_uri}"
