"""The study as the queue: WAITING trials are claimed, told, and put back when their worker is lost.

    WAITING ──claim──► RUNNING ──tell──► COMPLETE | PRUNED | FAIL
       ▲                  │
       └──── put back ────┘

Where trials pause, `pausing`, one is put back by that and claimed again once it is promoted.

The trials of a sweep are the first `n_trials` of its study, so that a smaller budget needs no
deletion. Who finds none waiting begins the next, which is claimed from its birth. A trial's `attempt`
counts how often it was put back, and fences off late speakers.
"""

from collections.abc import Container, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import PAUSED, PROMOTED
from hydra_sweep.study.birth import begin
from hydra_sweep.study.database import one_connection
from hydra_sweep.study.live_trial import set_constraint
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.promotion import has_paused, is_paused
from hydra_sweep.study.repeats import repeats_of
from hydra_sweep.study.sweep_study import BUDGET, attempt_of, is_begun, is_stopped_by_rules
from hydra_sweep.study.trials import Trials

# the attribute of a trial that names the worker whose it is
WORKER = "worker"
# why a trial is put back whose worker lives no more
LOST = "worker lost"
# the attribute of a trial that was enqueued: the parameters that it was given
ENQUEUED = "enqueued"
# the attribute of a trial that was put back: the worker of each attempt, its begin and end, in seconds
# since the epoch, and why it ended; so many, the newest. The last attempt is the trial itself.
ATTEMPTS, KEPT_ATTEMPTS = "attempts", 20
# the attribute of a trial that tells how often a person had it trained anew, and what then stays of all
RETRIES = "retries"
OF_A_RETRY = frozenset({ENQUEUED, RETRIES, ATTEMPTS, WORKER, "attempt"})
# attributes that tell how an attempt ended
SAID = frozenset({"reason", "traceback", "mistake"})


def fill(study: optuna.Study, n_trials: int, points: list[dict[str, Any]] | None, space: Mapping) -> None:
    """Says how many trials there are to be; those of a grid wait from the start."""
    if study.user_attrs.get(BUDGET) != n_trials:
        study.set_user_attr(BUDGET, n_trials)
    if not points:
        return
    trials = study.get_trials(deepcopy=False)
    begun = {frozenset(trial.params.items()) for trial in trials}
    left = (point for point in points if frozenset(point.items()) not in begun)
    for _ in range(len(trials), n_trials):
        # enqueue_trial would mark the trial with fixed_params, which some samplers refuse.
        params = next(left)
        own = {name: space[name] for name in params}
        study.add_trial(optuna.create_trial(state=TrialState.WAITING, params=params, distributions=own))


