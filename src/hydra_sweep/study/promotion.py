"""Trials that pause at the rungs of asynchronous successive halving, and which of them go on.

A paused trial waits as one that was put back does, and its attributes say that it has paused.
"""

import copy
import math
from bisect import insort
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import PAUSED, PROMOTED, AshaPruner, make_pruner, promotes
from hydra_sweep.settings import Settings

# a trial's attribute: the seconds of its attempts that ended at a rung
SPENT_S = "spent_s"


def has_paused(trial: FrozenTrial) -> bool:
    """Whether it did, and was not promoted since, whatever has become of it."""
    return trial.user_attrs.get(PAUSED, 0) > trial.user_attrs.get(PROMOTED, 0)


def is_paused(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.WAITING and has_paused(trial)


def seconds_of(trial: FrozenTrial, until: datetime | None = None) -> float:
    """What a trial took until it ended, or until then: its last attempt, and those that ended at a rung."""
    spent, end = trial.user_attrs.get(SPENT_S, 0.0), trial.datetime_complete or until
    if trial.state == TrialState.WAITING or not (trial.datetime_start and end):
        return spent
    return spent + max(0.0, (end - trial.datetime_start).total_seconds())  # the clock may have been set


def as_pruned(trial: FrozenTrial) -> FrozenTrial:
    """The trial as samplers are to see it: what has come to a rung tells them of it, and not only that it
    runs or waits."""
    has_come = trial.user_attrs.get(PAUSED) or trial.user_attrs.get(PROMOTED)
    # a database may tell of a trial's attributes what is newer than of its values
    if trial.state.is_finished() or not (has_come and trial.intermediate_values):
        return trial
    seen = copy.copy(trial)
    seen.state, seen.value = TrialState.PRUNED, trial.intermediate_values[trial.last_step]
    return seen


def make_rungs(settings: Settings) -> "Rungs | None":
    """None where trials do not pause."""
    pruner = make_pruner(settings.pruner)
    return Rungs(pruner, StudyDirection[settings.directions[0].upper()]) if promotes(pruner) else None


class Rungs:
    """What the trials of a sweep had at each rung of a pruner, as far as it was told of them."""

    def __init__(self, pruner: AshaPruner, direction: StudyDirection) -> None:
        self.pruner = pruner
        self.direction = direction
        self.values: list[list[tuple[float, int]]] = []  # of each rung, the best first
        self.n_reported: dict[int, int] = {}
        self.n_reached: dict[int, int] = {}

    def learn(self, trial: FrozenTrial) -> None:
        """At no cost where the trial has reported nothing since."""
        if trial.state == TrialState.FAIL:
            self._forget(trial.number)
        elif len(trial.intermediate_values) > self.n_reported.get(trial.number, 0):
            before, reached = self.n_reached.get(trial.number, 0), self.pruner.n_reached(trial)
            for rung in range(before, reached):
                if rung == len(self.values):
                    self.values.append([])
                insort(self.values[rung], self.pruner.value_at(rung, trial, self.direction))
            self.n_reported[trial.number] = len(trial.intermediate_values)
            self.n_reached[trial.number] = reached

    def promotable(self, paused: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Those to go on: of the highest rung first, and there the best first."""
        return list(self._ranked(paused, [self.pruner.n_best(len(values)) for values in self.values]))

    def foremost(self, paused: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """The best of the highest rung at which one has paused; none where all have NaN or are infinite."""
        return list(islice(self._ranked(paused, [len(values) for values in self.values]), 1))

    def _ranked(self, paused: Iterable[FrozenTrial], most: list[int]) -> Iterator[FrozenTrial]:
        """Those that rest at a rung, of so many, the best, that have reached it."""
        by_number = {trial.number: trial for trial in paused}
        for rung, n in reversed(list(enumerate(most))):
            for value, number in self.values[rung][:n]:
                is_there = number in by_number and self.n_reached.get(number) == rung + 1
                if is_there and value < math.inf:
                    yield by_number[number]

    def _forget(self, number: int) -> None:
        for rung in range(self.n_reached.pop(number, 0)):
            self.values[rung] = [one for one in self.values[rung] if one[1] != number]
