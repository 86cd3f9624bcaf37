"""What the tasks of a job beside rank 0 do: their part of each trial that rank 0's worker starts."""

import logging
import os

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.study import queue
from hydra_sweep.study.retry import patiently
from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.process import TrialProcess, those_ended
from hydra_sweep.worker.rank import rendezvous_of, run_of_job
from hydra_sweep.worker.reports import leave_report, to_report

log = logging.getLogger(__name__)

POLL_S = 0.3
# how long a part may go on after rank 0's has ended
END_GRACE_S = 5.0


class Follower:
    """Runs trials as a rank other than 0, and tells no results."""

    def __init__(self, job: JobContext) -> None:
        self.job = job
        self.study = job.study
        self.running: list[TrialProcess] = []
        self.seen: set[tuple[int, int]] = set()  # number and attempt

    def run(self) -> None:
        """Returns when rank 0's worker has ended; ends this process where it died."""
        while not has_ended(self.study, self.job.id):
            if self.job.siblings.one_ended() and not has_ended(self.study, self.job.id):
                os._exit(1)
            for one in self.running:
                if self.job.stop.told:
                    one.kill()
                elif not patiently(queue.is_ours, self.study, one.claimed):
                    one.kill_later(END_GRACE_S if self._has_a_result(one) else 0)
            for trial in () if self.job.stop.told else self._new():
                self._start(trial)
            for one in those_ended(self.running, POLL_S):
                self._end(one)
        for one in self.running:
            one.kill()

    def _new(self) -> list[FrozenTrial]:
        running = patiently(self.study.get_trials, False, (TrialState.RUNNING,))
        ours = [t for t in running if t.user_attrs.get(queue.WORKER) == self.job.id and rendezvous_of(t)]
        return [t for t in ours if (t.number, queue.attempt_of(t)) not in self.seen]

    def _has_a_result(self, one: TrialProcess) -> bool:
        return patiently(self.study._storage.get_trial, one.claimed._trial_id).state.is_finished()

    def _start(self, trial: FrozenTrial) -> None:
        self.seen.add((trial.number, queue.attempt_of(trial)))
        overrides = to_overrides(trial.params)
        log.info("Trial %d, rank %d: %s", trial.number, self.job.rank.rank, " ".join(overrides))
        process = TrialProcess.fork(self.job)
        process.begin(trial, overrides, self.job.slots.limit, rendezvous_of(trial))
        process.let_in()
        self.running.append(process)

    def _end(self, one: TrialProcess) -> None:
        ours = patiently(queue.is_ours, self.study, one.claimed)
        outcome = one.outcome()
        self.running.remove(one)
        why_killed = "" if outcome else one.why_ended()
        if ours:  # else it was killed for that
            report = to_report(outcome, why_killed)
            patiently(leave_report, self.study, one.claimed, self.job.rank.rank, report)
        said = outcome.state.name if outcome else why_killed
        log.info("Trial %d, rank %d: %s", one.claimed.number, self.job.rank.rank, said)


def has_ended(study: optuna.Study, job_id: str) -> bool:
    """Whether rank 0's worker has said that it ends."""
    return patiently(lambda: study.user_attrs).get(_key(job_id)) == run_of_job()


def say_ended(study: optuna.Study, job_id: str) -> None:
    study.set_user_attr(_key(job_id), run_of_job())


def _key(job_id: str) -> str:
    return f"ended {job_id}"
