"""TPE, were the expected gain of what it proposes weighed by how long that will take."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

# of the ridge, for features from 0 to 1: as where times scatter by a third and a range makes a factor e
PENALTY = 0.1


class PerHourTPE(TPESampler):
    """TPE that takes, of its candidates, the one of the greatest expected improvement per second.

    The improvement is that of TPE, 1 / (gamma + (1 - gamma) g / l) up to a constant (Bergstra et al. 2011,
    "Algorithms for Hyper-Parameter Optimization", section 4.1); per second as Snoek et al. 2012, arXiv
    1206.2944, section 3.2. It is divided by the predicted seconds to the power of `weight`, which may fall
    from 1 to 0 as a budget is spent: Lee et al. 2020, arXiv 2003.10870, section 3.2.
    """

    def __init__(self, weight: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._weight = weight
        # the trials that it takes for good, and the others
        self._good: list[FrozenTrial] = []
        self._others: list[FrozenTrial] = []
        self._space: dict[str, BaseDistribution] = {}

    def _build_parzen_estimator(
        self,
        study: optuna.Study,
        search_space: dict[str, BaseDistribution],
        trials: list[FrozenTrial],
        handle_below: bool,
    ) -> Any:
        self._space = search_space
        if handle_below:
            self._good = trials
        else:
            self._others = trials
        return super()._build_parzen_estimator(study, search_space, trials, handle_below)

    def _compute_acquisition_func(
        self, samples: dict[str, np.ndarray], mpe_below: Any, mpe_above: Any
    ) -> np.ndarray:
        ratio = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        known = [*self._good, *self._others]
        gamma = np.clip(len(self._good) / max(1, len(known)), 0.01, 0.99)
        gain = -np.logaddexp(np.log(gamma), np.log1p(-gamma) - ratio)
        return gain - self._weight * Seconds(known, self._space).log(samples)


class Seconds:
    """How long trials take, by a ridge regression of the logarithm on the parameters of a space.

    It learns from complete trials that were not interrupted.
    """

    def __init__(self, trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]) -> None:
        self.space = space
        known = [(t, s) for t in trials if space.keys() <= t.params.keys() and (s := seconds(t))]
        samples = {
            name: np.array([one.to_internal_repr(trial.params[name]) for trial, _ in known])
            for name, one in space.items()
        }
        logs = np.log([s for _, s in known])
        self.weights = np.zeros(0)
        if known:
            x = self._features(samples)
            self.mean, centred = x.mean(axis=0), x - x.mean(axis=0)
            square = centred.T @ centred + PENALTY * np.eye(x.shape[1])
            self.weights = np.linalg.solve(square, centred.T @ (logs - logs.mean()))

    def log(self, samples: Mapping[str, np.ndarray]) -> np.ndarray | float:
        """Of the samples, in Optuna's internal representation, up to a constant."""
        return (self._features(samples) - self.mean) @ self.weights if len(self.weights) else 0.0

    def _features(self, samples: Mapping[str, np.ndarray]) -> np.ndarray:
        """From 0 to 1, on the scale of the distribution; a column for each choice."""
        return np.column_stack([_columns(one, samples[name]) for name, one in self.space.items()])


def _columns(one: BaseDistribution, values: np.ndarray) -> np.ndarray:
    if isinstance(one, CategoricalDistribution):
        return values[:, None] == np.arange(len(one.choices))
    low, high = one.low, one.high
    if one.log:
        values, low, high = np.log(values), np.log(low), np.log(high)
    return (values[:, None] - low) / (high - low or 1)


def seconds(trial: FrozenTrial) -> float | None:
    """How long a complete trial took; None of one whose earlier attempts count too, and of any other."""
    is_whole = trial.state == TrialState.COMPLETE and not trial.user_attrs.get("attempt")
    return trial.duration.total_seconds() or None if is_whole and trial.duration else None
