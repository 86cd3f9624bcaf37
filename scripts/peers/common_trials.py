"""The same trials wherever a search runs.

What a search costs depends most of all on the batch sizes that its sampler happens to draw: with TPE left
to itself one search of 20 trials had three times the batches of another.
"""

import random
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class CommonTPE(TPESampler):
    """Has TPE propose, which takes its time, but tries what `common_seed`, the trial's number and the
    parameters' names make."""

    def __init__(self, common_seed: int, seed: int | None = None, **settings: Any) -> None:
        super().__init__(seed=seed, **settings)
        self.common_seed = common_seed

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        super().sample_relative(study, trial, search_space)
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        share = drawn(self.common_seed, trial.number, param_name)
        if isinstance(param_distribution, CategoricalDistribution):
            return chosen(param_distribution.choices, share)
        return between(param_distribution.low, param_distribution.high, share)


def common_trials(
    seed: int, n: int, lr: tuple[float, float], choices: dict[str, list[int]]
) -> list[dict[str, Any]]:
    """The parameters of the first `n` trials, for who has another sampler than Optuna's."""
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
    return low * (high / low) ** share
