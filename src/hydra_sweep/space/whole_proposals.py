"""A sampler around the user's, for what can be said only of all parameters of a trial together."""

import copy
from abc import abstractmethod
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hydra_sweep.space.around import Around
from hydra_sweep.space.search_space import SearchSpace


class WholeProposals(Around):
    """Has the parameters of a trial proposed at once. (Those that are stored cannot be changed.)"""

    def __init__(self, sampler: BaseSampler, space: SearchSpace) -> None:
        super().__init__(sampler)
        self.space = space

    @abstractmethod
    def propose(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        """All parameters of the trial, of which it may have some."""

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self.space.distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not self.space.missing(trial.params):  # it was put back
            return {}
        return self.propose(study, trial)

    def draw(
        self, study: optuna.Study, trial: FrozenTrial, sampler: BaseSampler | None = None
    ) -> dict[str, Any]:
        """What the sampler alone would propose, or another."""
        sampler = sampler or self.sampler
        drawn = copy.deepcopy(trial)  # some samplers look at what they have said so far
        relative_space = sampler.infer_relative_search_space(study, trial)
        relative = sampler.sample_relative(study, trial, relative_space)
        for name, distribution in self.space.distributions.items():
            if name in drawn.params or not self.space.has(name, drawn.params):
                continue
            if name in relative:
                value = relative[name]
            elif distribution.single():
                value = self.space.first(name, drawn.params)
            else:
                value = sampler.sample_independent(study, drawn, name, distribution)
            drawn.distributions = {**drawn.distributions, name: distribution}
            drawn.params = {**drawn.params, name: value}
        return drawn.params
