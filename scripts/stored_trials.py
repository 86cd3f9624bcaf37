"""Studies with many trials in them, for benchmarks."""

import json
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import optuna
from optuna.distributions import FloatDistribution, distribution_to_json
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_sweep.settings import Settings
from hydra_sweep.space.lookback import Lookback
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials
from hydra_sweep.worker.known import Known

SPACE = {f"model.x{i}": FloatDistribution(-5.0, 5.0) for i in range(5)}
EPOCHS = 5


def objective(params: dict[str, float]) -> float:
    """A bowl with ripples: 0 at its bottom."""
    x = np.array([params[name] for name in SPACE]) - 1.0
    return float((x**2 + 3 * (1 - np.cos(2 * np.pi * x))).sum())


def filled(address: StudyAddress, n: int, workers: Sequence[str] = ()) -> optuna.Study:
    """The study with n more trials of random parameters, complete, and one that runs for each worker."""
    study = address.create(["minimize"], {"n_trials": n})
    random = np.random.default_rng(0)
    points = random.uniform(-5, 5, (n + len(workers), len(SPACE)))
    trials = [_trial(point, TrialState.COMPLETE, "1") for point in points[:n]]
    trials += [_trial(point, TrialState.RUNNING, i) for point, i in zip(points[n:], workers, strict=True)]
    if isinstance(study._storage, JournalStorage):
        for trial in trials:
            study.add_trial(trial)
    else:
        _insert(study, trials)
    return study


def _trial(point: np.ndarray, state: TrialState, worker: str) -> FrozenTrial:
    params = dict(zip(SPACE, map(float, point), strict=True))
    value = objective(params)
    trial = create_trial(
        state=state,
        value=value if state.is_finished() else None,
        params=params,
        distributions=SPACE,
        intermediate_values={step: value for step in range(EPOCHS)} if state.is_finished() else {},
        user_attrs={"worker": worker},
    )
    if state.is_finished():
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=60)
    return trial


def _insert(study: optuna.Study, trials: list[FrozenTrial]) -> None:
    """As rows, in one transaction: one by one takes minutes."""
    from optuna.storages._rdb import models

    session = study._storage._backend.scoped_session()
    for number, trial in enumerate(trials, start=len(study.get_trials(deepcopy=False))):
        row = models.TrialModel(number=number, study_id=study._study_id, state=trial.state)
        row.datetime_start, row.datetime_complete = trial.datetime_start, trial.datetime_complete
        values = [trial.value] if trial.state.is_finished() else []
        row.values = [models.TrialValueModel(objective=0, value=one, value_type="FINITE") for one in values]
        worker = json.dumps(trial.user_attrs["worker"])
        row.user_attributes = [models.TrialUserAttributeModel(key="worker", value_json=worker)]
        row.params = [
            models.TrialParamModel(
                param_name=name, param_value=value, distribution_json=distribution_to_json(SPACE[name])
            )
            for name, value in trial.params.items()
        ]
        row.intermediate_values = [
            models.TrialIntermediateValueModel(
                step=step, intermediate_value=value, intermediate_value_type="FINITE"
            )
            for step, value in trial.intermediate_values.items()
        ]
        session.add(row)
    session.commit()
    session.close()


def worker_job(trials: Trials, settings: Settings) -> SimpleNamespace:
    """What a worker that claims these trials and proposes shares among its parts."""
    own = {"settings": settings, "space": SearchSpace(SPACE, []), "constraints": (), "earlier": ()}
    sweep = SimpleNamespace(**own, config=None, nothing_twice=False)
    of_study = {"study": trials.study, "storage": trials.study._storage, "trials": trials}
    return SimpleNamespace(
        **of_study, sweep=sweep, lookback=Lookback(trials), known=Known(sweep, composer=None)
    )
