"""The sweep's run in MLflow, below which its trials' are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_GIT_DIRTY, MLFLOW_PARENT_RUN_ID
from omegaconf import DictConfig, OmegaConf
from optuna import Study

from hydra_sweep.mlflow.address import PARENT_RUN
from hydra_sweep.mlflow.names import cut, legal_tags
from hydra_sweep.mlflow.store import active_run, log_all, runs_with
from hydra_sweep.space.grammar import in_words
from hydra_sweep.sweep import Plan


def open_parent(client: MlflowClient, experiment_id: str, plan: Plan) -> dict[str, Any]:
    """Has the parent run be there, and run. Attributes for the study."""
    code = plan.code.entry() if plan.code else None
    if run := active_run(client, plan.attrs.get(PARENT_RUN)):
        client.update_run(run.info.run_id, status="RUNNING")
        log_all(client, run.info.run_id, tags=_code_tags(code))
        return {}
    name, folder = plan.address.name, plan.address.folder
    _remove_orphans(client, experiment_id, name, folder)
    params = in_words(plan.space)
    if plan.space.custom:
        params["custom_search_space"] = plan.space.custom
    params |= _choices(plan.settings.sampler, plan.settings.pruner, plan.settings.direction)
    run = _new_parent(client, experiment_id, name, folder, params, code)
    return {PARENT_RUN: run.info.run_id}


def parent_of(client: MlflowClient, experiment_id: str, study: Study, cfg: DictConfig) -> Run:
    """The parent run of a study, made of what the study knows where there is none any more."""
    attrs = study.user_attrs
    if run := active_run(client, attrs.get(PARENT_RUN)):
        return run
    chosen = (OmegaConf.select(cfg, f"hydra.sweeper.{key}") for key in ("sampler", "pruner", "direction"))
    params = {**attrs.get("space", {}), **_choices(*chosen)}
    code = attrs["code"][-1] if attrs.get("code") else None
    folder = Path(cfg.hydra.sweep.dir).absolute()
    run = _new_parent(client, experiment_id, study.study_name, folder, params, code)
    study.set_user_attr(PARENT_RUN, run.info.run_id)
    return run


def _new_parent(
    client: MlflowClient,
    experiment_id: str,
    name: str,
    folder: Path,
    params: Mapping[str, Any],
    code: Mapping[str, Any] | None,
) -> Run:
    tags = legal_tags({"study": name, "folder": folder, **_code_tags(code)})
    run = client.create_run(experiment_id, run_name=cut(name), tags=tags)
    log_all(client, run.info.run_id, params=params)
    return run


def _choices(sampler: Any, pruner: Any, direction: Any) -> dict[str, Any]:
    classes = {"sampler": sampler, "pruner": pruner}
    return {key: (node or {}).get("_target_") for key, node in classes.items()} | {"direction": direction}


def _remove_orphans(client: MlflowClient, experiment_id: str, name: str, folder: Path) -> None:
    """Deletes a parent run whose maker was killed before the study knew of it."""
    for run in runs_with(client, experiment_id, legal_tags({"study": name, "folder": folder})):
        below = {MLFLOW_PARENT_RUN_ID: run.info.run_id}
        if run.info.status == "RUNNING" and not runs_with(client, experiment_id, below):
            client.delete_run(run.info.run_id)


def _code_tags(code: Mapping[str, Any] | None) -> dict[str, str]:
    """MLflow's own tags for the code that works on the sweep, of an entry of the study's attribute."""
    if not code:
        return {}
    return {MLFLOW_GIT_COMMIT: code["commit"], MLFLOW_GIT_DIRTY: str(code["dirty"]).lower()}
