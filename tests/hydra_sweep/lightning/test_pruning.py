from types import SimpleNamespace

import optuna
import pytest
import torch

from hydra_sweep.errors import ConfigurationError
from hydra_sweep.lightning import pruning
from hydra_sweep.lightning.pruning import Pruning
from hydra_sweep.study.live_trial import LiveTrial


class Below(optuna.pruners.BasePruner):
    """Prunes what reported less than a half."""

    def prune(self, study, trial) -> bool:
        return trial.intermediate_values[trial.last_step] < 0.5


@pytest.fixture
def trial(monkeypatch) -> optuna.Trial:
    study = optuna.create_study(pruner=Below())
    trial = LiveTrial(study, study.ask()._trial_id)
    monkeypatch.setattr(pruning, "current_trial", lambda: trial)
    return trial


def trainer(
    value: float, epoch: int = 0, sanity_checking: bool = False, heard: str | None = None
) -> SimpleNamespace:
    """Of rank 0, or of another rank, which hears from rank 0."""
    return SimpleNamespace(
        callback_metrics={"val/acc": torch.tensor(value)},
        current_epoch=epoch,
        sanity_checking=sanity_checking,
        is_global_zero=heard is None,
        strategy=SimpleNamespace(broadcast=lambda said: said if heard is None else heard),
    )


def test_each_epoch_is_reported_and_a_bad_trial_stopped(trial):
    callback = Pruning("val/acc")
    callback.on_validation_end(trainer(0.0, sanity_checking=True), None)
    callback.on_validation_end(trainer(0.75, 0), None)
    with pytest.raises(optuna.TrialPruned, match="after epoch 1"):
        callback.on_validation_end(trainer(0.25, 1), None)
    assert trial.study.trials[0].intermediate_values == {0: 0.75, 1: 0.25}
    assert trial.user_attrs["reason"] == "Below after epoch 1, at val/acc=0.25"


def test_other_ranks_report_nothing_and_stop_when_rank_0_does(trial):
    callback = Pruning("val/acc")
    callback.on_validation_end(trainer(0.25, heard=""), None)
    with pytest.raises(optuna.TrialPruned, match="says rank 0"):
        callback.on_validation_end(trainer(0.75, 1, heard="says rank 0"), None)
    assert trial.study.trials[0].intermediate_values == {}


def test_other_metrics_and_other_runs_are_left_alone(trial, monkeypatch):
    Pruning("val/loss").on_validation_end(trainer(0.0), None)
    Pruning(None).on_validation_end(trainer(0.0), None)
    monkeypatch.setattr(pruning, "current_trial", lambda: None)
    Pruning("val/acc").on_validation_end(trainer(0.0), None)
    assert trial.study.trials[0].intermediate_values == {}


def test_what_was_reported_is_not_reported_again_but_may_be_pruned(trial):
    trial.report(0.25, step=0)
    with pytest.raises(optuna.TrialPruned, match="after epoch 0"):
        Pruning("val/acc").on_validation_end(trainer(0.25, 0), None)
    assert trial.study.trials[0].intermediate_values == {0: 0.25}


@pytest.mark.parametrize("monitor", ["val/accuracy", ["val/acc", "val/accuracy"]])
def test_a_metric_that_is_not_logged_is_found_after_the_first_validation(trial, monitor):
    callback = Pruning(monitor)
    callback.on_train_epoch_start(trainer(0.5), None)
    callback.on_validation_end(trainer(0.5, sanity_checking=True), None)
    callback.on_train_epoch_start(trainer(0.5), None)
    callback.on_validation_end(trainer(0.5), None)
    with pytest.raises(ConfigurationError, match=r"optimized_metric=val/accuracy: .* It logs: val/acc\."):
        callback.on_train_epoch_start(trainer(0.5), None)


def test_a_rank_takes_part_whatever_it_has_logged_itself(trial):
    with pytest.raises(optuna.TrialPruned, match="by rank 0"):
        Pruning("val/accuracy").on_validation_end(trainer(0.75, heard="by rank 0"), None)
    rank_0 = Pruning("val/accuracy")
    rank_0.on_validation_end(trainer(0.75), None)
    with pytest.raises(ConfigurationError):
        rank_0.on_train_epoch_start(trainer(0.75), None)
    other = Pruning("val/accuracy")
    other.on_validation_end(trainer(0.75, heard=""), None)
    other.on_train_epoch_start(trainer(0.75, heard=""), None)
    assert trial.study.trials[0].intermediate_values == {}
