"""Watches over the workers of a sweep, and over what becomes of its trials."""

import time
from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError, sentence
from hydra_sweep.processes import interrupts_kept
from hydra_sweep.report.progress import Progress, Shown
from hydra_sweep.report.words import counted, metric_names, workers_line
from hydra_sweep.study import failure_rate, queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.pausing import end_paused, n_resting
from hydra_sweep.study.retry import patiently
from hydra_sweep.study.stop_rules import StopRules
from hydra_sweep.study.trials import Trials
from hydra_sweep.supervisor.budget import budget
from hydra_sweep.supervisor.earlier_workers import adopt
from hydra_sweep.supervisor.end_workers import cancel, join
from hydra_sweep.supervisor.workers import Workers
from hydra_sweep.sweep import Sweep

POLL_S = 0.5
# once all have begun: the user waits
END_POLL_S = 0.2
# the share of a core that looking may take: the more there is to look at, the rarer it gets
SHARE = 0.04
# A worker killed between claiming a trial and putting its name to it: the write may have waited for the
# journal's lock, which is taken over after 30 s.
NAMELESS_S = 60.0


def running(trials: Trials) -> list[FrozenTrial]:
    return trials.in_state(TrialState.RUNNING)


class Supervisor:
    """Starts workers, puts back the trials of lost ones, replaces these, and stops at the budget."""

    def __init__(
        self, sweep: Sweep, study: optuna.Study, workers: Workers, look_on: Callable[[], None]
    ) -> None:
        """`look_on` is called with each look at the trials."""
        self.sweep = sweep
        self.study = study
        self.settings = sweep.settings
        self.workers = workers
        self.look_on = look_on
        self.suspects: dict[tuple[int, int, str | None], float] = {}
        self.looking_s = 0.0  # of CPU time

    def run(self) -> bool:
        """Returns True when every trial has ended, False when the time is over, or when the workers
        are under way and are not to be waited for. Raises SweepError where too many failed."""
        try:
            trials = budget(self.study, self.sweep)
            self.stop_rules = StopRules(trials, self.sweep.share)
            patiently(self.stop_rules.apply)
            adopt(self.workers, {t.user_attrs.get(queue.WORKER) for t in running(trials)} - {None})
            self._put_back_nameless(trials)
            if not queue.n_left(trials):
                cancel(self.workers)  # they may have been started for more trials
                return True
            self._forgive(trials)
            say(
                f"Study {self.settings.study_name}: {counted(self.settings.n_trials, 'trial')} "
                f"on {workers_line(self.settings)}, in {self.sweep.address.folder}"
            )
            shown = Shown(
                self.sweep.address.name, metric_names(self.sweep), self.settings.least_slots, time.time()
            )
            with Progress(shown, trials) as progress, interrupts_kept() as check_interrupt:
                ended = self._watch(trials, progress, check_interrupt)
            if ended:
                join(self.workers)
            return ended
        except BaseException:
            self._stop()
            raise

    def _forgive(self, trials: Trials) -> None:
        """What went wrong before does not count: the user has seen it, and starts the sweep again."""
        failure_rate.forgive(self.study)
        for trial in running(trials):
            if trial.user_attrs.get("mistake"):
                queue.put_back(self.study, trial, trial.user_attrs["reason"])

    def _put_back_nameless(self, trials: Trials) -> None:
        """Where no worker lives that is about to put his name to one."""
        for trial in () if self.workers.ids else running(trials):
            if not trial.user_attrs.get(queue.WORKER):
                queue.put_back(self.study, trial, queue.LOST, self.settings.max_retries)

    def _watch(self, trials: Trials, progress: Progress, check_interrupt: Callable[[], None]) -> bool:
        started = time.monotonic()
        while patiently(self._look, trials, progress):
            check_interrupt()
            if not self.settings.wait and self.workers.settled() and not self.suspects:
                say(f"Workers go on by themselves: {len(self.workers.ids)}.")
                return False
            if self.settings.timeout and time.monotonic() - started > self.settings.timeout:
                progress.stop()
                say(f"hydra.sweeper.timeout={self.settings.timeout:g} s is over.")
                self._stop()
                return False
            pause = POLL_S if trials.counts()[TrialState.WAITING] else END_POLL_S
            time.sleep(max(pause, self.looking_s / SHARE))
        return True

    def _look(self, trials: Trials, progress: Progress) -> int:
        """Does what is to be done now. How many trials have not ended."""
        start = time.process_time()
        trials.read()  # once: a database may have to send all that run
        self.stop_rules.apply()
        end_paused(trials)
        if left := queue.n_left(trials):
            self._check_mistake(trials)
            self._put_back_lost(trials)
        progress.update(self.workers.jobs())
        self.looking_s = time.process_time() - start
        self.look_on()
        # What nobody has put his name to may yet be put back, and is no work for a worker before.
        nameless = sum(not trial.user_attrs.get(queue.WORKER) for trial in running(trials))
        idle = nameless + n_resting(trials)
        if left > idle:
            self.workers.keep(*self._wanted(trials, left - idle))
        self._check_failures(trials)
        return left

    def _stop(self) -> None:
        say("Stopping: running trials go back into the queue after a checkpoint (Ctrl-C again: at once) …")
        try:
            cancel(self.workers)
        except KeyboardInterrupt:
            cancel(self.workers, grace=0)
        for trial in running(budget(self.study, self.sweep)):  # of workers that had to be killed
            patiently(queue.put_back, self.study, trial, "the sweep was stopped")

    def _wanted(self, trials: Trials, left: int) -> tuple[int, Any]:
        """How many workers the trials that have not ended can keep busy, and a mark of progress."""
        progress = len(trials.ended), sum(map(queue.attempt_of, trials.open.values()))
        per_job = self.settings.trials_per_job
        if per_job and not self.settings.wait:  # nobody will be there to start others
            return -(-left // per_job), progress
        side_by_side = min(self.settings.least_slots, per_job or self.settings.least_slots)
        return min(self.settings.n_jobs, -(-left // side_by_side)), progress

    def _put_back_lost(self, trials: Trials) -> None:
        """Puts back the running trials whose worker is dead, or that no worker has put its name to."""
        now = time.monotonic()
        attempts = {
            (t.number, queue.attempt_of(t), t.user_attrs.get(queue.WORKER)): t for t in running(trials)
        }
        busy = self.workers.running({worker for *_, worker in attempts if worker})
        self.suspects = {key: self.suspects.get(key, now) for key in attempts if key[2] not in busy}
        for key, since in list(self.suspects.items()):
            if now - since >= (self.workers.second_look_s if key[2] else NAMELESS_S):
                del self.suspects[key]
                # whom someone cancels, a slow one before it has put its trial back, the trial did not end
                retries = None if self.workers.was_cancelled(key[2]) else self.settings.max_retries
                queue.put_back(self.study, attempts[key], queue.LOST, retries)

    def _check_mistake(self, trials: Trials) -> None:
        """Raises SweepError where a trial has come to what every other would, and fails that one, unless
        the machine is to blame."""
        if trial := next((t for t in running(trials) if t.user_attrs.get("mistake")), None):
            reason, state = trial.user_attrs["reason"], trial.user_attrs["mistake"]
            if state == TrialState.WAITING.name:
                queue.put_back(self.study, trial, reason)
                reason += ". With that mended, the same command goes on"
            else:
                queue.tell(self.study, trial, Outcome(TrialState.FAIL, reason=reason))
            raise SweepError(f"Trial {trial.number}: {reason}")

    def _check_failures(self, trials: Trials) -> None:
        """Raises SweepError where more than `max_failure_rate` of the budget has failed this time."""
        if failed := failure_rate.too_many(trials, self.settings):
            first = min(failed, key=lambda t: t.datetime_complete)
            trace = first.user_attrs.get("traceback", "")
            reason = sentence(first.user_attrs.get("reason", "no reason is known"))
            raise SweepError(
                f"{trace}{len(failed)} of {self.settings.n_trials} trials failed "
                f"(hydra.sweeper.max_failure_rate={self.settings.max_failure_rate}), "
                f"the first was trial {first.number}: {reason} "
                f"Its log is in {self.sweep.address.folder / str(first.number)}"
            )
