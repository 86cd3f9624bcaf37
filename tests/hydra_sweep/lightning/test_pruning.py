import math
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
import torch
from lightning import LightningModule, Trainer

from hydra_sweep.errors import ConfigurationError
from hydra_sweep.lightning import pruning
from hydra_sweep.lightning.exact_checkpoint import ExactCheckpoint
from hydra_sweep.lightning.pruning import Pruning
from hydra_sweep.pruners import AshaPruner
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
    metrics = {"val/acc": torch.tensor(value)}
    return SimpleNamespace(
        callback_metrics=metrics,
        _logger_connector=SimpleNamespace(metrics={"callback": metrics}),
        val_check_interval=1.0,
        check_val_every_n_epoch=1,
        current_epoch=epoch,
        sanity_checking=sanity_checking,
        is_global_zero=heard is None,
        strategy=SimpleNamespace(broadcast=lambda said: said if heard is None else heard),
    )


def test_each_epoch_is_reported_and_a_bad_trial_stopped(trial):
    callback = Pruning("val/acc")
    callback.on_validation_end(trainer(0.0, sanity_checking=True), None)
    callback.on_validation_end(trainer(0.75, 0), None)
    with pytest.raises(optuna.TrialPruned, match="after epoch 2"):
        callback.on_validation_end(trainer(0.25, 1), None)
    assert trial.study.trials[0].intermediate_values == {1: 0.75, 2: 0.25}
    assert trial.user_attrs["reason"] == "Below after epoch 2, at val/acc=0.25"


def test_a_trial_pauses_between_epochs_and_goes_on_from_there(trial):
    trial.study.pruner = AshaPruner(promote=True)
    callback = Pruning("val/acc")
    with pytest.raises(ConfigurationError, match=r"ckpt_path=hydra_sweep\.lightning\.resume\(trainer\)"):
        callback.on_fit_start(SimpleNamespace(callbacks=[callback]), None)
    callback.on_fit_start(SimpleNamespace(callbacks=[ExactCheckpoint(Path("resume.ckpt")), callback]), None)
    callback.on_train_epoch_start(trainer(0.5, 0), None)
    callback.on_validation_end(trainer(0.5, 0), None)  # where there is no exact checkpoint yet
    for _ in range(2):  # also where it was stopped before it could pause
        with pytest.raises(optuna.TrialPruned, match="paused after 1 epochs"):
            callback.on_train_epoch_start(trainer(0.5, 1), None)
    trial.set_user_attr("promoted", 1)
    callback.on_train_epoch_start(trainer(0.5, 1), None)
    with pytest.raises(optuna.TrialPruned):
        callback.on_train_epoch_start(trainer(0.5, 1, heard=True), None)
    assert trial.study.trials[0].intermediate_values == {1: 0.5}


def test_a_study_whose_steps_began_at_0_goes_on_so(trial):
    trial.study.set_user_attr("first_step", 0)
    callback = Pruning("val/acc")
    callback.on_validation_end(trainer(0.75, 0), None)
    with pytest.raises(optuna.TrialPruned, match="after epoch 2"):
        callback.on_validation_end(trainer(0.25, 1), None)
    assert trial.study.trials[0].intermediate_values == {0: 0.75, 1: 0.25}


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
    trial.report(0.25, step=1)
    with pytest.raises(optuna.TrialPruned, match="after epoch 1"):
        Pruning("val/acc").on_validation_end(trainer(0.25, 0), None)
    assert trial.study.trials[0].intermediate_values == {1: 0.25}


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


class Logs(LightningModule):
    """One weight; logs `train` in its steps and `val` in its validations, as told."""

    def __init__(self, names: str = "train val") -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.names, self.n_validated = names, 0

    def training_step(self, batch, index):
        loss = (self.weight - 1) ** 2
        if "train" in self.names:
            self.log("train", float(self.current_epoch), on_step="step" in self.names, on_epoch=True)
        return loss

    def on_train_epoch_end(self):
        if "late" in self.names:
            self.log("late", float(self.current_epoch))

    def validation_step(self, batch, index):
        if "val" in self.names:
            self.log("val", float(self.n_validated))

    def on_validation_epoch_end(self):
        self.n_validated += 1

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fitted(module: LightningModule, *callbacks, validate: bool = True, **kwargs) -> Trainer:
    loader = torch.utils.data.DataLoader(torch.zeros(8), batch_size=2)  # four batches an epoch
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        enable_checkpointing=False,
        **quiet,
        **{"max_epochs": 2, "num_sanity_val_steps": 1, **kwargs},
    )
    trainer.fit(module, loader, loader if validate else None)
    return trainer


