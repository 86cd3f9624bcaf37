import math
from datetime import timedelta

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from scripts.search.per_hour import PerHourTPE, Seconds, seconds

SPACE = {
    "width": IntDistribution(8, 512, log=True),
    "lr": FloatDistribution(1e-4, 1e-1, log=True),
    "net": CategoricalDistribution(["mlp", "cnn"]),
}


def took(trial: optuna.trial.FrozenTrial) -> float:
    """Seconds: twice as long with twice the width, three times with a cnn."""
    return trial.params["width"] / 8 * (3 if trial.params["net"] == "cnn" else 1)


def trained(
    study: optuna.Study, state: TrialState = TrialState.COMPLETE, **attrs
) -> optuna.trial.FrozenTrial:
    trial = study.ask(SPACE)
    for key, value in attrs.items():
        trial.set_user_attr(key, value)
    value = abs(math.log10(trial.params["lr"]) + 2) if state == TrialState.COMPLETE else None
    study.tell(trial, value, state)
    told = study._storage._get_trial(trial._trial_id)
    told.datetime_start = told.datetime_complete - timedelta(seconds=took(told))
    return told


def study_by(sampler: optuna.samplers.BaseSampler, n_trials: int) -> optuna.Study:
    study = optuna.create_study(sampler=sampler)
    for _ in range(n_trials):
        trained(study)
    return study


def test_the_seconds_of_a_trial_are_learned():
    known = study_by(optuna.samplers.RandomSampler(seed=0), 30).trials
    samples = {"width": np.array([16, 256, 16]), "lr": np.full(3, 0.01), "net": np.array([0, 0, 1])}
    narrow, wide, cnn = Seconds(known, SPACE).log(samples)
    assert math.exp(wide - narrow) == pytest.approx(16, rel=0.4)
    assert math.exp(cnn - narrow) == pytest.approx(3, rel=0.4)
    assert Seconds([], SPACE).log(samples) == 0.0


def test_whose_time_is_not_that_of_a_whole_training_teaches_nothing():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    whole = trained(study)
    assert seconds(whole) == pytest.approx(took(whole))
    assert seconds(trained(study, TrialState.PRUNED)) is None
    assert seconds(trained(study, attempt=1)) is None
    assert seconds(optuna.create_trial(state=TrialState.RUNNING)) is None


def total(weight: float, seed: int) -> tuple[float, list[dict]]:
    """Seconds that 60 trials take, whose value the width has no part in; and their parameters."""
    trials = study_by(PerHourTPE(weight, seed=seed, multivariate=True), 60).trials
    return sum(map(took, trials)), [trial.params for trial in trials]


def test_of_what_is_as_good_the_shorter_is_taken():
    assert total(1.0, 0)[0] < 0.6 * total(0.0, 0)[0]
    assert total(1.0, 0) == total(1.0, 0)


def test_where_time_does_not_count_it_is_plain_tpe():
    plain = study_by(optuna.samplers.TPESampler(seed=1, multivariate=True), 40)
    assert [trial.params for trial in plain.trials] == total(0.0, 1)[1][:40]
