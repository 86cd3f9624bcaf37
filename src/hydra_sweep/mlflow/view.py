"""MLflow brought in line with the study, whatever it has missed or lost of it."""

import math
from collections.abc import Sequence

from mlflow import MlflowClient
from mlflow.entities import Metric, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from mlflow.utils.time import get_current_time_millis
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.mlflow.names import legal
from hydra_sweep.mlflow.parent import parent_of
from hydra_sweep.mlflow.runs import metric_key, milliseconds, new_run
from hydra_sweep.mlflow.store import TRIAL_RUN, active_run, legal_tags, log_all, runs_with
from hydra_sweep.study.sweep_study import is_complete

# a step and a value
Point = tuple[int, float]

STATUS = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.FAIL: "FAILED",
    TrialState.RUNNING: "RUNNING",
    TrialState.WAITING: "SCHEDULED",
}


def bring_in_line(
    client: MlflowClient, experiment_id: str, logger: DictConfig, study: Study, cfg: DictConfig
) -> None:
    """Has each trial's run say what the study does of the trial, and the parent which is the best.

    Runs that are missing are made, and those that lack a part get it: parameters, intermediate values,
    the result. A run's tag `state` says that it is in line.
    """
    keys = [metric_key(logger.get("prefix"), name) for name in objectives(study)]
    parent = parent_of(client, experiment_id, study, cfg)
    below = {MLFLOW_PARENT_RUN_ID: parent.info.run_id}
    children = runs_with(client, parent.info.experiment_id, below)
    known = {run.data.tags.get("trial"): run for run in children} | {
        run.info.run_id: run for run in children
    }
    for trial in study.get_trials(deepcopy=False):
        own = trial.user_attrs.get(TRIAL_RUN)
        run = known.get(own) or known.get(str(trial.number)) or active_run(client, own)
        if not run and trial.state.is_finished():
            folder, tags = f"{parent.data.tags['folder']}/{trial.number}", legal_tags(logger.get("tags"))
            run = new_run(client, study, trial, experiment_id, parent.info.run_id, folder, tags)
        if run and not (below | {"state": trial.state.name}).items() <= run.data.tags.items():
            _complete(client, run, trial, keys, below)
    _close(client, parent, study, keys)


def objectives(study: Study) -> list[str]:
    """The names of the study's metrics, `value` where it has none."""
    metric, n = study.user_attrs.get("metric"), len(study.directions)
    names = [metric] if isinstance(metric, str) else metric or []
    return names if len(names) == n else ["value"] if n == 1 else [f"value_{i}" for i in range(n)]


def _complete(
    client: MlflowClient, run: Run, trial: FrozenTrial, keys: Sequence[str], below: dict[str, str]
) -> None:
    run_id, reason = run.info.run_id, trial.user_attrs.get("reason")
    params = {key: value for key, value in trial.params.items() if legal(key) not in run.data.params}
    metrics = _missing(client, run, trial, keys) if trial.state.is_finished() else []
    log_all(client, run_id, metrics, params, {**below, **({"reason": reason} if reason else {})})
    status = STATUS[trial.state]
    if not trial.state.is_finished():
        client.update_run(run_id, status=status)
    elif run.info.status != status or not run.info.end_time:
        client.set_terminated(run_id, status, milliseconds(trial.datetime_complete))
    client.set_tag(run_id, "state", trial.state.name)


def _missing(client: MlflowClient, run: Run, trial: FrozenTrial, keys: Sequence[str]) -> list[Metric]:
    """The points of the metrics that the study knows and the run does not."""
    now = milliseconds(trial.datetime_complete)
    missing: list[Metric] = []
    for i, key in enumerate(keys):
        logged = client.get_metric_history(run.info.run_id, key) if key in run.data.metrics else []
        points = sorted((point.step, point.value) for point in logged)
        # Optuna knows intermediate values of single metrics only.
        lacking = _lacking(list(trial.intermediate_values.items()), points) if len(keys) == 1 else []
        points = sorted(points + lacking)
        if trial.values and not (points and math.isclose(points[-1][1], trial.values[i], rel_tol=1e-6)):
            lacking.append((points[-1][0] + 1 if points else 0, trial.values[i]))
        missing += [Metric(key, value, now, step) for step, value in lacking]
    return missing


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


def _close(client: MlflowClient, parent: Run, study: Study, keys: Sequence[str]) -> None:
    run_id, complete = parent.info.run_id, study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if complete and len(keys) == 1:
        best = study.best_trial
        shown = parent.data.metrics.get(keys[0]), parent.data.tags.get("best_trial")
        if shown != (best.value, str(best.number)):
            point = Metric(keys[0], best.value, get_current_time_millis(), len(complete))
            log_all(client, run_id, [point], tags={"best_trial": best.number})
    client.set_terminated(run_id, "FINISHED" if is_complete(study) else "KILLED")
