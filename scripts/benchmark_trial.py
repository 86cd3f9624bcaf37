"""Where a trial's time goes: a real sweep over MNIST, with Lightning and MLflow, whose parts are timed.

    python scripts/benchmark_trial.py [--trials 8] [--epochs 1] [other overrides]

The supervisor runs in a fork of this process, and the worker and its trials are forks of that, with a clock
around what each part does. Prints the milliseconds of a trial by part, the median over the trials: by the
processor's clock, so that others on the machine count little, and by the wall's. Each part is without those
within it.
"""

import argparse
import functools
import json
import os
import runpy
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
# what is timed, by part, in the order of a trial's life
PARTS = {
    "claim": ["hydra_sweep.study.queue:claim"],
    "sample": ["hydra_sweep.worker.attempt:make_sampler", "hydra_sweep.worker.attempt:propose"],
    "fork": ["hydra_sweep.worker.process:TrialProcess.fork"],
    "other work in the worker": ["hydra_sweep.worker.attempt:Attempt.start"],
    "compose": ["hydra_sweep.worker.trial:_configuration"],
    "begin the job": ["hydra_sweep.worker.trial:_run"],
    "the task's own": ["src.utils.training:train"],
    "instantiate": ["src.utils.training:make"],
    "log parameters": ["src.utils.training:log_hyperparameters"],
    "open the trial": ["hydra_sweep.lightning.resuming:resume"],
    "set up fit": ["lightning.pytorch.trainer.trainer:Trainer._fit_impl"],
    "data": [
        "src.data.mnist_datamodule:MNISTDataModule.prepare_data",
        "src.data.mnist_datamodule:MNISTDataModule.setup",
    ],
    "train": ["lightning.pytorch.loops.training_epoch_loop:_TrainingEpochLoop.run"],
    "validate": ["lightning.pytorch.loops.evaluation_loop:_EvaluationLoop.run"],
    "report": ["hydra_sweep.lightning.pruning:Pruning._tell"],
    "checkpoints": ["lightning.pytorch.trainer.trainer:Trainer.save_checkpoint"],
    "log metrics": ["hydra_sweep.mlflow.logger:MLFlowLogger.log_metrics"],
    "tell": ["hydra_sweep.study.queue:tell"],
}
# the epochs' own arithmetic
OWN = {"train", "validate"}


class Clock:
    """Times calls, each without those within it; a process writes what it measured when a trial ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.stack: list[list[Any]] = []

    def wrap(self, part: str, path: str) -> None:
        module, _, name = path.partition(":")
        owner, _, attribute = name.rpartition(".")
        place = import_module(module)
        place = getattr(place, owner) if owner else place
        found = vars(place)[attribute]
        is_class_method = isinstance(found, classmethod)
        timed = self._timed(part, found.__func__ if is_class_method else found)
        setattr(place, attribute, classmethod(timed) if is_class_method else timed)

    def _timed(self, part: str, function: Callable) -> Callable:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self._part(part):
                return function(*args, **kwargs)

        return timed

    @contextmanager
    def _part(self, part: str) -> Iterator[None]:
        pid, begun = os.getpid(), (time.process_time(), time.perf_counter())
        self.stack.append([0.0, 0.0])
        try:
            yield
        finally:
            if os.getpid() == pid:  # else it is a fork's, within the worker's part
                spent = [time.process_time() - begun[0], time.perf_counter() - begun[1]]
                inner = self.stack.pop()
                for outer in self.stack[-1:]:
                    outer[0] += spent[0]
                    outer[1] += spent[1]
                own = [whole - part for whole, part in zip(spent, inner, strict=True)]
                with self.file.open("a") as file:
                    file.write(json.dumps([pid, os.getppid(), part, *own]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=1)
    args, overrides = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder, "times"))
        command = [
            *(
                "-m",
                "hparams_search=mnist_optuna",
                f"paths.log_dir={folder}/logs",
                "hydra/sweeper/pruner=none",
            ),
            *(f"hydra.sweeper.n_trials={args.trials}", f"trainer.max_epochs={args.epochs}"),
            *("hydra.sweeper.n_jobs=1", *overrides),
        ]
        pid = os.fork()
        if not pid:
            _sweep(command, clock)
        os.waitpid(pid, 0)
        lines = [json.loads(line) for line in clock.file.open()]
    _show(lines, args.trials)


def _sweep(command: list[str], clock: Clock) -> None:
    """In a process of its own, which it ends."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.argv = [str(ROOT / "src" / "train.py"), *command]
    for part, paths in PARTS.items():
        for path in paths:
            clock.wrap(part, path)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        sys.stdout.flush()
        os._exit(0)


def _show(lines: list[list[Any]], n_trials: int) -> None:
    in_worker = {line[0] for line in lines if line[2] == "claim"}
    processes: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for pid, _, part, cpu, wall in lines:
        share = n_trials if pid in in_worker else 1
        processes[pid][part][0] += 1000 * cpu / share
        processes[pid][part][1] += 1000 * wall / share
    table = Table("", "ms of the processor", "ms", title="A trial, by its parts")
    rest = [0.0, 0.0]
    for part in PARTS:
        values = [own[part] for own in processes.values() if part in own]
        medians = [statistics.median(value[i] for value in values) if values else 0.0 for i in (0, 1)]
        if part not in OWN:
            rest = [one + other for one, other in zip(rest, medians, strict=True)]
        table.add_row(part, *(f"{value:.1f}" for value in medians))
    table.add_section()
    table.add_row("all but the epochs' own", *(f"{value:.1f}" for value in rest), style="bold")
    Console().print(table)


if __name__ == "__main__":
    main()
