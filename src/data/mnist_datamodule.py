from typing import Any

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader

from src.data.mnist_files import prepare_mnist, read_mnist
from src.data.tensor_dataset import ImageTensorDataset, TensorLoader

# of the 60,000 training images, scaled to 0 to 1
MEAN, STD = 0.1307, 0.3081
SPLIT_SEED = 42
# at least so many images at once are validated or tested on: nothing is learned from them
EVAL_BATCH = 500


class MNISTDataModule(LightningDataModule):
    """MNIST: 60,000 images of handwritten digits to train and validate on, the official 10,000 to test.

    Args:
        data_dir: where the data lies or is put; see `prepare_mnist`.
        train_val_test_split: how many images each part has. The first two are drawn, always alike,
            from the 60,000; the third is the head of the test set.
        batch_size: to train on, over all devices; each takes its share.
        num_workers: processes that load. 0 is fastest, for the images are in memory, and on the GPU
            where there is one.
        pin_memory: of the batches, where the images are in the host's memory.
        share: of the images to train on, so much is used, from above 0 to 1; a larger one has those of a
            smaller among its own.
    """

    def __init__(
        self,
        data_dir: str = "data/",
        train_val_test_split: tuple[int, int, int] = (55_000, 5_000, 10_000),
        batch_size: int = 64,
        num_workers: int = 0,
        pin_memory: bool = False,
        share: float = 1.0,
    ) -> None:
        super().__init__()
        n_train, n_val, n_test = train_val_test_split
        if min(train_val_test_split) < 0 or n_train + n_val > 60_000 or n_test > 10_000:
            raise ValueError(
                f"train_val_test_split={list(train_val_test_split)}: the first two may add up to "
                "60,000 (MNIST's training images), the third be 10,000 (its test images)."
            )
        if not 0 < share <= 1:
            raise ValueError(f"share={share}: expected a number above 0, and at most 1.")
        self.save_hyperparameters(logger=False)
        self.batch_size_per_device = batch_size
        self.data_train = self.data_val = self.data_test = None

    @property
    def num_classes(self) -> int:
        return 10

    def prepare_data(self) -> None:
        prepare_mnist(self.hparams.data_dir)

    def setup(self, stage: str | None = None) -> None:
        self._share_batch()
        if self.data_train is None and stage in (None, "fit", "validate"):
            n_train, n_val, _ = self.hparams.train_val_test_split
            order = torch.randperm(60_000, generator=torch.Generator().manual_seed(SPLIT_SEED))
            self.data_train = self._dataset(True, order[: max(1, round(self.hparams.share * n_train))])
            self.data_val = self._dataset(True, order[n_train : n_train + n_val])
        if self.data_test is None and stage in (None, "test", "predict"):
            self.data_test = self._dataset(False, torch.arange(self.hparams.train_val_test_split[2]))

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.data_train, train=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.data_val)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.data_test)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        if batch[0].device == device:  # as a rule: then there is no need to walk through the batch
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def _share_batch(self) -> None:
        if self.trainer is None:
            return
        if self.hparams.batch_size % self.trainer.world_size:
            raise ValueError(
                f"data.batch_size={self.hparams.batch_size} is not divisible by the number of "
                f"devices ({self.trainer.world_size})."
            )
        self.batch_size_per_device = self.hparams.batch_size // self.trainer.world_size

    def _device(self) -> torch.device:
        """Where the images are held: on the GPU, unless other processes are to load them."""
        if self.trainer is None or self.hparams.num_workers:
            return torch.device("cpu")
        return self.trainer.strategy.root_device

    def _dataset(self, train: bool, rows: torch.Tensor) -> ImageTensorDataset:
        device = self._device()
        images, labels = (part.to(device) for part in read_mnist(self.hparams.data_dir, train))
        return ImageTensorDataset(images, labels, rows.to(device), MEAN, STD)

    def _loader(self, dataset: ImageTensorDataset, train: bool = False) -> DataLoader:
        return TensorLoader(
            dataset,
            batch_size=self.batch_size_per_device if train else max(self.batch_size_per_device, EVAL_BATCH),
            shuffle=train,
            num_workers=self.hparams.num_workers,
            persistent_workers=self.hparams.num_workers > 0,
            pin_memory=self.hparams.pin_memory and dataset.images.device.type == "cpu",
            collate_fn=_whole,
        )


def _whole(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The data set hands out whole batches: nothing is left to collate."""
    return batch
