"""Who did what when: each attempt in a slot of its worker, and where a slot had nothing to train."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from hydra_sweep.facts.attempts import Stretch, attempts
from hydra_sweep.facts.seen import Seen
from hydra_sweep.study.sweep_study import WORKERS

# Of short trials the next is claimed while the last still runs in its slot (worker/worker.py).
AHEAD_S = 2.0
# the shortest gap that is shown: in seconds, and as a share of the whole time
GAP_S, GAP_SHARE = 1.0, 0.002


@dataclass
class Timeline:
    """`lanes` are the attempts in each slot of each worker, in order."""

    at: float  # now
    lanes: dict[tuple[str | None, int], list[Stretch]] = field(default_factory=dict)

    @property
    def trained_s(self) -> float:
        return sum((one.ended or self.at) - one.begun for lane in self.lanes.values() for one in lane)

    @property
    def idle_s(self) -> float:
        return sum(end - begin for _, _, begin, end in self.gaps())

    @property
    def busy(self) -> float | None:
        """The share of the time of the slots in which they trained; None where no worker is known."""
        trained, idle = self.trained_s, self.idle_s
        known = any(worker is not None for worker, _ in self.lanes)
        return trained / (trained + idle) if known and trained + idle > 0 else None

    def gaps(self, least: float = 0.0) -> list[tuple[str, int, float, float]]:
        """Worker, slot, begin and end of each gap longer than `least` seconds between two attempts in a
        slot, and between its last and the end of the worker's other slots."""
        last: dict[str | None, float] = defaultdict(float)
        for (worker, _), lane in self.lanes.items():
            last[worker] = max(last[worker], *(one.ended or self.at for one in lane))
        found = []
        for (worker, slot), lane in self.lanes.items():
            if worker is None:  # of another program: between two runs of it there was no worker
                continue
            ends = [one.ended or self.at for one in lane]
            begins = [*(one.begun for one in lane[1:]), last[worker]]
            gaps = zip(ends, begins, strict=True)
            found += [(worker, slot, end, begin) for end, begin in gaps if begin - end > least]
        return found

    def shown_gaps(self) -> list[tuple[str, int, float, float]]:
        whole = [one for lane in self.lanes.values() for one in (lane[0].begun, lane[-1].ended or self.at)]
        span = max(whole) - min(whole) if whole else 0.0
        return self.gaps(max(GAP_S, GAP_SHARE * span))


def timeline(seen: Seen) -> Timeline:
    """The slot of an attempt is not kept: it is the first that was free when it began."""
    slots = seen.started_with.get("slots")
    most = slots if isinstance(slots, int) else None
    of_worker: dict[str | None, list[Stretch]] = defaultdict(list)
    for trial in seen.trials:
        for one in attempts(trial):
            of_worker[one.worker].append(one)
    if WORKERS in seen.attrs:
        of_worker.pop(None, None)  # claimed, and no worker has put its name to it
    made = Timeline(seen.at)
    for worker, stretches in of_worker.items():
        ahead_s = AHEAD_S if worker is not None and most is None else 0.0
        for slot, lane in enumerate(_lanes(stretches, most, ahead_s, seen.at)):
            made.lanes[worker, slot] = lane
    return made


def _lanes(
    stretches: Iterable[Stretch], most: int | None, ahead_s: float, now: float
) -> list[list[Stretch]]:
    """An attempt that overlaps the last of each slot has one of its own, as far as there are, where their
    number is known; else where it overlaps them by more than `ahead_s`. It waits for its slot otherwise."""
    lanes: list[list[Stretch]] = []
    free_at: list[float] = []
    for one in sorted(stretches, key=lambda one: (one.begun, one.trial)):
        i = next((i for i, end in enumerate(free_at) if end <= one.begun), None)
        if i is None:
            i = min(range(len(lanes)), key=free_at.__getitem__, default=None)
            if i is not None and (len(lanes) >= most if most else free_at[i] - one.begun < ahead_s):
                one.begun = min(free_at[i], one.ended or now)
            else:
                i = len(lanes)
                lanes.append([])
                free_at.append(0.0)
        lanes[i].append(one)
        free_at[i] = max(free_at[i], one.ended or now)
    return lanes
