import os
import signal
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from lightning import Callback


class DieOnce(Callback):
    """Kills the process of trial 0 in the third batch of an epoch (from 0), when it first comes there."""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if HydraConfig.get().job.num == 0 and (trainer.current_epoch, batch_idx) == (self.epoch, 2):
            try:
                Path(trainer.default_root_dir, "died").touch(exist_ok=False)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)
