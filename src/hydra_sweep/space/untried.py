"""No combination twice: a sampler around the user's."""

import copy
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.space.combinations import combination, count, mark
from hydra_sweep.space.grammar import SearchSpace

# a trial's attribute: the mark of the combination that it is about to become
PROPOSED = "proposed"
# how often the sampler is asked
DRAWS = 5
POLL_S = 0.1
# how long another worker may take from its announcement to its parameters; it may have died between
PATIENCE_S = 60.0


class Untried(BaseSampler):
    """Has a sampler propose what no other trial of the study was given; where all was, what has failed.

    The space has a finite number of combinations. A trial announces its proposal before it takes it, and
    then looks at what others announce: of two that announce the same, one has seen the other. The lower
    number takes it, unless the other has it already. (Parameters that are stored cannot be changed.)
    """

    def __init__(self, sampler: BaseSampler, space: SearchSpace) -> None:
        self.sampler = sampler
        self.space = space

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self.space.distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if search_space.keys() <= trial.params.keys():  # it was put back
            return {}
        for failed_too in (True, False):
            tried = self._marks(_others(study, trial), failed_too)
            for params in self._proposals(study, trial):
                if (proposed := mark(self.space, params)) not in tried:
                    if self._is_first(study, trial, proposed, failed_too):
                        return params
                    tried.add(proposed)
        return self._draw(study, trial)

    def sample_independent(self, *arguments: Any) -> Any:
        return self.sampler.sample_independent(*arguments)

    def before_trial(self, *arguments: Any) -> None:
        self.sampler.before_trial(*arguments)

    def after_trial(self, *arguments: Any) -> None:
        self.sampler.after_trial(*arguments)

    def reseed_rng(self) -> None:
        self.sampler.reseed_rng()

    def _proposals(self, study: optuna.Study, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
        """Some of the sampler's, then every combination, from another one on in each trial."""
        for _ in range(DRAWS):
            yield self._draw(study, trial)
        n = count(self.space)
        first = int(np.random.default_rng(trial.number).integers(n))
        for i in range(n):
            yield {**combination(self.space, (first + i) % n), **trial.params}

    def _draw(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        """What the sampler alone would propose."""
        drawn = copy.deepcopy(trial)  # some samplers look at what they have said so far
        relative_space = self.sampler.infer_relative_search_space(study, trial)
        relative = self.sampler.sample_relative(study, trial, relative_space)
        for name, distribution in self.space.distributions.items():
            if name in drawn.params:
                continue
            if name in relative:
                value = relative[name]
            elif distribution.single():
                value = combination(SearchSpace({name: distribution}, []), 0)[name]
            else:
                value = self.sampler.sample_independent(study, drawn, name, distribution)
            drawn.distributions = {**drawn.distributions, name: distribution}
            drawn.params = {**drawn.params, name: value}
        return drawn.params

    def _is_first(self, study: optuna.Study, trial: FrozenTrial, proposed: str, failed_too: bool) -> bool:
        """Announces what is proposed. Whether it is this trial's to take."""
        study._storage.set_trial_user_attr(trial._trial_id, PROPOSED, proposed)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            others = _others(study, trial)
            rivals = [
                other.number
                for other in others
                if other.state == TrialState.RUNNING and other.user_attrs.get(PROPOSED) == proposed
            ]
            if proposed in self._marks(others, failed_too) or any(n < trial.number for n in rivals):
                return False
            if not rivals:
                return True
            time.sleep(POLL_S)  # it sees us and gives way, or takes it
        return False

    def _marks(self, trials: Iterable[FrozenTrial], failed_too: bool) -> set[str | None]:
        return {mark(self.space, t.params) for t in trials if failed_too or t.state != TrialState.FAIL}


def _others(study: optuna.Study, trial: FrozenTrial) -> list[FrozenTrial]:
    # of the storage: some pruners show a sampler a part of the study
    trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
    return [other for other in trials if other.number != trial.number]
