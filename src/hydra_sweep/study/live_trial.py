import math
import sys
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY

from hydra_sweep.pruners import promotes
from hydra_sweep.study.database import one_connection
from hydra_sweep.study.retry import patiently
from hydra_sweep.study.trials import Trials


class LiveTrial(optuna.Trial):
    """A trial that may have been put back: what an earlier attempt at it has reported stays, and is not
    reported again, without Optuna's warning at each step. Of a constraint the last value counts.

    `repeat` is which of its repeats this process trains, from 1, of those that are trained several times.
    """

    repeat: int | None = None

    is_to_pause = False  # as the pruner said when it was last asked

    def report(self, value: float, step: int) -> None:
        patiently(self._report, value, step)

    def should_prune(self) -> bool:
        return patiently(self._should_prune)

    def set_user_attr(self, key: str, value: Any) -> None:
        patiently(super().set_user_attr, key, value)

    def set_constraint(self, key: str, value: float) -> None:
        if math.isnan(value):
            raise ValueError(f"Constraint {key!r}: expected a number, got {value}.")
        patiently(set_constraint, self.storage, self._trial_id, key, float(value))

    def _report(self, value: float, step: int) -> None:
        with one_connection(self.storage):
            if step not in self.storage.get_trial(self._trial_id).intermediate_values:
                super().report(value, step)

    def _should_prune(self) -> bool:
        pruner = self.study.pruner
        with one_connection(self.storage):
            if not promotes(pruner):
                return super().should_prune()
            # the pruner may have let it on, which only the storage says
            now = self._cached_frozen_trial = self.storage.get_trial(self._trial_id)
            self.is_to_pause = pruner.is_at_rung(now) and self._is_to_pause()
            return self.is_to_pause

    def _is_to_pause(self) -> bool:
        # Optuna would read anew all that has not ended, and so all that has paused
        self.study.shown = list(Trials(self.study, sys.maxsize).read())
        try:
            return super().should_prune()
        finally:
            self.study.shown = None


class SilentTrial(LiveTrial):
    """For the task of a trial that is several runs of it: what these give is what is reported, and what one
    reports on its way, as of its epochs, is no step of the trial's. It is pruned between two of them."""

    def report(self, value: float, step: int) -> None:
        pass

    def should_prune(self) -> bool:
        return False


def set_constraint(storage: BaseStorage, trial_id: int, key: str, value: float) -> None:
    """Of a trial that runs; one that was put back has another value, which `Trial.set_constraint` would let
    stand."""
    storage.set_trial_system_attr(trial_id, f"{_CONSTRAINTS_KEY}:{key}", value)
