"""Trainings that are interrupted and go on are compared, bit for bit, with one that was not."""

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
from torchmetrics.regression import ConcordanceCorrCoef, PearsonCorrCoef

from src.callbacks.resume import Resume, metric_states, set_metric_states
from src.data.resumable_loader import ResumableLoader
from src.models.mnist_module import MNISTLitModule

# Of ModelCheckpoint, about its own files; train() switches it off.
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* is not empty")

N_BATCHES, N_EPOCHS, BATCH = 4, 3, 8


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
    return MNISTLitModule(net(), partial(torch.optim.Adam, lr=1e-2), scheduler, lr_interval=lr_interval)


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
                Resume(path),
                start,
                *callbacks,
                LearningRateMonitor("step"),
                EarlyStopping("val/acc", patience=self.patience, mode="max"),
                ModelCheckpoint(
                    self.folder, "{epoch}", "val/acc", mode="max", enable_version_counter=False
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
            "lr": [group["lr"] for group in self.fitter.optimizers[0].param_groups],
            "steps": self.fitter.global_step,
            "epochs": self.fitter.current_epoch,
            "rng": self.rng,
        }


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Uninterrupted trainings, by variant."""
    done = {}

    def train(variant: str) -> Training:
        if variant not in done:
            training = Training(tmp_path_factory.mktemp("whole"), **VARIANTS[variant][0])
            done[variant] = training.run(), training.result()
        return done[variant]

    return train


def assert_same(training: Training, whole: tuple[Training, dict]) -> None:
    reference, result = whole
    assert training.result() == result
    assert_same_weights(training.module, reference.module)


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    one, other = one.state_dict(), other.state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("variant", VARIANTS)
def test_killed_in_a_batch(variant, whole, tmp_path):
    for batch in (3, 6, 8) if variant != "ours" else range(1, N_BATCHES * N_EPOCHS + 1):
        training = Training(tmp_path / str(batch), **VARIANTS[variant][0])
        training.interrupt("on_train_batch_end", batch, kill).run()
        assert_same(training, whole(variant))
        if variant == "ours":
            assert training.steps == [0, this_epoch(batch)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_told_to_stop_in_a_batch(variant, whole, tmp_path):
    kwargs, begins = VARIANTS[variant]
    for batch in range(1, N_BATCHES * (N_EPOCHS if variant == "ours" else 2) + 1):
        training = Training(tmp_path / str(batch), **kwargs)
        training.interrupt("on_train_batch_end", batch, terminate).run()
        assert_same(training, whole(variant))
        assert training.steps == [0, begins(batch)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("act", [kill, terminate])
def test_stopped_in_a_validation(variant, act, whole, tmp_path):
    for batch in (1, 2, 3):
        training = Training(tmp_path / str(batch), **VARIANTS[variant][0])
        training.interrupt("on_validation_batch_end", batch, act).run()
        assert_same(training, whole(variant))


@pytest.mark.parametrize(("variant", "batch"), [("ours", 5), ("early stopping", 3), ("so many steps", 9)])
@pytest.mark.parametrize("act", [kill, terminate])
def test_stopped_in_the_last_validation(variant, batch, act, whole, tmp_path):
    training = Training(tmp_path, **VARIANTS[variant][0])
    training.interrupt("on_validation_batch_end", batch, act).run()
    assert_same(training, whole(variant))


def test_stopped_in_a_validation_and_after_the_next(tmp_path):
    kwargs = {"trainer": {"val_check_interval": 1}}
    whole = Training(tmp_path / "whole", **kwargs).run()
    training = Training(tmp_path / "stopped", **kwargs)
    training.interrupt("on_validation_batch_end", 1, kill)
    training.interrupt("on_validation_batch_end", 4, terminate)
    training.interrupt("on_train_batch_start", 1, kill)
    assert training.run().steps == [0, 1, 2, 2]
    assert_same(training, (whole, whole.result()))


@pytest.mark.parametrize("hook", ["on_train_epoch_start", "on_train_epoch_end"])
@pytest.mark.parametrize("variant", ["ours", "early stopping", "template, plain loader"])
def test_told_to_stop_between_epochs(hook, variant, whole, tmp_path):
    for count in (1, 2):
        training = Training(tmp_path / str(count), **VARIANTS[variant][0])
        training.interrupt(hook, count, terminate).run()
        assert_same(training, whole(variant))


def test_told_to_stop_before_it_trains(whole, tmp_path):
    training = Training(tmp_path).interrupt("on_sanity_check_start", 1, terminate)
    assert not (tmp_path / "resume.ckpt").exists()
    assert_same(training.run(), whole("ours"))


def test_interrupted_again_and_again(whole, tmp_path):
    training = Training(tmp_path)
    for hook, act in [
        ("on_train_batch_end", terminate),
        ("on_train_batch_end", kill),
        ("on_train_batch_end", terminate),
        ("on_train_batch_end", terminate),
        ("on_train_batch_end", terminate),
        ("on_validation_batch_end", kill),
        ("on_train_epoch_end", terminate),
        ("on_train_batch_end", terminate),
        ("on_train_epoch_end", kill),
    ]:
        training.interrupt(hook, 1, act)
    training.run()
    assert training.steps == [0, 1, 1, 2, 3, 4, 4, 4, 5, 8]
    assert_same(training, whole("ours"))


@pytest.mark.parametrize("variant", ["ours", "early stopping", "so many steps"])
def test_what_was_over_is_not_trained_again(variant, whole, tmp_path):
    training = Training(tmp_path, **VARIANTS[variant][0]).run()
    points = list(training.points)
    training.run()
    assert training.points == points
    assert training.steps == [0]  # it never started
    assert_same(training, whole(variant))


def test_told_to_stop_while_it_tests(tmp_path):
    training = Training(tmp_path).run()
    checkpoint = (tmp_path / "resume.ckpt").read_bytes()
    training.fitter.callbacks.append(At("on_test_batch_end", 1, terminate))
    with pytest.raises(SIGTERMException):
        training.fitter.test(training.module, Data().val_dataloader())
    assert (tmp_path / "resume.ckpt").read_bytes() == checkpoint


def test_loading_processes_that_stay(tmp_path):
    kwargs = {"data": partial(Data, num_workers=1, persistent_workers=True)}
    whole = Training(tmp_path / "whole", **kwargs).run()
    for batch, act in [(6, kill), (6, terminate)]:
        training = Training(tmp_path / act.__name__, **kwargs)
        training.interrupt("on_train_batch_end", batch, act).run()
        assert_same(training, (whole, whole.result()))


def test_metrics_that_share_a_state_are_all_restored():
    def metrics() -> nn.Module:
        return nn.ModuleDict({"both": MetricCollection([PearsonCorrCoef(), ConcordanceCorrCoef()])})

    one, other = metrics(), metrics()
    generator = torch.Generator().manual_seed(0)
    batches = [torch.rand(2, 8, generator=generator) for _ in range(4)]
    for batch in batches[:3]:
        one["both"].update(*batch)
    set_metric_states(other, metric_states(one))
    for module in (one, other):
        module["both"].update(*batches[3])
    assert one["both"].compute() == other["both"].compute()
    assert [metric.update_count for metric in other["both"].values()] == [4, 4]
