"""A real sweep that is disturbed (by chaos.py, by slurm_faults.py), and what must hold of it all the same:
of its study, folders, processes and MLflow's runs."""

import os
import subprocess
import sys
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path

import psutil
from lightning import Callback
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.queue import attempt_of
from hydra_sweep.study.storage import StudyAddress

ROOT = Path(__file__).resolve().parents[1]
STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED"}


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
                job = self.printed_for(process)
                if job and job not in (process.pid, process.ppid()):
                    found.add(process.pid)
        return found

    def job(self, pickle: Path) -> psutil.Process | None:
        """The process of a job, where it lives."""
        with suppress(OSError, psutil.Error):
            process = psutil.Process(int(pickle.name.removesuffix("_submitted.pkl")))
            return process if self.printed_for(process) else None
        return None

    def printed_for(self, process: psutil.Process) -> int | None:
        """The id of the job whose output in the workers' folder it prints to: its own, or its worker's."""
        output = Path(os.readlink(f"/proc/{process.pid}/fd/1"))
        of_job = output.parent == self.of_workers.resolve()
        return int(output.name.partition("_")[0]) if of_job else None

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
            *(
                "hydra.sweeper.max_retries=1000000",
                "+callbacks.epoch_log._target_=scripts.disturbed_sweep.EpochLog",
            ),
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


def kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
