import torch
from torch import Tensor
from torch.utils.data import Dataset


class ImageTensorDataset(Dataset):
    """Images held as one tensor and handed out a batch at a time, by index.

    `images` is uint8 of shape (N, H, W), `labels` int64 of shape (N,), both on the same device.
    Batches come as float32 (B, 1, H, W), scaled to 0 to 1 and then to the given mean and std.

    A DataLoader calls `__getitems__` with a batch's indices; give it a `collate_fn` that returns the
    batch as it is, for there is nothing left to collate.
    """

    def __init__(self, images: Tensor, labels: Tensor, mean: float, std: float) -> None:
        self.images = images
        self.labels = labels
        # (x / 255 - mean) / std in one multiplication and one addition
        self.scale = 1 / (255 * std)
        self.shift = -mean / std

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        images, labels = self.__getitems__([index])
        return images[0], int(labels[0])

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        index = torch.tensor(indices, device=self.images.device)
        images = self.images[index].unsqueeze(1).float()
        return images.mul_(self.scale).add_(self.shift), self.labels[index]
