import itertools

import numpy as np
import pytest

from scripts.search.simulation import Sweep, simulate
from scripts.search.tables import Parameter, Table

SECONDS = [4.0, 1.0, 1.0, 1.0, 2.0]


class InOrder:
    """Proposes one configuration after the other. `told`: of which trials it heard, and how many it had
    proposed by then."""

    def __init__(self) -> None:
        self.n = 0
        self.workers: list[int] = []
        self.told: list[tuple[int, int]] = []

    def propose(self, number: int, worker: int) -> tuple[int]:
        self.n += 1
        self.workers.append(worker)
        return (number,)

    def tell(self, number: int, loss: float, seconds: float) -> None:
        self.told.append((number, self.n))


def table() -> Table:
    n = len(SECONDS)
    losses = np.arange(n, 0, -1.0)[:, None]
    return Table("toy/toy", {"x": Parameter(n)}, losses, np.array(SECONDS)[:, None], losses[:, 0] / n)


@pytest.mark.parametrize(
    ("in_batches", "ends", "told"),
    [
        # trial 0 keeps one of the two workers, and the other goes on
        (False, [4, 1, 2, 3, 5], [(1, 2), (2, 3), (3, 4)]),
        # both wait for the slower one of a batch
        (True, [4, 1, 5, 5, 7], [(1, 2), (0, 2), (2, 4), (3, 4)]),
    ],
)
def test_when_trials_end(in_batches, ends, told):
    search = InOrder()
    sweep = simulate(table(), search, seed=0, workers=2, n_trials=5, in_batches=in_batches)
    assert sweep.ends == ends
    assert search.told == told
    assert sweep.losses == [5, 4, 3, 2, 1]


def test_a_worker_has_one_trial_at_a_time():
    search = InOrder()
    sweep = simulate(table(), search, seed=0, workers=2, n_trials=5)
    spans = {}
    for number, worker in enumerate(search.workers):
        spans.setdefault(worker, []).append((sweep.ends[number] - SECONDS[number], sweep.ends[number]))
    assert len(spans) == 2
    for of_one in spans.values():
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(of_one))


def test_what_was_found():
    sweep = Sweep(losses=[3.0, 1.0, 2.0], shares=[0.5, 0.2, 0.1], ends=[1.0, 5.0, 2.0])
    assert sweep.found() == 0.2  # what looks best, not what is
    assert sweep.found(first=1) == 0.5
    assert sweep.found(until=2.0) == 0.1
    assert sweep.found(until=0.5) == 1.0
