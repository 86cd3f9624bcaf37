import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.utilities import move_data_to_device
from lightning.fabric.utilities.types import _Stateful
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torchmetrics import Metric

# Needed to build a model from its checkpoint, not to go on with one; often more than
# weights_only=True would load.
HYPERPARAMETERS = [
    f"{of}{name}"
    for of in ("", "datamodule_")
    for name in ("hyper_parameters", "hparams_name", "hparams_type")
]

# Of ModelCheckpoint, by which it knows what it has written; not in its state_dict(). Without it, the end
# of the training would be written as another last.ckpt.
WRITTEN = ("_last_checkpoint_saved", "_last_global_step_saved", "_defer_save_until_validation")

# To train so long again costs less than to write, each epoch, what would spare it.
VALIDATION_AFTER_S = 10.0

SEED = "PL_GLOBAL_SEED"  # lightning.seed_everything's


class ExactCheckpoint(Callback):
    """Keeps one checkpoint, from which a training that was interrupted goes on as if it had not been.

    It is written at the start of each epoch but the first, at the start of a validation, if the last one is
    older than `VALIDATION_AFTER_S`, at the end of the training, and where SIGTERM stops it; within an epoch
    only if that is exact (`exact_mid_epoch`).
    Beside what Lightning's checkpoints hold it has the states of the random number generators, of every
    torchmetrics Metric of the module, `callback_metrics`, and what each ModelCheckpoint wrote last.

    Put it first among the callbacks, and give the path to `Trainer.fit` as `ckpt_path`. Under DDP it goes
    on from the start of an epoch, each rank with its own generators and metrics. Within an epoch a module
    that draws random numbers in `on_train_start` makes the rest of it another.

    Args:
        path: of the checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.saving = False
        self.saved_at = 0.0
        self.loaded: dict[str, Any] | None = None  # what is still to be restored

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict) -> None:
        if str(trainer.ckpt_path) == str(self.path):  # and not where another training left off
            ranks = checkpoint["resume"]
            self.loaded = ranks[trainer.global_rank % len(ranks)]
            if seed := self.loaded["seed"]:  # from which Lightning has ranks draw their shares of the data
                os.environ[SEED] = seed

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.loaded:
            trainer.should_stop = self.loaded["should_stop"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.first_epoch, self.saved_at = trainer.current_epoch, time.monotonic()
        if self.loaded and trainer.fit_loop.restarted_mid_epoch:
            # Now, because the next batch may be augmented before on_train_batch_start.
            set_rng_states(self.loaded["rng"])

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.loaded:
            set_rng_states(self.loaded["rng"])
            self._restore(trainer, pl_module)
        elif trainer.current_epoch > self.first_epoch:
            self._save(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if self.loaded:
            self._restore(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.validating or trainer.state.fn != TrainerFn.FITTING:
            return
        if self.loaded:
            set_rng_states(self.loaded["rng"])
            self._restore(trainer, pl_module)
        elif time.monotonic() - self.saved_at > VALIDATION_AFTER_S and exact_mid_epoch(trainer):
            self._save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = True
        self._save(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.loaded:  # nothing was left to train
            set_rng_states(self.loaded["rng"])
            self._restore(trainer, pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, error: BaseException) -> None:
        if not isinstance(error, SIGTERMException) or not trainer.training:
            return  # while it validates, the checkpoint before is as good, or nearly
        if trainer.world_size > 1:
            return  # the other ranks may be elsewhere
        if between_epochs(trainer) or exact_mid_epoch(trainer):
            self._save(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict) -> None:
        if not self.saving:  # one of ModelCheckpoint
            return
        for key in HYPERPARAMETERS:
            checkpoint.pop(key, None)
        mend_progress(trainer, checkpoint["loops"]["fit_loop"])
        own = {
            "seed": os.environ.get(SEED),
            "rng": rng_states(),
            "callback_metrics": dict(trainer.callback_metrics),
            "metrics": metric_states(pl_module),
            "written": {one.state_key: written(one) for one in model_checkpoints(trainer)},
            "should_stop": trainer.should_stop,
        }
        checkpoint["resume"] = of_all_ranks(trainer, own)

    def _save(self, trainer: Trainer) -> None:
        partial = self.path.with_suffix(".partial")
        self.saving = True
        try:
            trainer.save_checkpoint(partial, weights_only=False)  # all ranks take part
        finally:
            self.saving = False
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.save()  # what was logged before, and is not again
            os.replace(partial, self.path)
        self.saved_at = time.monotonic()

    def _restore(self, trainer: Trainer, pl_module: LightningModule) -> None:
        device = trainer.strategy.root_device
        trainer.callback_metrics.update(move_data_to_device(self.loaded["callback_metrics"], device))
        set_metric_states(pl_module, self.loaded["metrics"])
        for one in model_checkpoints(trainer):
            vars(one).update(self.loaded["written"].get(one.state_key, {}))
        self.loaded = None
        go_on(trainer)


def of_all_ranks(trainer: Trainer, own: dict[str, Any]) -> list[dict[str, Any]]:
    """Each rank's own."""
    if trainer.world_size == 1:
        return [own]
    ranks: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(ranks, move_data_to_device(own, torch.device("cpu")))
    return ranks


