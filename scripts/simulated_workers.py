"""Many workers on a virtual clock: which share of their time they train.

Training is simulated, and so is that workers run side by side. What they say to the study is said: each
operation is carried out, and takes on the virtual clock what it took. A write to the journal waits for the
lock as Optuna's does, and each process reads what others wrote since it last did; on a database so many are
served at once as it is given cores. Forking, composing and the sampler's own time are left out.
"""

import heapq
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from hydra_sweep.space.grammar import SearchSpace
from hydra_sweep.space.lookback import Lookback
from hydra_sweep.study import queue
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials
from hydra_sweep.worker.attempt import Attempt
from scripts.live_workers import settings
from scripts.stored_trials import EPOCHS, SPACE

# seconds of an operation: of its writes, which are one at a time, and of what is between them
Segments = list[tuple[str, float]]
OPERATIONS = ("claim", "propose", "report", "tell")
DATABASE_CORES = 4
START_S = 10.0  # in which all workers start


class Operations:
    """Carries them out, for one worker after the other, and remembers what they took."""

    def __init__(self, address: StudyAddress, n_trials: int) -> None:
        self.study = address.create(["minimize"], {"n_trials": n_trials})
        self.trials = Trials(self.study, n_trials)
        self.asked = settings(n_trials, 1)
        self.taken: dict[str, list[Segments]] = defaultdict(list)
        self.is_journal = address.storage is None
        self.writes: list[tuple[float, float]] = []
        if self.is_journal:
            backend, write = self.study._storage._backend, self.study._storage._backend.append_logs

            def append_logs(logs: list) -> None:
                start = time.perf_counter()
                write(logs)
                self.writes.append((start, time.perf_counter()))

            backend.append_logs = append_logs

    def __call__(self, what: str, state: dict[str, Any]) -> Segments:
        self.writes.clear()
        start = time.perf_counter()
        getattr(self, f"_{what}")(state)
        end = time.perf_counter()
        segments: Segments = []
        for begun, done in self.writes:
            segments += [("between", begun - start), ("write", done - begun)]
            start = done
        segments.append(("between" if self.is_journal else "write", end - start))
        self.taken[what].append(segments)
        return segments

    def again(self, what: str, state: dict[str, Any]) -> Segments:
        """What one of them took, without carrying it out."""
        return random.choice(self.taken[what])

    def seconds_a_line(self) -> float:
        """To read a line of the journal that another wrote."""
        if not self.is_journal:
            return 0.0
        storage = self.study._storage
        start = time.process_time()
        optuna.storages.JournalStorage(type(storage._backend)(storage._backend._file_path))
        return (time.process_time() - start) / storage._replay_result.log_number_read

    def _claim(self, state: dict[str, Any]) -> None:
        state["claimed"] = queue.claim(self.trials.read(), state["worker"])

    def _propose(self, state: dict[str, Any]) -> None:
        space = SearchSpace(SPACE, [])
        sweep = SimpleNamespace(settings=self.asked, space=space, config=None, nothing_twice=False)
        open_here = {"study": self.study, "storage": self.study._storage}
        job = SimpleNamespace(**open_here, sweep=sweep, lookback=Lookback(self.trials))
        Attempt(job, state["claimed"]).propose()
        state["step"] = count(1)

    def _report(self, state: dict[str, Any]) -> None:
        step = next(state["step"])
        if step == 1:
            state["trial"] = LiveTrial(self.study, state["claimed"]._trial_id)
        state["trial"].report(1.0, step)

    def _tell(self, state: dict[str, Any]) -> None:
        assert queue.tell(self.study, state["claimed"], Outcome(TrialState.COMPLETE, [1.0]))


class Simulation:
    def __init__(
        self, perform: Callable, is_journal: bool, line_s: float, n_trials: int, median_s: float
    ) -> None:
        self.perform, self.is_journal, self.line_s = perform, is_journal, line_s
        self.left, self.median_s = n_trials, median_s
        self.random = np.random.default_rng(0)
        self.now = self.trained = self.spent = self.locked_until = 0.0
        self.free = [0.0] * DATABASE_CORES
        self.lines = 0

    def run(self, n_workers: int) -> float:
        """The share of their time that workers train: each from its first claim to its last trial's end."""
        order = count()
        starts = self.random.uniform(0, START_S, n_workers)
        due = [(at, next(order), self._work(str(i))) for i, at in enumerate(starts)]
        while due:
            self.now, _, process = heapq.heappop(due)
            if (pause := next(process, None)) is not None:
                heapq.heappush(due, (self.now + pause, next(order), process))
        return self.trained / self.spent

    def _work(self, worker: str) -> Iterator[float]:
        began, read = self.now, {"worker": self.lines}
        while self.left > 0:
            self.left -= 1
            state: dict[str, Any] = {"worker": worker}
            for what in ("claim", "propose"):
                yield from self._say(what, state, read, "worker")
            read["trial"] = read["worker"]  # a fork
            seconds = self.median_s * self.random.lognormal(0, 0.5)
            for _ in range(EPOCHS):
                yield seconds / EPOCHS
                yield from self._say("report", state, read, "trial")
            self.trained += seconds
            yield from self._say("tell", state, read, "worker")
        self.spent += self.now - began

    def _say(self, what: str, state: dict[str, Any], read: dict[str, int], process: str) -> Iterator[float]:
        yield self.line_s * (self.lines - read[process])
        for kind, seconds in self.perform(what, state):
            if kind == "between":
                yield seconds
            elif self.is_journal:
                yield from self._write(seconds)
            else:
                free = max(self.now, heapq.heappop(self.free))
                heapq.heappush(self.free, free + seconds)
                yield free + seconds - self.now
        read[process] = self.lines

    def _write(self, seconds: float) -> Iterator[float]:
        pause = 0.001
        while self.locked_until > self.now:  # as JournalFileSymlinkLock waits
            yield pause * self.random.uniform(1.0, 1.05)  # no sleep is exact
            pause = min(2 * pause, 1.0)
        self.locked_until = self.now + seconds
        self.lines += 1
        yield seconds


def busy(address: StudyAddress, n_workers: int, n_trials: int, medians: list[float]) -> dict[float, float]:
    """The share of their time that so many workers train, by the median of a trial's seconds: the first of
    them with every operation carried out, the others with what these took."""
    operations = Operations(address, n_trials)
    shares = {}
    for i, median_s in enumerate(medians):
        perform = operations.again if i else operations
        line_s = operations.seconds_a_line() if i else 30e-6
        simulation = Simulation(perform, operations.is_journal, line_s, n_trials, median_s)
        shares[median_s] = simulation.run(n_workers)
    return shares
