from lightning import Callback, LightningModule, Trainer
from optuna import Trial, TrialPruned

from hydra_sweep.lightning.metrics import metric_value
from hydra_sweep.study.current import current_trial


class Pruning(Callback):
    """Reports a metric to the sweep after each validation, and stops what the pruner gives up.

    Of several ranks the first reports its own value, and asks the pruner for all.
    The step reported is the epoch, from 0; one that an earlier attempt at the trial reported is not
    reported again. Does nothing outside a sweep, and in one of several objectives only checks that
    the metrics are logged (Optuna prunes single ones).

    Args:
        monitor: the name of the metric, as logged, or a list of names.

    Raises:
        TrialPruned: out of `Trainer.fit`, where the study's pruner says so.
        ConfigurationError: likewise, where the metric is not logged by the end of the first epoch
            that was validated.
    """

    def __init__(self, monitor: str | list[str] | None) -> None:
        self.monitor = monitor
        self.validated = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.validated and trainer.is_global_zero and current_trial():
            for name in [self.monitor] if isinstance(self.monitor, str) else self.monitor or ():
                metric_value(trainer.callback_metrics, name)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trial = current_trial()
        if trial is None or trainer.sanity_checking:
            return
        self.validated = True
        if not isinstance(self.monitor, str) or len(trial.study.directions) > 1:
            return
        reason, value = "", trainer.callback_metrics.get(self.monitor)
        if value is not None and trainer.is_global_zero:
            reason = self._report(trial, float(value), trainer.current_epoch)
        # Ranks that do not all stop would wait for the others for ever.
        if reason := trainer.strategy.broadcast(reason):
            raise TrialPruned(reason)

    def _report(self, trial: Trial, value: float, epoch: int) -> str:
        """Tells the study of the value. Why the trial is to be pruned, or nothing."""
        # One that goes on in the midst of an epoch may come by a validation again: LiveTrial ignores that.
        trial.report(value, step=epoch)
        if not trial.should_prune():
            return ""
        reason = f"{type(trial.study.pruner).__name__} after epoch {epoch}, at {self.monitor}={value:.4g}"
        trial.set_user_attr("reason", reason)
        return reason
