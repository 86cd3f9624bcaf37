"""TPE whose first trials are the same wherever it runs.

What a search costs depends most of all on the batch sizes that it happens to draw.
"""

import math
import random
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class CommonStartTPE(TPESampler):
    """Optuna's, but for its start-up trials: `common_seed`, a trial's number and a parameter's name make
    the value."""

    def __init__(
        self, common_seed: int, seed: int | None = None, n_startup_trials: int = 10, **settings: Any
    ) -> None:
        super().__init__(seed=seed, n_startup_trials=n_startup_trials, **settings)
        self.common_seed = common_seed
        self.n_common = n_startup_trials

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(study, trial, search_space) if trial.number >= self.n_common else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if trial.number >= self.n_common:
            return super().sample_independent(study, trial, param_name, param_distribution)
        share = drawn(self.common_seed, trial.number, param_name)
        if isinstance(param_distribution, CategoricalDistribution):
            return chosen(param_distribution.choices, share)
        return between(param_distribution.low, param_distribution.high, share)


def start(
    seed: int, n: int, lr: tuple[float, float], choices: dict[str, list[int]]
) -> list[dict[str, Any]]:
    """The parameters of its first trials, for who is not asked by Optuna."""
    return [
        {name: chosen(values, drawn(seed, number, name)) for name, values in choices.items()}
        | {"lr": between(*lr, drawn(seed, number, "lr"))}
        for number in range(n)
    ]


def drawn(seed: int, number: int, name: str) -> float:
    """From 0 to 1. `name` may be a dotted key, whose last word counts."""
    return random.Random(f"{seed} {number} {name.rpartition('.')[2]}").random()


def chosen(values: Any, share: float) -> Any:
    return values[int(share * len(values))]


def between(low: float, high: float, share: float) -> float:
    """On a log scale."""
    return low * math.pow(high / low, share)
