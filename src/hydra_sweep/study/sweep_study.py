import copy
from collections.abc import Container, Mapping

import optuna
from optuna.trial import FrozenTrial, TrialState

# the study's attributes: how many trials were asked for, and how many had been when it was stopped
BUDGET, STOPPED = "n_trials", "stopped"
# likewise: why it was stopped, and by which rules of `hydra.sweeper.stop`, if by these
STOPPED_BY = "stopped_by"
# likewise: the step at which a trial reports what it has after one epoch
FIRST_STEP = "first_step"
# likewise: the place of each worker, by id, what they were started with, and whether on this machine
WORKERS = "started workers"
# likewise: how often each trial is trained, once where it is not said
N_REPEATS = "repeats"
# likewise: the lines of hydra.sweeper.constraints
CONSTRAINTS = "constraints"
# the attribute of a trial: the last values of the metrics that it logged
METRICS = "metrics"


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

    def stop(self, why: str | None = None, rules: Mapping[str, float] | None = None) -> None:
        """With `rules`, until others are asked for."""
        self.set_user_attr(STOPPED_BY, {"why": why, "rules": dict(rules) if rules else None})
        self.set_user_attr(STOPPED, self.user_attrs[BUDGET])


def is_stopped(study: optuna.Study, n_trials: int, rules: Mapping[str, float]) -> bool:
    attrs = study.user_attrs
    stopped_by = (attrs.get(STOPPED_BY) or {}).get("rules")
    return attrs.get(STOPPED, 0) >= n_trials and (stopped_by is None or stopped_by == rules)


def is_stopped_by_rules(study: optuna.Study) -> bool:
    return (study.user_attrs.get(STOPPED_BY) or {}).get("rules") is not None


def why_stopped(study: optuna.Study) -> str:
    by = study.user_attrs.get(STOPPED_BY) or {}
    return by.get("why") or "its sampler, or a trial, has said so"


def is_complete(study: optuna.Study) -> bool:
    """Whether as many trials as were asked for have ended, or as were begun before it was stopped."""
    trials, attrs = study.get_trials(deepcopy=False), study.user_attrs
    n = attrs.get(BUDGET, len(trials))
    if attrs.get(STOPPED, 0) >= n:
        return all(trial.state.is_finished() or not is_begun(trial) for trial in trials[:n])
    return len(trials) >= n and all(trial.state.is_finished() for trial in trials[:n])


def is_begun(trial: FrozenTrial) -> bool:
    return trial.state != TrialState.WAITING or attempt_of(trial) > 0


def attempt_of(trial: FrozenTrial) -> int:
    """How often it was put back."""
    return trial.user_attrs.get("attempt", 0)
