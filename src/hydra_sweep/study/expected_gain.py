"""What the trials that are left may yet bring: for `hydra.sweeper.stop.expected_gain`."""

import math
from bisect import insort

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.repeats import repeats_of, spreads

# Makarova et al. and Optuna's terminator wait for as many
LEAST = 20
# the best of the trials, whose spacing tells how the best of more would go on: a quarter, these at least
SHARE, FEWEST = 4, 5


class ExpectedGain:
    """By how much the best value is expected to become better.

    As in Makarova et al., "Automatic Termination for Hyperparameter Optimization" (AutoML 2022), a sweep is
    to end where that is less than what noise explains. They bound it by a Gaussian process, as
    `optuna.terminator` did; here it is the greater of two estimates that cost next to nothing and hold in
    any space. Where trials are as if drawn alike, and the best of n have an exponential tail, the best of N
    is better by ln(N / n) times the mean distance of the k best from the next (Weissman, "Estimation of
    parameters and large quantiles based on the k largest observations", JASA 73, 1978): too much where
    there is a best possible value, so that it stops rather late. Samplers learn, and are not so: what the
    last half of the trials has brought, a step of ln(2), is carried on likewise.

    Neither knows of a good region that was never tried. `maximize` says what is better.
    """

    def __init__(self, maximize: bool) -> None:
        self.sign = -1 if maximize else 1
        self.losses: list[tuple[float, float]] = []  # with the variance of each, the best first
        self.bests: list[float] = []  # after each trial

    def learn(self, trial: FrozenTrial, is_feasible: bool) -> None:
        """Of one that tells of the space; to be called in the order in which they end."""
        best = self.bests[-1] if self.bests else math.inf
        if trial.state == TrialState.COMPLETE and is_feasible:
            loss = self.sign * trial.value
            insort(self.losses, (loss, _variance(trial)))
            best = min(best, loss)
        self.bests.append(best)

    def of(self, n_trials: int, n_paused: int = 0) -> float | None:
        """Of so many trials, these counted in, and those that have paused; None where too few are known."""
        n_ended = len(self.bests)
        n, n_best = n_ended + n_paused, self._n_best(n_paused)
        if n < LEAST or n_best < FEWEST:
            return None
        losses = [loss for loss, _ in self.losses[: n_best + 1]]
        spacing = losses[-1] - sum(losses[:-1]) / n_best
        half = n_ended // 2
        before = self.bests[half - 1]
        learned = (before - self.bests[-1]) / math.log(n_ended / half) if before < math.inf else math.inf
        return max(spacing, learned) * math.log(max(n_trials, n) / n)

    def noise(self) -> float:
        """The standard error of a trial's value, by the repeats of the best; NaN where there are none. A
        result that a person added has none."""
        variances = [one for _, one in self.losses[: self._n_best()] if not math.isnan(one)]
        return math.sqrt(np.mean(variances)) if variances else math.nan

    def _n_best(self, n_paused: int = 0) -> int:
        return min(max((len(self.bests) + n_paused) // SHARE, FEWEST), len(self.losses) - 1)


def _variance(trial: FrozenTrial) -> float:
    """Of the mean of its repeats."""
    values = repeats_of(trial)
    return spreads(values)[0] ** 2 / len(values) if values else math.nan
