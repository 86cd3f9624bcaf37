from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torchmetrics import MaxMetric, MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

N_CLASSES = 10


class MNISTLitModule(LightningModule):
    """Classifies digits; logs `train|val|test/{loss,acc}` each epoch, and `val/acc_best`.

    Args:
        net: maps images (B, 1, 28, 28) to logits (B, 10).
        optimizer: called with `params`.
        scheduler: called with `optimizer`; None: the learning rate stays.
        compile: `torch.compile` the net.
        lr_interval: "epoch" or "step", how often the scheduler steps.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any] | None = None,
        compile: bool = False,
        lr_interval: str = "epoch",
    ) -> None:
        super().__init__()
        # Only plain values: checkpoints are to load under weights_only=True.
        self.save_hyperparameters("compile", "lr_interval", logger=False)
        self.net = net
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.criterion = nn.CrossEntropyLoss()
        self.losses = nn.ModuleDict({f"{part}_loss": MeanMetric() for part in ("train", "val", "test")})
        self.accs = nn.ModuleDict({f"{part}_acc": _accuracy() for part in ("train", "val", "test")})
        self.val_acc_best = MaxMetric()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def setup(self, stage: str) -> None:
        if self.hparams.compile and stage == "fit":
            self.net.compile()  # in place, so that the names in checkpoints stay as they are

    def on_train_start(self) -> None:
        # Lightning's sanity check has validated an untrained net.
        self.losses["val_loss"].reset()
        self.accs["val_acc"].reset()
        self.val_acc_best.reset()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self._step("train", batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step("test", batch)

    def on_validation_epoch_end(self) -> None:
        self.val_acc_best(self.accs["val_acc"].compute())
        # As a value: a metric object would be reset by Lightning after each epoch.
        self.log("val/acc_best", self.val_acc_best.compute(), sync_dist=True, prog_bar=True)

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = self.optimizer(params=self.trainer.model.parameters())
        if self.scheduler is None:
            return {"optimizer": optimizer}
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": self.scheduler(optimizer=optimizer),
                "monitor": "val/loss",
                "interval": self.hparams.lr_interval,
                "frequency": 1,
            },
        }

    def _step(self, part: str, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        logits = self(x)
        loss = self.criterion(logits, y)
        mean_loss, acc = self.losses[f"{part}_loss"], self.accs[f"{part}_acc"]
        mean_loss.update(loss.detach(), weight=len(y))
        acc.update(logits.detach(), y)
        self.log(f"{part}/loss", mean_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log(f"{part}/acc", acc, on_step=False, on_epoch=True, prog_bar=True)
        return loss


def _accuracy() -> Metric:
    # Over all images, not the mean over classes; the net's output needs no check in every batch.
    return MulticlassAccuracy(N_CLASSES, average="micro", validate_args=False)