def not_enqueued(study: optuna.Study, points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the points that no trial of the study was given, or came to have as all of its own."""
    trials = study.get_trials(deepcopy=False) if points else []
    known = [one for trial in trials for one in (trial.params, trial.user_attrs.get(ENQUEUED)) if one]
    return [point for point in points if point not in known]


def enqueue(study: optuna.Study, points: list[dict[str, Any]], space: Mapping) -> None:
    """Has trials wait that have these parameters; what is left open is the sampler's."""
    for point in points:
        distributions = {name: space[name] for name in point}
        waiting = optuna.create_trial(
            state=TrialState.WAITING,
            params=point,
            distributions=distributions,
            user_attrs={ENQUEUED: point},
        )
        study.add_trial(waiting)


def claim(trials: Trials, worker: str) -> FrozenTrial | None:
    """Takes the first of the trials that waited when they were last read, or begins another, in the name
    of the worker; None where there is none left. Never gives one trial twice.

    The `attempt` of the trial returned is the claimer's own.
    """
    with one_connection(trials.study._storage):
        stopped = trials.is_stopped()
        for trial in claimable(trials, stopped):
            if claimed := _take(trials.study, trial, worker):
                return claimed
        return None if stopped or len(trials) >= trials.n_trials else begin(trials, {WORKER: worker})


def claimable(trials: Trials, stopped: bool) -> list[FrozenTrial]:
    """Of those that were last read, those that wait for a worker, in its order."""
    waiting = trials.in_state(TrialState.WAITING)
    if trials.rungs is None:
        return [one for one in waiting if is_begun(one) or not stopped]
    paused, others = trials.paused(), [one for one in waiting if not has_paused(one)]
    put_back = list(filter(is_begun, others))
    if stopped and is_stopped_by_rules(trials.study):
        return put_back
    new = [] if stopped else [one for one in others if not is_begun(one)]
    found = [*put_back, *trials.rungs.promotable(paused), *new]
    is_last = stopped or len(trials) >= trials.n_trials
    if found or not is_last or trials.in_state(TrialState.RUNNING) or trials.n_ended[TrialState.COMPLETE]:
        return found
    return trials.rungs.foremost(paused)  # of few trials none might come to its end


def _take(study: optuna.Study, trial: FrozenTrial, worker: str) -> FrozenTrial | None:
    storage = study._storage
    try:
        if not storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
            return None
        # As it is now: it may have been claimed and put back since the list was read.
        claimed = storage.get_trial(trial._trial_id)
        if claimed.user_attrs.get(PAUSED) != trial.user_attrs.get(PAUSED):  # or have paused
            storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
            return None
        storage.set_trial_user_attr(trial._trial_id, WORKER, worker)
        if is_paused(trial):
            storage.set_trial_user_attr(trial._trial_id, PROMOTED, claimed.user_attrs[PAUSED])
    except UpdateFinishedTrialError:  # another has meanwhile claimed and finished it
        return None
    # The name may have waited too long for a lock.
    return claimed if is_ours(study, claimed) else None


def any_left(trials: Trials) -> bool:
    """Whether a worker could claim one, of those that were last read: of a study that was stopped, only
    what was begun before."""
    stopped = trials.is_stopped()
    return bool(claimable(trials, stopped)) or (not stopped and len(trials) < trials.n_trials)


def n_left(trials: Trials) -> int:
    """How many have not ended, those that are yet to be made counted in."""
    if trials.is_stopped():
        return sum(map(is_begun, trials.open.values()))
    return trials.n_trials - len(trials.ended)


def is_ours(study: optuna.Study, claimed: FrozenTrial) -> bool:
    """Whether the trial is still the claimer's: not given up for dead and put back meanwhile."""
    now = study._storage.get_trial(claimed._trial_id)
    return now.state == TrialState.RUNNING and attempt_of(now) == attempt_of(claimed)


def stalls(study: optuna.Study, claimed: FrozenTrial) -> int:
    """How many times in a row, this one counted in, the trial was stopped without having come further
    since: by the values that it reported, and by its attribute `step`, where a task notes from where it
    goes on. To be asked at each stop."""
    trial = study._storage.get_trial(claimed._trial_id)
    n_told = len(trial.intermediate_values) + len(repeats_of(trial))
    mark = [n_told, trial.user_attrs.get("step")]
    before = trial.user_attrs.get("stopped", {"mark": None})
    n = before["stalls"] + 1 if before["mark"] == mark else 0
    if is_ours(study, claimed):
        study._storage.set_trial_user_attr(claimed._trial_id, "stopped", {"mark": mark, "stalls": n})
    return n


def tell(study: optuna.Study, claimed: FrozenTrial, outcome: Outcome) -> bool:
    """Records how a trial ended. False, and nothing is recorded, where it is no longer ours."""
    with one_connection(study._storage):
        if not is_ours(study, claimed):
            return False
        try:
            for key, value in outcome.attrs().items():
                study._storage.set_trial_user_attr(claimed._trial_id, key, value)
            for key, value in outcome.constraints.items():
                set_constraint(study._storage, claimed._trial_id, key, value)
            study.tell(claimed.number, outcome.values, outcome.state)
        except (UpdateFinishedTrialError, ValueError):  # ValueError: of a trial that waits
            if is_ours(study, claimed):
                raise
            return False  # the lines above may have waited for a lock
        return True


def put_back(
    study: optuna.Study,
    trial: FrozenTrial,
    why: str,
    max_retries: int | None = None,
    ended: datetime | None = None,
) -> TrialState | None:
    """Returns a RUNNING trial to the queue; number, parameters and values stay. `ended` is when its attempt
    did, if not now.

    With `max_retries` this counts as a loss, and after so many the trial is FAIL instead. Returns
    the new state, or None where the trial is no longer what it was: another has put it back, or its
    worker has spoken after all.
    """
    with one_connection(study._storage), suppress(UpdateFinishedTrialError):
        if not is_ours(study, trial) and not _is_half_returned(study, trial):
            return None
        if max_retries is not None and (losses := trial.user_attrs.get("losses", 0)) >= max_retries:
            return _give_up(study, trial, f"{why}, in each of {losses + 1} attempts")
        return _return(study, trial, why, max_retries is not None, ended or datetime.now())
    return None


def _is_half_returned(study: optuna.Study, trial: FrozenTrial) -> bool:
    now = study._storage.get_trial(trial._trial_id)
    is_fenced = now.state == TrialState.RUNNING and attempt_of(now) == attempt_of(trial) + 1
    return is_fenced and not now.user_attrs.get(WORKER)


def put_back_strays(
    trials: Trials, worker: str, held: Container[int], why: str, max_retries: int | None = None
) -> None:
    """Puts back what is the worker's by the study, but not by itself, which has the trials `held`."""
    named = [t for t in trials.read().in_state(TrialState.RUNNING) if t.user_attrs.get(WORKER) == worker]
    if strays := [trial for trial in named if trial.number not in held]:
        for trial in strays:
            put_back(trials.study, trial, why, max_retries)
        trials.read()


def _give_up(study: optuna.Study, trial: FrozenTrial, reason: str) -> TrialState:
    study._storage.set_trial_user_attr(trial._trial_id, "reason", reason)
    study.tell(trial.number, state=TrialState.FAIL)
    return TrialState.FAIL


def _return(
    study: optuna.Study, trial: FrozenTrial, why: str, count: bool, ended: datetime
) -> TrialState | None:
    # The name of its worker goes, or the next claimer would be taken for that one until it has put its own,
    # and what this attempt said of itself. The fence comes before the state: a late speaker of this attempt
    # is already shut out. All of it may be done again, where the storage fell silent meanwhile.
    attrs = {ATTEMPTS: _with_this(study._storage.get_trial(trial._trial_id), attempt_of(trial), why, ended)}
    attrs |= {WORKER: None, "attempt": attempt_of(trial) + 1, "interrupted": why}
    attrs |= dict.fromkeys(SAID & trial.user_attrs.keys())
    if count:
        attrs["losses"] = trial.user_attrs.get("losses", 0) + 1
    for key, value in attrs.items():
        study._storage.set_trial_user_attr(trial._trial_id, key, value)
    if study._storage.get_trial(trial._trial_id).user_attrs[WORKER]:
        return None  # another put it back at the same time, and a third has claimed it since
    study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    return TrialState.WAITING


def _with_this(now: FrozenTrial, attempt: int, why: str, ended: datetime) -> list[dict[str, Any]]:
    """The trial's attempts, the one that ends now among them, once, however often it is put back. One that
    no worker has put its name to has trained nothing."""
    kept = now.user_attrs.get(ATTEMPTS, [])
    is_kept = attempt_of(now) != attempt or any(one["attempt"] == attempt for one in kept)
    if (worker := now.user_attrs.get(WORKER)) and not is_kept:
        begun, end = now.datetime_start.timestamp(), ended.timestamp()
        kept = [*kept, {"attempt": attempt, "worker": worker, "begun": begun, "ended": end, "why": why}]
    return kept[-KEPT_ATTEMPTS:]
