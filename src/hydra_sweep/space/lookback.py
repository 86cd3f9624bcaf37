"""What a sampler looks at: not all of a long study, and more than it where others came before."""

import copy
from collections.abc import Mapping, Sequence

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

from hydra_sweep.space.values import converted
from hydra_sweep.study.best import best_first
from hydra_sweep.study.promotion import as_pruned
from hydra_sweep.study.trials import Trials

# of those that have ended: TPE takes the best 25 for good, and weighs older ones less among the others
BEST, NEWEST = 500, 2500


class Lookback:
    """The trials of `trials`, as they were last read, in the words of a space that may have changed since
    they were begun: those outside it are left out. (Samplers that compare distributions, as GP, CMA-ES and
    multivariate TPE do, would never again model a parameter whose range has changed.)

    Before them come `earlier` ones, of other studies. They have the number -1, as trials of no study have:
    Optuna's samplers tell the oldest by it, and none by it alone.

    The time of TPE grows with every trial that it looks at: of a long study it is shown the best and the
    newest, and those that have not ended. Of these, what has come to a rung is shown as pruned there.
    """

    def __init__(
        self,
        trials: Trials,
        space: Mapping[str, BaseDistribution] | None = None,
        earlier: Sequence[FrozenTrial] = (),
    ) -> None:
        self.trials = trials
        self.space = space or {}
        self.earlier = earlier
        self.ended: list[FrozenTrial] = []
        self.best: list[FrozenTrial] = []
        self.n_seen = 0
        self.is_as_was = True  # the space

    def for_sampler(self, sampler: BaseSampler) -> list[FrozenTrial] | None:
        """What it is to be shown, the oldest first; None: all that the study has."""
        is_long = self._is_long(sampler)
        is_other = bool(self.earlier or self.trials.rungs)
        if is_other or not self.is_as_was:
            self.trials.read()  # samplers look for the trial that they are asked about, too
        self._read(is_long)
        if not (is_long or is_other) and self.is_as_was:
            return None
        ended = [*self.best, *self.ended[-NEWEST:]] if is_long else self.ended
        open_ones = map(as_pruned, self.trials.open.values())
        shown = [*ended, *filter(None, map(self._today, open_ones))]
        own = [trial for _, trial in sorted({trial.number: trial for trial in shown}.items())]
        return [*self.earlier, *own]

    def _is_long(self, sampler: BaseSampler) -> bool:
        is_tpe = type(sampler) is TPESampler and sampler._constraints_func is None
        return is_tpe and len(self.trials.study.directions) == 1 and len(self.trials.ended) > BEST + NEWEST

    def _read(self, is_long: bool) -> None:
        new, self.n_seen = self.trials.ended[self.n_seen :], len(self.trials.ended)
        new = [one for one in map(self._today, new) if one]
        self.ended += new
        if len(self.trials.study.directions) == 1:
            self.best = best_first([*self.best, *new], self.trials.study.directions)[:BEST]

    def _today(self, trial: FrozenTrial) -> FrozenTrial | None:
        today = in_space(trial, self.space)
        self.is_as_was &= today is trial
        return today


def in_space(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> FrozenTrial | None:
    """The trial, as one whose parameters are of this space; None where one is outside."""
    changed = {
        name: space[name]
        for name, distribution in trial.distributions.items()
        if space.get(name, distribution) != distribution
    }
    if not changed:
        return trial
    try:
        values = {name: converted(one, trial.params[name]) for name, one in changed.items()}
    except ValueError:
        return None
    today = copy.copy(trial)
    today.params, today.distributions = {**trial.params, **values}, {**trial.distributions, **changed}
    return today
