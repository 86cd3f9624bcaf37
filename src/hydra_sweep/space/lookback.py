"""What TPE looks at in a long study: its time grows with every trial that it does."""

from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

from hydra_sweep.study.best import best_first
from hydra_sweep.study.trials import Trials

# of those that have ended: TPE takes the best 25 for good, and weighs older ones less among the others
BEST, NEWEST = 500, 2500


class Lookback:
    """The best and the newest trials, and those that have not ended, of the trials that were last read."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self.best: list[FrozenTrial] = []
        self.n_seen = 0

    def for_sampler(self, sampler: BaseSampler) -> list[FrozenTrial] | None:
        """What it is to be shown, by number; None: all there is."""
        is_tpe = type(sampler) is TPESampler and sampler._constraints_func is None
        if not is_tpe or len(self.trials.study.directions) > 1 or len(self.trials.ended) <= BEST + NEWEST:
            return None
        new, self.n_seen = self.trials.ended[self.n_seen :], len(self.trials.ended)
        self.best = best_first([*self.best, *new], self.trials.study.directions)[:BEST]
        shown = [*self.best, *self.trials.ended[-NEWEST:], *self.trials.open.values()]
        return [trial for _, trial in sorted({trial.number: trial for trial in shown}.items())]
