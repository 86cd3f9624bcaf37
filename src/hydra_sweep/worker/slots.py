"""How many trials a worker runs side by side: `hydra.sweeper.slots`."""

import logging
import math
import os
import sys
import time
from contextlib import suppress
from statistics import mean

from hydra_sweep.settings import AUTO, Settings
from hydra_sweep.worker.gpu import NvidiaSmi, Reading, Unreadable

log = logging.getLogger(__name__)

# seconds between readings: from one after a change to ten where nothing changes, for nvidia-smi is slow
OFTEN_S, SELDOM_S = 1.0, 10.0
# readings after a change that say little, while trials start; and those that count then
SETTLING, COUNTED = 3, 3
# of the largest trial so far: it may yet grow, and the next be larger
MARGIN = 1.2
# left free of a GPU's memory, MiB
RESERVE = 512
# percent from which more trials would only slow each other
BUSY = 90
# An allocation that failed beside others may take its trial so long to end of.
BLAME_S = 10.0


class FixedSlots:
    """`limit` is how many trials may run."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def look(self, pids: list[int]) -> None:
        """To be called again and again with the processes of the trials that run."""

    def blames_others(self, pid: int) -> bool:
        """Whether those beside it may be why this process had no memory; there will be fewer then."""
        return False

    def share_threads(self) -> None:
        """Gives the trial that this process is its share of the CPUs."""


class AutoSlots(FixedSlots):
    """As many as a GPU has room for, by what its trials were seen to take.

    Begins with one. Whenever as many run as may, and have done so for a while, there may be up to twice as
    many: while the GPU is not busy, while the largest trial so far, times MARGIN, would fit in its memory
    so many times, and never more than `most`, the worker's CPUs.
    """

    def __init__(self, gpu: NvidiaSmi, most: int) -> None:
        """Raises Unreadable."""
        super().__init__(1)
        self.gpu = gpu
        self.most = self.ceiling = most
        self.others = gpu.read().used  # MiB, of whoever else uses the GPU
        self.peak = 0.0  # MiB, of the largest trial
        self.knows_pids = False
        self.readings: list[Reading] = []
        self.pids: list[int] = []  # of the trials that ran when the GPU was last asked
        self.asked_at, self.pause = 0.0, OFTEN_S
        # of each process: when it last ran beside others, and how many they were with it
        self.crowds: dict[int, tuple[float, int]] = {}

    def look(self, pids: list[int]) -> None:
        now = time.monotonic()
        before = {pid: self.crowds[pid] for pid in pids if pid in self.crowds}
        self.crowds = dict.fromkeys(pids, (now, len(pids))) if len(pids) > 1 else before
        with suppress(Unreadable):  # this once
            if (reading := self.gpu.answer()) and self.pids:
                self._learn(reading)
        if now - self.asked_at >= self.pause:
            self.asked_at, self.pids = now, pids
            self.gpu.ask()

    def blames_others(self, pid: int) -> bool:
        last_beside, n = self.crowds.get(pid, (-math.inf, 1))
        if time.monotonic() - last_beside > BLAME_S:
            return False
        self.ceiling = min(self.ceiling, n - 1)
        self._set(min(self.limit, self.ceiling), "out of memory beside others")
        return True

    def share_threads(self) -> None:
        # else the user has set it
        if os.environ.get("OMP_NUM_THREADS") == str(self.most):
            share = max(1, self.most // self.limit)
            os.environ["OMP_NUM_THREADS"] = str(share)
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(share)

    def _learn(self, reading: Reading) -> None:
        held = [reading.held[pid] for pid in self.pids if pid in reading.held]
        if held and not self.knows_pids:  # what was taken for the trials' may have been others'
            self.knows_pids, self.peak, self.readings = True, 0.0, []
        if self.knows_pids:
            self.others = reading.used - sum(held)
        else:
            held = [(reading.used - self.others) / len(self.pids)]
        self.peak = max(self.peak, *held, 0.0)
        if self.peak and len(self.pids) >= self.limit:
            self.readings.append(reading)
        if len(self.readings) == SETTLING + COUNTED:
            self._decide(self.readings[SETTLING:])
            self.readings = []

    def _decide(self, readings: list[Reading]) -> None:
        busy = mean(reading.utilization for reading in readings)
        limit = self.limit
        if 0 < busy < BUSY:  # 0: nothing is trained yet
            limit = min(2 * limit, max(limit + 1, int(limit * BUSY / busy)))
        room = (readings[-1].total - self.others - RESERVE) / (MARGIN * self.peak)
        why = f"largest trial {self.peak:.0f} MiB, GPU {busy:.0f} % busy, {self.most} CPUs"
        before = self.limit
        self._set(max(1, min(limit, int(room), self.ceiling)), why)
        self.pause = min(2 * self.pause, SELDOM_S) if self.limit == before else OFTEN_S

    def _set(self, limit: int, why: str) -> None:
        if limit != self.limit:
            log.info("Slots: %d (%s)", limit, why)
            self.limit = limit


def make_slots(settings: Settings, cpus: int, is_alone: bool) -> FixedSlots:
    """`cpus` are the worker's; it is not alone where others are ranks of its trials."""
    if settings.slots != AUTO:
        return FixedSlots(settings.slots)
    try:
        if not is_alone:
            raise Unreadable("its trials are of several tasks")
        return AutoSlots(NvidiaSmi(), cpus)
    except Unreadable as error:
        log.warning("hydra.sweeper.slots=auto is 1 on this worker: %s", error)
        return FixedSlots(1)
