import optuna
import pytest

from hydra_sweep.study.live_trial import LiveTrial


def test_what_an_earlier_attempt_reported_stays_and_nothing_is_said():
    study = optuna.create_study()
    number = study.ask()._trial_id
    LiveTrial(study, number).report(0.5, 1)
    again = LiveTrial(study, number)  # warnings are errors here
    again.report(0.25, 1)
    again.report(0.125, 2)
    assert study.trials[0].intermediate_values == {1: 0.5, 2: 0.125}


def test_of_a_constraint_the_last_attempt_counts():
    study = optuna.create_study()
    number = study.ask()._trial_id
    LiveTrial(study, number).set_constraint("latency", 2)
    LiveTrial(study, number).set_constraint("latency", -1)
    assert study.trials[0].constraints == {"latency": -1.0}
    with pytest.raises(ValueError, match="latency"):
        LiveTrial(study, number).set_constraint("latency", float("nan"))
