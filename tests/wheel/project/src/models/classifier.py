import torch
from lightning import LightningModule
from torchmetrics import MaxMetric
from torchmetrics.classification import BinaryAccuracy


class Classifier(LightningModule):
    def __init__(self, net: torch.nn.Module, optimizer, compile: bool = False) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)  # the net among them, as the template does
        self.net = net
        self.val_acc, self.val_acc_best = BinaryAccuracy(), MaxMetric()

    def training_step(self, batch, batch_idx):
        points, labels = batch
        points = points + 0.1 * torch.randn_like(points)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.net(points)[:, 0], labels.float())
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        points, labels = batch
        logits = self.net(points)[:, 0]
        self.val_acc(logits.sigmoid(), labels)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.float())
        self.log("val/loss", loss, on_step=False, on_epoch=True)
        self.log("val/acc", self.val_acc, on_step=False, on_epoch=True)

    def on_validation_epoch_end(self):
        self.val_acc_best(self.val_acc.compute())
        self.log("val/acc_best", self.val_acc_best.compute(), sync_dist=True)

    def configure_optimizers(self):
        return self.hparams.optimizer(params=self.trainer.model.parameters())
