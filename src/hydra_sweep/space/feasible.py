"""No proposal that is known to break a constraint: a sampler around the user's."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.space.grammar import SearchSpace
from hydra_sweep.space.whole_proposals import WholeProposals

# how often the sampler is asked as it is; and then, once it is shown what was refused
DRAWS, MORE_DRAWS = 100, 100


class Feasible(WholeProposals):
    """Asks a sampler again while it proposes what breaks a constraint, by its `distances` above 0.

    What is refused costs no trial. At first the sampler does not hear of it: what it proposes then is as it
    would be, given that the constraints are kept. Where that finds nothing it is shown the refused ones as
    pruned trials, which TPE turns away from. If all are refused, the one that breaks the least is proposed.
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
        refused: list[FrozenTrial] = []
        for _ in range(DRAWS):
            if (params := self._ask(study, trial, refused)) is not None:
                return params
        trials = study.get_trials(deepcopy=False)
        for _ in range(MORE_DRAWS):
            study.shown = [*trials, *refused]
            if (params := self._ask(study, trial, refused)) is not None:
                return params
        return min(refused, key=_broken).params

    def _ask(
        self, study: optuna.Study, trial: FrozenTrial, refused: list[FrozenTrial]
    ) -> dict[str, Any] | None:
        params = self.draw(study, trial)
        distances = self.distances(params)
        if all(distance <= 0 for distance in distances.values()):
            return params
        made = optuna.create_trial(
            state=TrialState.PRUNED,
            params=params,
            distributions={**trial.distributions, **self.space.distributions},
            constraints=distances,
        )
        made.number = (
            trial.number + len(refused) + 1
        )  # samplers pass over the trial that they are asked for
        refused.append(made)
        return None


def _broken(trial: FrozenTrial) -> float:
    return sum(max(0.0, distance) for distance in trial.constraints.values())
