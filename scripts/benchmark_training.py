"""Images a second of one training epoch: ours through Trainer.fit, a bare PyTorch loop of the same net
on the same tensors, and the torchvision DataLoader way of lightning-hydra-template.

    python scripts/benchmark_training.py [--batch-size 128] [--rounds 3]

All in one process, in turns, on the CPU threads that torch takes; the medians' ratios are what counts.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from lightning import Callback, Trainer
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from src.data.mnist_datamodule import MEAN, STD, MNISTDataModule
from src.models.components.simple_dense_net import SimpleDenseNet
from src.models.mnist_module import MNISTLitModule

DATA = Path(__file__).resolve().parents[1] / "data"
N_TRAIN = 55_000


class EpochClock(Callback):
    """Seconds from the start to the end of the training epoch."""

    def on_train_epoch_start(self, *_: object) -> None:
        self.start = time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.start


def model() -> MNISTLitModule:
    net = SimpleDenseNet(784, 64, 128, 64, 10)
    return MNISTLitModule(net, lambda params: torch.optim.Adam(params, lr=1e-3))


def fit(**loaders: object) -> float:
    clock = EpochClock()
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    trainer.fit(model(), **loaders)
    return clock.seconds


def ours(batch_size: int) -> float:
    return fit(datamodule=MNISTDataModule(str(DATA), batch_size=batch_size))


def bare(batch_size: int) -> float:
    module = MNISTDataModule(str(DATA), batch_size=batch_size)
    module.setup("fit")
    data = module.data_train
    net, loss_of = model().net, torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    start = time.perf_counter()
    for rows in torch.randperm(len(data)).split(batch_size):
        images = data.images[rows].float().mul_(data.scale).add_(data.shift)
        optimizer.zero_grad()
        loss_of(net(images), data.labels[rows]).backward()
        optimizer.step()
    return time.perf_counter() - start


def template(batch_size: int) -> float:
    transform = Compose([ToTensor(), Normalize((MEAN,), (STD,))])
    dataset = Subset(MNIST(str(DATA), train=True, transform=transform), range(N_TRAIN))
    return fit(train_dataloaders=DataLoader(dataset, batch_size=batch_size, shuffle=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    MNISTDataModule(str(DATA)).prepare_data()
    ways: dict[str, Callable[[int], float]] = {
        "ours, through Trainer.fit": ours,
        "bare PyTorch loop": bare,
        "torchvision DataLoader, through Trainer.fit": template,
    }
    seconds = {name: [] for name in ways}
    for _ in range(args.rounds):
        for name, way in ways.items():
            seconds[name].append(way(args.batch_size))
    table = Table("", "images/s (median)", "ours is so many times as fast")
    rate = {name: N_TRAIN / statistics.median(times) for name, times in seconds.items()}
    for name in ways:
        table.add_row(name, f"{rate[name]:,.0f}", f"{next(iter(rate.values())) / rate[name]:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
