import os
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

# At the top, so that a worker imports it once and its trials find it there: MLflow itself would
# import the store, a second's work, when it is first used.
import mlflow
import mlflow.store.tracking.sqlalchemy_store
from hydra.core.hydra_config import HydraConfig
from hydra.utils import to_absolute_path
from lightning.pytorch import loggers
from lightning.pytorch.utilities import rank_zero_only
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from optuna import Trial

from hydra_sweep.mlflow.store import (
    DEFAULT_EXPERIMENT,
    PARENT_RUN,
    SQLITE,
    TRIAL_RUN,
    prepare_store,
    runs_with,
)
from hydra_sweep.study.current import current_trial
from hydra_sweep.study.queue import attempt_of

# MLflow would print the address of each run, password and all, into the trial's log.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


class MLFlowLogger(loggers.MLFlowLogger):
    """Lightning's MLFlowLogger, which in a sweep logs the trial below the sweep's parent run.

    A trial's run is named `<study>-<number>` and tagged with the study, the number and the folder.
    A trial that goes on after an interruption goes on in the same run, and what it then does again is
    not logged again.

    Args:
        artifact_location: for a sqlite store, the folder `artifacts` beside it by default (MLflow's
            own default is a folder in the working directory).
        **kwargs: as Lightning's.
    """

    def __init__(
        self,
        tracking_uri: str,
        experiment_name: str = DEFAULT_EXPERIMENT,
        artifact_location: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.to_skip: Counter[tuple[str, int]] = Counter()
        if tracking_uri.startswith(SQLITE):  # in the folder of the command, also where hydra.job.chdir=true
            tracking_uri = SQLITE + to_absolute_path(tracking_uri.removeprefix(SQLITE))
        if rank_zero_only.rank == 0:
            experiment_id = prepare_store(tracking_uri, experiment_name, artifact_location)
            if trial := current_trial():
                client = mlflow.MlflowClient(tracking_uri)
                kwargs["run_id"] = trial_run(client, trial, experiment_id, tags)
                self.to_skip = logged_points(client, kwargs["run_id"])
        super().__init__(experiment_name=experiment_name, tracking_uri=tracking_uri, tags=tags, **kwargs)

    def log_hyperparams(self, params: dict[str, Any]) -> None:
        if current_trial():
            # MLflow refuses to change a parameter, and this one changes when a trial goes on.
            params = {key: value for key, value in params.items() if key != "ckpt_path"}
        super().log_hyperparams(params)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        new = {name: value for name, value in metrics.items() if not self._skip(name, step or 0)}
        if new:
            super().log_metrics(new, step)

    def _skip(self, name: str, step: int) -> bool:
        # A key may be logged more than once a step, as Lightning does with "epoch": so each is counted.
        stored = re.sub("[^a-zA-Z0-9_/. -]+", "", f"{self._prefix}-{name}" if self._prefix else name)
        skip = self.to_skip[stored, step] > 0
        if skip:
            self.to_skip[stored, step] -= 1
        return skip

    def finalize(self, status: str = "success") -> None:
        trial = current_trial()
        pruned = trial is not None and trial.user_attrs.get("reason")
        super().finalize("KILLED" if pruned else status)


def trial_run(
    client: mlflow.MlflowClient, trial: Trial, experiment_id: str, tags: dict[str, Any] | None
) -> str:
    """The id of the trial's run: of the one it had, or of a new one."""
    if run_id := trial.user_attrs.get(TRIAL_RUN):
        client.update_run(run_id, status="RUNNING")
        return run_id
    study, parent = trial.study, trial.study.user_attrs.get(PARENT_RUN)
    own = {"trial": str(trial.number), **({MLFLOW_PARENT_RUN_ID: parent} if parent else {})}
    # Whoever made the run may have been killed before the study knew its id.
    known = runs_with(client, experiment_id, own) if parent and attempt_of(trial) else []
    if not known:
        folder = HydraConfig.get().runtime.output_dir
        every = {**(tags or {}), **own, "study": study.study_name, "folder": folder}
        known = [
            client.create_run(experiment_id, run_name=f"{study.study_name}-{trial.number}", tags=every)
        ]
    trial.set_user_attr(TRIAL_RUN, known[0].info.run_id)
    return known[0].info.run_id


def logged_points(client: mlflow.MlflowClient, run_id: str) -> Counter[tuple[str, int]]:
    """How often each (key, step) is in the metric histories of the run."""
    keys = client.get_run(run_id).data.metrics
    return Counter((key, point.step) for key in keys for point in client.get_metric_history(run_id, key))
