"""A sweep of a table: nothing is trained, and time goes by as its trainings took it."""

import heapq
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np

from scripts.search.tables import Config, Table, load

NICE = 10
load_once = cache(load)


class Search(Protocol):
    """Proposes trials, and is told their losses, the less the better, and how long they took."""

    def propose(self, number: int, worker: int) -> Config: ...

    def tell(self, number: int, loss: float, seconds: float) -> None: ...


@dataclass(frozen=True)
class Contestant:
    """`search(table, seed)` makes one for a sweep. `in_batches`: of as many trials as there are workers;
    the next is proposed when all of one have ended."""

    search: Callable[[Table, int], Search]
    in_batches: bool = False


@dataclass(frozen=True)
class Sweep:
    """Of each trial, by number: what was observed, which share of the table is as good or better, the
    simulated second at which it ended, and the mean over the table's seeds."""

    losses: list[float]
    shares: list[float]
    ends: list[float]
    means: list[float] = field(default_factory=list)

    def found(self, first: int | None = None, until: float = np.inf) -> float:
        """The share of the trial that looks best, of the first ones, or of those that have ended; 1 where
        there is none."""
        ended = [i for i, end in enumerate(self.ends[:first]) if end <= until]
        return self.shares[min(ended, key=self.losses.__getitem__)] if ended else 1.0


def simulate(
    table: Table, search: Search, seed: int, workers: int, n_trials: int, in_batches: bool = False
) -> Sweep:
    """Of two sweeps with the same seed, the trainings of trials of a number have the same one too."""
    columns = np.random.default_rng(seed).integers(table.losses.shape[-1], size=n_trials)
    sweep = Sweep([], [], [])
    seconds: list[float] = []
    running: list[tuple[float, int, int]] = []  # until when, which trial, on which worker
    free, now = list(range(workers))[::-1], 0.0
    for number in range(n_trials):
        if not free:
            for _ in range(workers if in_batches else 1):
                now, ended, worker = heapq.heappop(running)
                search.tell(ended, sweep.losses[ended], seconds[ended])
                free.append(worker)
        worker = free.pop()
        config = search.propose(number, worker)
        sweep.losses.append(float(table.losses[config][columns[number]]))
        sweep.shares.append(float(table.shares[config]))
        sweep.means.append(float(np.mean(table.losses[config])))
        seconds.append(float(table.seconds[config][columns[number]]))
        sweep.ends.append(now + seconds[number])
        heapq.heappush(running, (sweep.ends[number], number, worker))
    return sweep


# contestant, workers, table, seed
Key = tuple[str, int, str, int]


@dataclass(frozen=True)
class Plan:
    folder: str  # of the tables
    keys: list[Key]
    n_trials: int
    processes: int = 2

    def of(self, keys: list[Key]) -> "Plan":
        return replace(self, keys=keys)


def run(plan: Plan, contestants: dict[str, Contestant]) -> Iterator[tuple[Key, Sweep]]:
    """All sweeps, as they are done."""
    with get_context("fork").Pool(plan.processes, partial(os.nice, NICE)) as pool:
        yield from pool.imap_unordered(partial(_run_one, plan, contestants), plan.keys)


def _run_one(plan: Plan, contestants: dict[str, Contestant], key: Key) -> tuple[Key, Sweep]:
    name, workers, table_name, number = key
    table, one = load_once(Path(plan.folder), table_name), contestants[name]
    # another on each table, or one lucky beginning would count as many times
    seed = int(np.random.SeedSequence([number, zlib.crc32(table_name.encode())]).generate_state(1)[0])
    return key, simulate(table, one.search(table, seed), seed, workers, plan.n_trials, one.in_batches)
