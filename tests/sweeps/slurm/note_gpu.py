import os
from pathlib import Path

from lightning import Callback


class NoteGpu(Callback):
    """Writes "node GPUs" of the job to the file `gpu` in the run's folder."""

    def on_train_start(self, trainer, pl_module) -> None:
        environment = os.environ
        line = f"{environment['SLURMD_NODENAME']} {environment['CUDA_VISIBLE_DEVICES']}"
        Path(trainer.default_root_dir, "gpu").write_text(line)
