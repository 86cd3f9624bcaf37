"""No combination twice: a sampler around the user's."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.space.combinations import combinations, count, mark
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.whole_proposals import WholeProposals
from hydra_sweep.study.trials import Trials

# a trial's attribute: the mark of the combination that it is about to become
PROPOSED = "proposed"
# how often the sampler is asked
DRAWS = 5
POLL_S = 0.1
# how long another worker may take from its announcement to its parameters; it may have died between
PATIENCE_S = 60.0


class Tried:
    """The combinations that the trials of a study were given, by their marks, as far as was read."""

    def __init__(self, space: SearchSpace, trials: Trials) -> None:
        self.space = space
        self.trials = trials
        self.open: list[FrozenTrial] = []
        self.given: set[str | None] = set()  # to those that are open
        self.ended: set[str | None] = set()
        self.failed: set[str | None] = set()
        self.n_seen = 0

    def read(self, own: FrozenTrial) -> None:
        """Of the trials but one's own."""
        for trial in self.trials.read().ended[self.n_seen :]:
            (self.failed if trial.state == TrialState.FAIL else self.ended).add(self._mark(trial))
        self.n_seen = len(self.trials.ended)
        self.open = [trial for trial in self.trials.open.values() if trial.number != own.number]
        self.given = set(map(self._mark, self.open))

    def has(self, wanted: str | None, failed_too: bool) -> bool:
        return wanted in self.given or wanted in self.ended or (failed_too and wanted in self.failed)

    def _mark(self, trial: FrozenTrial) -> str | None:
        return mark(self.space, trial.params)


class NothingLeft(Exception):
    """Every combination that is allowed was tried."""


class Untried(WholeProposals):
    """Has a sampler propose what no other trial of the study was given; where all was, what has failed.

    The space has a finite number of combinations. A trial announces its proposal before it takes it, and
    then looks at what others announce: of two that announce the same, one has seen the other. The lower
    number takes it, unless the other has it already. (Parameters that are stored cannot be changed.)

    Of those that are not `allowed` it proposes none, and raises NothingLeft where all others were tried.
    """

    def __init__(
        self, sampler: BaseSampler, tried: Tried, allowed: Callable[[dict[str, Any]], bool] | None = None
    ) -> None:
        super().__init__(sampler, tried.space)
        self.tried = tried
        self.allowed = allowed

    def propose(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        for failed_too in (True, False):
            self.tried.read(trial)
            lost: set[str | None] = set()  # to others
            for params in self._proposals(study, trial):
                proposed = mark(self.space, params)
                if proposed not in lost and self._is_new(params, proposed, failed_too):
                    if self._is_first(study, trial, proposed, failed_too):
                        return params
                    lost.add(proposed)
        if self.allowed:
            raise NothingLeft
        return self.draw(study, trial)

    def _is_new(self, params: dict[str, Any], proposed: str | None, failed_too: bool) -> bool:
        is_tried = self.tried.has(proposed, failed_too)
        return not is_tried and (self.allowed is None or self.allowed(params))

    def _proposals(self, study: optuna.Study, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
        """Some of the sampler's, then every combination, from another one on in each trial. One that was
        put back may have some of its parameters already, with which not all combinations go."""
        for _ in range(DRAWS):
            yield self.draw(study, trial)
        first = int(np.random.default_rng(trial.number).integers(count(self.space)))
        for params in combinations(self.space, first):
            merged = self.space.completed({**params, **trial.params})
            if trial.params.items() <= merged.items():
                yield merged

    def _is_first(self, study: optuna.Study, trial: FrozenTrial, proposed: str, failed_too: bool) -> bool:
        """Announces what is proposed. Whether it is this trial's to take."""
        study._storage.set_trial_user_attr(trial._trial_id, PROPOSED, proposed)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.tried.read(trial)
            rivals = [
                other.number
                for other in self.tried.open
                if other.state == TrialState.RUNNING and other.user_attrs.get(PROPOSED) == proposed
            ]
            if self.tried.has(proposed, failed_too) or any(n < trial.number for n in rivals):
                return False
            if not rivals:
                return True
            time.sleep(POLL_S)  # it sees us and gives way, or takes it
        return False
