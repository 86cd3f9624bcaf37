"""What a sweep of the training core has done once, in a process of its own: `hydra.sweeper.prepare`
and `hydra.sweeper.finish`."""

from pathlib import Path
from typing import Any

import mlflow
from hydra.utils import instantiate
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_GIT_DIRTY, MLFLOW_PARENT_RUN_ID
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import TrialState

from src.sweep.plan import Plan
from src.utils.check_targets import check_targets
from src.utils.mlflow_store import PARENT_RUN, TRIAL_RUN, prepare_store, runs_with, ui_command
from src.utils.resume_file import resume_file

STATUS = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.FAIL: "FAILED",
    TrialState.RUNNING: "RUNNING",
    TrialState.WAITING: "SCHEDULED",
}


def prepare(cfg: DictConfig, plan: Plan) -> dict[str, Any]:
    """Checks what the configuration names, gets the data set, and makes the MLflow store and the sweep's
    parent run.

    `cfg` is the configuration of an example trial. Returns attributes for the study.
    """
    check_targets(cfg)
    instantiate(cfg.data).prepare_data()
    if not (logger := mlflow_node(cfg)):
        return {}
    experiment = prepare_store(logger.tracking_uri, logger.experiment_name, logger.get("artifact_location"))
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


def finish(cfg: DictConfig, study: Study) -> list[str]:
    """Removes what only trials that go on would need, and brings MLflow's runs in line with the study.
    Returns the command that shows them."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished():
            resume_file(Path(cfg.hydra.sweep.dir, str(trial.number))).unlink(missing_ok=True)
    if not (logger := mlflow_node(cfg)):
        return []
    client = MlflowClient(logger.tracking_uri)
    for trial in study.get_trials(deepcopy=False):
        if run_id := trial.user_attrs.get(TRIAL_RUN):
            client.set_tag(run_id, "state", trial.state.name)
            if reason := trial.user_attrs.get("reason"):
                client.set_tag(run_id, "reason", reason)
            client.update_run(run_id, status=STATUS[trial.state])
    if run_id := study.user_attrs.get(PARENT_RUN):
        _close_parent(client, run_id, study, cfg)
    return [ui_command(logger.tracking_uri)]


def _close_parent(client: MlflowClient, run_id: str, study: Study, cfg: DictConfig) -> None:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if complete and len(study.directions) == 1:
        best = study.best_trial
        client.log_batch(
            run_id, metrics=[Metric(cfg.optimized_metric, best.value, _now_ms(), len(complete))]
        )
        client.set_tag(run_id, "best_trial", best.number)
    ended = all(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
    client.update_run(run_id, status="FINISHED" if ended else "KILLED")


def mlflow_node(cfg: DictConfig) -> DictConfig | None:
    """The configuration of the MLflow logger, where one is on."""
    nodes = (node for node in (cfg.get("logger") or {}).values() if node)
    return next((node for node in nodes if "MLFlowLogger" in node.get("_target_", "")), None)


def _now_ms() -> int:
    return mlflow.utils.time.get_current_time_millis()
