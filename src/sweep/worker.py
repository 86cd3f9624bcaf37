"""A worker: one job of the launcher, which claims trials and runs each in a fork of its own."""

import logging
import os
import signal
import time
import traceback
from socket import socket
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from optuna.trial import FrozenTrial, TrialState

from src.sweep import failures, queue
from src.sweep.follower import Follower, say_ended
from src.sweep.job_time import JobTime
from src.sweep.outcome import Outcome, of_error
from src.sweep.own_process import die_with_parent
from src.sweep.patience import patiently
from src.sweep.proposal import make_sampler, propose
from src.sweep.ranks import RENDEZVOUS, Rank, first_failure, from_report, reports, reserve_port, to_report
from src.sweep.running import RunningTrial, those_ended
from src.sweep.siblings import Siblings
from src.sweep.targets import import_targets
from src.sweep.trial import Sweep

log = logging.getLogger(__name__)

POLL_S = 0.5
# how long the other ranks of a trial that failed may take to say what happened to them
REPORT_GRACE_S = 5.0
# how long rank 0's part, after another's has ended badly, may take to do so by itself
FAULT_GRACE_S = 3.0
# how often a worker makes sure that its trials are still its own
OURS_EVERY_S = 5.0
# how long a trial that is told to stop may take, at least, to end its batch and write a checkpoint; and how
# much sooner than its job's end it is to be done
STOP_GRACE_S = 30.0
TO_SPARE_S = 15.0
LIMIT = "hydra.launcher.timeout_min"
# the study's attribute: the workers that a supervisor has told to end, and that are not to be run again
ENDING = "ending"


