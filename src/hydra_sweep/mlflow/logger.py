import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from lightning.fabric.utilities.logger import _convert_params, _flatten_dict
from lightning.pytorch import loggers
from lightning.pytorch.loggers import Logger
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only

from hydra_sweep.mlflow.guarded_client import GuardedClient
from hydra_sweep.mlflow.names import DEFAULT_EXPERIMENT, legal, legal_tags, metric_key
from hydra_sweep.mlflow.trial_log import TrialLog
from hydra_sweep.space.lists import values
from hydra_sweep.study.current import current_trial
from hydra_sweep.study.secrets import masked
from hydra_sweep.study.trial_folder import REPEAT

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import ModelCheckpoint
    from mlflow.entities import Metric

log = logging.getLogger(__name__)

# Once MLflow has failed, it is left alone for so long, and for so many times as long as it took to fail: a
# server that never answers is to cost a training no more than a tenth of its time.
PAUSE_S, PAUSE_FACTOR = 60.0, 10


class MLFlowLogger(loggers.MLFlowLogger):
    """Lightning's MLFlowLogger, which in a sweep logs the trial below the sweep's parent run.

    A trial does not wait for MLflow, nor import it: what is logged goes to a file of the trial's, and from
    there to MLflow by the sweep's `Tracker`. Its run is named `<study>-<number>` and tagged with the study,
    the number, the folder and the best checkpoint; beside the hyperparameters it has the searched ones
    under the names of their overrides. A trial that goes on after an interruption goes on in the same run,
    and what it then does again is not logged again. Only `experiment`, for what else MLflow can do,
    connects at once. A value that is too long for MLflow goes to an artifact, which is named in its place.
    The curves of a trial that is trained several times are named `repeat_1/…`, and so on.

    A plain run logs by itself. Once it has begun, nothing that MLflow does ends it: the first failure is
    told in a line, what is to be logged waits, and is logged when MLflow answers again. Names are those of
    `names.legal`.

    Args:
        tracking_uri: null is MLflow's own default. A sqlite file is made where there is none.
        artifact_location: for a sqlite store, the folder `artifacts` beside it by default (MLflow's
            own default is a folder in the working directory).
        others: as Lightning's. In a sweep the run's name and id are the sweep's.
    """

    def __init__(
        self,
        tracking_uri: str | None,
        experiment_name: str = DEFAULT_EXPERIMENT,
        artifact_location: str | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
        save_dir: str | None = None,
        log_model: bool | str = False,
        prefix: str = "",
        run_id: str | None = None,
        synchronous: bool | None = None,
    ) -> None:
        self._tags = {str(key): str(value) for key, value in (tags or {}).items()}
        own = {
            "tags": legal_tags(tags),
            "log_model": log_model,
            "prefix": prefix,
            "synchronous": synchronous,
        }
        if current_trial():
            self._init_in_a_trial(experiment_name, **own)
        else:
            # Lightning's would connect at once. This address is of no store, and never used.
            own |= {"tracking_uri": "http://", "run_name": run_name, "run_id": run_id}
            super().__init__(experiment_name, save_dir=save_dir, **own)
        self._tracking_uri = tracking_uri
        self._artifact_location = artifact_location
        self._was_open = self._told = False
        self._silent_until = 0.0
        self._checkpoint = ""
        # what is to be logged, and which parameters are
        self._points: list[Metric] = []
        self._new_tags: dict[str, str] = {}
        self._params: dict[str, Any] = {}
        self._known: set[str] = set()

    def _init_in_a_trial(
        self,
        experiment_name: str,
        *,
        tags: dict[str, str],
        prefix: str,
        log_model: bool | str,
        synchronous: bool | None,
    ) -> None:
        """As Lightning's, without MLflow, which takes longer to import than a short trial."""
        Logger.__init__(self)
        self._experiment_name, self._prefix = experiment_name, prefix
        self.tags, self._log_model = tags, log_model
        self._log_batch_kwargs = {} if synchronous is None else {"synchronous": synchronous}
        self._experiment_id = self._run_id = self._checkpoint_callback = None
        self._logged_model_time: dict[str, float] = {}
        self._initialized = False
        self._trial_log: TrialLog | None = None
        if rank_zero_only.rank == 0:
            folder = Path(HydraConfig.get().runtime.output_dir)
            repeat = getattr(current_trial(), "repeat", None)
            self._trial_log = TrialLog(folder.parent, f"{REPEAT}{repeat}/") if repeat else TrialLog(folder)
            self._trial_log.log_tags(self._tags)
            self._trial_log.log_params(values(current_trial().params))

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """MLflow's client, as Lightning's, but that its calls do nothing while MLflow does not answer. In a
        trial it connects when it is used."""
        if not current_trial():
            self._guarded(self._send)
        return GuardedClient(self)

    @property
    def run_id(self) -> str | None:
        self._guarded(lambda: None)
        return self._run_id

    @property
    def experiment_id(self) -> str | None:
        self._guarded(lambda: None)
        return self._experiment_id

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        flat = _flatten_dict(_convert_params(params))
        if current_trial():
            self._trial_log.log_params(flat)
            return
        self._params |= flat
        self._guarded(self._send)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        values: dict[str, float] = {}
        for name, value in metrics.items():
            if isinstance(value, str):
                log.warning("Discarding metric with string value %s=%s.", name, value)  # as Lightning does
            else:
                values[metric_key(self._prefix, name)] = float(value)
        if current_trial():
            self._trial_log.log_metrics(values, step or 0)
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._points += [Metric(key, value, now, step or 0) for key, value in values.items()]
        self._guarded(self._send)

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: "ModelCheckpoint") -> None:
        """Tags the run with the path of the best checkpoint so far, beside what `log_model` asks for."""
        path = checkpoint_callback.best_model_path or checkpoint_callback.last_model_path
        tag = {"checkpoint": path} if path and path != self._checkpoint else {}
        self._checkpoint = path
        if current_trial():
            self._trial_log.log_tags(tag)
        self._new_tags |= tag
        super().after_save_checkpoint(checkpoint_callback)

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        if current_trial():  # whose run the tracker ends
            if self._checkpoint_callback:
                self._guarded(partial(self._scan_and_log_checkpoints, self._checkpoint_callback))
            return
        if not self._was_open:
            return
        self._silent_until = 0.0
        self._guarded(self._send)
        super().finalize(status)

    def _guarded(self, call: Callable[[], Any], failures: Any = Exception) -> Any:
        """What the call returns, once there is a run; None where MLflow fails, or has just done so."""
        begun = time.monotonic()
        if begun < self._silent_until:
            return None
        try:
            self._open()
            return call()
        except failures as error:
            if not (current_trial() or self._was_open):
                raise
            # The next time the run is looked up anew: it may have been deleted.
            self._initialized = False
            now = time.monotonic()
            self._silent_until = now + max(PAUSE_S, PAUSE_FACTOR * (now - begun))
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self._told:
            from hydra_sweep.mlflow.store import in_words

            where, what = masked(str(self._tracking_uri)), in_words(error)
            log.warning("MLflow at %s: %s Training goes on; what is missing is logged later.", where, what)
        self._told = True

    def _open(self) -> None:
        if self._initialized:
            return
        import mlflow

        from hydra_sweep.mlflow.address import resolved
        from hydra_sweep.mlflow.runs import awaited_run
        from hydra_sweep.mlflow.store import log_wholes, open_store

        self._tracking_uri = resolved(self._tracking_uri)
        where = self._tracking_uri, self._experiment_name, self._artifact_location
        self._mlflow_client, self._experiment_id = open_store(*where)
        if trial := current_trial():
            mlflow.set_tracking_uri(self._tracking_uri)
            folder = HydraConfig.get().runtime.output_dir
            run = awaited_run(self._mlflow_client, trial, self._experiment_id, folder, self._tags)
            self._run_id = run.info.run_id
        else:
            _ = super().experiment
            if not self._was_open:
                log_wholes(self._mlflow_client, self._run_id, "tags", self._tags)
        self._initialized = self._was_open = True

    def _send(self) -> None:
        """Logs what waits."""
        from hydra_sweep.mlflow.store import log_all

        params = {key: value for key, value in self._params.items() if legal(key) not in self._known}
        new = self._points, params, self._new_tags
        log_all(self._mlflow_client, self._run_id, *new, **self._log_batch_kwargs)
        self._known |= {legal(key) for key in params}
        self._params, self._points, self._new_tags = {}, [], {}
