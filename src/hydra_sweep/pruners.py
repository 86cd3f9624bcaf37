"""Pruners of our own, and how any is made."""

import math
import warnings
from typing import Any

import optuna
from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

__all__ = ["FirstRungPruner"]


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


def make_pruner(node: Any) -> BasePruner:
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):  # of some of Optuna's
        return instantiate(node)
