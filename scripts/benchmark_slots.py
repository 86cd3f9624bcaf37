"""What trials side by side on one GPU gain: the same search with one slot, with four, and with `auto`.

    python scripts/benchmark_slots.py [--trials 12] [--epochs 2] [--slots 1 4 auto]

One worker, MNIST, no pruner, no logger. Without a GPU it measures nothing, and says so. Of several GPUs,
CUDA_VISIBLE_DEVICES chooses one.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

import optuna
from rich.console import Console
from rich.table import Table

from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.worker.gpu import NvidiaSmi, Reading, Unreadable

ROOT = Path(__file__).resolve().parents[1]
SEARCH = ["-m", "hparams_search=mnist_optuna", "hydra/sweeper/pruner=none", "hydra.sweeper.n_jobs=1"]
OPTIONS = ["trainer=gpu", "common/logger@logger=none", f"paths.data_dir={ROOT / 'data'}"]


def sweep(folder: str, *overrides: str) -> tuple[float, list[Reading]]:
    """Wall seconds of the command, and what the GPU was like each half second."""
    command = [sys.executable, str(ROOT / "src/train.py"), *SEARCH, *OPTIONS, f"paths.log_dir={folder}"]
    gpu, readings, started = NvidiaSmi(), [], time.perf_counter()
    with open(Path(folder, "said"), "w+") as said:
        process = subprocess.Popen([*command, *overrides], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        while process.poll() is None:
            readings.append(gpu.read())
            time.sleep(0.5)
        if process.returncode:
            said.seek(0)
            sys.exit(said.read())
    return time.perf_counter() - started, readings


def measure(slots: str, trials: int, epochs: int) -> list[str]:
    """A row of the table."""
    size = f"hydra.sweeper.n_trials={trials}", f"trainer.max_epochs={epochs}"
    with tempfile.TemporaryDirectory() as folder:
        wall, readings = sweep(folder, f"hydra.sweeper.slots={slots}", *size)
        study = StudyAddress("mnist_optuna", Path(folder, "train/multiruns/mnist_optuna")).load()
        ended = study.trials
    spans = [(trial.datetime_start, trial.datetime_complete) for trial in ended]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    at_once = max(sum(start <= at < end for start, end in spans) for at, _ in spans)
    put_back = sum(trial.user_attrs.get("attempt", 0) for trial in ended)
    complete = sum(trial.state.name == "COMPLETE" for trial in ended)
    return [
        slots,
        f"{wall:.1f}",
        f"{(last - first).total_seconds():.1f}",
        f"{complete} of {trials}",
        f"{put_back}",
        f"{at_once}",
        f"{max(reading.used for reading in readings)}",
        f"{mean(reading.utilization for reading in readings):.0f} %",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--slots", nargs="+", default=["1", "4", "auto"])
    args = parser.parse_args()
    try:
        before = NvidiaSmi().read()
    except Unreadable as why:
        print(f"Nothing is measured: {why}.")
        return
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:  # what is imported is read from the disk once
        sweep(folder, "hydra.sweeper.n_trials=1", "trainer.max_epochs=1", "+trainer.limit_train_batches=2")
    columns = ("wall s", "first trial to last", "complete", "put back", "at once", "peak MiB", "GPU busy")
    table = Table("slots", *columns, title=f"{before.total} MiB, of which {before.used} taken before")
    for slots in args.slots:
        table.add_row(*measure(slots, args.trials, args.epochs))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
