"""What a sweep's own work costs, by how much is in its study.

    python scripts/benchmark_scale.py [--smallest]

Prints, on a journal and on a PostgreSQL of its own (Debian's, where it is installed): milliseconds of each
operation at 100, 1,000 and 10,000 stored trials.
"""

import argparse
import multiprocessing
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import TrialState
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import SearchSpace
from hydra_sweep.space.lookback import Lookback
from hydra_sweep.study import failure_rate, queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials
from hydra_sweep.supervisor.supervisor import Supervisor
from hydra_sweep.supervisor.workers import Workers
from hydra_sweep.sweep import Sweep
from hydra_sweep.worker.attempt import Attempt
from hydra_sweep.worker.trial import _live_trial
from scripts.live_workers import Jobs, Speaker, settings
from scripts.stored_trials import SPACE, filled
from tests.postgres import binaries, running_server

TARGET = 2.0
SETTINGS = Settings(
    sampler=OmegaConf.create({"_target_": "optuna.samplers.TPESampler"}),
    pruner=OmegaConf.create({"_target_": "optuna.pruners.MedianPruner"}),
    study_name="scale",
    n_trials=1_000_000,
)
console = Console(width=max(100, int(os.environ.get("COLUMNS", 0))))


class OneOfMany:
    """A worker of a study with so many trials, and its milliseconds by operation."""

    def __init__(self, address: StudyAddress, n: int) -> None:
        filled(address, n)
        self.ms: dict[str, list[float]] = defaultdict(list)
        with self.timed("opening by a worker"):
            self.study = address.load()
            self.trials = Trials(self.study, SETTINGS.n_trials, running=False).read()
        space = SearchSpace(SPACE, [])
        sweep = SimpleNamespace(settings=SETTINGS, space=space, config=None, nothing_twice=False)
        open_here = {"study": self.study, "storage": self.study._storage, "trials": self.trials}
        self.job = SimpleNamespace(**open_here, sweep=sweep, lookback=Lookback(self.trials))

    def run_trial(self) -> None:
        """Its life as worker and fork lead it, but for the training."""
        with self.timed("claim"):
            assert not failure_rate.too_many(self.trials.read(), SETTINGS)
            claimed = queue.claim(self.trials, "1")
        with self.timed("propose (Optuna's TPE)"):
            Attempt(self.job, claimed).propose()
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
            trial = _live_trial(self.job, claimed)
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


def operations(where: str, address: Callable[[int], StudyAddress], sizes: list[int], rounds: int) -> None:
    """Sizes in turns, so that what else the machine does is in all of them."""
    workers = [OneOfMany(address(n), n) for n in sizes]
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


def supervise(address: StudyAddress, n_jobs: int, seconds: float, answer: Connection) -> None:
    """A process of its own: the supervisor of a sweep whose workers live."""
    asked = settings(n_trials=1_000_000, n_jobs=n_jobs)
    study = address.load()
    sweep = Sweep(
        **dict.fromkeys(("task_function", "hydra_context", "callbacks")),
        config=OmegaConf.create(),
        address=address,
        settings=replace(asked, timeout=seconds),
        space=SearchSpace(SPACE, []),
        root=address.folder,
    )
    launcher = Jobs(submitit_folder=str(address.folder))
    workers = Workers(sweep, study, launcher, [])
    workers.keep(n_jobs, None)
    answer.send(workers.ids)
    supervisor = Watched(sweep, study, workers)
    supervisor.run()
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.send((supervisor.used / seconds, mb))


def supervision(where: str, address: StudyAddress, n_stored: int, n_jobs: int, seconds: float) -> None:
    filled(address, n_stored)
    spawn = multiprocessing.get_context("spawn")
    answer, question = spawn.Pipe()
    process = spawn.Process(target=supervise, args=(address, n_jobs, seconds, question))
    process.start()
    question.close()
    ids = answer.recv()
    try:
        speaker = Speaker(address, ids, settings(1_000_000, n_jobs), median_s=60.0)
        while not answer.poll():
            speaker.speak(1.0)
        share, mb = answer.recv()
    finally:
        for one in ids:
            os.killpg(int(one), signal.SIGKILL)
    process.join()
    said = f"{100 * share:.1f} % of a core (target: 5 %), {mb:.0f} MB (target: 150)"
    console.print(f"Supervisor of {n_jobs} live workers, {n_stored:,} trials stored, {where}: {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smallest", action="store_true", help="in seconds, to see that it runs")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sizes, rounds = ([10, 100], 2) if args.smallest else ([100, 1_000, 10_000], 25)
    with tempfile.TemporaryDirectory() as folder:
        operations("journal", lambda n: StudyAddress("scale", Path(folder, str(n))), sizes, rounds)
        if not binaries():
            console.print("PostgreSQL is not installed (apt-get install postgresql): not measured.")
            return
        with running_server() as server:
            new = server.new_database
            operations("PostgreSQL", lambda n: StudyAddress("scale", Path(folder), new()), sizes, rounds)


if __name__ == "__main__":
    main()