def reported(trial: optuna.Trial) -> dict[int, float]:
    return trial.study.trials[0].intermediate_values


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, [1, 2]),
        ({"check_val_every_n_epoch": 2, "max_epochs": 4}, [2, 4]),  # epochs
        ({"val_check_interval": 0.5}, [1, 2, 3, 4]),  # validations
        ({"val_check_interval": 1}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"val_check_interval": 4}, [1, 2]),
        ({"val_check_interval": 0.5, "check_val_every_n_epoch": 2}, [1, 2]),
        ({"val_check_interval": 3, "check_val_every_n_epoch": None}, [1, 2]),
        ({"val_check_interval": 6, "check_val_every_n_epoch": None, "max_epochs": 3}, [1, 2]),
        ({"val_check_interval": "00:00:00:00"}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"max_steps": 6, "max_epochs": -1}, [1]),  # the second epoch is left before it is validated
        ({"fast_dev_run": 2}, [1]),
        ({"overfit_batches": 1}, [1, 2]),
        ({"accumulate_grad_batches": 3}, [1, 2]),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_every_validation_is_reported_once_at_a_step_of_its_own(trial, settings, steps):
    trial.study.pruner = optuna.pruners.NopPruner()
    module = Logs()
    fitted(module, Pruning("val"), **settings)
    assert list(reported(trial)) == steps
    values = list(reported(trial).values())  # each of its own validation
    assert values == [values[0] + i for i in range(len(steps))]


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize(
    ("names", "monitor"), [("train val", "train"), ("train step", "train"), ("late", "late")]
)
@pytest.mark.filterwarnings("ignore")
def test_a_metric_of_the_training_is_reported_of_the_epoch_that_ended(trial, names, monitor, validate):
    trial.study.pruner = optuna.pruners.NopPruner()
    fitted(Logs(names), Pruning(monitor), validate=validate, max_epochs=3)
    assert reported(trial) == {1: 0.0, 2: 1.0, 3: 2.0}


@pytest.mark.filterwarnings("ignore")
def test_a_metric_of_the_test_is_not_missed_while_training(trial, caplog):
    with caplog.at_level("INFO"):
        fitted(Logs(), Pruning("test", tested=True))
    assert "test is not logged while training: the trial is not pruned" in caplog.text
    assert reported(trial) == {}
    with pytest.raises(ConfigurationError, match="It logs: train, val"):
        fitted(Logs(), Pruning("test"))


@pytest.mark.filterwarnings("ignore")
def test_validations_are_counted_on_by_another_attempt(trial):
    callback = Pruning("val")
    callback.load_state_dict({"validations": 4})
    trial.study.pruner = optuna.pruners.NopPruner()
    fitted(Logs(), callback, val_check_interval=2, max_epochs=1)
    assert list(reported(trial)) == [5, 6]
    assert callback.state_dict() == {"validations": 6}


def test_what_was_logged_is_told_after_training_and_test(trial, monkeypatch):
    trial.study.set_user_attr("constraints", ["test/acc > 0.5", "val/acc - test/acc < model.x"])
    callback = Pruning(None)
    callback.on_train_end(trainer(0.75), None)
    assert trial.study.trials[0].user_attrs == {"metrics": {"val/acc": 0.75}, "val/acc": 0.75}
    tested = trainer(0.25)
    tested.callback_metrics = {"test/acc": torch.tensor(0.25), "test/loss": torch.tensor(math.nan)}
    callback.on_test_end(tested, None)
    logged = {"val/acc": 0.75, "test/acc": 0.25}
    assert trial.study.trials[0].user_attrs == {"metrics": logged, **logged}
    callback.on_train_end(trainer(0.5, heard=""), None)
    monkeypatch.setattr(pruning, "current_trial", lambda: None)
    callback.on_train_end(trainer(0.5), None)
    assert trial.study.trials[0].user_attrs["val/acc"] == 0.75
