from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset, RandomSampler

from hydra_sweep.lightning import ResumableLoader


class ImageTensorDataset(Dataset):
    """Images held as one tensor and handed out a batch at a time, by index.

    `images` is uint8 of shape (N, H, W), `labels` int64 of shape (N,), both on the same device; `rows`
    int64, which of them make up the data set, and in which order. Batches come as float32 (B, 1, H, W),
    scaled to 0 to 1 and then to the given mean and std.
    """

    def __init__(self, images: Tensor, labels: Tensor, rows: Tensor, mean: float, std: float) -> None:
        self.images = images.flatten(1)
        self.shape = 1, *images.shape[1:]
        self.labels = labels
        self.rows = rows
        # (x / 255 - mean) / std in one operation
        self.scale = 1 / (255 * std)
        self.shift = torch.tensor(-mean / std, device=images.device)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = self.__getitems__([index])
        return images[0], int(labels[0])

    def __getitems__(self, indices: list[int] | Tensor) -> tuple[Tensor, Tensor]:
        # index_select of whole rows takes a third of the time of self.images[rows]
        rows = self.rows.index_select(0, torch.as_tensor(indices, device=self.rows.device))
        images = torch.add(self.shift, self.images.index_select(0, rows), alpha=self.scale)
        return images.view(-1, *self.shape), self.labels.index_select(0, rows)


class TensorLoader(ResumableLoader):
    """A DataLoader of whole batches: without processes that load, the data set gets each batch's indices as
    a tensor, which spares a step a list of numbers."""

    def _batches_of_epoch(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self.num_workers:
            yield from super()._batches_of_epoch()
        else:
            for indices in self._order().split(self.batch_size):
                yield self.dataset.__getitems__(indices)

    def _order(self) -> Tensor:
        if type(self.sampler) is RandomSampler:  # of a list made of the same tensor
            return torch.randperm(len(self.dataset), generator=self.sampler.generator)
        return torch.tensor(list(self.sampler))
