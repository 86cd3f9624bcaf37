"""Where a trial of Lightning's begins: at its start, or where an earlier attempt at it was stopped."""

import logging
import os
import warnings
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from optuna import Trial

from hydra_sweep.lightning import loggers
from hydra_sweep.lightning.exact_checkpoint import ExactCheckpoint
from hydra_sweep.lightning.hooks import resume_file
from hydra_sweep.study.current import current_trial
from hydra_sweep.study.queue import attempt_of

log = logging.getLogger(__name__)


def resume(trainer: Trainer, ckpt_path: str | Path | None = None) -> str | Path | None:
    """What to give to `Trainer.fit` as `ckpt_path`. In a sweep the trainer also gets the callback that
    keeps the checkpoint from which a trial that is stopped goes on, exactly as if it had not been.

        trainer.fit(model, datamodule, ckpt_path=resume(trainer, cfg.ckpt_path))

    Its CSV, TensorBoard and W&B loggers go on in the files of the attempt before; to W&B nothing must have
    been logged yet. `ckpt_path` is where a trial begins that has no such checkpoint yet, and all there is
    outside a sweep.
    """
    _answer_for_gpus()
    if not (trial := current_trial()):
        return ckpt_path
    folder = Path(HydraConfig.get().runtime.output_dir)
    path = resume_file(folder)
    trainer.callbacks.insert(0, ExactCheckpoint(path))
    if attempt_of(trial) and trainer.is_global_zero:
        loggers.go_on(trainer.loggers, folder)
    for checkpoint in (one for one in trainer.callbacks if isinstance(one, ModelCheckpoint)):
        # What a killed attempt left under a name would have the next use last-v1.ckpt, and stay stale.
        # In a folder that trials share it would be another's.
        if checkpoint.dirpath is None or Path(checkpoint.dirpath).is_relative_to(folder.absolute()):
            checkpoint._enable_version_counter = False
    return _interrupted(trial, path) or ckpt_path


def _answer_for_gpus() -> None:
    """Spares each step of an optimizer 0.1 ms where there is no GPU: torch asks for one, and Lightning has
    it look for NVIDIA's library each time (PYTORCH_NVML_BASED_CUDA_CHECK)."""
    if not torch.cuda.is_available():
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


def _interrupted(trial: Trial, path: Path) -> Path | None:
    """The checkpoint at `path`, if an earlier attempt at the trial left it whole; any other is removed."""
    if attempt := attempt_of(trial):
        # ModelCheckpoint cannot know that its files are its own.
        warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")
        try:
            checkpoint = torch.load(path, map_location="cpu", weights_only=False)  # our own
            log.info("Attempt %d goes on at step %d, from %s", attempt + 1, checkpoint["global_step"], path)
            trial.set_user_attr("step", checkpoint["global_step"])
            return path
        except FileNotFoundError:
            log.info("Attempt %d begins anew: there is no %s", attempt + 1, path)
        except Exception as error:
            log.warning("Attempt %d begins anew: %s cannot be read (%s)", attempt + 1, path, error)
    path.unlink(missing_ok=True)
    return None
