from lightning import Callback, LightningModule, Trainer
from optuna import TrialPruned

from src.sweep.trial import current_trial


class Pruning(Callback):
    """Reports a metric to the sweep after each validation, and stops what the pruner gives up.

    The step reported is the epoch, from 0. Does nothing outside a sweep, in one of several
    objectives (Optuna prunes single ones only), and where the metric is not logged.

    Args:
        monitor: the name of the metric, as logged.

    Raises:
        TrialPruned: out of `Trainer.fit`, where the study's pruner says so.
    """

    def __init__(self, monitor: str | None) -> None:
        self.monitor = monitor

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trial = current_trial()
        if trial is None or trainer.sanity_checking or not isinstance(self.monitor, str):
            return
        value = trainer.callback_metrics.get(self.monitor)
        if value is None or len(trial.study.directions) > 1:
            return
        epoch = trainer.current_epoch
        trial.report(float(value), step=epoch)
        if trial.should_prune():
            pruner = type(trial.study.pruner).__name__
            reason = f"{pruner} after epoch {epoch}, at {self.monitor}={float(value):.4g}"
            trial.set_user_attr("reason", reason)
            raise TrialPruned(reason)
