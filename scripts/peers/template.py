"""Data and model as lightning-hydra-template has them: an image at a time from torchvision, torchmetrics
and `self.log` in each step. They take the arguments of ours, and have no use for some."""

from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, random_split
from torchmetrics import MaxMetric, MeanMetric
from torchmetrics.classification import Accuracy
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from src.data.mnist_datamodule import MEAN, SPLIT_SEED, STD


class TemplateData(LightningDataModule):
    def __init__(
        self,
        data_dir: str,
        batch_size: int,
        train_val_test_split: list[int],
        num_workers: int,
        pin_memory: bool,
        share: float,
    ) -> None:
        super().__init__()
        self.data_dir, self.lengths = data_dir, train_val_test_split[:2]
        self.options = {"batch_size": batch_size, "num_workers": num_workers, "pin_memory": pin_memory}

    def setup(self, stage: str | None = None) -> None:
        transform = Compose([ToTensor(), Normalize((MEAN,), (STD,))])
        images = MNIST(self.data_dir, train=True, transform=transform)
        generator = torch.Generator().manual_seed(SPLIT_SEED)
        self.train, self.val = random_split(images, self.lengths, generator)

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.val, shuffle=False)

    def _loader(self, part: Dataset, shuffle: bool) -> DataLoader:
        return DataLoader(part, shuffle=shuffle, **self.options)


class TemplateModule(LightningModule):
    def __init__(
        self,
        net: nn.Module,
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any],
        compile: bool,
        lr_interval: str,
    ) -> None:
        super().__init__()
        self.net, self.make_optimizer, self.make_scheduler = net, optimizer, scheduler
        self.criterion = nn.CrossEntropyLoss()
        self.losses = nn.ModuleDict({f"of_{part}": MeanMetric() for part in ("train", "val")})
        self.accuracies = nn.ModuleDict(
            {f"of_{part}": Accuracy(task="multiclass", num_classes=10) for part in ("train", "val")}
        )
        self.val_acc_best = MaxMetric()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self._step("train", batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step("val", batch)

    def on_validation_epoch_end(self) -> None:
        self.val_acc_best(self.accuracies["of_val"].compute())
        self.log("val/acc_best", self.val_acc_best.compute(), sync_dist=True, prog_bar=True)

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = self.make_optimizer(params=self.trainer.model.parameters())
        scheduler = {"scheduler": self.make_scheduler(optimizer=optimizer), "monitor": "val/loss"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def _step(self, part: str, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, labels = batch
        logits = self.net(images)
        loss = self.criterion(logits, labels)
        metrics = {"loss": self.losses[f"of_{part}"], "acc": self.accuracies[f"of_{part}"]}
        metrics["loss"](loss)
        metrics["acc"](torch.argmax(logits, dim=1), labels)
        for name, metric in metrics.items():
            self.log(f"{part}/{name}", metric, on_step=False, on_epoch=True, prog_bar=True)
        return loss
