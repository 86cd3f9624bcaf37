"""What a sweep's own work costs, by how much is in its study and by how many work on it.

    python scripts/benchmark_scale.py [--smallest]

Prints, on a journal and on a PostgreSQL of its own (Debian's, where it is installed):

- milliseconds of what workers and trials do, at 100, 1,000 and 10,000 stored trials;
- the supervisor's memory, and its share of a core once it has read the study, with 256 live workers: these
  are processes that do nothing, and one that says to the study what they would;
- which share of their time 1,000 simulated workers train (see simulated_workers.py), for log-normal trials
  (sigma 0.5) of some medians.
"""

import argparse
import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import TrialState
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study import failure_rate, queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials
from hydra_sweep.supervisor.supervisor import Supervisor
from hydra_sweep.supervisor.workers import Workers
from hydra_sweep.sweep import Sweep
from hydra_sweep.worker.attempt import Attempt
from hydra_sweep.worker.spares import Spares
from hydra_sweep.worker.trial import Assignment, _live_trial
from scripts.live_workers import Jobs, Speaker, settings
from scripts.simulated_workers import busy
from scripts.stored_trials import SPACE, filled, worker_job
from tests.postgres import binaries, running_server

TARGET = 2.0
MANY = 1_000_000  # trials asked for: as many as there are time for
SETTINGS = settings(MANY, sampler="TPESampler")
TRAINING_S = 60.0
MEDIANS_S = [TRAINING_S, 5.0, 10.0, 15.0, 20.0, 30.0, 120.0]
console = Console(width=max(100, int(os.environ.get("COLUMNS", 0))))


class OneOfMany:
    """A worker of a study with so many trials, and its milliseconds by operation."""

    def __init__(self, address: StudyAddress, n: int) -> None:
        filled(address, n)
        self.ms: dict[str, list[float]] = defaultdict(list)
        with self.timed("opening by a worker"):
            self.study = address.load()
            self.trials = Trials(self.study, MANY, running=False).read()
        self.job = worker_job(self.trials, SETTINGS)

    def run_trial(self) -> None:
        """Its life as worker and fork lead it, but for the training."""
        with self.timed("claim"):
            assert not failure_rate.too_many(self.trials.read(), SETTINGS)
            claimed = queue.claim(self.trials, "1")
        with self.timed("propose (Optuna's TPE)"):
            Attempt(self.job, Spares(self.job), claimed).propose()
        fork = multiprocessing.get_context("fork")
        answer, question = fork.Pipe(duplex=False)
        child = fork.Process(target=self._report, args=(claimed, question))
        child.start()
        for what, ms in answer.recv().items():
            self.ms[what].append(ms)
        child.join()
        with self.timed("tell"):
            assert queue.tell(self.study, claimed, Outcome(TrialState.COMPLETE, [1.0]))

    def _report(self, claimed: optuna.trial.FrozenTrial, question: object) -> None:
        self.ms.clear()
        with self.timed("opening by a trial"):
            assigned = Assignment(claimed.number, claimed._trial_id, overrides=[], slots=1)
            trial = _live_trial(self.job, assigned)
        for step in range(1, 6):
            with self.timed("report"):
                trial.report(1.0, step)
        with self.timed("should_prune (Optuna's median)"):
            trial.should_prune()
        question.send({what: statistics.median(ms) for what, ms in self.ms.items()})
        os._exit(0)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.ms[what].append(1000 * (time.perf_counter() - start))


def operations(where: str, new: Callable[[], StudyAddress], sizes: list[int], rounds: int) -> None:
    """Sizes in turns, so that what else the machine does is in all of them."""
    workers = [OneOfMany(new(), n) for n in sizes]
    for _ in range(rounds):
        for worker in workers:
            worker.run_trial()
    table = Table(where, *(f"{n:,} trials" for n in sizes), "ratio", title="Milliseconds")
    for what in workers[0].ms:
        # the lower quartiles: what else the machine does only adds
        ms = [statistics.quantiles([*worker.ms[what]] * 2)[0] for worker in workers]
        ours = "(" not in what and "worker" not in what
        said = f"{ms[-1] / ms[0]:.2f}" + (f" (target: at most {TARGET:g})" if ours else "")
        table.add_row(what, *(f"{one:.2f}" for one in ms), said)
    console.print(table)


