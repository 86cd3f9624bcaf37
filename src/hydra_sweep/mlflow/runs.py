"""A trial's run in MLflow: awaited, found, or made."""

import time
from collections.abc import Mapping
from datetime import datetime

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME
from optuna import Study, Trial
from optuna.trial import FrozenTrial

from hydra_sweep.mlflow.address import PARENT_RUN, TRIAL_RUN, retries
from hydra_sweep.mlflow.names import cut, legal_tags
from hydra_sweep.mlflow.store import active_run, log_wholes, runs_with
from hydra_sweep.study.queue import RETRIES

# how long a trial that needs its run waits for the tracker to make it, which may have nobody who runs it
PATIENCE_S, POLL_S = 20.0, 0.5


def awaited_run(
    client: MlflowClient, trial: Trial, experiment_id: str, folder: str, tags: Mapping[str, str]
) -> Run:
    """The run of a trial that runs, as the tracker makes it; a new one where nobody does in time."""
    parent, deadline = trial.study.user_attrs.get(PARENT_RUN), time.monotonic() + PATIENCE_S
    while parent and time.monotonic() < deadline:
        now = trial.storage.get_trial(trial._trial_id)
        if run := active_run(client, now.user_attrs.get(TRIAL_RUN)):
            return run
        time.sleep(POLL_S)
    # Whoever made one may have been killed before the study knew its id.
    own = {"trial": str(trial.number), MLFLOW_PARENT_RUN_ID: parent}
    made = runs_with(client, experiment_id, own) if parent else []
    run = next((one for one in made if is_of(one, trial)), None)
    run = run or new_run(client, trial.study, trial, experiment_id, parent, folder, tags)
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
    own |= {RETRIES: retries(trial)} if RETRIES in trial.user_attrs else {}
    run = client.create_run(experiment_id, start, legal_tags({**tags, **own, **below}), name)
    log_wholes(client, run.info.run_id, "tags", tags)
    return run


def is_of(run: Run, trial: Trial | FrozenTrial) -> bool:
    """Whether a run of the trial's number is not of a training before a retry by hand."""
    return run.data.tags.get(RETRIES, "0") == retries(trial)


def milliseconds(time: datetime | None) -> int | None:
    """MLflow's time, of Optuna's local one."""
    return time and round(time.timestamp() * 1000)
