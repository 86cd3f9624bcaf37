"""Kills trials, workers and supervisors of a real sweep at random, and checks that nothing is lost and
nothing trained twice.

python scripts/chaos.py --kills 200 --seed 1 [hydra/sweeper/pruner=asha …]

Each time the supervisor is killed it is started again with the same command. When all kills are done
the sweep runs to its end. Prints kills by kind, put-backs and repeated epochs; ends with 1 where an
invariant does not hold.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path

import psutil
from lightning import Callback
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.table import Table

from hydra_sweep.study.queue import attempt_of
from hydra_sweep.study.storage import StudyAddress

ROOT = Path(__file__).resolve().parents[1]
SHORT = ("trainer.max_epochs=4", "+trainer.limit_train_batches=60", "+trainer.limit_val_batches=10")
# a helper imports and is forked, or tracks
KINDS = {"trial": 65, "worker": 15, "helper": 5, "supervisor": 12, "all of them": 3}
MEAN_S = 0.7  # between two kills
ORPHAN_S = 5.0  # what is killed takes a moment to be gone
PATIENCE_S = 300  # for something to kill, and for the end
STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED"}

console = Console(highlight=False)


class EpochLog(Callback):
    """Appends a line "process epoch" to `epochs` in the run's folder for each epoch trained."""

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        with open(Path(trainer.default_root_dir) / "epochs", "a") as file:
            file.write(f"{os.getpid()} {trainer.current_epoch}\n")


class Sweep:
    """A real sweep, and what must hold of it however it is disturbed."""

    def __init__(self, address: StudyAddress, n_trials: int, log: Path, command: list[str]) -> None:
        self.address, self.of_workers = address, address.folder / "workers"
        self.n_trials = n_trials
        self.log = log
        self.command = command
        self.seen: dict[int, FrozenTrial] = {}
        self.broken: set[str] = set()
        self.supervisor = self.start()

    def start(self) -> subprocess.Popen:
        command = [sys.executable, *self.command, f"hydra.sweeper.n_trials={self.n_trials}"]
        with open(self.log, "a") as log:
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=self.log.parent)

    def end(self) -> None:
        self.supervisor.kill()
        for process in chain(*self.jobs()):
            kill(process)

    def jobs(self) -> tuple[list[psutil.Process], ...]:
        """The launcher's processes, the workers below them, and the trials below these."""
        jobs = list(filter(None, map(self.job, self.of_workers.glob("*_submitted.pkl"))))
        workers = list(chain(*map(children, jobs)))
        return jobs, workers, list(chain(*map(children, workers)))

    def orphans(self) -> set[int]:
        """The workers whose job's process has ended."""
        found = set()
        for process in psutil.process_iter():
            with suppress(OSError, psutil.Error):
                output = Path(os.readlink(f"/proc/{process.pid}/fd/1"))
                job = (
                    int(output.name.partition("_")[0]) if output.parent == self.of_workers.resolve() else 0
                )
                if job not in (0, process.pid, process.ppid()):
                    found.add(process.pid)
        return found

    def job(self, pickle: Path) -> psutil.Process | None:
        """The process of a job, where it lives: what it prints goes to the workers' folder."""
        with suppress(OSError, psutil.Error):
            process = psutil.Process(int(pickle.name.removesuffix("_submitted.pkl")))
            if Path(os.readlink(f"/proc/{process.pid}/fd/1")).parent == self.of_workers.resolve():
                return process
        return None

    def look(self) -> None:
        """Holds what the study says now against what it said before."""
        if (study := self.address.load_existing()) is None:
            return
        for trial in study.get_trials(deepcopy=False):
            before = self.seen.get(trial.number)
            self.seen[trial.number] = trial
            if before and any(trial.params.get(key) != value for key, value in before.params.items()):
                self.broken.add(f"trial {trial.number}: its parameters changed")
            if before and before.state.is_finished() and before.values != trial.values:
                self.broken.add(f"trial {trial.number}: its result was overwritten")
            if before and before.state.is_finished() and before.state != trial.state:
                self.broken.add(f"trial {trial.number}: was {before.state}, became {trial.state}")

    def check(self) -> tuple[list[FrozenTrial], int]:
        """Adds what does not hold to `broken`. The trials, and how many epochs were repeated."""
        self.look()
        trials = [self.seen[number] for number in sorted(self.seen)]
        self.expect(len(trials) == self.n_trials, f"{len(trials)} trials, expected {self.n_trials}")
        folders = {path.name for path in self.address.folder.iterdir() if path.name.isdigit()}
        self.expect(folders == {str(t.number) for t in trials}, f"folders are {sorted(folders)}")
        repeated = sum(self.check_trial(trial) for trial in trials)
        self.expect(not any(self.jobs()), "workers live on after the end")
        return trials, repeated

    def check_trial(self, trial: FrozenTrial) -> int:
        """How many of the trial's epochs were trained more than once."""
        name, folder = f"trial {trial.number}", self.address.folder / str(trial.number)
        self.expect(trial.state in STATUS, f"{name} is {trial.state}: {trial.user_attrs.get('reason')}")
        overrides = OmegaConf.load(folder / ".hydra/overrides.yaml")
        for key, value in trial.params.items():
            self.expect(f"{key}={value}" in overrides, f"{name}: its folder is not of {key}={value}")
        lines = [tuple(map(int, line.split())) for line in (folder / "epochs").read_text().splitlines()]
        processes = [process for process, _ in groupby(lines, key=lambda line: line[0])]
        self.expect(len(set(processes)) == len(processes), f"{name}: trained by two processes at once")
        epochs = sorted(trial.intermediate_values)
        trained = {epoch + 1 for _, epoch in lines}  # from 1, as they are reported
        self.expect(trained | set(epochs) == set(epochs), f"{name}: epochs unlike")
        self.expect(epochs == list(range(1, len(epochs) + 1)), f"{name}: reported epochs {epochs}")
        repeated = len(lines) - len({epoch for _, epoch in lines})
        self.expect(repeated <= attempt_of(trial), f"{name}: {repeated} epochs, {attempt_of(trial)} times")
        return repeated

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.broken.add(otherwise)


