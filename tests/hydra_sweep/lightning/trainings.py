"""Tiny trainings that can be interrupted at any hook, and what is trained in them."""

import os
import signal
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MaxMetric, MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassPrecision

from hydra_sweep.lightning import exact_checkpoint
from hydra_sweep.lightning.exact_checkpoint import ExactCheckpoint
from hydra_sweep.lightning.resumable_loader import ResumableLoader
from src.models.mnist_module import MNISTLitModule

N_BATCHES, N_EPOCHS, BATCH = 4, 3, 8

exact_checkpoint.VALIDATION_AFTER_S = 0.0  # the epochs are short here


class Points(Logger):
    """Keeps what is logged as (key, step, value)."""

    name = version = "points"

    def __init__(self) -> None:
        super().__init__()
        self.points: list[tuple[str, int, float]] = []

    def log_metrics(self, metrics, step=None):
        self.points += [(key, step, float(value)) for key, value in metrics.items()]

    def log_hyperparams(self, *_):
        pass


class Data(LightningDataModule):
    """Training and validation images, half of whose labels can be learnt."""

    def __init__(self, loader: type[DataLoader] = ResumableLoader, **kwargs) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        labels = torch.randint(0, 10, (2 * N_BATCHES * BATCH,), generator=generator)
        images = torch.rand((len(labels), 1, 28, 28), generator=generator)
        images[::2] += labels[::2, None, None, None] / 5
        self.parts = [TensorDataset(images[rows], labels[rows]) for rows in (slice(32), slice(32, 48))]
        self.loader = partial(loader, batch_size=BATCH, **kwargs)

    def train_dataloader(self):
        return self.loader(self.parts[0], shuffle=True)

    def val_dataloader(self):
        return self.loader(self.parts[1])


def net() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 10)
    )


PLATEAU = partial(ReduceLROnPlateau, patience=0, threshold=0.1)


def ours(scheduler=PLATEAU, lr_interval: str = "epoch") -> LightningModule:
    return MNISTLitModule(
        net(), partial(torch.optim.Adam, lr=1e-2, fused=True), scheduler, lr_interval=lr_interval
    )


