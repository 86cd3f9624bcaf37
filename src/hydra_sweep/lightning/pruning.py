import logging
import math
from typing import Any

from lightning import Callback, LightningModule, Trainer
from optuna import Trial, TrialPruned

from hydra_sweep.errors import ConfigurationError
from hydra_sweep.lightning.exact_checkpoint import ExactCheckpoint
from hydra_sweep.lightning.metrics import metric_value
from hydra_sweep.space.constraints import parse_constraint
from hydra_sweep.study.current import current_trial
from hydra_sweep.study.promotion import promotes
from hydra_sweep.study.sweep_study import CONSTRAINTS, FIRST_STEP, METRICS

log = logging.getLogger(__name__)


class Pruning(Callback):
    """Reports a metric to the sweep after each validation, and stops what the pruner gives up.

    A metric that training logs, and no validation, is reported after each epoch. The step reported is
    what was trained so far: epochs, or validations where they do not come with the ends of epochs
    (`val_check_interval`). One that an earlier attempt at the trial reported is not reported again.

    Where the pruner has trials pause, this asks it between epochs.

    Of several ranks the first reports its own value, and asks the pruner for all. Does nothing outside a
    sweep, and in one of several objectives only checks that the metrics are logged (Optuna prunes single
    ones).

    After training and test it tells the sweep the last values of the logged metrics.

    Args:
        monitor: the name of the metric, as logged, or a list of names.
        tested: whether the task tests after the training, so that a metric that training does not log
            may be the test's: nothing is reported then.

    Raises:
        TrialPruned: out of `Trainer.fit`, where the study's pruner says so.
        ConfigurationError: likewise, where the metric is not logged by the end of the first epoch
            that was validated, unless `tested`; and where a trial is to pause that could not go on.
    """

    def __init__(self, monitor: str | list[str] | None, tested: bool = False) -> None:
        self.monitor = monitor
        self.tested = tested
        self.validated = False
        self.validations = 0  # that logged the metric

    def state_dict(self) -> dict[str, Any]:
        return {"validations": self.validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.validations = state_dict["validations"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trial = current_trial()
        can_go_on = any(isinstance(one, ExactCheckpoint) for one in trainer.callbacks)
        if trial and promotes(trial.study.pruner) and not can_go_on:
            raise ConfigurationError(
                "hydra.sweeper.pruner.promote=true: a trial that has paused would begin anew. Expected "
                "Trainer.fit(…, ckpt_path=hydra_sweep.lightning.resume(trainer)), or promote=false."
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.validated:
            self._check_logged(trainer)
        if trainer.current_epoch:
            self._report_training(trainer)
            self._pause(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._report_training(trainer)
        _tell_logged(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _tell_logged(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or not current_trial():
            return
        self.validated = True
        # Of this validation: what callback_metrics has may be of an earlier one, or of the training.
        if is_new := str(self.monitor) in trainer._logger_connector.metrics["callback"]:
            self.validations += 1
        if with_epochs(trainer):
            self._report(trainer, is_new, trainer.current_epoch + 1, "epoch")
        else:
            self._report(trainer, is_new, self.validations, "validation")

    def _check_logged(self, trainer: Trainer) -> None:
        self.validated = False  # once is enough
        if not trainer.is_global_zero or not current_trial():
            return
        for name in [self.monitor] if isinstance(self.monitor, str) else self.monitor or ():
            if not self.tested:
                metric_value(trainer.callback_metrics, name)
            elif name not in trainer.callback_metrics:
                log.info("%s is not logged while training: the trial is not pruned.", name)

    def _report_training(self, trainer: Trainer) -> None:
        is_new = not self.validations and str(self.monitor) in trainer.callback_metrics
        self._report(trainer, is_new, trainer.current_epoch, "epoch")

    def _report(self, trainer: Trainer, is_new: bool, step: int, unit: str) -> None:
        trial = current_trial()
        if not trial or not isinstance(self.monitor, str) or len(trial.study.directions) > 1:
            return
        reason = ""
        if is_new and trainer.is_global_zero:
            reason = self._tell(trial, float(trainer.callback_metrics[self.monitor]), step, unit)
        # Ranks that do not all stop would wait for the others for ever.
        if reason := trainer.strategy.broadcast(reason):
            raise TrialPruned(reason)

    def _pause(self, trainer: Trainer) -> None:
        """Stops a trial that is to pause: between epochs, where ExactCheckpoint has just written from what
        it is to go on, and asks again after an interruption."""
        trial = current_trial()
        if not trial or not promotes(trial.study.pruner) or not isinstance(self.monitor, str):
            return
        is_to_pause = trainer.is_global_zero and trial.should_prune()
        if trainer.strategy.broadcast(is_to_pause):
            raise TrialPruned(f"paused after {trainer.current_epoch} epochs")

    def _tell(self, trial: Trial, value: float, step: int, unit: str) -> str:
        """Tells the study of the value. Why the trial is to be pruned, or nothing."""
        # One that goes on in the midst of an epoch may come by a validation again: LiveTrial ignores that.
        trial.report(value, step - 1 + trial.study.user_attrs.get(FIRST_STEP, 1))
        if promotes(trial.study.pruner) or not trial.should_prune():
            return ""
        reason = f"{type(trial.study.pruner).__name__} after {unit} {step}, at {self.monitor}={value:.4g}"
        trial.set_user_attr("reason", reason)
        return reason


def _tell_logged(trainer: Trainer) -> None:
    trial = current_trial()
    if not trial or not trainer.is_global_zero:
        return
    values = {name: float(value) for name, value in trainer.callback_metrics.items()}
    known = trial.user_attrs.get(METRICS, {})  # of the training, where this is its test
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    trial.set_user_attr(METRICS, known | finite)
    lines = trial.study.user_attrs.get(CONSTRAINTS, [])
    for name in {name for line in lines for name in parse_constraint(line).names} & values.keys():
        trial.set_user_attr(name, values[name])


def with_epochs(trainer: Trainer) -> bool:
    """Whether a validation comes with the end of an epoch, of each or of some, and not otherwise."""
    interval = getattr(trainer, "val_check_interval", None)  # time based: there is none
    return isinstance(interval, float) and interval == 1.0 and trainer.check_val_every_n_epoch is not None
