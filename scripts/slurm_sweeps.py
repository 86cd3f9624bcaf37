"""Sweeps on a real SLURM, to be disturbed by slurm_faults.py, and what is asked of them meanwhile."""

import subprocess
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any

import optuna
from lightning import Callback
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.queue import attempt_of
from hydra_sweep.study.storage import StudyAddress
from scripts.disturbed_sweep import ROOT, MnistSweep, Sweep

PATIENCE_S = 500.0
POLL_S = 0.2
LENGTH = 10  # epochs of a toy trial, of a second each
LOST_NODE = "node4"
OUTAGE_S = 12.0  # of slurmctld: long enough for squeue and sbatch to give up
SIGNAL_S = 10  # before their time limit workers are told

given_up = Event()  # Ctrl-C, or a part that failed: the others need not wait for anything


class BatchLog(Callback):
    """Appends a line "epoch batch" to `batches` in the run's folder for each batch trained, of at least
    so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        time.sleep(self.seconds)
        with open(Path(trainer.default_root_dir) / "batches", "a") as file:
            file.write(f"{trainer.current_epoch} {batch_idx}\n")


class ClusterSweep(Sweep):
    """A sweep that is watched while it is disturbed; its trials write lines to the file `progress`,
    and have some seconds to go where these are no more than `midst`."""

    progress, midst = "epochs", LENGTH / 2

    @cached_property
    def study(self) -> optuna.Study:
        return wait_for(self.address.load_existing)

    def trial(self, number: int) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]

    def running(self) -> list[FrozenTrial]:
        """Those that have trained something since they were last begun."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [t for t in running if t.user_attrs.get("worker") and self.trains(t)]

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        def or_end() -> Any:
            if (value := condition()) or self.supervisor.poll() is None:
                return value
            raise RuntimeError(f"{self.address.name} ended too soon: {self.log.read_text()}")

        return wait_for(or_end)

    def wait_for_running(self, n: int) -> list[FrozenTrial]:
        return self.wait_for(lambda: running if len(running := self.running()) >= n else [])

    def trains(self, trial: FrozenTrial) -> bool:
        """Whether it is in its midst, and will be so for some seconds."""
        path = self.address.folder / str(trial.number) / self.progress
        if not path.exists() or path.stat().st_mtime < time.time() - 5:
            return False
        return len(path.read_text().splitlines()) <= self.midst

    def attempts(self) -> list[int]:
        return [attempt_of(trial) for trial in self.study.get_trials(deepcopy=False)]

    def wait_for_end(self) -> None:
        def over() -> bool:
            self.look()
            return self.supervisor.poll() is not None

        wait_for(over)
        code = self.supervisor.returncode
        self.expect(code == 0, f"{self.address.name}: supervisor ended with {code}: {self.log.read_text()}")

    def check(self) -> tuple[list[FrozenTrial], int]:
        found, left = super().check(), jobs_of(self.address.name)
        self.expect(not left, f"squeue still has {left}")
        return found


class ToySweep(ClusterSweep):
    """Trials of some epochs each, without heavy imports: workers start in a second."""

    def __init__(self, folder: Path, name: str, n_trials: int, *options: str) -> None:
        address = StudyAddress(name, folder / f"multirun/{name}")
        own = [f"hydra.sweeper.study_name={name}", "hydra.sweeper.max_retries=1000000", f"epochs={LENGTH}"]
        whole = "hydra/sweeper/pruner=none"
        command = [str(ROOT / "tests/toy/toy.py"), "-m", *own, whole, *options]
        super().__init__(address, n_trials, folder / f"{name}.log", command)


class MinuteSweep(ClusterSweep, MnistSweep):
    """Two real trainings, of so many seconds a batch."""

    progress, midst = "batches", 50.0

    def __init__(self, folder: Path, name: str, *options: str, seconds: float) -> None:
        (folder / name).mkdir()
        callback = "+callbacks.batch_log"
        super().__init__(
            *(folder / name, name, 2, "trainer.accelerator=cpu", "trainer.max_epochs=5"),
            *("+trainer.limit_train_batches=20", "+trainer.limit_val_batches=5"),
            *(f"{callback}._target_=scripts.slurm_sweeps.BatchLog", f"{callback}.seconds={seconds}"),
            *options,
        )

    def check_trial(self, trial: FrozenTrial) -> int:
        """A worker that is told to stop has its trials end their batch, and repeats none."""
        lines = (self.address.folder / str(trial.number) / "batches").read_text().splitlines()
        repeated, attempt = len(lines) - len(set(lines)), attempt_of(trial)
        self.expect(repeated <= attempt, f"trial {trial.number}: {repeated} batches, {attempt} times")
        return super().check_trial(trial)


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        if time.monotonic() > deadline or given_up.is_set():
            raise TimeoutError(f"waited {PATIENCE_S:g} s for {condition}, or the other sweep is broken")
        time.sleep(POLL_S)
    return value


def slurm(*command: str) -> str:
    """What the command prints, where need be after the outage that another fault is."""
    deadline = time.monotonic() + 4 * OUTAGE_S
    while True:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0 or time.monotonic() > deadline:
            done.check_returncode()
            return done.stdout
        time.sleep(1)


def jobs_of(name: str) -> list[str]:
    return slurm("squeue", "--noheader", "--array", f"--name={name}", "--format=%i").split()


def main_sweep(folder: Path, names: Iterable[str]) -> Sweep:
    """One more worker than there is place for, and trials for as long as the faults take."""
    slow = {"slurmctld", "supervisor", "node lost", "held"} & set(names)
    return ToySweep(
        *(folder, "main", 16 + 8 * len(slow), "hydra/launcher=slurm", "hydra.sweeper.n_jobs=5"),
        "hydra.launcher.cpus_per_task=3",
    )


def low_sweep(folder: Path) -> Sweep:
    return MinuteSweep(
        *(folder, "low", "hydra/launcher=slurm", "hydra.launcher.partition=low"),
        *("hydra.launcher.timeout_min=1", f"hydra.launcher.signal_delay_s={SIGNAL_S}"),
        "hydra.launcher.gpus_per_node=2",  # all that a node has, so each on a node of its own
        f"+hydra.launcher.additional_parameters.exclude={LOST_NODE}",
        seconds=1.0,
    )


def calm_sweep(folder: Path) -> Sweep:
    """The trials of `low_sweep`, on this machine, with nothing that disturbs them."""
    return MinuteSweep(folder, "calm", "hydra.sweeper.n_jobs=1", "hydra.sweeper.slots=2", seconds=0.0)


def compare(disturbed: Sweep, calm: Sweep) -> None:
    """Each trial ended as if nothing had happened to it."""
    import torch

    for one, other in zip(disturbed.address.load().trials, calm.address.load().trials, strict=True):
        name = f"trial {one.number}"
        disturbed.expect(one.params == other.params, f"{name}: not the parameters of the calm sweep")
        disturbed.expect(one.value == other.value, f"{name}: {one.value}, calm {other.value}")
        weights = [
            torch.load(s.address.folder / str(one.number) / "checkpoints/last.ckpt", weights_only=False)
            for s in (disturbed, calm)
        ]
        first, second = (checkpoint["state_dict"] for checkpoint in weights)
        same = all(torch.equal(value, second[key]) for key, value in first.items())
        disturbed.expect(same, f"{name}: not the weights of the calm sweep")
