"""How trials pause at a rung, and what becomes in the end of those that do not go on."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import PAUSED
from hydra_sweep.study import queue
from hydra_sweep.study.database import one_connection
from hydra_sweep.study.live_trial import set_constraint
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.promotion import SPENT_S, is_paused, seconds_of
from hydra_sweep.study.trials import Trials

# why an attempt ended that came to a rung, with the step
PAUSE = "paused at step "


def pause(study: optuna.Study, claimed: FrozenTrial, constraints: Mapping[str, float]) -> bool:
    """Puts back a trial that has come to a rung, until it is promoted. False, and nothing is recorded,
    where it is no longer ours."""
    storage = study._storage
    with one_connection(storage), suppress(UpdateFinishedTrialError):
        trial = storage.get_trial(claimed._trial_id)
        if queue.is_ours(study, claimed):  # else perhaps half put back, where the storage fell silent
            # Before it is put back: by whomever, where this process dies meanwhile, it then has paused.
            # By what it had when it was claimed: all of this may be done again.
            storage.set_trial_user_attr(trial._trial_id, SPENT_S, seconds_of(claimed, datetime.now()))
            storage.set_trial_user_attr(trial._trial_id, PAUSED, trial.last_step)
            for key, value in constraints.items():
                set_constraint(storage, trial._trial_id, key, value)
        return queue.put_back(study, claimed, f"{PAUSE}{trial.last_step}") == TrialState.WAITING
    return False


def is_whole(trial: FrozenTrial) -> bool:
    """Whether what it took is the time of all its steps: no attempt before the last was cut short."""
    kept = trial.user_attrs.get(queue.ATTEMPTS, [])
    return len(kept) == queue.attempt_of(trial) and all(one["why"].startswith(PAUSE) for one in kept)


def n_resting(trials: Trials) -> int:
    """How many have paused and are not to go on by now."""
    if trials.rungs is None:
        return 0
    return len(trials.paused()) - sum(map(is_paused, queue.claimable(trials, trials.is_stopped())))


def end_paused(trials: Trials) -> None:
    """Prunes what has paused and will not go on: once no trial runs and none is left to claim, of those
    that were last read. Whoever else reads them then finds the same."""
    if trials.rungs is None or trials.in_state(TrialState.RUNNING) or queue.any_left(trials):
        return
    for trial in trials.paused():
        with suppress(UpdateFinishedTrialError):  # another has done so
            _prune(trials.study, trial)


def _prune(study: optuna.Study, trial: FrozenTrial) -> None:
    if study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
        reason = f"{PAUSE}{trial.user_attrs[PAUSED]}, and not promoted"
        now = study._storage.get_trial(trial._trial_id)
        queue.tell(study, now, Outcome(TrialState.PRUNED, reason=reason))
