from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from hydra_sweep.space.fidelity import Fidelity
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.worker.fidelity import pruner_between, run_each

SHARES = Fidelity("data.share", (0.1, 0.3, 1.0), "init={before}/net")
ASHA = "optuna.pruners.SuccessiveHalvingPruner"


class Killed(BaseException):
    pass


class Runs:
    """Of one trial: each returns the next of the values, or is that outcome, or is killed."""

    def __init__(self, study: optuna.Study, *values: float | Outcome | type[Killed]) -> None:
        self.trial = LiveTrial(study, study.ask()._trial_id)
        self.values = iter(values)
        self.were = []

    def run(self, overrides: list[str], folder: str) -> Outcome:
        self.were.append((*overrides, folder))
        value = next(self.values)
        if value is Killed:
            raise Killed
        return value if isinstance(value, Outcome) else Outcome(TrialState.COMPLETE, [value])

    def all(self) -> Outcome:
        return run_each(SHARES, self.trial, Path("/7"), self.run)


def study_with(target: str, **arguments) -> optuna.Study:
    pruner = pruner_between(SimpleNamespace(pruner={"_target_": target, **arguments}))
    return optuna.create_study(direction="maximize", pruner=pruner)


RUNS = [
    ("++data.share=0.1", "fidelity_1"),
    ("++data.share=0.3", "init=/7/fidelity_1/net", "fidelity_2"),
    ("init=/7/fidelity_2/net", ""),
]


def test_each_value_has_its_step_and_the_last_is_the_trials():
    runs = Runs(study_with("optuna.pruners.NopPruner"), 0.5, 0.6, 0.7)
    outcome = runs.all()
    assert (outcome.state, outcome.values) == (TrialState.COMPLETE, [0.7])
    assert runs.were == RUNS
    assert runs.trial.study.trials[0].intermediate_values == {1: 0.5, 2: 0.6, 3: 0.7}


@pytest.mark.parametrize("killed", [0, 1, 2])
def test_what_is_in_the_study_is_not_run_again(killed):
    values = [0.5, 0.6, 0.7]
    runs = Runs(study_with("optuna.pruners.NopPruner"), *values[:killed], Killed, *values[killed:])
    with pytest.raises(Killed):
        runs.all()
    assert runs.all().values == [0.7]
    assert runs.were == [*RUNS[:killed], RUNS[killed], *RUNS[killed:]]
    assert runs.all().values == [0.7], "killed after the last was reported"
    assert len(runs.were) == 4


def test_of_successive_halving_each_is_a_rung():
    study = study_with(ASHA, min_resource=4, reduction_factor=3, min_early_stopping_rate=0)
    assert Runs(study, 0.5, 0.6, 0.7).all().state == TrialState.COMPLETE
    assert Runs(study, 0.9, 0.5).all().reason == (
        "SuccessiveHalvingPruner at data.share=0.3, fidelity 2 of 3"
    )
    assert Runs(study, 0.4).all().reason == "SuccessiveHalvingPruner at data.share=0.1, fidelity 1 of 3"
    assert Runs(study, 0.95, 0.9, 0.1).all().values == [0.1]


def test_what_was_reported_and_not_judged_is_judged():
    study = study_with("optuna.pruners.MedianPruner", n_startup_trials=1, n_warmup_steps=0)
    first = Runs(study, 0.5, 0.6, 0.7)
    study.tell(first.trial, first.all().values)
    runs = Runs(study, 0.9)
    runs.trial.report(0.1, 1)  # and then it was killed
    assert runs.all().state == TrialState.PRUNED
    assert runs.were == []


def test_a_run_that_ends_otherwise_ends_the_trial():
    failed = Outcome(TrialState.FAIL, reason="broken")
    runs = Runs(study_with("optuna.pruners.NopPruner"), 0.5, failed)
    assert runs.all() is failed
    assert len(runs.were) == 2
