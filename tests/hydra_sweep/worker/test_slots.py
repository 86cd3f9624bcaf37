"""On a stand-in for the GPU, whose time passes as the test says."""

import logging
import os
import sys
from types import SimpleNamespace

import pytest

from hydra_sweep.settings import AUTO
from hydra_sweep.worker import slots as module
from hydra_sweep.worker.gpu import Reading, Unreadable
from hydra_sweep.worker.slots import AutoSlots, FixedSlots, make_slots

TOTAL = 80_000


class Gpu:
    """Of TOTAL MiB. `trials` has what each process holds, and `others` what is not ours; each trial keeps
    the GPU busy for so many percent of the time."""

    def __init__(self, others: int = 0, load: float = 5.0, knows_pids: bool = True) -> None:
        self.others, self.load, self.knows_pids = others, load, knows_pids
        self.trials: dict[int, int] = {}
        self.asked = False
        self.is_sick = False

    def ask(self) -> None:
        self.asked = True

    def answer(self) -> Reading | None:
        if not self.asked:
            return None
        self.asked = False
        return self.read()

    def read(self) -> Reading:
        if self.is_sick:
            raise Unreadable("GPU is lost")
        held = sum(self.trials.values())
        busy = min(100, round(self.load * len(self.trials)))
        # a container is told the ids of its host
        own = 0 if self.knows_pids else 1_000_000
        known = {pid + own: mib for pid, mib in self.trials.items() if mib}
        return Reading(TOTAL, self.others + held, busy, {**known, 999_999: self.others})


class Run:
    """Trials that fill the slots, one in place of each that ends."""

    def __init__(self, monkeypatch, cpus: int = 16, **gpu) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.gpu = Gpu(**gpu)
        self.slots = AutoSlots(self.gpu, cpus)
        self.next_pid = 100

    @property
    def pids(self) -> list[int]:
        return list(self.gpu.trials)

    def start(self, mib: int) -> int:
        self.next_pid += 1
        self.gpu.trials[self.next_pid] = mib
        return self.next_pid

    def end(self, pid: int) -> None:
        del self.gpu.trials[pid]

    def go(self, seconds: float, mib: int | None = None) -> int:
        """The limit after so long; new trials are of that size, if there are any."""
        for _ in range(int(2 * seconds)):
            while mib is not None and len(self.pids) < self.slots.limit:
                self.start(mib)
            self.slots.look(self.pids)
            self.now += 0.5
        return self.slots.limit


@pytest.fixture
def run(monkeypatch):
    return lambda **how: Run(monkeypatch, **how)


@pytest.mark.parametrize("knows_pids", [True, False])
@pytest.mark.parametrize(
    ("mib", "how", "most"),
    [
        (20_000, {}, 3),  # times 1.2, 3 of 79,488 MiB
        (20_000, {"others": 10_000}, 2),
        (60_000, {}, 1),
        (1_000, {}, 16),  # one a CPU
        (1_000, {"cpus": 5}, 5),
        (1_000, {"load": 30}, 3),  # 90 % busy
        (1_000, {"load": 60}, 2),
        (1_000, {"load": 95}, 1),
        (1_000, {"load": 0}, 1),  # nothing is trained
        (0, {"load": 0}, 1),  # on the CPU
    ],
)
def test_as_many_as_memory_time_and_cpus_allow(run, mib, how, most, knows_pids):
    one = run(knows_pids=knows_pids, **how)
    assert one.go(600, mib) == most
    assert len(one.pids) == most


def test_it_begins_with_one_and_at_most_doubles(run):
    one = run()
    limits = [one.go(1, 1_000) for _ in range(60)]
    assert sorted(set(limits)) == [1, 2, 4, 8, 16]
    assert limits == sorted(limits)
    assert limits[4] == 1
    assert min(limits.count(n) for n in (2, 4, 8)) >= 5  # a look at each
    assert limits[-1] == 16


def test_trials_that_end_leave_what_was_learnt(run):
    one = run()
    assert one.go(600, 20_000) == 3
    for pid in one.pids:
        one.end(pid)
    assert one.go(60) == 3


