"""Pruners of our own, and how any is made."""

import math
import warnings
from itertools import count
from typing import Any

import optuna
from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, SuccessiveHalvingPruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

__all__ = ["AshaPruner", "FirstRungPruner"]

# A trial's attributes where trials pause: the step at which it last paused, and from which it last went on
PAUSED, PROMOTED = "paused", "promoted"
# and where they are stopped, from which it last went on: one of the system's, which Optuna reads each time
PASSED = "completed_rung_at"


class FirstRungPruner(BasePruner):
    """Stops a trial at its first report at step `rung` or later, unless its value is among the best `k`
    that any trial had there by now; NaN never is.

    The baseline of Egele et al., "Is One Epoch All You Need For Multi-Fidelity Hyperparameter
    Optimization?", arXiv:2307.15422, without its barrier: nobody waits for those that come later, so that
    of n trials in random order about k (1 + ln(n / k)) go on.

    Raises:
        ValueError: where `k` or `rung` is less than 1.
    """

    def __init__(self, k: int = 3, rung: int = 1) -> None:
        if k < 1 or rung < 1:
            raise ValueError(f"expected k and rung from 1 up, got k={k} and rung={rung}")
        self.k = k
        self.rung = rung

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        step = self._judged_at(trial)
        if step is None or trial.last_step != step:
            return False
        sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
        value = sign * trial.intermediate_values[step]
        others = (
            sign * other.intermediate_values[there]
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and (there := self._judged_at(other)) is not None
        )
        return math.isnan(value) or sum(other < value for other in others) >= self.k

    def _judged_at(self, trial: FrozenTrial) -> int | None:
        return min((step for step in trial.intermediate_values if step >= self.rung), default=None)


class AshaPruner(SuccessiveHalvingPruner):
    """Asynchronous successive halving: at a rung only the best 1 / reduction_factor of those that came
    there go on.

    Rung k is at step min_resource * reduction_factor ** (min_early_stopping_rate + k). A trial is at the
    highest that it has reached, with what it reported there first. With `promote` one that is not among the
    best pauses, and goes on once it is: Li et al., "A System for Massively Parallel Hyperparameter Tuning",
    arXiv:1810.05934, Algorithm 2. The sweep promotes what has paused; `Study.optimize` cannot.

    Without, it is stopped for good, as by Optuna's. Of few at a rung Optuna lets less than that share go on
    (one of five, by a factor of 3), and what it loses so never comes back: here the share is rounded up.

    Args:
        min_resource: as Optuna's; with "auto", which does without `promote`, all is as Optuna's.
        promote: whether trials pause. The others are Optuna's.

    Raises:
        ValueError: as Optuna's, and where `promote` is no bool, or goes with min_resource="auto".
    """

    def __init__(
        self,
        min_resource: int | str = 1,
        reduction_factor: int = 3,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
        promote: bool = False,
    ) -> None:
        super().__init__(min_resource, reduction_factor, min_early_stopping_rate, bootstrap_count)
        if not isinstance(promote, bool):
            raise ValueError(f"promote: expected true or false, got {promote!r}")
        self.is_auto = min_resource == "auto"  # Optuna's replaces it
        if promote and self.is_auto:
            raise ValueError("promote=true: expected min_resource to be a number of epochs, got auto")
        self.promote = promote

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        if self.is_auto:
            return super().prune(study, trial)
        if not self.is_at_rung(trial):
            return False
        rung = self.n_reached(trial) - 1
        trials = study.get_trials(deepcopy=False)
        values = sorted(filter(None, (self.value_at(rung, one, study.direction) for one in trials)))
        own = self.value_at(rung, trial, study.direction)
        if own[0] == math.inf or own not in values[: self.n_best(len(values))]:
            return True
        if self.promote:
            study._storage.set_trial_user_attr(trial._trial_id, PROMOTED, trial.last_step)
        else:
            study._storage.set_trial_system_attr(trial._trial_id, PASSED, trial.last_step)
        return False

    def is_at_rung(self, trial: FrozenTrial) -> bool:
        """Whether it has reached one from which it was not let on."""
        rung = self.n_reached(trial) - 1
        went_on = trial.user_attrs.get(PROMOTED, 0) if self.promote else trial.system_attrs.get(PASSED, 0)
        return rung >= 0 and went_on < self.step(rung)

    def step(self, rung: int) -> int:
        return self._min_resource * self._reduction_factor ** (self._min_early_stopping_rate + rung)

    def n_reached(self, trial: FrozenTrial) -> int:
        """How many rungs the trial has reached."""
        last = trial.last_step or 0
        return next(rung for rung in count() if self.step(rung) > last)

    def value_at(
        self, rung: int, trial: FrozenTrial, direction: StudyDirection
    ) -> tuple[float, int] | None:
        """What the trial had at a rung, the less the better, and its number; None where it has not come
        there, or has failed."""
        step = min((one for one in trial.intermediate_values if one >= self.step(rung)), default=None)
        if step is None or trial.state == TrialState.FAIL:
            return None
        value = trial.intermediate_values[step]
        sign = -1 if direction == StudyDirection.MAXIMIZE else 1
        return math.inf if math.isnan(value) else sign * value, trial.number

    def n_best(self, n: int) -> int:
        """How many go on, the best, from a rung that n have reached."""
        if n <= self._bootstrap_count:
            return 0
        return n // self._reduction_factor if self.promote else -(-n // self._reduction_factor)


def promotes(pruner: BasePruner) -> bool:
    """Whether trials pause where it would stop them, and may be promoted."""
    return isinstance(pruner, AshaPruner) and pruner.promote


def make_pruner(node: Any) -> BasePruner:
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):  # of some of Optuna's
        return instantiate(node)
