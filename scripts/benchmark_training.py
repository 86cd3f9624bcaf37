"""How fast the training loop is: MNIST through Trainer.fit, and bare PyTorch loops of the same net on the
same images in memory, with the same optimizer and with the default Adam.

    python scripts/benchmark_training.py [--batch-sizes 32 128 512] [--rounds 5]

Where there is a GPU, also what `compile`, CUDA graphs and bf16 gain there: seconds of the wall of the third
epoch, after what is compiled has been.

All in one process on one CPU thread, in turns. An epoch's time is the processor's, so that what else the
machine does counts little; the ratios of the medians are what counts.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import torch
from lightning import Callback, Trainer
from rich.console import Console
from rich.table import Table

from hydra_sweep.lightning import resume
from src.data.mnist_datamodule import MEAN, STD, MNISTDataModule
from src.models.components.simple_dense_net import SimpleDenseNet
from src.models.mnist_module import MNISTLitModule

DATA = Path(__file__).resolve().parents[1] / "data"


class EpochClock(Callback):
    """Seconds of the processor from the start to the end of the training epoch."""

    def on_train_epoch_start(self, *_: object) -> None:
        self.start = time.process_time()

    def on_train_epoch_end(self, *_: object) -> None:
        self.seconds = time.process_time() - self.start


def net() -> SimpleDenseNet:
    return SimpleDenseNet(784, 64, 128, 64, 10)


def through_fit(batch_size: int) -> float:
    clock = EpochClock()
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", callbacks=[clock], limit_val_batches=0, **dict.fromkeys(off, False)
    )
    model = MNISTLitModule(net(), lambda params: torch.optim.Adam(params, lr=1e-3, fused=True))
    trainer.fit(model, MNISTDataModule(str(DATA), batch_size=batch_size), ckpt_path=resume(trainer))
    return clock.seconds


GPU_WAYS = {
    "as it is": {},
    "compile": {"compile": True},
    "compile with CUDA graphs": {"compile": "reduce-overhead"},
    "bf16": {"precision": "bf16-mixed"},
    "bf16, compile with CUDA graphs": {"precision": "bf16-mixed", "compile": "reduce-overhead"},
}


class LastEpoch(Callback):
    """Seconds of the last epoch by the wall's clock."""

    def on_train_epoch_start(self, *_: object) -> None:
        torch.cuda.synchronize()
        self.start = time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self.start


def on_gpu(batch_size: int, compile: bool | str = False, precision: str = "32-true") -> float:
    clock = LastEpoch()
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    options = {"max_epochs": 3, "accelerator": "gpu", "devices": 1, "precision": precision}
    trainer = Trainer(**options, callbacks=[clock], limit_val_batches=0, **dict.fromkeys(off, False))
    model = MNISTLitModule(net(), lambda params: torch.optim.Adam(params, fused=True), compile=compile)
    trainer.fit(model, MNISTDataModule(str(DATA), batch_size=batch_size))
    return clock.seconds


def show_gpu(batch_sizes: list[int]) -> None:
    table = Table("batch size", f"on {torch.cuda.get_device_name()}", "seconds an epoch", "times as fast")
    for size in batch_sizes:
        seconds = {name: on_gpu(size, **way) for name, way in GPU_WAYS.items()}
        for name, one in seconds.items():
            table.add_row(str(size), name, f"{one:.2f}", f"{seconds['as it is'] / one:.2f}")
    Console().print(table)


def bare(batch_size: int, **of_adam: bool) -> float:
    """The loop that everybody writes, of images that are in memory."""
    module = MNISTDataModule(str(DATA))
    module.setup("fit")
    data = module.data_train
    images = data.images.unflatten(1, data.shape)[data.rows]
    labels = data.labels[data.rows]
    model, loss_of = net(), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **of_adam)
    start = time.process_time()
    for rows in torch.randperm(len(images)).split(batch_size):
        x = images[rows].float().div_(255).sub_(MEAN).div_(STD)
        optimizer.zero_grad()
        loss_of(model(x), labels[rows]).backward()
        optimizer.step()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    MNISTDataModule(str(DATA)).prepare_data()
    ways = {
        "Trainer.fit, fused Adam": through_fit,
        "bare loop, fused Adam": lambda size: bare(size, fused=True),
        "bare loop, default Adam": bare,
    }
    table = Table("batch size", "", "seconds an epoch", "Trainer.fit is as fast, times", "of the rounds")
    for size in args.batch_sizes:
        seconds = [{name: way(size) for name, way in ways.items()} for _ in range(args.rounds)]
        fit = [one["Trainer.fit, fused Adam"] for one in seconds]
        for name in ways:
            other = [one[name] for one in seconds]
            ratios = sorted(b / a for a, b in zip(fit, other, strict=True))
            ratio = statistics.median(other) / statistics.median(fit)
            spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
            table.add_row(str(size), name, f"{statistics.median(other):.2f}", f"{ratio:.2f}", spread)
    Console().print(table)
    if torch.cuda.is_available():
        show_gpu(args.batch_sizes)


if __name__ == "__main__":
    main()
