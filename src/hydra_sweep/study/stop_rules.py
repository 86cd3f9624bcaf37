"""When a sweep has seen enough: `hydra.sweeper.stop`."""

from datetime import datetime

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.settings import NOISE
from hydra_sweep.study.best import best_first, broken
from hydra_sweep.study.expected_gain import ExpectedGain
from hydra_sweep.study.promotion import has_paused, seconds_of
from hydra_sweep.study.trials import Trials

# what tells of the space; a trial that failed tells nothing
MEASURED = (TrialState.COMPLETE, TrialState.PRUNED)


class StopRules:
    """Stops the study of the `trials`, as they were last read, where one of their `rules` holds.

    `share` is what each trial takes, such as (0.5, "GPU"). Workers ask too, before they begin a trial:
    there may be no supervisor.
    """

    def __init__(self, trials: Trials, share: tuple[float, str]) -> None:
        self.trials = trials
        self.rules = trials.rules
        self.share, self.unit = share
        self.directions = trials.study.directions if self.rules else []
        self.best: list[FrozenTrial] = []  # one, or the Pareto front
        self.n_seen = self.n_since = 0  # since the best became better
        self.hours = 0.0  # of trials that have ended
        self.gain = ExpectedGain(self.directions[:1] == [StudyDirection.MAXIMIZE])

    def apply(self) -> None:
        if self.rules and (why := self._why()) and not self.trials.is_stopped():
            self.trials.study.stop(why, self.rules)

    def _why(self) -> str | None:
        new = self.trials.ended[self.n_seen :]
        self.n_seen += len(new)
        # A process that comes later sees them by number, and is to count likewise.
        for trial in sorted(new, key=lambda trial: trial.datetime_complete):
            self._learn(trial)
        holding = (holds(self) for name, holds in RULES.items() if name in self.rules)
        return next(filter(None, holding), None)

    def _learn(self, trial: FrozenTrial) -> None:
        self.hours += seconds_of(trial) / 3600
        best = best_first([*self.best, trial], self.directions)
        best = best if len(self.directions) > 1 else best[:1]
        is_better = trial.number in {one.number for one in best}
        counted = trial.state == TrialState.PRUNED and has_paused(trial)  # while it waited
        self.n_since = 0 if is_better else self.n_since + (trial.state in MEASURED and not counted)
        self.best = best
        if "expected_gain" in self.rules and trial.state in MEASURED:
            self.gain.learn(trial, not broken(trial))

    def _target(self) -> str | None:
        target = self.rules["target"]
        maximize = self.directions[0] == StudyDirection.MAXIMIZE
        if not self.best or (self.best[0].value < target if maximize else self.best[0].value > target):
            return None
        return f"trial {self.best[0].number} has reached {self.best[0].value:.6g}, stop.target={target:g}"

    def _patience(self) -> str | None:
        if self.n_since + self._n_paused() < self.rules["patience"]:
            return None
        last = f"since trial {self.best[-1].number} " if len(self.best) == 1 else ""
        return f"no improvement {last}in stop.patience={self.rules['patience']} trials"

    def _n_paused(self) -> int:
        """Of those that came after the best: they have been looked at, too."""
        since = self.best[-1].datetime_complete if self.best else datetime.max
        return sum(trial.datetime_start > since for trial in self.trials.paused())

    def _gpu_hours(self) -> str | None:
        now = datetime.now()
        seconds = sum(seconds_of(trial, now) for trial in self.trials.open.values())
        hours = (self.hours + seconds / 3600) * self.share
        if hours < self.rules["gpu_hours"]:
            return None
        return f"{hours:.3g} {self.unit} hours are spent, stop.gpu_hours={self.rules['gpu_hours']:g}"

    def _expected_gain(self) -> str | None:
        asked, n_paused = self.rules["expected_gain"], len(self.trials.paused())
        left = self.trials.n_trials - len(self.trials.ended) - n_paused
        gain = self.gain.of(self.trials.n_trials, n_paused)
        if gain is None or not left:
            return None
        noise = self.gain.noise() if asked == NOISE else asked
        if not gain < noise:
            return None
        of_noise = f", what {noise:.2g} of noise explains" if asked == NOISE else ""
        return (
            f"{self.best[0].value:.6g}, of trial {self.best[0].number}, is expected to become better by "
            f"{gain:.2g} in {left} more trials, stop.expected_gain={asked}{of_noise}"
        )


RULES = {
    "target": StopRules._target,
    "patience": StopRules._patience,
    "gpu_hours": StopRules._gpu_hours,
    "expected_gain": StopRules._expected_gain,
}
