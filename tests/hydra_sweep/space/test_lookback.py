from functools import partial
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import CmaEsSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.space import lookback
from hydra_sweep.space.lookback import Lookback
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.sweep_study import SweepStudy
from hydra_sweep.study.trials import Trials


@pytest.fixture(params=["minimize", "maximize"])
def study(request, tmp_path: Path, monkeypatch) -> optuna.Study:
    """Of which the first trials are the best, in either direction, and the last runs."""
    monkeypatch.setattr(lookback, "BEST", 3)
    monkeypatch.setattr(lookback, "NEWEST", 4)
    study = StudyAddress("toy", tmp_path).create([request.param], {"n_trials": 20})
    sign = 1.0 if request.param == "minimize" else -1.0
    for i in range(11):
        study.tell(study.ask(), sign * i)
    study.tell(study.ask(), state=TrialState.FAIL)
    study.ask()
    return study


def test_tpe_is_shown_the_best_and_the_newest_and_what_runs(study):
    one = Lookback(Trials(study, 20).read())
    for _ in range(2):
        assert [t.number for t in one.for_sampler(TPESampler())] == [0, 1, 2, 8, 9, 10, 11, 12]
        one.trials.read()
    study.tell(study.ask(), 0.5 * (1 if study.direction.name == "MINIMIZE" else -1))
    one.trials.read()
    assert [t.number for t in one.for_sampler(TPESampler())] == [0, 1, 9, 10, 11, 12, 13]


def test_what_breaks_a_constraint_is_none_of_the_best(study):
    sign = 1 if study.direction.name == "MINIMIZE" else -1
    for _ in range(5):
        trial = study.ask()
        trial.set_constraint("latency", 1.0)
        study.tell(trial, -9.0 * sign)
    one = Lookback(Trials(study, 20).read())
    assert [t.number for t in one.for_sampler(TPESampler())] == [0, 1, 2, 12, 14, 15, 16, 17]


def test_all_is_shown_of_a_short_study_and_to_others(study):
    assert Lookback(Trials(study, 7).read()).for_sampler(TPESampler()) is None
    whole = Lookback(Trials(study, 20).read())
    for sampler in (RandomSampler(), CmaEsSampler(warn_independent_sampling=False)):
        assert whole.for_sampler(sampler) is None


def test_a_study_shows_a_sampler_no_more_than_that(study, tmp_path):
    loaded = StudyAddress("toy", tmp_path).load(sampler=TPESampler(seed=0, constant_liar=True))
    loaded.shown = study.get_trials()[-2:]
    assert [t.number for t in loaded.trials] == [11, 12]
    assert [t.state.name for t in loaded._get_trials(states=[optuna.trial.TrialState.RUNNING])] == [
        "RUNNING"
    ]
    assert loaded.ask({"x": optuna.distributions.FloatDistribution(0, 1)}).number == 13


NOW = {"x": FloatDistribution(0.0, 2.0)}
THEN = {"x": FloatDistribution(0.0, 9.0)}


def known(x: float) -> FrozenTrial:
    return optuna.create_trial(params={"x": x}, distributions=NOW, value=x)


def test_trials_of_a_range_that_has_changed_are_shown_as_of_the_new_one(tmp_path):
    study = StudyAddress("toy", tmp_path).create(["minimize"], {})
    for x in (1.0, 3.0):
        study.add_trial(optuna.create_trial(params={"x": x}, distributions=THEN, value=x))
    looked_at = Lookback(Trials(study, 9).read(), NOW)
    for sampler in (TPESampler(), RandomSampler()):
        shown = looked_at.for_sampler(sampler)
        assert [(t.number, t.params, t.distributions) for t in shown] == [(0, {"x": 1.0}, NOW)]
    assert study.trials[0].distributions == THEN
    study.ask(NOW)
    assert [trial.number for trial in looked_at.for_sampler(TPESampler())] == [0, 2], "also what runs"


@pytest.mark.parametrize("maker", [TPESampler, partial(TPESampler, multivariate=True), GPSampler])
def test_samplers_learn_from_earlier_trials(tmp_path, maker):
    """From each that they would learn from as their own: the same is proposed."""
    values = [0.2, 0.4, 0.9, 1.3, 1.9]
    study = StudyAddress("toy", tmp_path).create(["minimize"], {})
    earlier = Lookback(Trials(study, 9), NOW, [known(x) for x in values])
    own = optuna.create_study()
    own.add_trials([known(x) for x in values])
    proposed = []
    for one, looked_at in ((study, earlier), (own, None)):
        sampler = maker(seed=1, n_startup_trials=2)
        loaded = SweepStudy(one.study_name, one._storage, sampler=sampler)
        trial = one._storage.create_new_trial(one._study_id)
        loaded.shown = looked_at.for_sampler(sampler) if looked_at else None
        proposed.append(optuna.Trial(loaded, trial).suggest_float("x", 0.0, 2.0))
    assert proposed[0] == pytest.approx(proposed[1])
    assert [trial.number for trial in study.trials] == [0], "nothing is written into the study"