def model_checkpoints(trainer: Trainer) -> list[ModelCheckpoint]:
    return [one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint)]


def written(callback: ModelCheckpoint) -> dict[str, Any]:
    return {name: value for name, value in vars(callback).items() if name in WRITTEN}


def go_on(trainer: Trainer) -> None:
    """Has Lightning's loops go on as if they had not been loaded.

    While "restarting" they would not make the iterator of the epoch that begins (and it is to come from
    the generators just restored), not step plateau schedulers at its end, and with max_steps take the
    epoch before for unfinished.
    """
    trainer.fit_loop.on_iteration_done()
    trainer.fit_loop.epoch_loop.on_iteration_done()
    trainer.fit_loop.epoch_loop.val_loop.on_iteration_done()
    trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.reset_on_restart()


def between_epochs(trainer: Trainer) -> bool:
    """Whether all of the last epoch is over, and nothing of the next has begun."""
    progress = trainer.fit_loop.epoch_progress.current
    return progress.completed == progress.ready


def exact_mid_epoch(trainer: Trainer) -> bool:
    """Whether a checkpoint after the last batch holds all that the rest of the epoch depends on.

    It does not hold summed gradients, the sums of values logged `on_epoch` (of a Metric it does, but a
    batch must be left to log it again), or the other ranks' part, and loaders must be able to say where
    they are (`state_dict`). Nor could Lightning then finish an epoch that is the last by `max_steps` or
    `should_stop`, or step plateau schedulers each batch.
    """
    loop, loaders = trainer.fit_loop.epoch_loop, trainer.fit_loop._combined_loader.flattened
    last = loop.batch_progress.is_last_batch
    logged = [one for _, one in loop._results.valid_items() if one.meta.on_epoch]
    return (
        trainer.world_size == 1
        and (last or all(isinstance(loader, _Stateful) for loader in loaders))
        and trainer.lightning_module.automatic_optimization
        and not loop._should_accumulate()
        and not any(last or one.is_tensor for one in logged)
        and not trainer.should_stop
        and trainer.global_step != trainer.max_steps
        and not any(lr.reduce_on_plateau and lr.interval == "step" for lr in trainer.lr_scheduler_configs)
    )


def mend_progress(trainer: Trainer, loops: dict[str, Any]) -> None:
    """Makes the fit loop's saved state one that Lightning goes on from without repeating anything."""
    epochs, validation = loops["epoch_progress"], loops["epoch_loop.val_loop.batch_progress"]["total"]
    if epochs["current"]["started"] < epochs["current"]["ready"]:  # in on_train_epoch_start
        for counts in epochs.values():
            counts["ready"] = counts["started"]
    if epochs["current"]["processed"] == epochs["current"]["ready"]:
        return
    if trainer.validating:
        # It validates what was in a batch when saved, and this is to be done from the start.
        validation["ready"] = validation["started"] = validation["completed"] + 1
    elif trainer.fit_loop.epoch_loop._should_check_val_fx(trainer.fit_loop._data_fetcher):
        # It counts the batch before a finished validation a second time.
        loops["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1


def rng_states() -> dict[str, Any]:
    """Of torch, numpy, python and, in use, CUDA; to load with weights_only=True."""
    name, keys, *rest = np.random.get_state()
    states = {
        "torch": torch.get_rng_state(),
        "numpy": (name, torch.from_numpy(keys.astype(np.int64)), *rest),
        "python": random.getstate(),
    }
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def set_rng_states(states: dict[str, Any]) -> None:
    name, keys, *rest = states["numpy"]
    torch.set_rng_state(states["torch"])
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    random.setstate(states["python"])
    if "cuda" in states and torch.cuda.is_available():
        for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state, device)


def metric_states(module: torch.nn.Module) -> dict[str, tuple[int, dict[str, Any]]]:
    """The number of updates and the state of each metric below the module, by its name there."""
    metrics = {name: one for name, one in module.named_modules() if isinstance(one, Metric)}
    return {name: (one.update_count, one.metric_state) for name, one in metrics.items()}


def set_metric_states(module: torch.nn.Module, states: dict[str, tuple[int, dict[str, Any]]]) -> None:
    for name, (count, state) in states.items():
        metric = module.get_submodule(name)
        metric._update_count, metric._computed = count, None
        for key, value in move_data_to_device(state, metric.device).items():
            setattr(metric, key, value)
