"""What the peers search and train: a plain PyTorch loop over MNIST held in memory, on one thread."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from scripts.peers import events
from src.models.components.simple_dense_net import SimpleDenseNet

RAW = Path(__file__).resolve().parents[2] / "data" / "MNIST" / "raw"
# as src/data/mnist_datamodule.py, whose imports a peer need not pay
MEAN, STD, SPLIT_SEED, N_TRAIN = 0.1307, 0.3081, 42, 55_000

# as configs/hparams_search/mnist_optuna.yaml
LR = 1e-4, 1e-1
CHOICES = {
    "lin1_size": [64, 128, 256],
    "lin2_size": [64, 128, 256],
    "lin3_size": [32, 64, 128, 256],
    "batch_size": [32, 64, 128, 256],
}
N_JOBS = 2


@dataclass(frozen=True)
class Search:
    """What is asked of a peer.

    Args:
        trials: in all.
        epochs: of a trial that is not stopped.
        seed: of the sampler and of the trainings.
        folder: empty, for what the peer writes.
        batches: of an epoch; 0: all there are.
    """

    trials: int
    epochs: int
    seed: int
    folder: str
    batches: int = 0

    def as_arguments(self) -> list[str]:
        return [f"--{name}={value}" for name, value in asdict(self).items()]

    @classmethod
    def from_arguments(cls) -> "Search":
        parser = argparse.ArgumentParser()
        for field in fields(cls):
            parser.add_argument(f"--{field.name}", type=field.type, required=True)
        return cls(**vars(parser.parse_known_args()[0]))


def train(parameters: dict[str, float], search: Search) -> Iterator[tuple[int, float]]:
    """Trains an epoch whenever asked.

    Yields how many there were, and the best accuracy so far on the validation images.
    """
    torch.set_num_threads(1)
    torch.manual_seed(search.seed)
    (images, labels), (val_images, val_labels) = mnist()
    net = SimpleDenseNet(784, *(parameters[f"lin{i}_size"] for i in (1, 2, 3)), 10)
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=parameters["lr"])
    events.begin()
    best = 0.0
    for number in range(1, search.epochs + 1):
        net.train()
        batches = torch.randperm(len(images)).split(parameters["batch_size"])
        batches = batches[: search.batches or None]
        for rows in batches:
            optimizer.zero_grad()
            loss_of(net(scaled(images[rows])), labels[rows]).backward()
            optimizer.step()
        net.eval()
        with torch.inference_mode():
            hits = net(scaled(val_images)).argmax(1) == val_labels
        accuracy = hits.float().mean().item()
        events.epoch(number, accuracy, number * len(batches))
        best = max(best, accuracy)
        yield number, best


@cache
def mnist() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images, uint8 (N, 28, 28), and labels, int64 (N,): 55,000 to train on and 5,000 to validate on."""
    images = _bytes("train-images-idx3-ubyte", 16).view(-1, 28, 28)
    labels = _bytes("train-labels-idx1-ubyte", 8).long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(SPLIT_SEED))
    train, val = order.split([N_TRAIN, len(images) - N_TRAIN])
    return (images[train], labels[train]), (images[val], labels[val])


def scaled(images: Tensor) -> Tensor:
    return images.float().mul_(1 / (255 * STD)).add_(-MEAN / STD)


def _bytes(name: str, head: int) -> Tensor:
    return torch.frombuffer(bytearray((RAW / name).read_bytes()[head:]), dtype=torch.uint8)
