"""Values thought good: a sampler around the user's, which draws near them at first."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hydra_sweep.space.around import Around
from hydra_sweep.space.search_space import Prior

# how far a choice is from any other, as a share of the range
APART = 0.5


class NearPrior(Around):
    """Weighs what a sampler proposes by pi(x) ** (beta / n): πBO's prior, which fades with the number n of
    results (Hvarfner et al., arXiv 2204.11051). There it multiplies the acquisition function, which no
    sampler shows: here a proposal is kept with that probability, and else one is drawn from the prior.

    pi is normal about the value, on the distribution's scale; to that power it is a wider normal.
    """

    def __init__(
        self, sampler: BaseSampler, priors: Mapping[str, Prior], weight: float, rng: np.random.Generator
    ) -> None:
        """`weight` is beta / n."""
        super().__init__(sampler)
        self.priors = priors
        self.weight = weight
        self.rng = rng

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        relative = super().sample_relative(study, trial, search_space)
        return {name: self._weighed(name, value, search_space[name]) for name, value in relative.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        value = super().sample_independent(study, trial, param_name, param_distribution)
        return self._weighed(param_name, value, param_distribution)

    def _weighed(self, name: str, value: Any, distribution: BaseDistribution) -> Any:
        if name not in self.priors:
            return value
        prior = self.priors[name]
        spread = prior.spread / math.sqrt(self.weight)
        if isinstance(distribution, CategoricalDistribution):
            distance = APART if value != prior.value else 0.0
        else:
            scale = _Scale(distribution)
            center = scale.share(prior.value)
            distance = scale.share(value) - center
        if self.rng.random() < math.exp(-0.5 * (distance / spread) ** 2):
            return value
        if isinstance(distribution, CategoricalDistribution):
            return prior.value
        normal = NormalDist(center, spread)
        return scale.value(normal.inv_cdf(self.rng.uniform(normal.cdf(0.0), normal.cdf(1.0))))


class _Scale:
    """The values of a distribution as shares of its range."""

    def __init__(self, distribution: FloatDistribution | IntDistribution) -> None:
        self.distribution = distribution
        self.low, self.high = map(self._scaled, (distribution.low, distribution.high))

    def share(self, value: float) -> float:
        value = min(max(value, self.distribution.low), self.distribution.high)
        return (self._scaled(value) - self.low) / (self.high - self.low)

    def value(self, share: float) -> float:
        one, scaled = self.distribution, self.low + share * (self.high - self.low)
        value = math.exp(scaled) if one.log else scaled
        if one.step:
            value = one.low + round((value - one.low) / one.step) * one.step
        return min(max(value, one.low), one.high)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.distribution.log else value
