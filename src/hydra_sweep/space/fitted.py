"""Values within the bounds that other parameters set, and powers of two."""

import math
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hydra_sweep.space.around import Around
from hydra_sweep.space.search_space import SearchSpace


class Fitted(Around):
    """Has a sampler propose what the space allows.

    What is drawn alone is drawn from what is left of the range, so that TPE's density is cut off there; of
    what is drawn together with others, the nearest allowed is taken (the repair of infeasible solutions:
    Hansen, The CMA Evolution Strategy, arXiv 1604.00772, B.5). The study keeps what is tried: a value as
    it is, not a share of a range that differs from trial to trial, so that TPE learns of what was tried.
    """

    def __init__(self, sampler: BaseSampler, space: SearchSpace) -> None:
        super().__init__(sampler)
        self.space = space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        relative = super().sample_relative(study, trial, search_space)
        known = dict(trial.params)
        for name in self.space.distributions:
            if name not in relative or name in known:
                continue
            value = relative.pop(name)
            others = set(filter(None, self.space.bounds.get(name, ())))
            if others <= known.keys():  # else it is drawn alone, after these
                known[name] = relative[name] = self.space.fitted(name, value, known)
        return relative

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if param_name not in self.space.distributions:
            return super().sample_independent(study, trial, param_name, param_distribution)
        left = self.space.allowed(param_name, trial.params)
        if left.single():
            return self.space.first(param_name, trial.params)
        if param_name in self.space.pow2:  # the first and the last as often as those between
            low, high = math.ceil(left.low / math.sqrt(2)), math.floor(left.high * math.sqrt(2))
            left = IntDistribution(low, high, log=True)
        value = super().sample_independent(study, trial, param_name, left)
        return self.space.fitted(param_name, value, trial.params)