def test_the_largest_trial_so_far_counts(run):
    one = run()
    assert one.go(60, 1_000) == 16
    for pid in one.pids[1:]:
        one.end(pid)
    one.gpu.trials[one.pids[0]] = 30_000
    assert one.go(120, 1_000) == 2


def test_room_that_others_take_is_none(run):
    one = run()
    assert one.go(60, 1_000) == 16
    one.gpu.others = 70_000
    assert one.go(120, 1_000) == 7
    one.gpu.others = 0
    assert one.go(300, 1_000) == 16


def test_what_others_take_while_the_first_starts_is_theirs(run):
    one = run()
    first = one.start(0)
    one.go(2)
    one.gpu.others = 40_000
    one.go(2)
    one.gpu.trials[first] = 10_000
    assert one.go(120, 10_000) == 3


def test_an_idle_queue_changes_nothing(run):
    one = run()
    one.start(1_000)
    one.slots.limit = 2
    assert one.go(600) == 2


def test_readings_may_fail_at_any_time(run):
    one = run()
    assert one.go(9, 1_000) == 2
    one.gpu.is_sick = True
    assert one.go(60, 1_000) == 2
    one.gpu.is_sick = False
    assert one.go(60, 1_000) == 16


def test_an_idle_limit_is_seldom_looked_at(run, monkeypatch):
    one, asked = run(load=95), []
    monkeypatch.setattr(one.gpu, "ask", lambda: asked.append(one.now) or setattr(one.gpu, "asked", True))
    one.go(600, 1_000)
    assert asked[1] - asked[0] == 1
    assert asked[-1] - asked[-2] == 10


def test_out_of_memory_beside_others_is_theirs(run):
    one = run()
    assert one.go(20, 1_000) >= 4
    n = len(one.pids)
    first, second = one.pids[:2]
    assert one.slots.blames_others(first)
    assert one.slots.limit == n - 1
    assert one.slots.blames_others(second)  # at the same time
    assert one.slots.limit == n - 1
    one.end(first)
    one.end(second)
    assert one.go(600, 1_000) == n - 1  # for good


def test_who_ran_out_of_memory_while_others_ended_is_not_to_blame(run):
    one = run()
    one.slots.limit = 2
    one.go(2, 1_000)
    first, second = one.pids
    one.end(second)
    one.go(3)
    assert one.slots.blames_others(first)
    assert one.slots.limit == 1


def test_alone_it_is_its_own(run):
    one = run()
    one.slots.limit = 2
    one.go(2, 1_000)
    first, second = one.pids
    one.end(first)
    one.go(11)
    assert not one.slots.blames_others(second)  # for long enough
    first = one.start(1_000)
    one.go(1)
    one.end(first)
    third = one.start(1_000)
    one.end(second)
    one.go(1)
    assert not one.slots.blames_others(third)  # always
    one.gpu.trials = {second: 1_000}  # the id of one that has ended
    one.go(1)
    assert not one.slots.blames_others(second)
    assert one.slots.limit == 2


def test_fixed_slots_blame_nobody():
    slots = FixedSlots(3)
    slots.look([1, 2, 3])
    assert not slots.blames_others(1)
    assert slots.limit == 3


def test_threads_are_shared_out(run, monkeypatch):
    torch = SimpleNamespace(set_num_threads=lambda n: given.append(n))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    given, slots = [], run().slots
    for limit, share in ((1, 16), (3, 5)):
        slots.limit = limit
        os.environ["OMP_NUM_THREADS"] = "16"
        slots.share_threads()
        assert os.environ["OMP_NUM_THREADS"] == str(share)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # the user's
    slots.share_threads()
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert given == [16, 5]


@pytest.mark.parametrize(
    ("gpus", "is_alone", "why"),
    [("0,1", True, "expected one GPU"), ("0", False, "of several tasks"), ("", True, "expected one GPU")],
)
def test_without_a_gpu_of_its_own_auto_is_one_and_says_so(monkeypatch, caplog, gpus, is_alone, why):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    with caplog.at_level(logging.WARNING):
        slots = make_slots(SimpleNamespace(slots=AUTO), 8, is_alone)
    assert slots.limit == 1
    assert "hydra.sweeper.slots=auto is 1 on this worker: " in caplog.text
    assert why in caplog.text
    slots.look([1])
    assert slots.limit == 1
