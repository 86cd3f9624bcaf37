"""How workers end: by themselves where there is no more to do, and when they are told to."""

import time
from collections.abc import Iterable
from contextlib import suppress

from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from hydra_sweep.console import say
from hydra_sweep.launcher.state import JobState
from hydra_sweep.supervisor.workers import POLL_S, Workers, named
from hydra_sweep.worker.context import ENDING
from hydra_sweep.worker.stop import STOP_GRACE_S

# longer than a worker gives its trials
CANCEL_GRACE_S = STOP_GRACE_S + 15.0
# they end at once
JOIN_POLL_S = 0.05
# how long jobs that were killed may take to be gone: a cluster may clean up after them for hours
KILL_GRACE_S = 30.0


def cancel(workers: Workers, ids: Iterable[str] | None = None, grace: float = CANCEL_GRACE_S) -> None:
    """Ends these workers, or all: they put back their trials after a checkpoint; after `grace` seconds
    they are killed."""
    if not (ids := workers.ids if ids is None else list(ids)):
        return
    deadline = time.monotonic() + grace
    with suppress(OSError, StorageInternalError):  # they are to end also where the disk is full
        workers.study.set_user_attr(ENDING, ids)
    while alive := workers.alive(ids):
        if time.monotonic() > deadline + KILL_GRACE_S:
            say(f"Not seen to end, though they were killed: {named(sorted(alive))}")
            break
        workers.launcher.cancel(sorted(alive), force=time.monotonic() > deadline)
        time.sleep(max(POLL_S, workers.launcher.answer_age_s))
    for i in ids:
        workers.places.pop(i, None)


def join(workers: Workers) -> None:
    """Waits for the workers to end, which they do by themselves when the queue is empty."""
    queued = [i for i, job in workers.jobs().items() if job.state == JobState.QUEUED]
    workers.launcher.cancel(queued)
    deadline = time.monotonic() + CANCEL_GRACE_S
    while workers.alive(workers.ids) and time.monotonic() < deadline and not _go_on(workers):
        time.sleep(JOIN_POLL_S)
    cancel(workers)


def _go_on(workers: Workers) -> bool:
    """Whether they have begun more trials than there are to be, as those do that were started for more."""
    running = workers.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return any(trial.number >= workers.sweep.settings.n_trials for trial in running)
