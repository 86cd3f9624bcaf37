import optuna

from hydra_sweep.study.live_trial import LiveTrial


def test_what_an_earlier_attempt_reported_stays_and_nothing_is_said():
    study = optuna.create_study()
    number = study.ask()._trial_id
    LiveTrial(study, number).report(0.5, 1)
    again = LiveTrial(study, number)  # warnings are errors here
    again.report(0.25, 1)
    again.report(0.125, 2)
    assert study.trials[0].intermediate_values == {1: 0.5, 2: 0.125}
