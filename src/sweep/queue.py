"""The study as the queue: WAITING trials are claimed, told, and put back when their worker is lost.

    WAITING ──claim──► RUNNING ──tell──► COMPLETE | PRUNED | FAIL
       ▲                  │
       └──── put back ────┘

The trials of a sweep are the first `n_trials` of its study, so that a smaller budget needs no
deletion. A trial's `attempt` counts how often it was put back, and fences off late speakers.
"""

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from src.sweep.outcome import Outcome


def fill(study: optuna.Study, n_trials: int, points: list[dict[str, Any]] | None, space: Mapping) -> None:
    """Adds WAITING trials until there are `n_trials`: empty ones, or those of a grid."""
    for number in range(len(study.get_trials(deepcopy=False)), n_trials):
        # enqueue_trial({}) would mark the trial with fixed_params, which some samplers refuse.
        study.add_trial(
            optuna.create_trial(
                state=TrialState.WAITING,
                params=points[number] if points else {},
                distributions=dict(space) if points else {},
            )
        )


def claim(study: optuna.Study, n_trials: int) -> FrozenTrial | None:
    """Takes the first waiting trial, or None where there is none. Never gives one trial twice.

    The trial returned is as it was when it waited, its `attempt` so the claimer's own.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if trial.number >= n_trials:
            continue
        try:
            if study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
                return trial
        except UpdateFinishedTrialError:  # another has meanwhile claimed and finished it
            continue
    return None


def attempt_of(trial: FrozenTrial) -> int:
    return trial.user_attrs.get("attempt", 0)


def is_ours(study: optuna.Study, claimed: FrozenTrial) -> bool:
    """Whether the trial is still the claimer's: not given up for dead and put back meanwhile."""
    now = study._storage.get_trial(claimed._trial_id)
    return now.state == TrialState.RUNNING and attempt_of(now) == attempt_of(claimed)


def tell(study: optuna.Study, claimed: FrozenTrial, outcome: Outcome) -> bool:
    """Records how a trial ended. False, and nothing is recorded, where it is no longer ours."""
    if not is_ours(study, claimed):
        return False
    for key, value in outcome.attrs().items():
        study._storage.set_trial_user_attr(claimed._trial_id, key, value)
    study.tell(claimed.number, outcome.values, outcome.state)
    return True


def put_back(study: optuna.Study, trial: FrozenTrial, why: str, max_retries: int | None) -> TrialState:
    """Returns a RUNNING trial to the queue; number, parameters and values stay.

    After `max_retries` (None: any number) it is FAIL instead. Returns the new state.
    """
    storage, attempt = study._storage, attempt_of(trial)
    if max_retries is not None and attempt >= max_retries:
        reason = f"{why}, in each of {attempt + 1} attempts"
        storage.set_trial_user_attr(trial._trial_id, "reason", reason)
        study.tell(trial.number, state=TrialState.FAIL)
        return TrialState.FAIL
    # First the fence, then the state: a late speaker of this attempt is already shut out.
    storage.set_trial_user_attr(trial._trial_id, "attempt", attempt + 1)
    storage.set_trial_user_attr(trial._trial_id, "interrupted", why)
    storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    return TrialState.WAITING