class Template(LightningModule):
    """In the manner of lightning-hydra-template; its dropout is numpy's, and one metric never reset."""

    def __init__(self) -> None:
        super().__init__()
        self.save_hyperparameters({"optimizer": torch.optim.SGD}, logger=False)  # not for weights_only
        self.net, self.loss = net(), nn.CrossEntropyLoss()
        self.train_loss, self.val_loss, self.all_loss = MeanMetric(), MeanMetric(), MeanMetric()
        metrics = {"acc": MulticlassAccuracy(10), "precision": MulticlassPrecision(10)}
        self.train_metrics = MetricCollection(metrics, prefix="train/")
        self.val_metrics, self.val_acc_best = self.train_metrics.clone("val/"), MaxMetric()

    def on_fit_start(self):
        torch.rand(3), np.random.rand(3)

    def on_train_start(self):
        self.val_loss.reset()
        self.val_metrics.reset()
        self.val_acc_best.reset()

    def training_step(self, batch, _):
        x, y = batch
        logits = self.net(x * float(np.random.rand() > 0.5))
        loss = self.loss(logits, y)
        self.train_loss(loss)
        self.all_loss(loss)
        self.train_metrics(logits, y)
        self.log("train/loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("all/loss", self.all_loss.compute(), on_step=True, on_epoch=False)
        self.log_dict(self.train_metrics, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        x, y = batch
        logits = self.net(x)
        self.val_loss(self.loss(logits, y))
        self.val_metrics(logits, y)
        self.log("val/loss", self.val_loss, on_step=False, on_epoch=True)
        self.log_dict(self.val_metrics, on_step=False, on_epoch=True)

    def on_validation_epoch_end(self):
        self.val_acc_best(self.val_metrics.compute()["val/acc"])
        self.log("val/acc_best", self.val_acc_best.compute())

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": PLATEAU(optimizer), "monitor": "val/loss"},
        }


class Summing(Template):
    """Logs the loss by value: Lightning sums it up over the epoch."""

    def training_step(self, batch, index):
        loss = super().training_step(batch, index)
        self.log("loss", loss, on_epoch=True)
        return loss


class Drawing(Template):
    def on_train_start(self):
        super().on_train_start()
        torch.rand(3)


class Killed(BaseException):
    """Stands for the end of the process."""


class At(Callback):
    """Does something when the hook is called for the `count`th time, from 1, but for the sanity check."""

    def __init__(self, hook: str, count: int, act) -> None:
        self.left, self.act, self.sanity = count, act, "sanity" in hook
        setattr(self, hook, self._called)

    def _called(self, trainer, *_):
        self.left -= self.sanity or not trainer.sanity_checking
        if self.left == 0:
            self.left = -1
            self.act()


def kill():
    raise Killed


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class Training:
    """One training in the folder, in as many processes as it takes."""

    folder: Path
    model: object = ours
    data: object = Data
    trainer: dict = field(default_factory=dict)
    patience: int = 99
    points: list = field(default_factory=list)
    steps: list = field(default_factory=list)  # at which each process began

    def run(self, *callbacks: Callback) -> "Training":
        path = self.folder / "resume.ckpt"
        lightning.seed_everything(len(self.steps), verbose=False)  # another one in each process
        if not path.exists():
            lightning.seed_everything(7, verbose=False)
        self.module, logger = self.model(), Points()
        start = At("on_train_start", 1, lambda: self.steps.append(self.fitter.global_step))
        self.fitter = Trainer(
            accelerator="cpu",
            logger=logger,
            callbacks=[
                ExactCheckpoint(path),
                start,
                *callbacks,
                LearningRateMonitor("step"),
                EarlyStopping("val/acc", patience=self.patience, mode="max"),
                ModelCheckpoint(
                    *(self.folder, "{epoch}", "val/acc"),
                    **{"mode": "max", "save_last": True, "enable_version_counter": False},
                ),
            ],
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            **{"max_epochs": N_EPOCHS, **self.trainer},
        )
        checkpoint = path if path.exists() else None
        try:
            self.fitter.fit(self.module, self.data(), ckpt_path=checkpoint, weights_only=True)
        finally:
            self.points += logger.points
        self.rng = torch.rand(1).item(), np.random.rand()
        return self

    def interrupt(self, hook: str, count: int, act) -> "Training":
        with pytest.raises((Killed, SIGTERMException)):
            self.run(At(hook, count, act))
        return self

    def result(self) -> dict:
        metrics = {key: float(value) for key, value in self.fitter.callback_metrics.items()}
        checkpoint = self.fitter.checkpoint_callback
        return {
            "points": sorted(set(self.points)),
            "metrics": metrics,
            "best": (Path(checkpoint.best_model_path).name, float(checkpoint.best_model_score)),
            "checkpoints": {path.name: kept_in(path) for path in self.folder.glob("*.ckpt")},
            "lr": [group["lr"] for group in self.fitter.optimizers[0].param_groups],
            "steps": self.fitter.global_step,
            "epochs": self.fitter.current_epoch,
            "rng": self.rng,
        }


def kept_in(checkpoint: Path) -> tuple[int, list]:
    """The step of the checkpoint, and the weights."""
    kept = torch.load(checkpoint, weights_only=False)
    return kept["global_step"], [tensor.tolist() for tensor in kept["state_dict"].values()]


def this_epoch(batch: int) -> int:
    return (batch - 1) // N_BATCHES * N_BATCHES


def this_batch(batch: int) -> int:
    return batch


# What is trained, and the step from which it goes on where SIGTERM comes in a given batch, from 1.
VARIANTS = {
    "ours": ({}, this_batch),
    "early stopping": ({"patience": 1}, this_batch),
    "scheduler in steps": (
        {"model": partial(ours, partial(StepLR, step_size=2, gamma=0.5), "step")},
        this_batch,
    ),
    "validated twice an epoch": ({"trainer": {"val_check_interval": 2}}, this_batch),
    "so many steps": (
        {"trainer": {"max_steps": 10, "max_epochs": -1, "val_check_interval": 2}},
        this_batch,
    ),
    # a last batch is followed by a validation, and that it cannot go on from
    "template, resumable": (
        {"model": Template},
        lambda batch: batch if batch % N_BATCHES else this_epoch(batch),
    ),
    "template, plain loader": ({"model": Drawing, "data": partial(Data, DataLoader)}, this_epoch),
    "sums": ({"model": Summing}, this_epoch),
    # two steps an epoch, after three batches and after four
    "gradients accumulated": (
        {"trainer": {"accumulate_grad_batches": 3}},
        lambda batch: batch // N_BATCHES * 2 + batch % N_BATCHES // 3,
    ),
}
