"""No proposal that is known to break a constraint: a sampler around the user's."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.space.samplers import within
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.whole_proposals import WholeProposals

# how often the sampler is asked as it is; then, once it is shown what was refused; and chance at last
DRAWS, TOLD_DRAWS, RANDOM_DRAWS = 10, 100, 100


class Feasible(WholeProposals):
    """Asks a sampler again while it proposes what breaks a constraint, by its `distances` above 0.

    What is refused costs no trial. The sampler is shown it as pruned trials that break a constraint, from
    which TPE turns away; others may propose the like again and again, so that chance comes after them. If
    nothing else is found, what breaks the least is proposed.
    """

    def __init__(
        self,
        sampler: BaseSampler,
        space: SearchSpace,
        distances: Callable[[dict[str, Any]], dict[str, float]],
    ) -> None:
        super().__init__(sampler, space)
        self.distances = distances

    def propose(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        chance = within(RandomSampler(seed=trial.number), self.space)
        samplers = [*[self.sampler] * (DRAWS + TOLD_DRAWS), *[chance] * RANDOM_DRAWS]
        refused: list[FrozenTrial] = []
        for i, sampler in enumerate(samplers):
            if i == DRAWS:
                trials = study.get_trials(deepcopy=False)
            if i >= DRAWS:
                study.shown = [*trials, *refused]
            params = self.draw(study, trial, sampler)
            distances = self.distances(params)
            if all(distance <= 0 for distance in distances.values()):
                return params
            refused.append(self._as_pruned(params, distances, trial.number + i + 1))
        return min(refused, key=_broken).params

    def _as_pruned(self, params: dict[str, Any], distances: dict[str, float], number: int) -> FrozenTrial:
        made = optuna.create_trial(
            state=TrialState.PRUNED,
            params=params,
            distributions={name: self.space.distributions[name] for name in params},
            constraints=distances,
        )
        made.number = number  # samplers pass over the one of the trial that they are asked for
        return made


def _broken(trial: FrozenTrial) -> float:
    return sum(max(0.0, distance) for distance in trial.constraints.values())
