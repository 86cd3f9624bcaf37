"""MLflow's runs of trials, as a view of the study and of the trials' logs."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from omegaconf import DictConfig
from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.mlflow.address import TRIAL_RUN
from hydra_sweep.mlflow.names import cut, legal, metric_key
from hydra_sweep.mlflow.parent_view import ParentView
from hydra_sweep.mlflow.runs import is_of, milliseconds, new_run
from hydra_sweep.mlflow.store import active_run, log_all, runs_with
from hydra_sweep.mlflow.trial_log import FILE, Reader
from hydra_sweep.space.lists import values
from hydra_sweep.study.best import broken_line
from hydra_sweep.study.queue import WORKER, attempt_of
from hydra_sweep.study.repeats import repeats_of, spreads
from hydra_sweep.study.sweep_study import is_begun
from hydra_sweep.study.trial_folder import folder_of

# a step and a value
Point = tuple[int, float]

STATUS = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.FAIL: "FAILED",
    TrialState.RUNNING: "RUNNING",
    TrialState.WAITING: "SCHEDULED",
}


class View:
    """Has each trial's run say what the study and the trial's log do of it, and the parent what they are
    together.

    What MLflow has is looked up once, when this is made: a run that is deleted afterwards makes calls fail.
    A run's tag `state` says that it is in line.
    """

    def __init__(
        self, client: MlflowClient, experiment_id: str, logger: DictConfig, study: Study, cfg: DictConfig
    ) -> None:
        self.client, self.study = client, study
        self.keys = [metric_key(logger.get("prefix"), name) for name in objectives(study)]
        self.parent = ParentView(client, experiment_id, study, cfg, self.keys)
        self.experiment_id, self.parent_id = self.parent.experiment_id, self.parent.run_id
        self.folder = Path(cfg.hydra.sweep.dir).absolute()
        self.below = {MLFLOW_PARENT_RUN_ID: self.parent_id}
        children = runs_with(client, self.experiment_id, self.below)
        self.runs = {run.data.tags.get("trial"): run for run in self._without_retried(children)}
        self.logs: dict[int, _Sent] = {}
        self.states = {n: run.data.tags.get("state") for n, run in self.runs.items()}

    def show(self, trial: FrozenTrial) -> None:
        """Sends what is new of a trial, whose run is made where there is none yet."""
        number, state = str(trial.number), trial.state.name
        if trial.state.is_finished() and self.states.get(number) == state:
            return
        log = self.logs.setdefault(trial.number, _Sent(self.folder / number / FILE))
        log.reader.read()
        if number not in self.runs and not self._find(trial, log):
            return
        run = self.runs[number]
        points = log.new_points(self.client, run)
        params = log.new_params(run)
        tags: dict[str, Any] = log.new_tags()
        is_new = self.states.get(number) != state
        if is_new:
            tags |= {**self.below, "state": state} | _told(trial)
        if trial.state.is_finished():
            points += self._missing(run, trial, log) + self._spreads(trial)
            own = values(trial.params)
            params = {key: own[key] for key in own if legal(key) not in log.params} | params
        if is_new:  # before the tag, which says that it is in line
            self._set_status(run, trial)
        log_all(self.client, run.info.run_id, points, params, tags)
        self.states[number] = state

    def _without_retried(self, runs: list[Run]) -> Iterator[Run]:
        """Deletes those of trainings before a retry by hand; MLflow can bring them back."""
        trials = {str(trial.number): trial for trial in self.study.get_trials(deepcopy=False)}
        for run in runs:
            trial = trials.get(run.data.tags.get("trial"))
            if trial is None or is_of(run, trial):
                yield run
            else:
                self.client.delete_run(run.info.run_id)

    def _find(self, trial: FrozenTrial, log: "_Sent") -> bool:
        """Whether there is a run to send to, perhaps a new one."""
        run = active_run(self.client, trial.user_attrs.get(TRIAL_RUN))
        begun = trial.state.is_finished() or log.reader.offset
        if not run and begun:
            where = self.experiment_id, self.parent_id, str(folder_of(self.folder, trial.number))
            run = new_run(self.client, self.study, trial, *where, log.new_tags())
            with suppress(UpdateFinishedTrialError):  # the trial ended before it had a run
                self.study._storage.set_trial_user_attr(trial._trial_id, TRIAL_RUN, run.info.run_id)
        if run:
            self.runs[str(trial.number)] = run
        return bool(run)

    def _set_status(self, run: Run, trial: FrozenTrial) -> None:
        if trial.state.is_finished():
            ended = milliseconds(trial.datetime_complete)
            self.client.set_terminated(run.info.run_id, STATUS[trial.state], ended)
        elif trial.state != TrialState.RUNNING or attempt_of(trial):
            self.client.update_run(run.info.run_id, status=STATUS[trial.state])

    def _missing(self, run: Run, trial: FrozenTrial, log: "_Sent") -> list[Metric]:
        """The points of the metrics that the study knows and neither the log nor the run does."""
        now = milliseconds(trial.datetime_complete)
        missing: list[Metric] = []
        for i, key in enumerate(self.keys):
            points = log.curve(key)
            if not points and key in run.data.metrics:
                history = self.client.get_metric_history(run.info.run_id, key)
                points = sorted((point.step, point.value) for point in history)
            # Optuna knows intermediate values of single metrics only.
            reported = list(trial.intermediate_values.items()) if len(self.keys) == 1 else []
            lacking = _lacking(reported, points)
            points = sorted(points + lacking)
            if trial.values and not (points and math.isclose(points[-1][1], trial.values[i], rel_tol=1e-6)):
                lacking.append((points[-1][0] + 1 if points else 0, trial.values[i]))
            missing += [Metric(key, value, now, step) for step, value in lacking]
        return missing

    def _spreads(self, trial: FrozenTrial) -> list[Metric]:
        """The standard deviation of what its repeats gave, of each metric, which ends with the mean."""
        repeats = repeats_of(trial)
        sds, now = spreads(repeats) if len(repeats) > 1 else (), milliseconds(trial.datetime_complete)
        return [Metric(cut(f"{self.keys[i]}_sd"), sd, now, len(repeats)) for i, sd in enumerate(sds)]


class _Sent:
    """Of a trial's log, what was sent."""

    def __init__(self, path: Path) -> None:
        self.reader = Reader(path)
        self.n_points = 0
        self.params: set[str] = set()
        self.tags: dict[str, str] = {}
        self.to_skip: Counter[tuple[str, int]] | None = None

    def new_points(self, client: MlflowClient, run: Run) -> list[Metric]:
        if self.to_skip is None:  # what another has sent before this one
            self.to_skip = logged_points(client, run)
            self.params = set(run.data.params)
        points = self.reader.points[self.n_points :]
        self.n_points += len(points)
        return [Metric(*point) for point in points if not self._skip(point.key, point.step)]

    def new_tags(self) -> dict[str, str]:
        new = {key: value for key, value in self.reader.tags.items() if self.tags.get(key) != value}
        self.tags |= new
        return new

    def new_params(self, run: Run) -> dict[str, str]:
        new = {key: value for key, value in self.reader.params.items() if legal(key) not in self.params}
        self.params |= set(map(legal, new))
        return new

    def curve(self, key: str) -> list[Point]:
        return sorted((point.step, point.value) for point in self.reader.points if point.key == key)

    def _skip(self, key: str, step: int) -> bool:
        self.to_skip[key, step] -= 1
        return self.to_skip[key, step] >= 0


