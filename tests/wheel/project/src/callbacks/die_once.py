import os
import signal
from pathlib import Path

from lightning import Callback


class DieOnce(Callback):
    """Stands for a node that is lost: kills the process of trial 0 in its third epoch, once."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        folder = Path(trainer.default_root_dir)
        mark = folder / "died"
        if folder.name == "0" and trainer.current_epoch == 2 and batch_idx == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
