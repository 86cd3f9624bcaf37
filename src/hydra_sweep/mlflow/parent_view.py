"""MLflow's run of a sweep, as a view of its study."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE
from mlflow.utils.time import get_current_time_millis
from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from hydra_sweep.mlflow.address import comparison
from hydra_sweep.mlflow.comparison import share
from hydra_sweep.mlflow.figures import Best, best_over_time, importance, totals
from hydra_sweep.mlflow.parent import parent_of
from hydra_sweep.mlflow.runs import milliseconds
from hydra_sweep.mlflow.store import log_all
from hydra_sweep.study.secrets import masked
from hydra_sweep.study.sweep_study import is_complete

# of the sweep's folder, where there is one
REPORT = "report.html"


class ParentView:
    """Has the parent run say what the trials are together.

    Its metrics are the study's, as the best so far, and totals of trials, over how many trials had ended;
    its artifacts the configuration of a trial, that of the sweep, and its report.
    """

    def __init__(
        self, client: MlflowClient, experiment_id: str, study: Study, cfg: DictConfig, keys: list[str]
    ) -> None:
        """`cfg` is the configuration of an example trial, `keys` are the names of the study's metrics."""
        self.client, self.study, self.cfg, self.keys = client, study, cfg, keys
        self.run = parent_of(client, experiment_id, study, cfg)
        self.run_id, self.experiment_id = self.run.info.run_id, self.run.info.experiment_id
        self.maximize = study.directions[0] == StudyDirection.MAXIMIZE
        self.sent = self._sent()
        self.is_described = False

    def show(self) -> None:
        """Sends what is new."""
        if not (ended := self._ended()):
            return
        best = best_over_time(ended, self.study.directions[0]) if len(self.keys) == 1 else []
        points = [self._corrected(point) for point in self._points(ended, best) if self._is_new(point)]
        if points:
            tags = {"best_trial": best[-1].trial.number} if best else {}
            log_all(self.client, self.run_id, points, tags=tags)
            if not best and "best_trial" in self.run.data.tags:  # all that had a value were dropped by hand
                self.client.delete_tag(self.run_id, "best_trial")
            self.sent |= {(point.key, point.step): point.value for point in points}
        if not self.is_described:
            self._share(ended)
            self._describe()

    def close(self) -> None:
        """What is to be said when there is nothing more to send for now."""
        if ended := self._ended():
            last = milliseconds(max(trial.datetime_complete for trial in ended))
            shares = importance(self.study).items()
            log_all(
                self.client, self.run_id, [Metric(key, value, last, len(ended)) for key, value in shares]
            )
        self._share(ended)
        self.client.set_terminated(self.run_id, "FINISHED" if is_complete(self.study) else "KILLED")
        # last of all: who shows no artifacts may show the rest
        if not self.is_described:
            self._describe()
        if (report := Path(self.cfg.hydra.sweep.dir, REPORT)).exists():
            self.client.log_artifact(self.run_id, str(report))

    def _ended(self) -> list[FrozenTrial]:
        return [trial for trial in self.study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def _points(self, ended: list[FrozenTrial], best: list[Best]) -> list[Metric]:
        last = milliseconds(max(trial.datetime_complete for trial in ended))
        points = [Metric(key, value, last, len(ended)) for key, value in totals(ended).items()]
        last_sent = max((step for key, step in self.sent if key == self.keys[0]), default=0)
        if best and last_sent > best[-1].n_ended:  # what was best then was dropped by hand
            best = [*best, Best(last_sent, best[-1].trial)]
        for one in best:
            when = milliseconds(one.trial.datetime_complete)
            points.append(Metric(self.keys[0], one.trial.value, when, one.n_ended))
        return points

    def _sent(self) -> dict[tuple[str, int], float]:
        histories = (self.client.get_metric_history(self.run_id, key) for key in self.run.data.metrics)
        points = sorted((p for history in histories for p in history), key=lambda point: point.timestamp)
        return {(point.key, point.step): point.value for point in points}

    def _is_new(self, point: Metric) -> bool:
        return self.sent.get((point.key, point.step)) != point.value

    def _corrected(self, point: Metric) -> Metric:
        """Of a step that was sent otherwise, before a trial was dropped or retried by hand, the newest
        counts."""
        if (point.key, point.step) not in self.sent:
            return point
        return Metric(point.key, point.value, get_current_time_millis(), point.step)

    def _share(self, ended: list[FrozenTrial]) -> None:
        share(self.client, self.experiment_id, self.run_id, self.keys, self.maximize, ended)

    def _describe(self) -> None:
        """What it was begun with, and a link to the page that compares its trials."""
        link = comparison(self.experiment_id, self.run_id)
        note = f"[Compare the trials]({link}) by what was searched, and {', '.join(self.keys)}."
        log_all(self.client, self.run_id, tags={MLFLOW_RUN_NOTE: note})
        nodes = {"config.yaml": _without_hydra(self.cfg), "sweeper.yaml": self.cfg.hydra.sweeper}
        for name, node in nodes.items():
            self.client.log_text(self.run_id, masked(OmegaConf.to_yaml(node)), name)
        self.is_described = True


def _without_hydra(cfg: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])
