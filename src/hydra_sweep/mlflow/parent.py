"""The sweep's run in MLflow, below which its trials' are."""

from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_GIT_DIRTY, MLFLOW_PARENT_RUN_ID
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import TrialState

from hydra_sweep.mlflow.store import (
    DEFAULT_EXPERIMENT,
    PARENT_RUN,
    TRIAL_RUN,
    prepare_store,
    runs_with,
    ui_command,
)
from hydra_sweep.sweep import Plan

STATUS = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.FAIL: "FAILED",
    TrialState.RUNNING: "RUNNING",
    TrialState.WAITING: "SCHEDULED",
}


def open_parent(logger: DictConfig, plan: Plan) -> dict[str, Any]:
    """Has the parent run be there, and run. Attributes for the study."""
    name = logger.get("experiment_name", DEFAULT_EXPERIMENT)
    experiment = prepare_store(logger.tracking_uri, name, logger.get("artifact_location"))
    client = MlflowClient(logger.tracking_uri)
    if run_id := plan.attrs.get(PARENT_RUN):
        client.update_run(run_id, status="RUNNING")
        for key, value in code_tags(plan).items():
            client.set_tag(run_id, key, value)
        return {}
    tags = {"study": plan.address.name, "folder": str(plan.address.folder), **code_tags(plan)}
    for run in runs_with(client, experiment, {"study": plan.address.name}):
        if run.data.tags.get("folder") != tags["folder"]:
            continue
        childless = not runs_with(client, experiment, {MLFLOW_PARENT_RUN_ID: run.info.run_id})
        if childless and run.info.status == "RUNNING":  # whoever made it was killed before the study knew
            client.delete_run(run.info.run_id)
    run_id = client.create_run(experiment, run_name=plan.address.name, tags=tags).info.run_id
    searched = {key: str(distribution) for key, distribution in plan.space.distributions.items()}
    params = {**searched, "sampler": plan.settings.sampler.get("_target_")}
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in params.items()])
    return {PARENT_RUN: run_id}


def code_tags(plan: Plan) -> dict[str, str]:
    """MLflow's own tags for the code that works on the sweep."""
    if not plan.code:
        return {}
    return {MLFLOW_GIT_COMMIT: plan.code.commit, MLFLOW_GIT_DIRTY: str(bool(plan.code.diff)).lower()}


def close_parent(logger: DictConfig, study: Study, metric: str | None) -> list[str]:
    """Has each run say what the study does of its trial, and the parent which is the best. The command that
    shows them."""
    client = MlflowClient(logger.tracking_uri)
    for trial in study.get_trials(deepcopy=False):
        if run_id := trial.user_attrs.get(TRIAL_RUN):
            client.set_tag(run_id, "state", trial.state.name)
            if reason := trial.user_attrs.get("reason"):
                client.set_tag(run_id, "reason", reason)
            client.update_run(run_id, status=STATUS[trial.state])
    if run_id := study.user_attrs.get(PARENT_RUN):
        _close(client, run_id, study, metric)
    return [ui_command(logger.tracking_uri)]


def _close(client: MlflowClient, run_id: str, study: Study, metric: str | None) -> None:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if complete and len(study.directions) == 1:
        best = study.best_trial
        point = Metric(metric or "value", best.value, _now_ms(), len(complete))
        client.log_batch(run_id, metrics=[point])
        client.set_tag(run_id, "best_trial", best.number)
    ended = all(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
    client.update_run(run_id, status="FINISHED" if ended else "KILLED")


def _now_ms() -> int:
    return mlflow.utils.time.get_current_time_millis()
