import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

# At the top, so that a worker imports it once and its trials find it there: MLflow itself would
# import the store, a second's work, when it is first used.
import mlflow
import mlflow.store.tracking.sqlalchemy_store
from hydra.core.hydra_config import HydraConfig
from lightning.fabric.utilities.logger import _convert_params, _flatten_dict
from lightning.pytorch import loggers
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities import rank_zero_only
from mlflow.entities import Metric, Run
from mlflow.exceptions import MlflowException

from hydra_sweep.mlflow.names import legal
from hydra_sweep.mlflow.runs import metric_key, trial_run
from hydra_sweep.mlflow.store import DEFAULT_EXPERIMENT, in_words, legal_tags, log_all, open_store, resolved
from hydra_sweep.study.current import current_trial
from hydra_sweep.study.secrets import masked

log = logging.getLogger(__name__)

# MLflow would print the address of each run, password and all, into the trial's log.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

# Once MLflow has failed, it is left alone for so long, and for so many times as long as it took to fail: a
# server that never answers is to cost a training no more than a tenth of its time.
PAUSE_S, PAUSE_FACTOR = 60.0, 10


class MLFlowLogger(loggers.MLFlowLogger):
    """Lightning's MLFlowLogger, which in a sweep logs the trial below the sweep's parent run.

    A trial's run is named `<study>-<number>` and tagged with the study, the number and the folder; beside
    the hyperparameters it has the searched ones under the names of their overrides. A trial that goes on
    after an interruption goes on in the same run, and what it then does again is not logged again.

    Once a run has begun, nothing that MLflow does ends it: the first failure is told in a line, what is to
    be logged waits, and is logged when MLflow answers again. So it is with a trial from its very start;
    what never could be logged, the sweep's end completes. Names are those of `names.legal`.

    Args:
        tracking_uri: null is MLflow's own default. A sqlite file is made where there is none.
        artifact_location: for a sqlite store, the folder `artifacts` beside it by default (MLflow's
            own default is a folder in the working directory).
        **kwargs: as Lightning's.
    """

    def __init__(
        self,
        tracking_uri: str | None,
        experiment_name: str = DEFAULT_EXPERIMENT,
        artifact_location: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # Lightning's would connect at once. This address is of no store, and replaced before it is used.
        super().__init__(experiment_name, tracking_uri="http://", tags=legal_tags(tags), **kwargs)
        self._tracking_uri = resolved(tracking_uri)
        self._artifact_location = artifact_location
        self._was_open = self._told = False
        self._silent_until = 0.0
        # what is to be logged, which parameters are, and which points an earlier attempt has logged
        self._points: list[Metric] = []
        self._params: dict[str, Any] = {}
        self._known: set[str] = set()
        self._to_skip: Counter[tuple[str, int]] = Counter()
        if rank_zero_only.rank == 0 and current_trial():
            self._guarded(self._send)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """MLflow's client, as Lightning's, but that its calls do nothing while MLflow does not answer."""
        self._guarded(self._send)
        return _GuardedClient(self)

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        self._params |= _flatten_dict(_convert_params(params))
        self._guarded(self._send)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        now = int(time.time() * 1000)
        for name, value in metrics.items():
            if isinstance(value, str):
                log.warning("Discarding metric with string value %s=%s.", name, value)  # as Lightning does
                continue
            self._points.append(Metric(metric_key(self._prefix, name), float(value), now, step or 0))
        self._guarded(self._send)

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        trial = current_trial()
        if not (trial or self._was_open):
            return
        self._silent_until = 0.0
        self._guarded(self._send)
        pruned = trial is not None and trial.user_attrs.get("reason")
        super().finalize("KILLED" if pruned else status)

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
            where, what = masked(self._tracking_uri), in_words(error)
            log.warning("MLflow at %s: %s Training goes on; what is missing is logged later.", where, what)
        self._told = True

    def _open(self) -> None:
        if self._initialized:
            return
        where = self._tracking_uri, self._experiment_name, self._artifact_location
        self._mlflow_client, self._experiment_id = open_store(*where)
        if trial := current_trial():
            mlflow.set_tracking_uri(self._tracking_uri)
            folder = HydraConfig.get().runtime.output_dir
            run = trial_run(self._mlflow_client, trial, self._experiment_id, folder, self.tags)
            self._run_id = run.info.run_id
            self._known, self._params = set(run.data.params), {**self._params, **trial.params}
            self._to_skip = logged_points(self._mlflow_client, run)
        else:
            _ = super().experiment
        self._initialized = self._was_open = True

    def _send(self) -> None:
        """Logs what waits."""
        # MLflow refuses to change a parameter, and some change when a trial goes on.
        params = {key: value for key, value in self._params.items() if legal(key) not in self._known}
        self._points = [point for point in self._points if not self._skip(point)]
        log_all(self._mlflow_client, self._run_id, self._points, params, **self._log_batch_kwargs)
        self._known |= {legal(key) for key in params}
        self._params, self._points = {}, []

    def _skip(self, point: Metric) -> bool:
        # A key may be logged more than once a step, as Lightning does with "epoch": so each is counted.
        skip = self._to_skip[point.key, point.step] > 0
        if skip:
            self._to_skip[point.key, point.step] -= 1
        return skip


class _GuardedClient:
    """MLflow's client, of a logger that guards its calls."""

    def __init__(self, logger: MLFlowLogger) -> None:
        self._logger = logger

    def __getattr__(self, name: str) -> Any:
        if not callable(attribute := getattr(self._logger._mlflow_client, name)):
            return attribute
        return partial(self._call, name)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if not self._logger._initialized:
            return None
        call = partial(getattr(self._logger._mlflow_client, name), *args, **kwargs)
        # What else it may raise is the caller's mistake.
        return self._logger._guarded(call, (MlflowException, OSError))


def logged_points(client: mlflow.MlflowClient, run: Run) -> Counter[tuple[str, int]]:
    """How often each (key, step) is in the metric histories of the run."""
    histories = (client.get_metric_history(run.info.run_id, key) for key in run.data.metrics)
    return Counter((point.key, point.step) for history in histories for point in history)