def children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return process.children()
    return []


class MnistSweep(Sweep):
    """Of real trainings, which MLflow tracks."""

    def __init__(self, folder: Path, name: str, n_trials: int, *options: str, storage: str | None = None):
        self.folder = folder
        command = [
            *(str(ROOT / "src/train.py"), "-m", "hparams_search=mnist_optuna"),
            *(f"paths.log_dir={folder}", f"hydra.sweeper.study_name={name}"),
            *("hydra.sweeper.max_retries=1000000", "+callbacks.epoch_log._target_=scripts.chaos.EpochLog"),
            *([f"hydra.sweeper.storage={storage}"] if storage else []),
            *options,
        ]
        address = StudyAddress(name, folder / f"train/multiruns/{name}", storage)
        super().__init__(address, n_trials, folder / "supervisor.log", command)

    def check(self) -> tuple[list[FrozenTrial], int]:
        trials, repeated = super().check()
        self.check_mlflow(trials)
        return trials, repeated

    def check_mlflow(self, trials: list[FrozenTrial]) -> None:
        import mlflow

        client = mlflow.MlflowClient(f"sqlite:///{self.folder}/mlflow/mlflow.db")
        runs = client.search_runs([client.get_experiment_by_name("train").experiment_id])
        children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
        self.expect(len(runs) == len(children) + 1, f"{len(runs) - len(children)} parent runs")
        numbers = sorted(int(run.data.tags["trial"]) for run in children)
        self.expect(numbers == [t.number for t in trials], f"MLflow's runs are of trials {numbers}")
        for run in children:
            trial = self.seen[int(run.data.tags["trial"])]
            name = f"trial {trial.number}: MLflow's"
            self.expect(run.info.status == STATUS.get(trial.state), f"{name} status {run.info.status}")
            curve = client.get_metric_history(run.info.run_id, "val/acc_best")
            reported = list(trial.intermediate_values.values())
            self.expect([p.value for p in curve] == reported, f"{name} curve is not what was reported")


