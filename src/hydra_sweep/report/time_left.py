"""How long a sweep will yet take, by how long its trials took."""

import heapq
import random
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from statistics import fmean

from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.pausing import is_whole
from hydra_sweep.study.promotion import seconds_of

# trials, the newest: what the sampler proposes changes
NEWEST = 300
# who has outlived all that ended takes so much longer, as a share of what it took
OVER = 0.1
# trials a slot that are drawn one by one; those before them take the mean
DRAWN = 4
# between two estimates, seconds; the share of the new one
EVERY_S, NEW = 5.0, 0.3


class Lives:
    """How long those live that live yet, by Kaplan and Meier (1958, doi:10.2307/2281868): the `ages` of the
    living count as what they have reached, so that the first to end do not pass for typical."""

    def __init__(self, ended: Iterable[float], ages: Iterable[float]) -> None:
        ended = sorted(ended)
        reached = sorted([*ended, *ages])
        deaths = Counter(ended)
        self.times = list(deaths)
        at_risk = (len(reached) - bisect_left(reached, one) for one in self.times)
        shares = (1 - deaths[one] / n for one, n in zip(self.times, at_risk, strict=True))
        self.dying = [-alive for alive in accumulate(shares, lambda a, b: a * b)]

    def left(self, age: float, chance: float) -> float:
        """Of one of that age; `chance`, from 0 to 1, says how soon."""
        first = bisect_right(self.times, age)
        if first == len(self.times):
            return OVER * age
        alive = -self.dying[first - 1] if first else 1.0
        end = bisect_left(self.dying, -chance * alive, lo=first)
        return self.times[min(end, len(self.times) - 1)] - age

    @property
    def mean(self) -> float:
        return fmean(self.left(0.0, (i + 0.5) / 100) for i in range(100))


@dataclass(frozen=True)
class Life:
    """Of a trial until now: seconds, and steps, 0 where it has reported none or goes on from before."""

    seconds: float
    steps: int = 0


def time_left(ended: Sequence[Life], running: Sequence[Life], n_waiting: int, slots: int) -> float:
    """Seconds until all have ended, the mean of some draws: each running trial lives on as those did that
    had come as far, by its own pace, and a slot that is free takes the next."""
    seconds = Lives([life.seconds for life in ended], [life.seconds for life in running])
    stepped = [life for life in ended if life.steps]
    in_steps = 2 * len(stepped) > len(ended)
    steps = Lives([life.steps for life in stepped], [life.steps for life in running])

    def left(life: Life, chance: float) -> float:
        if not (in_steps and life.steps):
            return seconds.left(life.seconds, chance)
        # It is in the midst of a step, as far as one knows.
        pace = life.seconds / (life.steps + 0.5)
        return max(0.0, steps.left(life.steps, chance) - 0.5) * pace

    slots = max(1, min(slots, len(running) + n_waiting), len(running))
    drawn = min(n_waiting, DRAWN * slots)
    before = (n_waiting - drawn) * seconds.mean / slots if n_waiting > drawn else 0.0
    chance, totals = random.Random(0).random, []
    for _ in range(max(1, min(20, 200 // slots))):
        free = [left(life, chance()) for life in running] + [0.0] * (slots - len(running))
        heapq.heapify(free)
        for _ in range(drawn):
            heapq.heapreplace(free, free[0] + seconds.left(0.0, chance()))
        totals.append(before + max(free))
    return fmean(totals)


class TimeLeft:
    """As the user is told: made now and then, and never jumping."""

    def __init__(self) -> None:
        self.said: float | None = None
        self.at = self.made_at = 0.0

    def of(
        self, ended: Sequence[FrozenTrial], running: Sequence[FrozenTrial], n_waiting: int, slots: int
    ) -> float | None:
        """Seconds; None until one was trained to its end."""
        now = time.monotonic()
        if self.said is not None:
            self.said = max(0.0, self.said - (now - self.at))
        self.at = now
        if now - self.made_at > EVERY_S or self.said is None:
            self.made_at = now
            newest = [one for one in ended[-NEWEST:] if one.duration]  # others were added, not trained
            if any(one.state == TrialState.COMPLETE for one in newest):
                made = time_left([_life(t) for t in newest], [_life(t) for t in running], n_waiting, slots)
                self.said = made if self.said is None else self.said + NEW * (made - self.said)
        return self.said


def _life(trial: FrozenTrial) -> Life:
    steps = max(0, trial.last_step or 0) if is_whole(trial) else 0
    return Life(seconds_of(trial, datetime.now()), steps)


def running_for(trial: FrozenTrial) -> float:
    return max(0.0, time.time() - trial.datetime_start.timestamp())  # the clock may have been set
