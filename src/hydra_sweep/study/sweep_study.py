import copy
from collections.abc import Container

import optuna
from optuna.trial import FrozenTrial, TrialState

# the study's attributes: how many trials were asked for, and how many had been when it was stopped
BUDGET, STOPPED = "n_trials", "stopped"
# likewise: the step at which a trial reports what it has after one epoch
FIRST_STEP = "first_step"


class SweepStudy(optuna.Study):
    """A study that a sampler, or whoever has it, may stop as within `Study.optimize`: trials that run go on
    to their end, and no other is begun, until more are asked for.

    `shown` are its trials where not all are to be looked at.
    """

    shown: list[FrozenTrial] | None = None

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        if self.shown is None:
            return super()._get_trials(deepcopy, states, use_cache)
        trials = [trial for trial in self.shown if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def stop(self) -> None:
        self.set_user_attr(STOPPED, self.user_attrs[BUDGET])


def is_stopped(study: optuna.Study, n_trials: int) -> bool:
    return study.user_attrs.get(STOPPED, 0) >= n_trials


def is_complete(study: optuna.Study) -> bool:
    """Whether as many trials as were asked for have ended."""
    trials = study.get_trials(deepcopy=False)
    n = study.user_attrs.get(BUDGET, len(trials))
    return len(trials) >= n and all(trial.state.is_finished() for trial in trials[:n])
