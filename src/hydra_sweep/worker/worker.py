"""Claims trials for the free slots, and looks after those that run."""

import statistics
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study import queue
from hydra_sweep.study.pausing import end_paused
from hydra_sweep.study.promotion import has_paused
from hydra_sweep.study.retry import patiently
from hydra_sweep.worker.attempt import Attempt
from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.follower import say_ended
from hydra_sweep.worker.process import those_ended
from hydra_sweep.worker.spares import Spares
from hydra_sweep.worker.stop import JobTime

POLL_S = 0.5
# how long rank 0's part, after another's has ended badly, may take to do so by itself
FAULT_GRACE_S = 3.0
# trials are short where the newest took less, half of them: to begin one takes some hundredths of a second
SHORT_S, NEWEST = 1.5, 8
# while nobody knows how long they are: what else may still begin beside one, as other workers do
QUIET_S = 0.25
# how often a worker makes sure that its trials are still its own
OURS_EVERY_S = 5.0


class Worker:
    """Runs trials side by side until there is no more to do, or it is to stop. `started` counts those that
    were not put back again.

    Where trials are short, the next are made ready `ahead`, up to the call of the task: the sampler knows a
    little less then, and no slot waits. Where another worker might miss them there, only processes are made
    ready, the `spares`.
    """

    def __init__(self, job: JobContext, job_time: JobTime) -> None:
        self.job = job
        self.job_time = job_time
        self.settings = job.sweep.settings
        self.spares = Spares(job)
        self.ahead: list[Attempt] = []
        self.running: list[Attempt] = []
        self.started = 0
        self.let_in_at: dict[Attempt, float] = {}
        self.seconds: deque[float] = deque(maxlen=NEWEST)  # that trials took here
        self.quiet_until = 0.0  # before which nothing is made ready: the CPU is for trials that begin
        self.kill_at: float | None = None
        self.looked_at = 0.0

    def run(self) -> bool:
        """Returns whether trials wait that this worker would run, if it had more time."""
        self._put_back_strays("job requeued", self.settings.max_retries)
        try:
            while self._start() or self.running:
                self._go_on()
            self._give_back()
            if not self.job.stop.told:
                patiently(end_paused, self.job.trials.read())
        finally:
            for attempt in (*self.ahead, *self.running):  # only after an error, as of the storage
                attempt.process.kill()
            self.spares.drop()
        if not self.job.rank.alone:
            patiently(say_ended, self.job.study, self.job.id)
        return self.job.trials_wait() and not self._has_run_its_share() and not self.job.is_to_end()

    def _go_on(self) -> None:
        self.job.slots.look([one.process.pid for one in self.running])
        if not self._n_wanted():
            self.spares.drop()
        attempts = {id(one.process): one for one in (*self.ahead, *self.running)}
        ended = those_ended([one.process for one in attempts.values()], self._pause())
        self._end([attempts[id(process)] for process in ended])
        if not ended and not self._pause():  # else slots are free
            self._prepare()
        if self.job.stop.told:
            self._stop_trials()
        else:
            self._look_after()

    def _put_back_strays(self, why: str, max_retries: int | None = None) -> None:
        held = {attempt.claimed.number for attempt in (*self.ahead, *self.running)}
        patiently(queue.put_back_strays, self.job.trials, self.job.id, held, why, max_retries)

    def _start(self) -> bool:
        """Lets trials into the free slots. Whether there was any."""
        any_claimed = self._let_in()
        while self._has_free_slot() and self._claim():
            any_claimed = True
            self._let_in()
        return any_claimed

    def _let_in(self) -> bool:
        """Has those that are ready run, as far as there are slots. Whether there was any."""
        any_ready = False
        while self.ahead and self._has_free_slot():
            any_ready = True
            attempt = self.ahead.pop(0)
            attempt.process.let_in()
            self.let_in_at[attempt] = now = time.monotonic()
            self.quiet_until = now + self._quiet_s()
            self.running.append(attempt)
        return any_ready

    def _has_free_slot(self) -> bool:
        return len(self.running) < self.job.slots.limit and self._goes_on()

    def _claim(self) -> bool:
        """Makes a trial ready. Whether there was one to claim."""
        if not self._may_run_another():
            return False
        patiently(self.job.stop_rules.apply)
        claimed = patiently(self._take)
        if claimed is None:
            return False
        self.started += 1
        attempt = Attempt(self.job, self.spares, claimed)
        if attempt.start():
            self.ahead.append(attempt)
        self.started -= attempt.was_put_back
        return True

    def _take(self) -> FrozenTrial | None:
        try:
            return queue.claim(self.job.trials, self.job.id)
        except StorageInternalError:  # which may have come after it was claimed
            self._put_back_strays("its claim was not answered")
            raise

    def _goes_on(self) -> bool:
        return not self.job.stop.told and not self.job.too_many_failed()

    def _pause(self) -> float:
        """Seconds until there is something to make ready, or to look after."""
        return min(POLL_S, max(0.0, self.quiet_until - time.monotonic())) if self._next() else POLL_S

    def _prepare(self) -> None:
        """Makes one of the next ready: one, for slots may become free meanwhile."""
        make = self._next() if self._goes_on() else None  # by the newest of the trials
        if not make or not make():
            self.quiet_until = time.monotonic() + POLL_S

    def _next(self) -> Callable[[], bool] | None:
        """What makes the next ready beside what runs: with its trial, or, where another worker might miss
        that, only a process for it."""
        wanted, slots = self._n_wanted(), self.job.slots.limit - len(self.ahead)
        if wanted and self.seconds and self._n_unclaimed() > self._of_others():
            return self._claim if slots else None
        return self.spares.add if len(self.spares) < min(wanted, slots) else None

    def _n_wanted(self) -> int:
        """How many may yet be begun here, of trials that are worth being made ready."""
        job, per_job = self.job, self.settings.trials_per_job
        is_able = job.rank.alone and not job.stop.told and self._may_run_another()
        if not is_able or not self._may_be_short():
            return 0
        unclaimed = self._n_unclaimed()
        return unclaimed if per_job is None else min(unclaimed, per_job - self.started)

    def _n_unclaimed(self) -> int:
        """Of those that wait no more are counted than there are slots: thousands may, of a grid."""
        trials, slots = self.job.trials, self._of_others() + self.job.slots.limit
        of_open = trials.open.values()
        waiting = (one for one in of_open if one.state == TrialState.WAITING and not has_paused(one))
        return trials.n_trials - len(trials) + sum(1 for _ in islice(waiting, slots))

    def _of_others(self) -> int:
        """Slots that other workers have."""
        return (self.settings.n_jobs - 1) * self.settings.least_slots

    def _may_be_short(self) -> bool:
        """Whether trials are, or may be as far as they have come."""
        if self.seconds:
            return statistics.median(self.seconds) < SHORT_S
        return time.monotonic() - min(self.let_in_at.values(), default=0) < SHORT_S

    def _quiet_s(self) -> float:
        """A quarter of the seconds until the next trial is expected to end."""
        return statistics.median(self.seconds) / self.job.slots.limit / 4 if self.seconds else QUIET_S

    def _may_run_another(self) -> bool:
        has_time = not self.started or self.job_time.is_left_for_another(self.job.trials)
        return has_time and not self._has_run_its_share()

    def _has_run_its_share(self) -> bool:
        per_job = self.settings.trials_per_job
        return per_job is not None and self.started >= per_job

    def _end(self, ended: list[Attempt]) -> None:
        ended = [attempt for attempt in ended if not attempt.goes_on()]
        for attempt in ended:
            (self.ahead if attempt in self.ahead else self.running).remove(attempt)
            if (said := attempt.process.said()) and not said.is_error:
                self._let_in()  # before the rest, which takes some milliseconds each
        for attempt in ended:
            if began := self.let_in_at.pop(attempt, None):
                self.seconds.append(time.monotonic() - began)
            attempt.end()
            self.started -= attempt.was_put_back

    def _give_back(self) -> None:
        """What was made ready and will not run here."""
        while self.ahead:
            self.ahead.pop().give_back()
            self.started -= 1

    def _look_after(self) -> None:
        """Kills trials that were put back meanwhile, because this job was thought lost (another process
        may train them by now), and those of which another rank has ended badly."""
        now = time.monotonic()
        if now - self.looked_at < (OURS_EVERY_S if self.job.rank.alone else POLL_S):
            return
        self.looked_at = now
        self.job.check_siblings()
        for attempt in (*self.ahead, *self.running):
            if not attempt.is_ours():
                attempt.process.kill()
            elif attempt.another_rank_failed():
                attempt.process.kill_later(FAULT_GRACE_S)

    def _stop_trials(self) -> None:
        """Tells the trials to stop, which they do after a checkpoint; kills them after a grace."""
        self._give_back()
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
