"""Many workers on a virtual clock: which share of their time they train.

What is simulated: that trials train, and that workers run side by side. Real are the operations on the
study: each is carried out some dozens of times, beside as many live trials as there are workers, and takes
on the virtual clock what one of the faster half of these took. A write to the journal waits for the lock as
Optuna's does. Each process reads what others did since it last looked. Of what a database is asked, the
worker's own CPU time is its own; the rest is the server's, which serves as many at once as it has cores.
Forking and composing are left out, and so are pruner and sampler, which is Optuna's random one.
"""

import heapq
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study import queue
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials
from hydra_sweep.worker.attempt import Attempt
from hydra_sweep.worker.spares import Spares
from scripts.live_workers import settings
from scripts.stored_trials import EPOCHS, filled, worker_job

# seconds of an operation: of its writes, which are one at a time, and of what is between them
Segments = list[tuple[str, float]]
DATABASE_CORES = 4
START_S = 10.0  # in which all workers start


class Operations:
    """What each operation took, again and again."""

    def __init__(self, address: StudyAddress, n_live: int, rounds: int) -> None:
        self.address = address
        self.study = filled(address, 0, ["1"] * n_live)
        self.trials = Trials(self.study, 1_000_000, running=False)
        self.is_journal = address.storage is None
        self.took: dict[str, list[Segments]] = defaultdict(list)
        self.writes: list[tuple[float, float]] = []
        if self.is_journal:
            self._watch_writes()
        self.trials.read()
        self.job = worker_job(self.trials, settings(1_000_000))
        for _ in range(rounds):
            self._run_trial()
        for what, took in self.took.items():  # the faster half: what else the machine does only adds
            took.sort(key=lambda segments: sum(seconds for _, seconds in segments))
            self.took[what] = took[: -(-len(took) // 2)]

    def reading_s(self) -> float:
        """Seconds to read a line of the journal that another wrote; of a database, a trial."""
        start = time.process_time()
        trials = Trials(self.address.load(), 1_000_000).read()
        taken = time.process_time() - start
        lines = self.study._storage._replay_result.log_number_read if self.is_journal else len(trials)
        return taken / lines

    def _run_trial(self) -> None:
        claimed: FrozenTrial = self._timed("claim", lambda: queue.claim(self.trials.read(), "1"))
        self._timed("propose", lambda: Attempt(self.job, Spares(self.job), claimed).propose())
        trial = LiveTrial(self.study, claimed._trial_id)
        for step in range(1, EPOCHS + 1):
            self._timed("report", lambda step=step: trial.report(1.0, step))
        outcome = Outcome(TrialState.COMPLETE, [1.0])
        assert self._timed("tell", lambda: queue.tell(self.study, claimed, outcome))

    def _timed(self, what: str, operation: Any) -> Any:
        self.writes.clear()
        start, cpu = time.perf_counter(), time.process_time()
        result = operation()
        end, cpu = time.perf_counter(), time.process_time() - cpu
        segments: Segments = []
        for begun, done in self.writes:
            segments += [("between", begun - start), ("write", done - begun)]
            start = done
        rest = end - start
        segments += [("between", rest)] if self.is_journal else [("between", cpu), ("query", rest - cpu)]
        self.took[what].append(segments)
        return result

    def _watch_writes(self) -> None:
        backend = self.study._storage._backend
        write = backend.append_logs

        def append_logs(logs: list) -> None:
            start = time.perf_counter()
            write(logs)
            self.writes.append((start, time.perf_counter()))

        backend.append_logs = append_logs


class Simulation:
    def __init__(self, operations: Operations, n_trials: int, median_s: float) -> None:
        self.took, self.reading_s = operations.took, operations.reading_s()
        self.is_journal = operations.is_journal
        self.left, self.median_s = n_trials, median_s
        self.random = np.random.default_rng(0)
        self.now = self.trained = self.spent = self.locked_until = 0.0
        self.free = [0.0] * DATABASE_CORES
        self.news = 0  # what there is to read

    def run(self, n_workers: int) -> float:
        """The share of their time that workers train: each from its first claim to its last trial's end."""
        order = count()
        starts = self.random.uniform(0, START_S, n_workers)
        due = [(at, next(order), self._work()) for at in starts]
        heapq.heapify(due)
        while due:
            self.now, _, worker = heapq.heappop(due)
            if (pause := next(worker, None)) is not None:
                heapq.heappush(due, (self.now + pause, next(order), worker))
        return self.trained / self.spent

    def _work(self) -> Iterator[float]:
        began, read = self.now, {"worker": self.news}
        while self.left > 0:
            self.left -= 1
            for what in ("claim", "propose"):
                yield from self._say(what, read, "worker")
            read["trial"] = read["worker"]  # a fork
            seconds = self.median_s * self.random.lognormal(0, 0.5)
            for _ in range(EPOCHS):
                yield seconds / EPOCHS
                yield from self._say("report", read, "trial")
            self.trained += seconds
            yield from self._say("tell", read, "worker")
        self.spent += self.now - began

    def _say(self, what: str, read: dict[str, int], process: str) -> Iterator[float]:
        if self.is_journal or what == "claim":
            yield self.reading_s * (self.news - read[process])
            read[process] = self.news
        for kind, seconds in random.choice(self.took[what]):
            if kind == "between":
                yield seconds
            elif kind == "write":
                yield from self._write(seconds)
            else:
                free = max(self.now, heapq.heappop(self.free))
                heapq.heappush(self.free, free + seconds)
                yield free + seconds - self.now
        self.news += not self.is_journal and what in ("claim", "tell")

    def _write(self, seconds: float) -> Iterator[float]:
        pause = 0.001
        while self.locked_until > self.now:  # as JournalFileSymlinkLock waits
            yield pause * self.random.uniform(1.0, 1.05)  # no sleep is exact
            pause = min(2 * pause, 1.0)
        self.locked_until = self.now + seconds
        self.news += 1
        yield seconds


def busy(address: StudyAddress, n_workers: int, n_trials: int, medians: list[float]) -> dict[float, float]:
    """The share of their time that so many workers train, by the median of a trial's seconds."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    operations = Operations(address, n_workers, rounds=min(40, n_workers))
    return {median_s: Simulation(operations, n_trials, median_s).run(n_workers) for median_s in medians}
