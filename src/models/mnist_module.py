from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MaxMetric, MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from hydra_sweep.lightning import FastSteps

N_CLASSES = 10


class MNISTLitModule(FastSteps, LightningModule):
    """Classifies digits; logs `train|val|test/{loss,acc}` each epoch, `val/acc_best`, and how many
    parameters it has, `model/params`.

    Args:
        net: maps images (B, 1, 28, 28) to logits (B, 10).
        optimizer: called with `params`.
        scheduler: called with `optimizer`; None: the learning rate stays.
        compile: `torch.compile` the net; with a text, in that mode: "reduce-overhead" is with CUDA graphs.
        lr_interval: "epoch" or "step", how often the scheduler steps.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any] | None = None,
        compile: bool | str = False,
        lr_interval: str = "epoch",
    ) -> None:
        super().__init__()
        # Only plain values: checkpoints are to load under weights_only=True.
        self.save_hyperparameters("compile", "lr_interval", logger=False)
        self.net = net
        self.n_params = float(sum(parameter.numel() for parameter in net.parameters()))
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.criterion = nn.CrossEntropyLoss()
        self.train_metrics, self.val_metrics, self.test_metrics = _metrics(), _metrics(), _metrics()
        # of the epoch so far, by part: losses, predicted labels and labels
        self.seen: dict[str, list[tuple[Tensor, Tensor, Tensor]]] = defaultdict(list)
        self.val_acc_best = MaxMetric()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def setup(self, stage: str) -> None:
        if self.hparams.compile and stage == "fit":
            # in place, so that the names in checkpoints stay as they are
            mode = self.hparams.compile
            self.net.compile(mode=mode if isinstance(mode, str) else None)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.seen["train"]:  # in the midst of an epoch
            losses, predicted, y = zip(*self.seen["train"], strict=True)
            # three tensors save many times as fast as three a batch
            sizes = [len(labels) for labels in y]
            checkpoint["seen"] = torch.stack(losses), torch.cat(predicted), torch.cat(y), sizes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if "seen" in checkpoint:
            *parts, sizes = checkpoint["seen"]
            losses, predicted, y = (part.to(self.device) for part in parts)
            self.seen["train"] = list(zip(losses, predicted.split(sizes), y.split(sizes), strict=True))

    def on_train_start(self) -> None:
        self.val_acc_best.reset()  # Lightning's sanity check has validated an untrained net

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self._step("train", batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step("test", batch)

    def on_train_epoch_end(self) -> None:
        self._measure("train")

    def on_validation_epoch_end(self) -> None:
        self.val_acc_best(self._measure("val"))
        self.log("val/acc_best", self.val_acc_best.compute(), prog_bar=True, sync_dist=True)
        self.log("model/params", self.n_params, sync_dist=True)

    def on_test_epoch_end(self) -> None:
        self._measure("test")

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = self.optimizer(params=self.trainer.model.parameters())
        if self.scheduler is None:
            return {"optimizer": optimizer}
        scheduler = {"scheduler": self.scheduler(optimizer=optimizer), "interval": self.hparams.lr_interval}
        if isinstance(scheduler["scheduler"], ReduceLROnPlateau):
            # It steps when there is a new value, and waits where there is none yet (strict: would raise).
            every = self.trainer.check_val_every_n_epoch if self.hparams.lr_interval == "epoch" else 1
            scheduler |= {"monitor": "val/loss", "frequency": every or 1, "strict": False}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def _step(self, part: str, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        logits = self(x)
        loss = self.criterion(logits, y)
        self.seen[part].append((loss.detach(), logits.detach().argmax(1), y))
        return loss

    def _measure(self, part: str) -> Tensor:
        """Logs loss and accuracy over the epoch; returns the accuracy.

        Once an epoch: metric updates and self.log in every step take half of a small net's time.
        """
        losses, predicted, y = zip(*self.seen[part], strict=True)
        self.seen[part].clear()
        sizes = torch.tensor([len(labels) for labels in y], device=self.device)
        metrics: nn.ModuleDict = getattr(self, f"{part}_metrics")
        metrics["loss"].update(torch.stack(losses), weight=sizes)
        metrics["acc"].update(torch.cat(predicted), torch.cat(y))
        values = {name: metric.compute() for name, metric in metrics.items()}
        for metric in metrics.values():
            metric.reset()
        # The metrics are those of all ranks already: sync_dist only keeps Lightning from doubting it.
        named = {f"{part}/{name}": value for name, value in values.items()}
        self.log_dict(named, prog_bar=True, sync_dist=True)
        return values["acc"]


def _metrics() -> nn.ModuleDict:
    # Accuracy over all images, not the mean over classes.
    accuracy = MulticlassAccuracy(N_CLASSES, average="micro")
    return nn.ModuleDict({"loss": MeanMetric(), "acc": accuracy})