class Watched(Supervisor):
    """`used` is how much of a core it took, from when it had read the study."""

    def _watch(self, *arguments: Any) -> bool:
        start = time.process_time()
        ended = super()._watch(*arguments)
        self.used = time.process_time() - start
        return ended

    def _stop(self) -> None:
        """The benchmark ends the workers."""


def supervise(address: StudyAddress, n_jobs: int, seconds: float, question: Connection) -> None:
    """A process of its own: the supervisor of a sweep whose workers live."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = address.load()
    sweep = Sweep(
        **dict.fromkeys(("task_function", "hydra_context", "callbacks")),
        config=OmegaConf.create({"hydra": {"launcher": {}}}),
        address=address,
        settings=replace(settings(MANY, n_jobs), timeout=seconds),
        space=SearchSpace(SPACE, []),
        root=address.folder,
    )
    workers = Workers(sweep, study, Jobs(submitit_folder=str(address.folder)), [])
    workers.keep(n_jobs, None)
    question.send(workers.ids)
    question.recv()  # they have claimed trials
    supervisor = Watched(sweep, study, workers, look_on=lambda: None)
    supervisor.run()
    # Not ru_maxrss, which begins with that of the process that started this one.
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    question.send((supervisor.used / seconds, int(status["VmHWM"].split()[0]) / 1024))


def supervision(where: str, address: StudyAddress, n_stored: int, n_jobs: int, seconds: float) -> None:
    filled(address, n_stored)
    spawn = multiprocessing.get_context("spawn")
    answer, question = spawn.Pipe()
    process = spawn.Process(target=supervise, args=(address, n_jobs, seconds, question))
    process.start()
    question.close()
    ids = answer.recv()
    try:
        speaker = Speaker(filled(address, 0, ids), settings(MANY, n_jobs), median_s=60.0)
        answer.send("go")
        while not answer.poll():
            speaker.speak(1.0)
        share, mb = answer.recv()
    finally:
        for one in ids:
            os.killpg(int(one), signal.SIGKILL)
    process.join()
    said = f"{100 * share:.1f} % of a core (target: 5 %), {mb:.0f} MB (target: 150)"
    console.print(f"{where}: supervisor of {n_jobs} live workers, {n_stored:,} trials stored: {said}")


def simulation(where: str, address: StudyAddress, n_workers: int, n_trials: int) -> None:
    table = Table("a trial's median", "busy", title=f"{where}: {n_workers:,} workers, {n_trials:,} trials")
    for median_s, share in busy(address, n_workers, n_trials, MEDIANS_S).items():
        target = " (target: at least 95 %)" if median_s == TRAINING_S else ""
        table.add_row(f"{median_s:g} s", f"{100 * share:.1f} %{target}")
    console.print(table)


def all_of(where: str, new: Callable[[], StudyAddress], args: argparse.Namespace) -> None:
    small = args.smallest
    operations(where, new, [10, 100] if small else [100, 1_000, 10_000], rounds=2 if small else 25)
    supervision(where, new(), *((100, 8, 3.0) if small else (10_000, 256, 60.0)))
    simulation(where, new(), *((20, 100) if small else (1_000, 10_000)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smallest", action="store_true", help="in seconds, to see that it runs")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        numbers = count()
        all_of("journal", lambda: StudyAddress("scale", Path(folder, str(next(numbers)))), args)
        if not binaries():
            console.print("PostgreSQL is not installed (apt-get install postgresql): not measured.")
            return
        with running_server() as server:
            new = server.new_database
            all_of("PostgreSQL", lambda: StudyAddress("scale", Path(folder), new()), args)


if __name__ == "__main__":
    main()