class Worker:
    """The task function of a launcher's job: runs trials until the queue is empty, until it has run
    `trials_per_job`, until its time is over, or until it is told to stop.

    SIGTERM tells it to stop, by its supervisor or by a cluster that takes the job's place; SIGUSR2,
    submitit's, that its job's time is over, or again that it is preempted. Returns whether the job is to
    be run again, with fresh time: trials wait, and no supervisor has told it to end.
    """

    def __init__(self, sweep: Sweep, example_overrides: list[str]) -> None:
        self.sweep = sweep
        self.example_overrides = example_overrides

    def __call__(self, cfg: DictConfig) -> bool:
        self.rank = Rank.here()
        try:
            return self._work(cfg)
        except Exception:
            traceback.print_exc()  # Hydra keeps it for whoever asks for the job's return value: nobody
            if not self.rank.alone:
                os._exit(1)  # which srun, unlike Hydra's and submitit's way out, takes for bad
            raise

    def _work(self, cfg: DictConfig) -> bool:
        self.siblings = Siblings() if not self.rank.alone else None
        self.told_to_stop = self.mistaken = False
        self.grace = STOP_GRACE_S
        self.kill_at: float | None = None
        self.looked_at = 0.0
        self.time = JobTime(self.sweep)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGUSR2, self._on_stop)
        # Else its trials would go on for a moment after the launcher's process has been found dead.
        die_with_parent()
        self.job_id = str(HydraConfig.get().job.id)
        self.running: list[RunningTrial] = []
        if not self.rank.alone:
            self.rank.announce()
        share_threads(self.sweep)
        import_targets(cfg)
        self.composer = self.sweep.composer(self.example_overrides)
        self.storage = self.sweep.address.open_storage()
        self.study = self.sweep.address.load(self.storage)
        if self.rank.rank:
            follower = Follower(self.sweep, self.composer, self.study, self.job_id, self.rank)
            follower.run(lambda: self.told_to_stop, self.siblings)
            return False
        self._put_back_earlier()
        log.info("Worker %s: ready", self.job_id)
        self.started = 0
        while self._start() or self.running:
            for one in those_ended(self.running, POLL_S):
                self._end(one)
            if self.told_to_stop:
                self._stop_trials()
            else:
                self._look_after()
        if not self.rank.alone:
            say_ended(self.study, self.job_id)
        return self._trials_wait() and not self._has_run_its_share() and not self._is_to_end()

    def _on_stop(self, number: int, _: Any) -> None:
        self.told_to_stop = True
        if number == signal.SIGUSR2:
            in_advance = self.sweep.config.hydra.launcher.get("signal_delay_s") or 0
            self.grace = max(STOP_GRACE_S, in_advance - TO_SPARE_S)

    def _is_to_end(self) -> bool:
        """Whether there is nothing more for this worker to do, though trials wait."""
        told = self.job_id in self.study.user_attrs.get(ENDING, [])
        return told or self.mistaken or self._too_many_failed()

    def _too_many_failed(self) -> bool:
        trials = self.study.get_trials(deepcopy=False)
        return bool(failures.too_many(self.study, trials, self.sweep.settings))

    def _put_back_earlier(self) -> None:
        """Puts back the trials of this very job before it was requeued."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get("worker") == self.job_id:
                queue.put_back(self.study, trial, "job requeued", self.sweep.settings.max_retries)

    def _has_run_its_share(self) -> bool:
        per_job = self.sweep.settings.trials_per_job
        return per_job is not None and self.started >= per_job

    def _trials_wait(self) -> bool:
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return any(trial.number < self.sweep.settings.n_trials for trial in waiting)

    def _free_slot(self) -> bool:
        return (
            len(self.running) < self.sweep.settings.slots
            and not self.told_to_stop
            and not self._has_run_its_share()
            and (not self.started or self.time.is_left_for_another(self.study))
            and not self._too_many_failed()
        )

    def _start(self) -> bool:
        """Claims trials for the free slots. Whether any was started."""
        started = False
        while self._free_slot():
            claimed = patiently(queue.claim, self.study, self.sweep.settings.n_trials)
            if claimed is None:
                break
            started |= self._start_trial(claimed)
        return started

    def _start_trial(self, claimed: FrozenTrial) -> bool:
        self.started += 1
        self.storage.set_trial_user_attr(claimed._trial_id, "worker", self.job_id)
        if not queue.is_ours(self.study, claimed):  # the line above waited too long for a lock
            return True
        # A study of its own, for the sampler, and so that the sampler sees the newest trials.
        study = self.sweep.address.load(
            self.storage, sampler=make_sampler(self.sweep.settings.sampler, claimed.number)
        )
        try:
            overrides = propose(self.sweep, optuna.Trial(study, claimed._trial_id))
        except Exception as error:  # the user's sampler or custom_search_space
            self._tell(study, claimed, of_error(error))
            return True
        rendezvous, port = self._call_ranks(claimed)
        one = RunningTrial.fork(
            *(self.sweep, self.composer, study, claimed, overrides, self.job_id, self.rank, rendezvous)
        )
        one.port = port
        self.running.append(one)
        log.info("Trial %d: %s", claimed.number, " ".join(overrides))
        return True

    def _end(self, one: RunningTrial) -> None:
        """Tells how the trial ended, or puts it back where it was killed."""
        outcome = self._verdict(one, one.outcome())
        self.running.remove(one)
        # Of a trial that was told to stop with its worker, as some clusters do, no error counts.
        stopped = self.told_to_stop and outcome and outcome.state == TrialState.FAIL
        if outcome is None or stopped:
            self._put_back(one.claimed, one.why_ended())
        else:
            self._tell(one.study, one.claimed, outcome)

    def _tell(self, study: optuna.Study, claimed: FrozenTrial, outcome: Outcome) -> None:
        if outcome.mistake:
            self._leave_to_supervisor(claimed, outcome)
            return
        if outcome.state == TrialState.WAITING:
            self._put_back(claimed, outcome.reason, is_loss=False)
            return
        told = patiently(queue.tell, study, claimed, outcome)
        log.info(
            "Trial %d: %s %s%s",
            claimed.number,
            outcome.state.name,
            outcome.values or outcome.reason,
            "" if told else ", thrown away: the trial was put back meanwhile",
        )

    def _leave_to_supervisor(self, claimed: FrozenTrial, outcome: Outcome) -> None:
        """Ends the worker over what every trial would come to: only one is to fail of a mistake, so that
        one process must say which."""
        self.told_to_stop = self.mistaken = True
        if patiently(queue.is_ours, self.study, claimed):
            for key, value in outcome.attrs().items():
                self.storage.set_trial_user_attr(claimed._trial_id, key, value)

    def _look_after(self) -> None:
        """Kills trials that were put back meanwhile, because this job was thought lost (another process
        may train them by now), and those of which another rank has ended badly."""
        now = time.monotonic()
        if now - self.looked_at < (OURS_EVERY_S if self.rank.alone else POLL_S):
            return
        self.looked_at = now
        self._check_siblings()
        for one in self.running:
            if not patiently(queue.is_ours, self.study, one.claimed):
                one.process.kill()
            elif not self.rank.alone and first_failure(self._reports(one)):
                one.kill_later(FAULT_GRACE_S)

    def _check_siblings(self) -> None:
        """Ends this worker where another task of its job has ended: its part of all trials is missing.
        The supervisor finds the worker lost."""
        if self.siblings and self.siblings.one_ended():
            log.error("Worker %s: another of its tasks has died", self.job_id)
            os._exit(1)

    def _reports(self, one: RunningTrial) -> dict[int, dict[str, Any]]:
        trial = self.storage.get_trial(one.claimed._trial_id)
        return reports(trial, self.rank.n_tasks, queue.attempt_of(one.claimed))

    def _call_ranks(self, claimed: FrozenTrial) -> tuple[dict[str, Any] | None, socket | None]:
        """Tells the other ranks of the trial, where there are others, and where to meet."""
        if self.rank.alone:
            return None, None
        port = reserve_port()
        rendezvous = self.rank.rendezvous(queue.attempt_of(claimed), port.getsockname()[1])
        self.storage.set_trial_user_attr(claimed._trial_id, RENDEZVOUS, rendezvous)
        return rendezvous, port

    def _verdict(self, one: RunningTrial, outcome: Outcome | None) -> Outcome | None:
        """How a trial of perhaps several ranks ended, by how rank 0's part did. A part that fails does so
        as a rule because another's has failed before or was killed, which is no failure of the trial."""
        failed = outcome.is_error if outcome else one.kill_at
        if self.rank.alone or not failed:
            return outcome
        deadline = time.monotonic() + REPORT_GRACE_S
        while len(said := self._reports(one)) < self.rank.n_tasks - 1 and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self._check_siblings()
        rank, report = first_failure({**said, **({0: to_report(outcome)} if outcome else {})}) or (0, {})
        if rank == 0:
            return outcome
        one.why_lost = f"rank {rank}: {report['reason']}"
        return from_report(rank, report)

    def _stop_trials(self) -> None:
        """Tells the trials to stop, which they do after a checkpoint; kills them after a grace."""
        now = time.monotonic()
        if self.kill_at is None:
            self.kill_at = now + self.grace
            for one in self.running:
                if self.rank.alone:
                    one.process.terminate()
                else:  # Within an epoch none could save what is exact, and they might wait for each other.
                    one.process.kill()
        elif now > self.kill_at:
            for one in self.running:
                one.process.kill()

    def _put_back(self, claimed: FrozenTrial, why: str, is_loss: bool = True) -> None:
        """Returns the trial to the queue, which is no loss where the worker or the storage was to blame."""
        self.started -= 1
        most = self.sweep.settings.max_retries
        if self.told_to_stop:
            why, is_loss = "worker stopped", False
            if not self._is_to_end() and (n := patiently(queue.stalls, self.study, claimed)) > most:
                reason = (
                    f"stopped {n} times in a row without a new checkpoint: is {LIMIT} too short for one?"
                )
                self._tell(self.study, claimed, Outcome(TrialState.FAIL, reason=reason))
                return
        if state := patiently(queue.put_back, self.study, claimed, why, most if is_loss else None):
            log.warning("Trial %d: %s, now %s", claimed.number, why, state.name)


def share_threads(sweep: Sweep) -> None:
    """Gives each slot its share of the CPU; must come before the libraries that read the variable."""
    cpus = int(os.environ.get("SLURM_CPUS_PER_TASK", 0)) or len(os.sched_getaffinity(0))
    threads = sweep.threads or max(1, cpus // sweep.settings.slots)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
