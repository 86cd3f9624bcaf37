"""One attempt at a trial that was claimed: from the sampler's proposal to what is told of it."""

import copy
import logging
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.processes import in_fork
from hydra_sweep.space.constraints import distances
from hydra_sweep.space.feasible import Feasible
from hydra_sweep.space.proposal import propose
from hydra_sweep.space.samplers import computes_apart, import_for, make_sampler, near_prior, within
from hydra_sweep.space.untried import NothingLeft, Untried
from hydra_sweep.study import queue
from hydra_sweep.study.database import one_connection
from hydra_sweep.study.inherited import inherited
from hydra_sweep.study.journal import SafeJournalStorage
from hydra_sweep.study.outcome import NOT_BEGUN, Outcome, of_error
from hydra_sweep.study.pausing import pause
from hydra_sweep.study.retry import patiently
from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.judged import judged
from hydra_sweep.worker.process import TrialProcess
from hydra_sweep.worker.rank import RENDEZVOUS, reserve_port
from hydra_sweep.worker.repeats import Repeats
from hydra_sweep.worker.reports import first_failure, from_report, reports, to_report
from hydra_sweep.worker.spares import Spares

log = logging.getLogger(__name__)

POLL_S = 0.5
# how long the other ranks of a trial that failed may take to say what happened to them
REPORT_GRACE_S = 5.0
LIMIT = "hydra.launcher.timeout_min"


class Infeasible(Exception):
    """What was proposed breaks a constraint, and nothing else was found."""


