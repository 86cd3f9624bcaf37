"""A trial's run in MLflow: found, or made."""

from collections.abc import Mapping
from datetime import datetime

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME
from optuna import Study, Trial
from optuna.trial import FrozenTrial

from hydra_sweep.mlflow.names import cut, legal
from hydra_sweep.mlflow.store import PARENT_RUN, TRIAL_RUN, active_run, legal_tags, runs_with
from hydra_sweep.study.queue import attempt_of


def trial_run(
    client: MlflowClient, trial: Trial, experiment_id: str, folder: str, tags: Mapping[str, str]
) -> Run:
    """The run of a trial that runs: the one it had, or a new one where it had none or that was deleted."""
    parent = trial.study.user_attrs.get(PARENT_RUN)
    run = active_run(client, known := trial.user_attrs.get(TRIAL_RUN))
    if not run and parent and attempt_of(trial):
        # Whoever made the run may have been killed before the study knew its id.
        own = {"trial": str(trial.number), MLFLOW_PARENT_RUN_ID: parent}
        run = next(iter(runs_with(client, experiment_id, own)), None)
    if run:
        client.update_run(run.info.run_id, status="RUNNING")
    else:
        run = new_run(client, trial.study, trial, experiment_id, parent, folder, tags)
    if run.info.run_id != known:
        trial.set_user_attr(TRIAL_RUN, run.info.run_id)
    return run


def new_run(
    client: MlflowClient,
    study: Study,
    trial: Trial | FrozenTrial,
    experiment_id: str,
    parent: str | None,
    folder: str,
    tags: Mapping[str, str],
) -> Run:
    """A run named `<study>-<number>` below the parent, tagged with the study, the number and the folder."""
    name, start = cut(f"{study.study_name}-{trial.number}"), milliseconds(trial.datetime_start)
    below = {MLFLOW_PARENT_RUN_ID: parent} if parent else {}
    own = {"study": study.study_name, "trial": trial.number, "folder": folder, MLFLOW_RUN_NAME: name}
    return client.create_run(experiment_id, start, {**tags, **legal_tags(own), **below}, name)


def milliseconds(time: datetime | None) -> int | None:
    """MLflow's time, of Optuna's local one."""
    return time and round(time.timestamp() * 1000)


def metric_key(prefix: str | None, name: str) -> str:
    """A metric's name in MLflow, of a logger with this prefix."""
    return legal(f"{prefix}-{name}" if prefix else name)  # as Lightning joins them
