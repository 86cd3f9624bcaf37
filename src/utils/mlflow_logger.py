from pathlib import Path
from typing import Any

# At the top, so that a worker imports it once and its trials find it there.
import mlflow
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.loggers import MLFlowLogger
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from optuna import Trial

from src.sweep.trial import current_trial

# attribute of the study, and of the trial, that holds the id of its MLflow run
PARENT_RUN, TRIAL_RUN = "mlflow_parent_run_id", "mlflow_run_id"


class TrialMLFlowLogger(MLFlowLogger):
    """Lightning's MLFlowLogger, which in a sweep logs the trial below the sweep's parent run.

    A trial's run is named `<study>-<number>` and tagged with the study, the number and the folder.
    A trial that goes on after an interruption goes on in the same run.

    Args:
        artifact_location: for a sqlite store, the folder `artifacts` beside it by default (MLflow's
            own default is a folder in the working directory).
        **kwargs: as Lightning's.
    """

    def __init__(
        self,
        tracking_uri: str,
        experiment_name: str = "train",
        artifact_location: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        experiment_id = prepare_store(tracking_uri, experiment_name, artifact_location)
        if trial := current_trial():
            client = mlflow.MlflowClient(tracking_uri)
            kwargs["run_id"] = trial_run(client, trial, experiment_id, tags)
        super().__init__(
            experiment_name=experiment_name, tracking_uri=tracking_uri, tags=tags, **kwargs
        )

    def log_hyperparams(self, params: dict[str, Any]) -> None:
        if current_trial():
            # MLflow refuses to change a parameter, and this one changes when a trial goes on.
            params = {key: value for key, value in params.items() if key != "ckpt_path"}
        super().log_hyperparams(params)

    def finalize(self, status: str = "success") -> None:
        trial = current_trial()
        pruned = trial is not None and "reason" in trial.user_attrs
        super().finalize("KILLED" if pruned else status)


def prepare_store(
    tracking_uri: str, experiment_name: str, artifact_location: str | None = None
) -> str:
    """Sees to it that the store and the experiment exist. Returns the experiment's id."""
    if tracking_uri.startswith("sqlite:///"):
        folder = Path(tracking_uri.removeprefix("sqlite:///")).parent
        folder.mkdir(parents=True, exist_ok=True)
        artifact_location = artifact_location or (folder.resolve() / "artifacts").as_uri()
    client = mlflow.MlflowClient(tracking_uri)
    if experiment := client.get_experiment_by_name(experiment_name):
        return experiment.experiment_id
    return client.create_experiment(experiment_name, artifact_location)


def trial_run(
    client: mlflow.MlflowClient, trial: Trial, experiment_id: str, tags: dict[str, Any] | None
) -> str:
    """The id of the trial's run: of the one it had, or of a new one."""
    if run_id := trial.user_attrs.get(TRIAL_RUN):
        client.update_run(run_id, status="RUNNING")
        return run_id
    parent = trial.study.user_attrs.get(PARENT_RUN)
    run = client.create_run(
        experiment_id,
        run_name=f"{trial.study.study_name}-{trial.number}",
        tags={
            **(tags or {}),
            **({MLFLOW_PARENT_RUN_ID: parent} if parent else {}),
            "study": trial.study.study_name,
            "trial": trial.number,
            "folder": HydraConfig.get().runtime.output_dir,
        },
    )
    trial.set_user_attr(TRIAL_RUN, run.info.run_id)
    return run.info.run_id