class Chaos(MnistSweep):
    def __init__(
        self, folder: Path, seed: int, n_trials: int, storage: str | None, overrides: list[str]
    ) -> None:
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.orphaned: dict[int, float] = {}  # since when
        super().__init__(folder, "chaos", n_trials, *SHORT, *overrides, storage=storage)

    def look(self) -> None:
        super().look()
        now = time.monotonic()
        self.orphaned = {pid: self.orphaned.get(pid, now) for pid in self.orphans()}
        for pid, since in self.orphaned.items():
            self.expect(now - since < ORPHAN_S, f"worker {pid} lives on without its job's process")

    def run(self, n_kills: int) -> None:
        while sum(self.kills.values()) < n_kills:
            time.sleep(self.random.expovariate(1 / MEAN_S))
            (kind,) = self.random.choices(list(KINDS), list(KINDS.values()))
            if victims := self.wait_for(kind):
                for victim in victims:
                    kill(victim)
                self.kills[kind] += 1
                console.print(f"{sum(self.kills.values())}/{n_kills} killed: {kind}", style="dim")
        while not self.ended():
            time.sleep(0.5)
            self.look()

    def wait_for(self, kind: str) -> list[psutil.Process]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.ended():  # before all kills were done: more to do
                self.n_trials += 10
                self.supervisor = self.start()
            self.look()
            if victims := self.victims(kind):
                return victims
            time.sleep(0.1)
        raise TimeoutError(f"there was no {kind} to kill for {PATIENCE_S} s, see {self.folder}")

    def ended(self) -> bool:
        """Whether the sweep has come to its end. Starts the supervisor again where it was killed."""
        code = self.supervisor.poll()
        if code is not None and code != 0:
            if code != -9:
                raise RuntimeError(f"The supervisor ended with {code}, see {self.log}")
            self.supervisor = self.start()
        return code == 0 and self.restart_if_short()

    def restart_if_short(self) -> bool:
        if len(self.seen) >= self.n_trials:
            return True
        self.supervisor = self.start()
        return False

    def victims(self, kind: str) -> list[psutil.Process]:
        jobs, workers, trials = self.jobs()
        own = self.own_process()
        helpers = list(chain(*map(children, own)))
        one_of = {"trial": trials, "worker": [*jobs, *workers], "helper": helpers, "supervisor": own}
        if kind in one_of:
            return [self.random.choice(one_of[kind])] if one_of[kind] else []
        return [*own, *helpers, *jobs, *workers, *trials] if trials else []

    def own_process(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [psutil.Process(self.supervisor.pid)]
        return []


def kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


def show(chaos: Chaos, trials: list[FrozenTrial], repeated: int, seconds: float) -> None:
    table = Table("what", "number")
    for kind in KINDS:
        table.add_row(f"killed: {kind}", str(chaos.kills[kind]))
    states = Counter(trial.state.name for trial in trials)
    table.add_row("trials", ", ".join(f"{n} {state}" for state, n in states.items()))
    table.add_row("put back", str(sum(map(attempt_of, trials))))
    table.add_row("epochs", str(sum(len(trial.intermediate_values) for trial in trials)))
    table.add_row("epochs repeated", str(repeated))
    table.add_row("minutes", f"{seconds / 60:.1f}")
    console.print(table)
    for line in sorted(chaos.broken):
        console.print(f"BROKEN: {line}", style="red")
    if not chaos.broken:
        console.print("Every invariant holds.", style="green")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of what is killed, and when")
    parser.add_argument("--trials", type=int, help="default: as many as kills; more where they end first")
    parser.add_argument("--storage", help="URL of the study's storage; default: a journal")
    parser.add_argument("overrides", nargs="*", help="of the sweep's command")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        n_trials = arguments.trials or arguments.kills
        chaos = Chaos(Path(folder), arguments.seed, n_trials, arguments.storage, arguments.overrides)
        try:
            chaos.run(arguments.kills)
            show(chaos, *chaos.check(), time.monotonic() - started)
        finally:
            chaos.end()
    return 1 if chaos.broken else 0


if __name__ == "__main__":
    sys.exit(main())
