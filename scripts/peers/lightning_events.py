from typing import Any

from lightning import Callback, LightningModule, Trainer
from optuna import TrialPruned

from scripts.peers import events


class Events(Callback):
    """Writes the events of a Lightning training."""

    def on_train_start(self, *_: Any) -> None:
        events.begin()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            accuracy = float(trainer.callback_metrics["val/acc"])
            events.epoch(trainer.current_epoch + 1, accuracy, trainer.global_step)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, TrialPruned):  # by a callback's on_validation_end before ours
            self.on_validation_end(trainer, pl_module)