class Attempt:
    """`process` is the trial's, or one repeat's, from `start` on; `study` is one of its own, with its
    sampler."""

    process: TrialProcess
    overrides: list[str]

    def __init__(self, job: JobContext, spares: Spares, claimed: FrozenTrial) -> None:
        self.job = job
        self.spares = spares
        self.claimed = claimed
        self.study = copy.copy(job.study)
        self.was_put_back = False
        self.repeats = Repeats(job.sweep.settings, job.study, claimed)
        self.repeated: Outcome | None = None  # what became of all of them
        self.numbers: dict[str, float] = {}  # known before it is begun, for the constraints

    def start(self) -> bool:
        """Has the sampler propose, and begins. False where nothing was begun: what proposes has failed, or
        found nothing that keeps the constraints."""
        if known := patiently(self.repeats.outcome):  # all were trained when its worker was lost
            self._tell(known)
            return False
        try:
            self.overrides = patiently(self.propose)
        except NothingLeft:
            patiently(self.job.study.stop, "all combinations that keep the constraints were tried")
            reason = f"{NOT_BEGUN}: no other combination keeps the constraints"
            self._tell(Outcome(TrialState.PRUNED, reason=reason))
            return False
        except Infeasible as error:
            self._tell(Outcome(TrialState.PRUNED, reason=f"{NOT_BEGUN}: {error}"))
            return False
        except Exception as error:  # the user's sampler or custom_search_space
            self._tell(of_error(error))
            return False
        self.process = self._begin()
        log.info("Trial %d: %s", self.claimed.number, " ".join(self.overrides))
        return True

    def goes_on(self) -> bool:
        """Of one whose process has ended: whether that was a repeat, and the next has begun."""
        if not self.repeats.next:
            return False
        outcome = self.process.outcome()
        if not outcome or outcome.state != TrialState.COMPLETE or not self.is_ours():
            return False
        try:
            patiently(self.repeats.add, outcome)
        except UpdateFinishedTrialError:  # it was not ours any more
            return False
        self.repeated = patiently(self.repeats.outcome)
        if self.repeated or self.job.stop.told:
            return False
        self.process = self._begin()
        self.process.let_in()
        return True

    def propose(self) -> list[str]:
        """Has the sampler fill in the trial's parameters. The overrides they make.

        Raises Infeasible where they break a constraint, and NothingLeft.
        """
        job = self.job
        sampler = make_sampler(job.sweep.settings, job.sweep.space, self.claimed.number, job.trials)
        if computes_apart(sampler):
            import_for(sampler)
            overrides, params = in_fork(self._propose_in_fork, sampler)
        else:
            overrides, params = self._propose_by(sampler)
        self.numbers = job.known.numbers(params)
        self._check(distances(job.sweep.constraints, self.numbers))
        return overrides

    def _propose_in_fork(self, sampler: BaseSampler) -> tuple[list[str], dict[str, Any]]:
        storage = inherited(self.job.storage) or self.job.sweep.address.open_storage()
        self.job.study._storage = self.study._storage = storage
        return self._propose_by(sampler)

    def _propose_by(self, sampler: BaseSampler) -> tuple[list[str], dict[str, Any]]:
        job = self.job
        shown = job.lookback.for_sampler(sampler)
        space, number = job.sweep.space, self.claimed.number
        n_known = job.trials.n_results + len(job.sweep.earlier)
        sampler = within(near_prior(sampler, space, job.sweep.settings, number, n_known), space)
        if is_bound := bool(job.known.names) and not space.custom:
            sampler = Feasible(sampler, space, job.known.distances)
        if job.sweep.nothing_twice:
            sampler = Untried(sampler, job.tried, job.known.allow if is_bound else None)
        self.study.sampler = sampler
        with one_connection(job.storage), _params_together(job.storage):
            # Of a study of its own the sampler sees the newest trials. It lists them all, and letting go of
            # such a list after a fork would copy their memory.
            study = copy.copy(self.study)
            study.shown = shown
            trial = optuna.Trial(study, self.claimed._trial_id)
            return propose(space, job.sweep.config, trial), trial.params

    def _check(self, broken: dict[str, float]) -> None:
        words = [f"breaks {text} by {value:.3g}" for text, value in broken.items() if value > 0]
        if words:
            raise Infeasible(", ".join(words))

    def end(self) -> None:
        """Tells how the trial ended, once its process has, or puts it back where that was killed."""
        outcome = self._verdict(self.process.outcome())
        if self.repeats.next and outcome and outcome.state == TrialState.COMPLETE:
            outcome = self.repeated
        if outcome and outcome.is_out_of_memory and self.job.slots.blames_others(self.process.pid):
            outcome = Outcome(TrialState.WAITING, reason=f"{outcome.reason} (beside other trials)")
        # Of a trial that was told to stop with its worker, as some clusters do, no error counts.
        stopped = self.job.stop.told and outcome and outcome.state == TrialState.FAIL
        if outcome is None or stopped:
            self._put_back(self.process.why_ended())
        else:
            self._tell(outcome)

    def give_back(self) -> None:
        """Of one that was not let in yet."""
        self.process.kill()
        self.process.outcome()
        self._put_back(NOT_BEGUN, is_loss=False)

    def is_ours(self) -> bool:
        return patiently(queue.is_ours, self.job.study, self.claimed)

    def another_rank_failed(self) -> bool:
        return not self.job.rank.alone and first_failure(self._reports()) is not None

    def _begin(self) -> TrialProcess:
        rendezvous = port = None
        if not self.job.rank.alone:  # the other ranks are told of the trial by where they are to meet
            port = reserve_port()
            attempt = queue.attempt_of(self.claimed)
            rendezvous = self.job.rank.rendezvous(attempt, port.getsockname()[1])
            patiently(self.job.storage.set_trial_user_attr, self.claimed._trial_id, RENDEZVOUS, rendezvous)
        process, slots = self.spares.take(), self.job.slots.limit
        process.begin(self.claimed, self.overrides, slots, rendezvous, port, self.repeats.next)
        return process

    def _reports(self) -> dict[int, dict[str, Any]]:
        trial = patiently(self.job.storage.get_trial, self.claimed._trial_id)
        return reports(trial, self.job.rank.n_tasks, queue.attempt_of(self.claimed))

    def _verdict(self, outcome: Outcome | None) -> Outcome | None:
        """How a trial of perhaps several ranks ended, by how rank 0's part did; None: it was killed. A part
        that fails does so as a rule because another's has failed before or was killed, which is no failure
        of the trial."""
        failed = outcome.is_error if outcome else self.process.kill_at
        if self.job.rank.alone or not failed:
            return outcome
        deadline = time.monotonic() + REPORT_GRACE_S
        while len(said := self._reports()) < self.job.rank.n_tasks - 1 and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self.job.check_siblings()
        rank, report = first_failure({**said, **({0: to_report(outcome)} if outcome else {})}) or (0, {})
        if rank == 0:
            return outcome
        self.process.why_lost = f"rank {rank}: {report['reason']}"
        return from_report(rank, report)

    def _tell(self, outcome: Outcome) -> None:
        if constraints := self.job.sweep.constraints:
            trial = patiently(self.job.storage.get_trial, self.claimed._trial_id)
            outcome = judged(outcome, constraints, self.numbers, self.job.study, trial)
        if outcome.paused:
            self._pause(outcome)
            return
        if outcome.mistake:
            self._leave_to_supervisor(outcome)
            return
        if outcome.state == TrialState.WAITING:
            self._put_back(outcome.reason, is_loss=False)
            return
        told = patiently(queue.tell, self.study, self.claimed, outcome)
        log.info(
            "Trial %d: %s %s%s",
            self.claimed.number,
            outcome.state.name,
            outcome.values or outcome.reason,
            "" if told else ", thrown away: the trial was put back meanwhile",
        )

    def _pause(self, outcome: Outcome) -> None:
        paused = patiently(pause, self.job.study, self.claimed, outcome.constraints)
        log.info("Trial %d: %s", self.claimed.number, "paused" if paused else "put back meanwhile")

    def _leave_to_supervisor(self, outcome: Outcome) -> None:
        """Ends the worker over what every trial would come to: only one is to fail of a mistake, so that
        one process must say which."""
        self.job.stop.for_a_mistake()
        if self.is_ours():
            for key, value in outcome.attrs().items():
                patiently(self.job.storage.set_trial_user_attr, self.claimed._trial_id, key, value)

    def _put_back(self, why: str, is_loss: bool = True) -> None:
        """Returns the trial to the queue, which is no loss where the worker or the storage was to blame."""
        self.was_put_back = True
        most = self.job.sweep.settings.max_retries
        if self.job.stop.told:
            why, is_loss = "worker stopped", False
            n = 0 if self.job.is_to_end() else patiently(queue.stalls, self.job.study, self.claimed)
            if n > most:
                what = f"stopped {n} times in a row without a new checkpoint"
                self._tell(Outcome(TrialState.FAIL, reason=f"{what}: is {LIMIT} too short for one?"))
                return
        retries = most if is_loss else None
        if state := patiently(queue.put_back, self.job.study, self.claimed, why, retries):
            log.warning("Trial %d: %s, now %s", self.claimed.number, why, state.name)


def _params_together(storage: BaseStorage) -> AbstractContextManager:
    return storage.params_together() if isinstance(storage, SafeJournalStorage) else nullcontext()
