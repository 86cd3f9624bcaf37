"""What the tasks of a job beside rank 0 do: their part of each trial that rank 0's worker starts."""

import logging
import os
from collections.abc import Callable

import optuna
from optuna.trial import FrozenTrial, TrialState

from src.sweep import queue
from src.sweep.compose import Composer
from src.sweep.ranks import Rank, leave_report, rendezvous_of, run_of_job, to_report
from src.sweep.running import RunningTrial, those_ended
from src.sweep.siblings import Siblings
from src.sweep.space import to_overrides
from src.sweep.trial import Sweep

log = logging.getLogger(__name__)

POLL_S = 0.3
# how long a part may go on after rank 0's has ended
END_GRACE_S = 5.0


class Follower:
    """Runs trials as a rank other than 0, and tells no results."""

    def __init__(
        self, sweep: Sweep, composer: Composer, study: optuna.Study, job_id: str, rank: Rank
    ) -> None:
        self.sweep = sweep
        self.composer = composer
        self.study = study
        self.job_id = job_id
        self.rank = rank
        self.running: list[RunningTrial] = []
        self.seen: set[tuple[int, int]] = set()  # number and attempt

    def run(self, told_to_stop: Callable[[], bool], siblings: Siblings) -> None:
        """Returns when rank 0's worker has ended; ends this process where it died."""
        while not has_ended(self.study, self.job_id):
            if siblings.one_ended() and not has_ended(self.study, self.job_id):
                os._exit(1)
            for one in self.running:
                if told_to_stop():
                    one.process.kill()
                elif not queue.is_ours(self.study, one.claimed):
                    one.kill_later(END_GRACE_S if self._has_a_result(one) else 0)
            for trial in () if told_to_stop() else self._new():
                self._start(trial)
            for one in those_ended(self.running, POLL_S):
                self._end(one)
        for one in self.running:
            one.process.kill()

    def _new(self) -> list[FrozenTrial]:
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        ours = [t for t in running if t.user_attrs.get("worker") == self.job_id and rendezvous_of(t)]
        return [t for t in ours if (t.number, queue.attempt_of(t)) not in self.seen]

    def _has_a_result(self, one: RunningTrial) -> bool:
        return self.study._storage.get_trial(one.claimed._trial_id).state.is_finished()

    def _start(self, trial: FrozenTrial) -> None:
        self.seen.add((trial.number, queue.attempt_of(trial)))
        overrides = to_overrides(trial.params)
        log.info("Trial %d, rank %d: %s", trial.number, self.rank.rank, " ".join(overrides))
        one = RunningTrial.fork(
            *(self.sweep, self.composer, self.study, trial, overrides, self.job_id),
            *(self.rank, rendezvous_of(trial)),
        )
        self.running.append(one)

    def _end(self, one: RunningTrial) -> None:
        ours = queue.is_ours(self.study, one.claimed)
        outcome = one.outcome()
        self.running.remove(one)
        why_killed = "" if outcome else one.why_ended()
        if ours:  # else it was killed for that
            leave_report(self.study, one.claimed, self.rank.rank, to_report(outcome, why_killed))
        said = outcome.state.name if outcome else why_killed
        log.info("Trial %d, rank %d: %s", one.claimed.number, self.rank.rank, said)


def has_ended(study: optuna.Study, job_id: str) -> bool:
    """Whether rank 0's worker has said that it ends."""
    return study.user_attrs.get(_key(job_id)) == run_of_job()


def say_ended(study: optuna.Study, job_id: str) -> None:
    study.set_user_attr(_key(job_id), run_of_job())


def _key(job_id: str) -> str:
    return f"ended {job_id}"
