from datetime import datetime, timedelta

import optuna
import pytest
from optuna.trial import TrialState

from hydra_sweep.study.stop_rules import StopRules
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.sweep_study import is_complete, why_stopped
from hydra_sweep.study.trials import Trials

BEGAN = datetime(2026, 1, 1)


def new_study(folder, *directions: str) -> optuna.Study:
    return StudyAddress("toy", folder).create(list(directions) or ["minimize"], {"n_trials": 20})


def add(
    study: optuna.Study,
    *values: float | None,
    hours: float = 1.0,
    repeats: tuple[float, ...] = (),
    **constraints: float,
) -> None:
    """A trial of so many hours; without a value it was pruned."""
    pruned = values[0] is None
    made = optuna.create_trial(
        state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
        values=None if pruned else values,
        constraints=constraints,
        user_attrs={"repeats": [[value] for value in repeats]},
    )
    made.datetime_start, made.datetime_complete = BEGAN, BEGAN + timedelta(hours=hours)
    study.add_trial(made)


def stopped(study: optuna.Study, share: tuple[float, str] = (1.0, "GPU"), **rules: float) -> bool:
    trials = Trials(study, 20, rules=rules).read()
    StopRules(trials, share).apply()
    return trials.is_stopped()


@pytest.mark.parametrize(
    ("direction", "target", "holds"),
    [("minimize", 0.3, True), ("minimize", 0.2, False), ("maximize", 0.7, True), ("maximize", 0.8, False)],
)
def test_the_target_is_reached_by_a_feasible_trial(tmp_path, direction, target, holds):
    study = new_study(tmp_path, direction)
    for value in (0.5, 0.3, 0.7):
        add(study, value)
    add(study, 0.1 if direction == "minimize" else 0.9, size=1.0)
    assert stopped(study, target=target) == holds
    if holds:
        assert "stop.target=" in why_stopped(study)
        assert is_complete(study)


@pytest.mark.parametrize(
    ("patience", "values", "holds"),
    [
        (2, [0.5, 0.6], False),
        (2, [0.5, 0.6, None], True),
        (2, [0.5, 0.6, 0.4, 0.9], False),
        (3, [None, None, None], True),
    ],
)
def test_patience_counts_trials_without_improvement(tmp_path, patience, values, holds):
    study = new_study(tmp_path)
    for hours, value in enumerate(values, start=1):
        add(study, value, hours=hours)
    study.tell(study.ask(), state=TrialState.FAIL)  # which tells nothing
    assert stopped(study, patience=patience) == holds


def test_patience_counts_in_the_order_in_which_trials_ended(tmp_path):
    study = new_study(tmp_path)
    add(study, 0.1, hours=9)
    for hours in (1, 2, 3):
        add(study, 0.5, hours=hours)
    assert not stopped(study, patience=2)


def test_of_several_objectives_one_that_joins_the_front_is_better(tmp_path):
    study = new_study(tmp_path, "minimize", "maximize")
    for hours, values in enumerate([(1, 1), (2, 2), (3, 0), (0, 0), (1, 0)], start=1):
        add(study, *values, hours=hours)
    assert not stopped(study, patience=2)
    add(study, 3, 1, hours=9)
    assert stopped(study, patience=2)


@pytest.mark.parametrize(
    ("asked", "n_trials", "holds"),
    [(0.1, 40, True), (0.001, 40, False), ("noise", 40, True), (0.1, 26, False)],  # of 26 none is left
)
def test_the_gain_that_is_expected_is_less_than_noise(tmp_path, asked, n_trials, holds):
    study = new_study(tmp_path)
    for hours in range(1, 26):
        add(study, 0.5 + hours / 100, hours=hours, repeats=(0.4, 0.6))
    add(study, 0.1, hours=26, size=1.0)  # not feasible
    trials = Trials(study, n_trials, rules={"expected_gain": asked}).read()
    StopRules(trials, (1.0, "GPU")).apply()
    study.set_user_attr("n_trials", n_trials)
    assert bool(study.user_attrs.get("stopped")) == holds
    if holds:
        assert why_stopped(study).startswith("0.51, of trial 0, is expected to become better by 0.0")
        assert f"in 14 more trials, stop.expected_gain={asked}" in why_stopped(study)


@pytest.mark.parametrize(("share", "holds"), [(1.0, True), (0.5, False), (2.0, True)])
def test_hours_are_those_of_the_share(tmp_path, share, holds):
    study = new_study(tmp_path)
    for _ in range(3):
        add(study, 0.5, hours=2)
    assert stopped(study, (share, "CPU"), gpu_hours=6) == holds
    assert not holds or f"{6 * share:g} CPU hours are spent" in why_stopped(study)


def test_hours_of_what_runs_count(tmp_path):
    study = new_study(tmp_path)
    running = optuna.create_trial(state=TrialState.RUNNING)
    running.datetime_start = datetime.now() - timedelta(hours=3)
    study.add_trial(running)
    assert stopped(study, gpu_hours=2)


def add_paused(study: optuna.Study, began: datetime, **attrs: float) -> None:
    made = optuna.create_trial(state=TrialState.WAITING, user_attrs={"attempt": 1, "paused": 1, **attrs})
    made.datetime_start = began
    study.add_trial(made)


def test_what_has_paused_counts_as_seen_and_as_spent(tmp_path):
    study = new_study(tmp_path)
    add_paused(study, BEGAN, spent_s=1800)
    assert not stopped(study, patience=1), "before any result"
    add(study, 0.5)
    assert not stopped(study, patience=1), "it came before the best"
    add_paused(study, BEGAN + timedelta(hours=2), spent_s=1800)
    assert not stopped(study, patience=1, gpu_hours=2.5) or why_stopped(study).startswith("no improvement")
    assert stopped(study, gpu_hours=2)
    ended = optuna.create_trial(state=TrialState.PRUNED, user_attrs={"paused": 1, "spent_s": 3600})
    ended.datetime_start = ended.datetime_complete = BEGAN + timedelta(hours=9)
    study.add_trial(ended)
    assert stopped(study, gpu_hours=3)
    assert not stopped(study, patience=2), "it counted while it waited"


def test_another_rule_or_more_trials_go_on_and_the_same_does_not(tmp_path):
    study = new_study(tmp_path)
    add(study, 0.5)
    assert stopped(study, target=0.6)
    add(study, 0.7)  # which ran on
    for rules, n_trials, goes_on in (
        ({"target": 0.6}, 20, False),
        ({"target": 0.4}, 20, True),
        ({}, 20, True),
        ({"target": 0.6}, 21, True),  # until it is looked at again
    ):
        assert Trials(study, n_trials, rules=rules).is_stopped() != goes_on
    study.stop()  # by its sampler
    assert Trials(study, 20, rules={"target": 0.4}).is_stopped()


def test_what_was_learned_goes_on(tmp_path):
    study = new_study(tmp_path)
    trials = Trials(study, 20, rules={"patience": 3})
    rules = StopRules(trials, (1.0, "GPU"))
    for hours, value in enumerate([0.5, 0.6, 0.7, 0.4, 0.9, 0.9], start=1):
        add(study, value, hours=hours)
        trials.read()
        rules.apply()
        assert not trials.is_stopped()
    add(study, None, hours=9)
    trials.read()
    rules.apply()
    assert why_stopped(study) == "no improvement since trial 3 in stop.patience=3 trials"