def objectives(study: Study) -> list[str]:
    """The names of the study's metrics, `value` where it has none."""
    metric, n = study.user_attrs.get("metric"), len(study.directions)
    names = [metric] if isinstance(metric, str) else metric or []
    return names if len(names) == n else ["value"] if n == 1 else [f"value_{i}" for i in range(n)]


def logged_points(client: MlflowClient, run: Run) -> Counter[tuple[str, int]]:
    """How often each (key, step) is in the metric histories of the run."""
    histories = (client.get_metric_history(run.info.run_id, key) for key in run.data.metrics)
    return Counter((point.key, point.step) for history in histories for point in history)


def _told(trial: FrozenTrial) -> dict[str, Any]:
    """What the study knows beside the state."""
    reason, worker = trial.user_attrs.get("reason") or broken_line(trial), trial.user_attrs.get(WORKER)
    told = {"reason": reason, "worker": worker, "attempts": is_begun(trial) and attempt_of(trial) + 1}
    return {key: value for key, value in told.items() if value}


def _lacking(reported: list[Point], logged: list[Point]) -> list[Point]:
    """The points that were reported and not logged: the first, where the run was made anew, or the last.

    Logged steps count batches, and those reported epochs: so the first come before what was logged as they
    are, but the last are counted on from it.
    """
    n = len(logged)
    if n >= len(reported):
        return []
    if n and [value for _, value in reported[-n:]] != [value for _, value in logged]:
        return [(logged[-1][0] + 1 + i, value) for i, (_, value) in enumerate(reported[n:])]
    return reported[: len(reported) - n]
