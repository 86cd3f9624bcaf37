import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset


class BlobsDataModule(LightningDataModule):
    """Two clouds of points in a plane, of the classes 0 and 1, some in the other's."""

    def __init__(self, n: int = 256, batch_size: int = 32) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)

    def setup(self, stage: str | None = None) -> None:
        generator = torch.Generator().manual_seed(0)
        labels = torch.randint(0, 2, (self.hparams.n,), generator=generator)
        points = torch.randn((self.hparams.n, 2), generator=generator) + labels[:, None]
        self.train_set = TensorDataset(points[:192], labels[:192])
        self.val_set = TensorDataset(points[192:], labels[192:])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train_set, batch_size=self.hparams.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val_set, batch_size=64)
