"""Claims trials for the free slots, and looks after those that run."""

import time

from optuna.trial import TrialState

from hydra_sweep.study import queue
from hydra_sweep.study.retry import patiently
from hydra_sweep.worker.attempt import Attempt
from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.follower import say_ended
from hydra_sweep.worker.process import those_ended
from hydra_sweep.worker.stop import JobTime

POLL_S = 0.5
# how long rank 0's part, after another's has ended badly, may take to do so by itself
FAULT_GRACE_S = 3.0
# how often a worker makes sure that its trials are still its own
OURS_EVERY_S = 5.0


class Worker:
    """Runs trials side by side until there is no more to do, or it is to stop. `started` counts those that
    were not put back again."""

    def __init__(self, job: JobContext, time: JobTime) -> None:
        self.job = job
        self.time = time
        self.settings = job.sweep.settings
        self.running: list[Attempt] = []
        self.started = 0
        self.kill_at: float | None = None
        self.looked_at = 0.0

    def run(self) -> bool:
        """Returns whether trials wait that this worker would run, if it had more time."""
        self._put_back_earlier()
        while self._start() or self.running:
            self.job.slots.look([one.process.pid for one in self.running])
            for process in those_ended([one.process for one in self.running], POLL_S):
                self._end(next(one for one in self.running if one.process is process))
            if self.job.stop.told:
                self._stop_trials()
            else:
                self._look_after()
        if not self.job.rank.alone:
            say_ended(self.job.study, self.job.id)
        return self.job.trials_wait() and not self._has_run_its_share() and not self.job.is_to_end()

    def _put_back_earlier(self) -> None:
        """Puts back the trials of this very job before it was requeued."""
        for trial in self.job.trials.read().in_state(TrialState.RUNNING):
            if trial.user_attrs.get(queue.WORKER) == self.job.id:
                queue.put_back(self.job.study, trial, "job requeued", self.settings.max_retries)

    def _start(self) -> bool:
        """Claims trials for the free slots. Whether there was any."""
        any_claimed = False
        while self._has_free_slot():
            claimed = patiently(queue.claim, self.job.trials, self.job.id)
            if claimed is None:
                break
            any_claimed = True
            self.started += 1
            attempt = Attempt(self.job, claimed)
            if attempt.start():
                self.running.append(attempt)
            self.started -= attempt.was_put_back
        return any_claimed

    def _has_free_slot(self) -> bool:
        return (
            len(self.running) < self.job.slots.limit
            and not self.job.stop.told
            and not self._has_run_its_share()
            and not self.job.too_many_failed()
            and (not self.started or self.time.is_left_for_another(self.job.trials))
        )

    def _has_run_its_share(self) -> bool:
        per_job = self.settings.trials_per_job
        return per_job is not None and self.started >= per_job

    def _end(self, attempt: Attempt) -> None:
        self.running.remove(attempt)
        attempt.end()
        self.started -= attempt.was_put_back

    def _look_after(self) -> None:
        """Kills trials that were put back meanwhile, because this job was thought lost (another process
        may train them by now), and those of which another rank has ended badly."""
        now = time.monotonic()
        if now - self.looked_at < (OURS_EVERY_S if self.job.rank.alone else POLL_S):
            return
        self.looked_at = now
        self.job.check_siblings()
        for attempt in self.running:
            if not attempt.is_ours():
                attempt.process.kill()
            elif attempt.another_rank_failed():
                attempt.process.kill_later(FAULT_GRACE_S)

    def _stop_trials(self) -> None:
        """Tells the trials to stop, which they do after a checkpoint; kills them after a grace."""
        now, is_first = time.monotonic(), self.kill_at is None
        if is_first:
            self.kill_at = now + self.job.stop.grace
        for attempt in self.running:
            # Of several ranks none could save within an epoch what is exact, and they might wait for each
            # other.
            if now > self.kill_at or not self.job.rank.alone:
                attempt.process.kill()
            elif is_first:
                attempt.process.terminate()
